//! `llmr embed --list`: the collections.

use serde::Serialize;

use crate::commands::Context;
use crate::error::Result;
use crate::output::{Align, Table, Terminal, units};

/// The collections, as an object.
#[derive(Debug, Serialize)]
struct Report {
    collections: Vec<Row>,
}

#[derive(Debug, Serialize)]
struct Row {
    name: String,
    provider: String,
    model: String,
    dimensions: u32,
    files: u64,
    vectors: u64,
}

/// Lists them.
pub fn run(context: &mut Context) -> Result<()> {
    let listed = context.store_for_reading()?.collections()?;
    let row = |listed: crate::store::ListedCollection| Row {
        name: listed.collection.name,
        provider: listed.collection.candidate.provider,
        model: listed.collection.candidate.model,
        dimensions: listed.collection.dimensions,
        files: listed.sources,
        vectors: listed.vectors,
    };
    let report = Report { collections: listed.into_iter().map(row).collect() };
    if report.collections.is_empty() {
        context.messages.hint("none yet: llmr embed -f 'docs/*.md' --split 400 --save docs");
    }
    context.print(&report, text)
}

fn text(report: &Report, terminal: &Terminal) -> String {
    let columns = [
        ("collection", Align::Left),
        ("files", Align::Right),
        ("vectors", Align::Right),
        ("numbers", Align::Right),
        ("model", Align::Left),
    ];
    let mut table = Table::new(&columns);
    for row in &report.collections {
        table.row([
            row.name.clone(),
            units::tokens(row.files),
            units::tokens(row.vectors),
            row.dimensions.to_string(),
            format!("{}/{}", row.provider, row.model),
        ]);
    }
    if table.is_empty() { String::new() } else { table.render(terminal) }
}
