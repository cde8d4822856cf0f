//! What holds for every line: the flags, above the template, above the profile, above the settings.

use crate::cli;
use crate::commands::{Context, question};
use crate::config::templates::{self, Template};
use crate::error::{Error, Kind, Result};
use crate::router::Request;

use super::fields::FIELDS;

/// What holds for every line that does not say otherwise.
pub struct Base {
    /// The request, without messages.
    pub request: Request,
    /// What each line's prompt and system prompt are made from; its system prompt is there only where no flag has one.
    pub template: Option<Template>,
}

impl Base {
    /// That of a command.
    pub fn of(context: &Context, args: &cli::Batch) -> Result<Self> {
        let flags = flags(args);
        let template = question::template(context, &flags)?.map(|template| usable(template, &flags)).transpose()?;
        let said = template.as_ref().map_or_else(|| flags.clone(), |own| templates::fill(&flags, &own.flags));
        let mut request = question::checked(context, &templates::fill(&said, &context.config.defaults))?;
        if let (None, Some(template)) = (&request.schema, &template) {
            request.schema = question::template_schema(template)?;
        }
        request.tag.clone_from(&args.tag);
        Ok(Self { request, template })
    }
}

/// A template whose variables can be fields of a line.
fn usable(mut template: Template, flags: &cli::Question) -> Result<Template> {
    if flags.system.is_some() {
        template.flags.system = None;
    }
    match template.variables().into_iter().find(|name| FIELDS.contains(&name.as_str())) {
        None => Ok(template),
        Some(name) => {
            let what =
                format!("template `{}` has a variable `{name}`, and `{name}` of a line has a meaning", template.name);
            Err(Error::new(Kind::Usage, what)
                .hint(format!("give the variable another name in {}", template.path.display())))
        }
    }
}

fn flags(args: &cli::Batch) -> cli::Question {
    cli::Question {
        model: args.model.clone(),
        providers: args.providers.clone(),
        tier: args.tier.clone(),
        fallbacks: args.fallbacks.clone(),
        strategy: args.strategy.clone(),
        system: args.system.clone(),
        template: args.template.clone(),
        temperature: args.temperature,
        max_tokens: args.max_tokens,
        effort: args.effort.clone(),
        schema: args.schema.clone(),
        bounds: args.bounds.clone(),
        ..cli::Question::default()
    }
}
