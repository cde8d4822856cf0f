//! A collection: requests that fit what is in it, and what arrives kept in it.

use std::collections::HashSet;

use super::of_no_profile;
use super::texts::{Read, Text};
use crate::cli;
use crate::config::Config;
use crate::error::{Error, Kind, Result};
use crate::router::select::{embedding_row, same};
use crate::router::{Request, Selection};
use crate::store::{Collection, Keeping, Store, TextDigest, TextPlace};
use crate::types::{CandidateId, Day, Embed, bytes_of};

/// What is known of the collection that vectors are to be kept in.
#[derive(Default)]
pub struct There {
    /// The collection, if it is there.
    pub collection: Option<Collection>,
    /// The texts whose vectors it has, and that need not be asked for.
    pub known: HashSet<TextDigest>,
}

/// The request as the collection of `--save` wants it, if there is one, and what is known of that.
pub fn there(
    config: &Config,
    store: &Store,
    args: &cli::Embed,
    request: Request,
    today: Day,
) -> Result<(Request, There)> {
    let Some(collection) = args.save.as_deref().map(|name| store.collection(name)).transpose()?.flatten() else {
        of_no_profile(&config.defaults, args)?;
        return Ok((request, There::default()));
    };
    let known = if reuses(args) { store.texts_of(&collection.name)? } else { HashSet::new() };
    Ok((like(config, request, &collection, today)?, There { collection: Some(collection), known }))
}

/// Whether vectors that are there do: what is passed through may make others of the same text.
pub fn reuses(args: &cli::Embed) -> bool {
    !args.bounds.refresh && args.options.is_empty()
}

/// The request for vectors that can be compared with a collection's: of its model, as long as they are.
///
/// Fails with exit code 2 where flags want others.
pub fn like(config: &Config, request: Request, collection: &Collection, today: Day) -> Result<Request> {
    let CandidateId { provider, model } = &collection.candidate;
    let Selection { model: named, providers, .. } = &request.selection;
    let dimensions = request.embed.and_then(|embed| embed.dimensions);
    let fits = named.as_ref().is_none_or(|named| names(config, named, &collection.candidate))
        && (providers.is_empty() || providers.contains(provider))
        && dimensions.is_none_or(|wanted| wanted == collection.dimensions);
    if !fits {
        let own = format!("{} numbers by {}", collection.dimensions, collection.candidate);
        let message =
            format!("collection `{}` has vectors of {own}: no others can be compared with them", collection.name);
        return Err(Error::new(Kind::Usage, message)
            .hint("leave -m, -p, --dimensions and a profile's `providers` out, or begin another collection"));
    }
    let over = config
        .provider(provider)
        .and_then(|own| embedding_row(own, model))
        .is_some_and(|row| row.model.retired.is_some_and(|day| day <= today));
    // A model that is gone is asked all the same, with a warning: nobody else's vectors would do.
    let (model, providers) = match providers.is_empty() && !over {
        true => (format!("{provider}/{model}"), Vec::new()),
        false => (model.clone(), vec![provider.clone()]),
    };
    let embed = request.embed.map(|embed| Embed { dimensions: collection.asked, ..embed });
    Ok(Request { selection: Selection { model: Some(model), providers, ..request.selection }, embed, ..request })
}

/// Whether a name, perhaps an alias, is that of the model that made a collection, at whatever provider.
fn names(config: &Config, named: &str, made_by: &CandidateId) -> bool {
    let name = config.aliases.get(named).map_or(named, String::as_str);
    let (owner, model) = match name.split_once('/').and_then(|(owner, rest)| Some((config.provider(owner)?, rest))) {
        Some((owner, model)) => (Some(owner), model),
        None => (None, name),
    };
    if model == made_by.model {
        return true;
    }
    let row = |provider: &str, model: &str| embedding_row(config.provider(provider)?, model);
    let own = row(&made_by.provider, &made_by.model);
    let other = row(owner.map_or(&made_by.provider, |owner| &owner.name), model);
    own.zip(other).is_some_and(|(own, other)| same(own, other))
}

/// Keeps what arrives.
pub struct Keeper {
    store: Store,
    name: String,
    collection: Option<Collection>,
    asked: Option<u32>,
}

impl Keeper {
    /// For a collection of this name, which may be there already. `asked`: the length that is asked for.
    pub fn new(store: Store, name: &str, collection: Option<Collection>, asked: Option<u32>) -> Self {
        Self { store, name: name.to_owned(), collection, asked }
    }

    /// The collection; `None` where nothing has arrived for a new one.
    pub fn into_collection(self) -> Option<Collection> {
        self.collection
    }

    /// Gives everything its place: what was read is found from now on, and nothing else of the same files.
    pub fn settle(&mut self, read: &Read) -> Result<()> {
        let place = |text: &Text| {
            let (start, lines) = (text.span.map_or(0, |span| span[0] as u64), text.lines);
            let lines = lines.map(|(first, last)| (first as u64, last as u64));
            TextPlace { source: text.path.clone(), start, lines }
        };
        let texts: Vec<_> = read.texts.iter().map(|text| (place(text), text.digest)).collect();
        match self.store.settle_vectors(&self.name, &read.sources, &texts)? {
            0 => Ok(()),
            missing => Err(Error::new(
                Kind::Unavailable,
                format!("{missing} vectors of collection `{}` were removed meanwhile by another process", self.name),
            )
            .hint("the same command once more makes them anew")),
        }
    }

    /// Keeps the vectors of a call. An error ends the work.
    pub fn keep(&mut self, candidate: &CandidateId, texts: &[&Text], vectors: &[Vec<f32>]) -> Result<()> {
        let dimensions = vectors.first().map_or(0, |vector| u32::try_from(vector.len()).unwrap_or(u32::MAX));
        let made =
            || Collection { name: self.name.clone(), candidate: candidate.clone(), dimensions, asked: self.asked };
        let collection = self.collection.get_or_insert_with(made);
        if collection.dimensions != dimensions {
            let message = format!(
                "vectors of {dimensions} numbers came, collection `{}` has {}",
                collection.name, collection.dimensions
            );
            return Err(Error::new(Kind::Unavailable, message));
        }
        let kept: Vec<_> = texts.iter().zip(vectors).map(|(text, vector)| (text.digest, bytes_of(vector))).collect();
        match self.store.keep_vectors(collection, &kept)? {
            Keeping::Kept => Ok(()),
            Keeping::Other(other) => Err(Error::new(
                Kind::Usage,
                format!("collection `{}` was begun meanwhile by {}", other.name, other.candidate),
            )
            .hint("the same command once more takes that model, or begin another collection")),
        }
    }
}
