//! A document whose every paragraph states a number of some place, all in the same words, and the facts to be asked for.

use std::fmt::Write as _;

const PLACES: [&str; 12] = [
    "Aldova", "Brenik", "Corvane", "Dunmor", "Estril", "Fanwick", "Gorlan", "Hestia", "Ivarra", "Jolmet", "Karsund",
    "Lomber",
];

const THINGS: [&str; 8] = ["harbour", "mill", "archive", "bridge", "vault", "library", "granary", "observatory"];

const FILLING: [&str; 6] = [
    "The road was mended in the spring and nobody spoke of it again.",
    "Letters came late that year, and most were about the weather.",
    "Each keeper counts twice, once in the morning and once at night.",
    "The code of the gate had been changed before anyone wrote it down.",
    "A clerk copied the figures and made two mistakes.",
    "Visitors ask for the number and are sent away.",
];

/// Something that only one sentence says.
pub struct Fact {
    pub sentence: String,
    pub question: String,
}

pub struct Document {
    pub text: String,
    pub facts: Vec<Fact>,
}

impl Document {
    /// About so many tokens of four characters, with four facts behind every tenth.
    pub fn new(tokens: usize) -> Self {
        let length = tokens * 4;
        let mut document = Self { text: String::with_capacity(length + 1_000), facts: Vec::new() };
        let mut number = 0;
        while document.text.len() < length {
            while document.facts.len() / 4 * length < document.text.len() * 10 {
                document.hide();
            }
            document.fill(number);
            number += 1;
        }
        document
    }

    /// A fact: its words are the filling's words, and only the pair of place and thing is its own.
    fn hide(&mut self) {
        let number = self.facts.len();
        let place = ["Quellin", "Rostavar", "Sembria", "Tavolar", "Ulmgard"][number % 5];
        let thing = THINGS[number / 5 % THINGS.len()];
        let year = 1_800 + number / 40;
        let sentence = format!("The code of the {thing} at {place} was {} in {year}.", 40_000 + number * 617);
        _ = write!(self.text, "{sentence} {}\n\n", FILLING[number % FILLING.len()]);
        self.facts.push(Fact { sentence, question: format!("What was the code of the {thing} at {place} in {year}?") });
    }

    fn fill(&mut self, number: usize) {
        let (place, thing) = (PLACES[number * 7 % PLACES.len()], THINGS[number * 5 % THINGS.len()]);
        let code = 40_000 + number * 617 % 50_000;
        _ = write!(self.text, "The code of the {thing} at {place} was {code} in {}. ", 1_800 + number % 97);
        let filling = (0..4).map(|of| FILLING[(number * 11 + of * 5) % FILLING.len()]);
        filling.for_each(|sentence| _ = write!(self.text, "{sentence} "));
        self.text.push_str("\n\n");
    }
}
