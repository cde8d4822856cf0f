//! The Rust contenders: each reads the text, and prints what it found on stdout and how long its steps took on stderr.

use std::time::Instant;

use bm25::{Language, SearchEngineBuilder};
use llmr::engine::retrieval::{self, Index, Picked, pieces, units};
use tantivy::collector::TopDocs;
use tantivy::query::QueryParser;
use tantivy::schema::{IndexRecordOption, STORED, Schema, TextFieldIndexing, TextOptions, Value};
use tantivy::{IndexWriter, TantivyDocument, doc};
use text_splitter::{MarkdownSplitter, TextSplitter};

use crate::Result;
use crate::text::{BUDGET, CHUNK, FACT, QUESTION};

/// Characters of a chunk, and how many of them are the budget.
const CHARS: usize = CHUNK as usize * 4;
const BEST: usize = (BUDGET / CHUNK) as usize;
/// The least that tantivy takes for its writer, in bytes.
const ARENA: usize = 15_000_000;

/// One contender.
pub struct Contender {
    /// Its name in the table, by which its process knows it, too.
    pub name: &'static str,
    /// Whether it only splits.
    pub splits: bool,
    run: fn(&str, &mut Clock) -> Result<String>,
}

pub const ALL: [Contender; 7] = [
    Contender { name: "llmr, split", splits: true, run: split },
    Contender { name: "TextSplitter", splits: true, run: text_splitter },
    Contender { name: "MarkdownSplitter", splits: true, run: markdown_splitter },
    Contender { name: "llmr, one question", splits: false, run: one_question },
    Contender { name: "llmr, an index", splits: false, run: an_index },
    Contender { name: "TextSplitter + bm25", splits: false, run: bm25 },
    Contender { name: "TextSplitter + tantivy", splits: false, run: tantivy },
];

impl Contender {
    /// What its process does; what it found.
    pub fn run(&self, text: &str) -> Result<String> {
        (self.run)(text, &mut Clock(Instant::now()))
    }
}

/// Tells how long each step took.
struct Clock(Instant);

impl Clock {
    fn done(&mut self, step: &str) {
        eprintln!("{step} {}", self.0.elapsed().as_secs_f64() * 1e3);
        self.0 = Instant::now();
    }
}

fn split(text: &str, clock: &mut Clock) -> Result<String> {
    let spans = pieces(&units(text), CHUNK, 0);
    clock.done("split");
    Ok(with_fact(spans.into_iter().map(|span| &text[span])))
}

fn text_splitter(text: &str, clock: &mut Clock) -> Result<String> {
    let chunks: Vec<&str> = TextSplitter::new(CHARS).chunks(text).collect();
    clock.done("split");
    Ok(with_fact(chunks.into_iter()))
}

fn markdown_splitter(text: &str, clock: &mut Clock) -> Result<String> {
    let chunks: Vec<&str> = MarkdownSplitter::new(CHARS).chunks(text).collect();
    clock.done("split");
    Ok(with_fact(chunks.into_iter()))
}

/// The chunk that has the fact: a splitter that cuts it in two has none.
fn with_fact<'t>(mut chunks: impl Iterator<Item = &'t str>) -> String {
    chunks.find(|chunk| chunk.contains(FACT)).unwrap_or_default().to_owned()
}

/// One pass over the text, as `llmr select` and `llmr ask -f` do it.
fn one_question(text: &str, clock: &mut Clock) -> Result<String> {
    let picked = retrieval::pick(text, QUESTION, BUDGET);
    clock.done("all");
    Ok(passages(text, picked))
}

/// For many questions. It splits by itself.
fn an_index(text: &str, clock: &mut Clock) -> Result<String> {
    let index = Index::new(text);
    clock.done("index");
    let picked = index.pick(QUESTION, BUDGET);
    clock.done("rank");
    Ok(passages(text, picked))
}

fn passages(text: &str, picked: Picked) -> String {
    picked.spans.into_iter().map(|span| &text[span]).collect()
}

fn bm25(text: &str, clock: &mut Clock) -> Result<String> {
    let chunks: Vec<&str> = TextSplitter::new(CHARS).chunks(text).collect();
    clock.done("split");
    let engine = SearchEngineBuilder::<u32>::with_corpus(Language::English, chunks).build();
    clock.done("index");
    let best = engine.search(QUESTION, BEST);
    clock.done("rank");
    Ok(best.into_iter().map(|result| result.document.contents).collect())
}

/// In memory, by one indexing thread, beside the one that hands it the chunks; without positions, which BM25 has no use for.
fn tantivy(text: &str, clock: &mut Clock) -> Result<String> {
    let chunks: Vec<&str> = TextSplitter::new(CHARS).chunks(text).collect();
    clock.done("split");
    let mut schema = Schema::builder();
    let indexing = TextFieldIndexing::default().set_index_option(IndexRecordOption::WithFreqs);
    let body = schema.add_text_field("body", TextOptions::default().set_indexing_options(indexing));
    let number = schema.add_u64_field("number", STORED);
    let index = tantivy::Index::create_in_ram(schema.build());
    let mut writer: IndexWriter = index.writer_with_num_threads(1, ARENA)?;
    for (n, chunk) in (0u64..).zip(&chunks) {
        writer.add_document(doc!(body => *chunk, number => n))?;
    }
    writer.commit()?;
    let searcher = index.reader()?.searcher();
    clock.done("index");
    let (query, _) = QueryParser::for_index(&index, vec![body]).parse_query_lenient(QUESTION);
    let mut found = String::new();
    for (_, address) in searcher.search(&query, &TopDocs::with_limit(BEST).order_by_score())? {
        let document: TantivyDocument = searcher.doc(address)?;
        let n = document.get_first(number).and_then(|value| value.as_u64()).ok_or("a document without its number")?;
        found.push_str(chunks[usize::try_from(n)?]);
    }
    clock.done("rank");
    Ok(found)
}
