//! Vectors of texts that are kept, by collection. One collection has vectors of one model and one length: others say
//! nothing about them.
//!
//! A vector is kept as soon as it arrives and gets its place when all of a run are there: what has arrived is never lost,
//! and what a file said before is found until all of what it says now can be.

use std::collections::{BTreeMap, HashSet};

use rusqlite::{Connection, Row, named_params};

use super::columns::{all, candidate, count, first, int, opt_count, run};
use super::{Problem, Store, StoreError};
use crate::types::CandidateId;

/// The SHA-256 of a text.
pub type TextDigest = [u8; 32];

/// A collection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Collection {
    /// Its name.
    pub name: String,
    /// Who made its vectors.
    pub candidate: CandidateId,
    /// How many numbers each one has.
    pub dimensions: u32,
    /// How many were asked for; `None` for the model's own number.
    pub asked: Option<u32>,
}

/// A collection with what is in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedCollection {
    /// The collection.
    pub collection: Collection,
    /// How many vectors it has.
    pub vectors: u64,
    /// Of how many files.
    pub sources: u64,
}

/// Where a text stands.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct TextPlace {
    /// The file.
    pub source: String,
    /// The code point where it begins.
    pub start: u64,
    /// Its lines; `None` for all of the file.
    pub lines: Option<(u64, u64)>,
}

/// What of a collection a vector was to be kept in and was not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Keeping {
    /// It is kept.
    Kept,
    /// The collection has been begun meanwhile, with other vectors.
    Other(Collection),
}

impl Store {
    /// The collection of that name.
    pub fn collection(&self, name: &str) -> Result<Option<Collection>, StoreError> {
        self.read(|tx| of_name(tx, name))
    }

    /// The collections, by name.
    pub fn collections(&self) -> Result<Vec<ListedCollection>, StoreError> {
        self.read(|tx| {
            let sql = "SELECT name, provider, model, dimensions, asked, count(source) AS vectors,
                              count(DISTINCT source) AS sources
                       FROM collections LEFT JOIN vectors ON collection = name AND source <> ''
                       GROUP BY name ORDER BY name";
            let listed = |row: &Row<'_>| {
                let (vectors, sources) = (count(row, "vectors")?, count(row, "sources")?);
                Ok(ListedCollection { collection: collection(row)?, vectors, sources })
            };
            Ok(all(tx, sql, [], listed)?)
        })
    }

    /// The digests of all texts whose vectors a collection has.
    pub fn texts_of(&self, collection: &str) -> Result<HashSet<TextDigest>, StoreError> {
        self.read(|tx| {
            // One that somebody has damaged is of no text.
            let sql = "SELECT digest FROM vectors WHERE collection = ?1 AND length(digest) = 32";
            Ok(all(tx, sql, [collection], |row| row.get(0))?.into_iter().collect())
        })
    }

    /// Looks at every vector of a collection that has its place, one at a time: a large one need not fit into memory. None,
    /// where it was forgotten and begun with others meanwhile.
    pub fn each_vector(
        &self,
        collection: &Collection,
        mut look: impl FnMut(TextPlace, &[u8]),
    ) -> Result<(), StoreError> {
        self.read(|tx| {
            if of_name(tx, &collection.name)?.as_ref() != Some(collection) {
                return Ok(());
            }
            let sql = "SELECT source, start, first, last, vector FROM vectors
                       WHERE collection = ?1 AND source <> '' ORDER BY source, start";
            let mut statement = tx.prepare_cached(sql)?;
            let mut rows = statement.query([&collection.name])?;
            while let Some(row) = rows.next()? {
                let vector = row.get_ref("vector")?.as_blob().map_err(rusqlite::Error::from)?;
                look(place(row)?, vector);
            }
            Ok(())
        })
    }

    /// Keeps vectors that have just arrived, without a place yet. The collection is made with its first ones.
    pub fn keep_vectors(&self, wanted: &Collection, vectors: &[(TextDigest, Vec<u8>)]) -> Result<Keeping, StoreError> {
        self.write(|tx| {
            let Collection { name, candidate, dimensions, asked } = wanted;
            let make = "INSERT OR IGNORE INTO collections (name, provider, model, dimensions, asked)
                        VALUES (:name, :provider, :model, :dimensions, :asked)";
            let fields = named_params! {
                ":name": name, ":provider": candidate.provider, ":model": candidate.model,
                ":dimensions": dimensions, ":asked": asked,
            };
            run(tx, make, fields)?;
            if let Some(other) = of_name(tx, name)?.filter(|there| there != wanted) {
                return Ok(Keeping::Other(other));
            }
            let sql = "SELECT coalesce(max(start), 0) FROM vectors WHERE collection = ?1 AND source = ''";
            let last: i64 = first(tx, sql, [name], |row| row.get(0))?.unwrap_or_default();
            let insert = "INSERT INTO vectors (collection, source, start, digest, vector) VALUES (?1, '', ?2, ?3, ?4)";
            for ((digest, vector), start) in vectors.iter().zip(last + 1..) {
                run(tx, insert, (name, start, digest, vector))?;
            }
            Ok(Keeping::Kept)
        })
    }

    /// Gives every vector its place: after it these sources have these texts and no others, and of a text that was asked for
    /// again the new vector. How many vectors are not
    /// there, because another process has removed them meanwhile: then nothing is changed.
    pub fn settle_vectors(
        &self,
        collection: &str,
        sources: &[String],
        texts: &[(TextPlace, TextDigest)],
    ) -> Result<usize, StoreError> {
        let mut wanted: BTreeMap<&str, Vec<(&TextPlace, TextDigest)>> =
            sources.iter().map(|source| (source.as_str(), Vec::new())).collect();
        for (place, digest) in texts {
            wanted.entry(&place.source).or_default().push((place, *digest));
        }
        self.write(|tx| {
            let fresh = "SELECT digest FROM vectors WHERE collection = ?1 AND source = ''";
            let fresh: HashSet<Vec<u8>> = all(tx, fresh, [collection], |row| row.get(0))?.into_iter().collect();
            let sql = "SELECT source, start, first, last, digest FROM vectors
                       WHERE collection = ?1 AND source = ?2 ORDER BY start";
            let mut changed = Vec::new();
            for (source, texts) in &wanted {
                let of_row = |row: &Row<'_>| Ok((place(row)?, row.get::<_, Vec<u8>>("digest")?));
                let there = all(tx, sql, (collection, source), of_row)?;
                let same = there.len() == texts.len()
                    && there.iter().zip(texts).all(|(old, new)| old.0 == *new.0 && old.1 == new.1)
                    && texts.iter().all(|(_, digest)| !fresh.contains(&digest[..]));
                if !same {
                    changed.push((source, texts));
                }
            }
            // Beside the table first: a vector may move from one changed file to another.
            tx.execute_batch(
                "CREATE TEMP TABLE IF NOT EXISTS placed (source TEXT, start, first, last, digest, vector);
                 DELETE FROM placed",
            )?;
            let copy = "INSERT INTO placed SELECT :source, :start, :first, :last, digest, vector FROM vectors
                        WHERE collection = :collection AND digest = :digest
                        ORDER BY source = '' DESC, start DESC LIMIT 1";
            let (mut copied, places) = (0, changed.iter().flat_map(|(_, texts)| texts.iter()));
            for (place, digest) in places.clone() {
                let fields = named_params! {
                    ":source": place.source, ":start": int(place.start), ":digest": digest, ":collection": collection,
                    ":first": place.lines.map(|lines| int(lines.0)), ":last": place.lines.map(|lines| int(lines.1)),
                };
                copied += run(tx, copy, fields)?;
            }
            let missing = places.clone().count() - copied;
            if missing > 0 {
                return Ok(missing);
            }
            for (source, _) in &changed {
                run(tx, "DELETE FROM vectors WHERE collection = ?1 AND source = ?2", (collection, source))?;
            }
            for (_, digest) in texts {
                let unsettled = "DELETE FROM vectors WHERE collection = ?1 AND digest = ?2 AND source = ''";
                run(tx, unsettled, (collection, digest))?;
            }
            let insert = "INSERT INTO vectors (collection, source, start, first, last, digest, vector)
                          SELECT ?1, source, start, first, last, digest, vector FROM placed";
            run(tx, insert, [collection])?;
            tx.execute_batch("DELETE FROM placed")?;
            Ok(0)
        })
    }

    /// Removes a collection, with the stored answers of the model that made it, at whatever provider; how many vectors and answers these
    /// were, `None` where there is no such collection.
    pub fn forget_collection(&self, name: &str) -> Result<Option<(u64, u64)>, StoreError> {
        self.overwrite_what_is_removed()?;
        self.write(|tx| {
            let Some(Collection { candidate, .. }) = of_name(tx, name)? else { return Ok(None) };
            let answers = run(tx, "DELETE FROM cache WHERE model = ?1", [candidate.model])? as u64;
            let vectors = run(tx, "DELETE FROM vectors WHERE collection = ?1", [name])? as u64;
            run(tx, "DELETE FROM collections WHERE name = ?1", [name])?;
            Ok(Some((vectors, answers)))
        })
    }
}

fn of_name(tx: &Connection, name: &str) -> Result<Option<Collection>, Problem> {
    let sql = "SELECT name, provider, model, dimensions, asked FROM collections WHERE name = ?1";
    Ok(first(tx, sql, [name], collection)?)
}

fn collection(row: &Row<'_>) -> rusqlite::Result<Collection> {
    Ok(Collection {
        name: row.get("name")?,
        candidate: candidate(row)?,
        dimensions: u32::try_from(row.get::<_, i64>("dimensions")?).unwrap_or_default(),
        asked: row.get("asked")?,
    })
}

fn place(row: &Row<'_>) -> rusqlite::Result<TextPlace> {
    let lines = opt_count(row, "first")?.zip(opt_count(row, "last")?);
    Ok(TextPlace { source: row.get("source")?, start: count(row, "start")?, lines })
}
