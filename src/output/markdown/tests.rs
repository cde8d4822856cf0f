//! Whole texts through the renderer: what is shown, and that no cut of the text changes it.

use super::*;

const COLOR: Look = Look { color: true, utf8: true, columns: Some(80) };
const PLAIN: Look = Look { color: false, utf8: true, columns: Some(80) };
const ASCII: Look = Look { color: false, utf8: false, columns: Some(80) };
const LOOKS: [Look; 5] = [COLOR, PLAIN, ASCII, Look { columns: Some(10), ..COLOR }, Look { columns: None, ..PLAIN }];

fn render(text: &str, look: Look) -> String {
    render_pieces(&[text], look)
}

fn render_pieces(pieces: &[&str], look: Look) -> String {
    let mut renderer = Renderer::new(look);
    let mut out: String = pieces.iter().map(|piece| renderer.push(piece)).collect();
    out.push_str(&renderer.finish());
    out
}

/// What was written, and what is shown without colour.
const BLOCKS: &[(&str, &str)] = &[
    ("", ""),
    ("\n\n", ""),
    ("plain", "plain\n"),
    ("one\ntwo\n\n\n\nthree\n", "one\ntwo\n\nthree\n"),
    ("dos\r\nlines\r\n\r\n# H\r\n", "dos\nlines\n\n# H\n"),
    ("# One\n###### Six ##\n####### seven\n#none\n#\n", "# One\n###### Six\n####### seven\n#none\n# \n"),
    ("Title\n=====\ntext", "Title\n=====\ntext\n"),
    ("a\n\n***\n\nb", "a\n\n────────────────────────────────\n\nb\n"),
    // Lists.
    ("- a\n- b\n  more\n\n  second paragraph\n- c", "• a\n• b\n  more\n\n  second paragraph\n• c\n"),
    ("* a\n  * b\n    * c\n      * d", "• a\n  ◦ b\n    ‣ c\n      • d\n"),
    ("1. a\n1. b\n1. c\n", "1. a\n2. b\n3. c\n"),
    ("9) a\n10) b\n\n    text of b", "9) a\n10) b\n\n    text of b\n"),
    ("1. a\n  - b\n  - c\n2. d", "1. a\n   • b\n   • c\n2. d\n"),
    ("- a\n\n\n- b", "• a\n\n• b\n"),
    ("-\n- b\n-", "•\n• b\n•\n"),
    ("- - a\n- 1. b", "• ◦ a\n• 1. b\n"),
    ("- [ ] open\n- [x] done\n- [X] Done\n- [y] no", "☐ open\n☑ done\n☑ Done\n• [y] no\n"),
    ("In 1986.\n1986. A year", "In 1986.\n1986. A year\n"),
    ("- a\nlazy\n\nnew", "• a\n  lazy\n\nnew\n"),
    ("-not a list\n1.neither", "-not a list\n1.neither\n"),
    ("text\n- list\n# head", "text\n• list\n# head\n"),
    // Quotes.
    ("> a\n> > b\n>\n> c\nlazy\n\nout", "│ a\n│ │ b\n│\n│ c\n│ lazy\n\nout\n"),
    ("> - a\n>   b\n> ```\n> code\n> ```\n", "│ • a\n│   b\n│ ───\n│ code\n│ ───\n"),
    // Code.
    ("```rust\nfn  main() {}\n\n\tx\n```\nafter", "─── rust\nfn  main() {}\n\n\tx\n───\nafter\n"),
    ("~~~~\n```\n~~~\n~~~~", "───\n```\n~~~\n───\n"),
    ("```\nnever closed\n**x**", "───\nnever closed\n**x**\n"),
    ("- a\n  ```sh\n  ls\n    -l\n  ```\n- b", "• a\n  ─── sh\n  ls\n    -l\n  ───\n• b\n"),
    ("- a\n  ```\nls\n```\n- b", "• a\n  ───\n  ls\n  ───\n• b\n"),
    ("> ```\n> a\nout", "│ ───\n│ a\nout\n"),
    ("a\n\n    indented *code*\n\nb", "a\n\n    indented *code*\n\nb\n"),
    ("```a`b", "```a`b\n"),
    // Tables.
    ("| A | B |\n|---|--:|\n| x | 1 |\n| y | 22 |", "A │  B\n──┼───\nx │  1\ny │ 22\n"),
    ("A | B\n:-: | -\nlong | x", " A   │ B\n─────┼──\nlong │ x\n"),
    ("| 漢字 | b |\n|---|---|\n| e\u{301} | 🙂 |", "漢字 │ b\n─────┼───\ne\u{301}    │ 🙂\n"),
    ("Intro:\n| A |\n|---|\n| 1 |\nAfter.", "Intro:\nA\n─\n1\nAfter.\n"),
    ("| a \\| b | `c\\|d` |\n|-|-|\n| <br> | x<br>y |", "a | b │ `c|d`\n──────┼──────\n      │ x\n      │ y\n"),
    ("| a | b |\n|-|-|\n| 1 |\n| 1 | 2 | 3 |", "a │ b │\n──┼───┼──\n1 │   │\n1 │ 2 │ 3\n"),
    ("a | b\nno table\n", "a | b\nno table\n"),
    ("a | b\n---\n", "a | b\n────────────────────────────────\n"),
    ("- | a | b |\n  |---|---|\n  | 1 | 2 |", "• a │ b\n  ──┼──\n  1 │ 2\n"),
    ("| only a head |\n|---|", "only a head\n───────────\n"),
    ("a long line before a bar | is text\n--- | ---", "a long line before a bar | is text\n--- | ---\n"),
];

#[test]
fn blocks_are_drawn() {
    for (text, shown) in BLOCKS {
        assert_eq!(render(text, PLAIN).replace(" \n", "\n"), shown.replace(" \n", "\n"), "{text:?}");
    }
    assert_eq!(render("- [x] a\n- b\n> c\n\n---", ASCII), format!("[x] a\n- b\n> c\n\n{}\n", "-".repeat(32)));
    assert_eq!(render("a|b\n-|-\n1|2", ASCII), "a | b\n--+--\n1 | 2\n");
}

/// Inline text, and what is shown without and with colour (`[` for the escape sequence's beginning, `]` for reset).
const INLINE: &[(&str, &str, &str)] = &[
    ("*a* _b_ **c d** __e__", "*a* *b* **c d** **e**", "{3}a{} {3}b{} {1}c d{} {1}e{}"),
    ("***a***", "***a***", "{1;3}a{}"),
    ("a `b  c` d", "a `b  c` d", "a {36}b  c{} d"),
    ("~~a b~~ ~5 ~6 ~~~x~~~", "~~a b~~ ~5 ~6 ~~~x~~~", "{9}a b{} ~5 ~6 ~~~x~~~"),
    ("2 * 3 * 4, snake_case_name", "2 * 3 * 4, snake_case_name", "2 * 3 * 4, snake_case_name"),
    ("never *closed", "never *closed", "never *closed"),
    ("`never closed", "`never closed", "`never closed"),
    ("[a b](http://x.example/)", "a b (http://x.example/)", "{4}a b{}{2} (http://x.example/){}"),
    ("[a](<b c> \"title\")", "a (b c \"title\")", "{4}a{}{2} (b c \"title\"){}"),
    ("[http://x](http://x)", "http://x", "{4}http://x{}"),
    ("<http://x> <a@b.example>", "http://x a@b.example", "{4}http://x{} {4}a@b.example{}"),
    ("[](u) ![alt](i.png)", "u alt (i.png)", "{2}u{} alt{2} (i.png){}"),
    ("[no link] [ref][1] [^1]", "[no link] [ref][1] [^1]", "[no link] [ref][1] [^1]"),
    ("&amp; &lt;b&gt; &copy;", "& <b> ©", "& <b> ©"),
    ("\\*a\\* 1\\. c:\\dir", "*a* 1. c:\\dir", "*a* 1. c:\\dir"),
    ("a <b>c</b> <!-- d -->", "a <b>c</b> <!-- d -->", "a <b>c</b> <!-- d -->"),
    ("$a_1 *b* c$ is $5", "$a_1 *b* c$ is $5", "$a_1 *b* c$ is $5"),
    ("\\(a_b \\\\ *c*\\) x", "\\(a_b \\\\ *c*\\) x", "\\(a_b \\\\ *c*\\) x"),
    ("$$\n\\frac_a_ {b}\n$$", "$$\n\\frac_a_ {b}\n$$", "$$\n\\frac_a_ {b}\n$$"),
    ("*a\nb* c", "*a\nb* c", "{3}a{}\n{3}b{} c"),
    ("**重要**的 *词*语", "**重要**的 *词*语", "{1}重要{}的 {3}词{}语"),
];

#[test]
fn inline_text_is_styled() {
    for (text, plain, colored) in INLINE {
        assert_eq!(render(text, PLAIN), format!("{plain}\n"), "{text:?}");
        let colored = colored.replace("{b}", "(b)").replace("{}", "\x1b[0m").replace('{', "\x1b[").replace('}', "m");
        let colored = colored.replace("(b)", "{b}");
        assert_eq!(joined(&render(text, COLOR)), format!("{colored}\n"), "{text:?}");
    }
}

#[test]
fn only_pieces_of_the_same_looks_are_put_together() {
    let texts = |text| inline::spans(text, style::Style::PLAIN, COLOR).into_iter().map(|span| span.text);
    assert_eq!(texts("a &amp; *b* c").collect::<Vec<_>>(), ["a & ", "b", " c"]);
    assert_eq!(texts("a &amp; b").collect::<Vec<_>>(), ["a & b"]);
}

/// Without the escape sequences between two pieces of the same looks.
fn joined(text: &str) -> String {
    let mut parts = text.split("\x1b[");
    let mut runs: Vec<(&str, String)> = vec![("0", parts.next().unwrap_or_default().to_owned())];
    for (codes, text) in parts.filter_map(|part| part.split_once('m')) {
        match runs.last_mut() {
            Some(last) if text.is_empty() && codes == "0" => last.1.push_str(text),
            Some(last) if last.0 == codes => last.1.push_str(text),
            _ => runs.push((codes, text.to_owned())),
        }
    }
    let mut out = String::new();
    for (codes, text) in runs {
        style::paint_codes(&mut out, if codes == "0" { "" } else { codes }, &text, true);
    }
    out
}

#[test]
fn code_is_colored_where_its_language_is_known() {
    let code = |info: &str, code: &str| render(&format!("```{info}\n{code}\n```"), COLOR);
    let shown = |line: &str, info: &str| format!("\x1b[2m───{info}\x1b[0m\n{line}\n\x1b[2m───\x1b[0m\n");
    let main = "\x1b[35mfn\x1b[0m \x1b[1;34mmain\x1b[0m() {} \x1b[2;3m// x\x1b[0m";
    for info in ["rust", "rs", "Rust", "rust,ignore"] {
        assert_eq!(code(info, "fn main() {} // x"), shown(main, &format!(" {info}")), "{info}");
    }
    for info in ["", "text", "no-such-language", "\u{1b}"] {
        let label = if info.is_empty() { String::new() } else { format!(" {info}") };
        assert_eq!(code(info, "fn main() {} // x"), shown("fn main() {} // x", &label), "{info:?}");
    }
    // State goes on from line to line, and every line ends without colour.
    let comment = code("c", "/* a\nb */ int");
    assert!(comment.contains("\x1b[2;3m/* a\x1b[0m\n\x1b[2;3mb */\x1b[0m \x1b[35mint\x1b[0m\n"), "{comment:?}");
    for (alias, _) in highlight::ALIASES {
        assert!(Highlighter::new(alias).is_some(), "{alias}");
    }
    let long = "x".repeat(1001);
    assert!(code("rust", &format!("fn\n{long}\nfn")).ends_with(&format!("\x1b[0m\n{long}\nfn\n\x1b[2m───\x1b[0m\n")));
}

#[test]
fn a_table_that_never_ends_is_cut_and_nothing_of_it_is_lost() {
    let rows = 50_000;
    let text = format!("|a|b|\n|-|-|\n{}", "|x|y|\n".repeat(rows));
    let mut renderer = Renderer::new(PLAIN);
    let begun = renderer.push(&text);
    assert!(begun.lines().count() > rows - 20_000, "most of it is shown before it ends");
    let shown = begun + &renderer.finish();
    assert_eq!(shown.matches('x').count(), rows);
    // One row of so many columns, with and without a width.
    for look in [PLAIN, Look { columns: None, ..PLAIN }] {
        let many = 30_000;
        let text = format!("{}|\n{}|\n{}", "|c".repeat(many), "|-".repeat(many), "|x|\n".repeat(1000));
        let shown = render(&text, look);
        assert_eq!((shown.matches('c').count(), shown.matches('x').count()), (many, 1000));
        let ragged = format!("|a|\n|-|\n{}\n{}", "|c".repeat(15_000), "|x|\n".repeat(1000));
        let shown = render(&ragged, look);
        assert_eq!((shown.matches('c').count(), shown.matches('x').count()), (15_000, 1000));
    }
}

#[test]
fn a_table_fits_the_terminal_or_becomes_blocks() {
    let table = "| Name | What it is about |\n|---|---|\n| alpha | the first of many letters |\n| beta | `b` |";
    let at = |columns| render(table, Look { columns, ..PLAIN });
    let narrow = "Name  │ What it is\n      │ about\n──────┼────────────────\nalpha │ the first of\n      │ many letters\n\
                  ──────┼────────────────\nbeta  │ `b`\n";
    assert_eq!(at(Some(23)).replace(" \n", "\n"), narrow);
    let blocks = "**Name**".replace('*', "");
    assert_eq!(
        at(Some(12)),
        format!(
            "{blocks}: alpha\nWhat it is about: the first of many letters\n\n{blocks}: beta\nWhat it is about: `b`\n"
        )
    );
    assert!(at(None).lines().all(|line| !line.contains("about\n")) && at(None) == at(Some(200)));
    for columns in 1..60 {
        for line in at(Some(columns)).lines().filter(|line| line.contains('│')) {
            assert!(unicode_width::UnicodeWidthStr::width(line) <= columns, "{columns}: {line:?}");
        }
    }
    // Wide letters are broken by their columns, and a joined emoji stays whole.
    let wide = render(
        "| a | b |\n|-|-|\n| 漢字漢字漢字漢字 | 👩\u{200d}💻👩\u{200d}💻 |",
        Look { columns: Some(15), ..PLAIN },
    );
    assert!(wide.lines().all(|line| unicode_width::UnicodeWidthStr::width(line) <= 15), "{wide}");
    assert_eq!(wide.matches("👩\u{200d}💻").count(), 2, "{wide}");
}

#[test]
fn every_cut_gives_the_same() {
    let texts = BLOCKS.iter().map(|(text, _)| *text).chain(INLINE.iter().map(|(text, ..)| *text));
    for text in texts.chain([SAMPLE]) {
        for look in LOOKS {
            let whole = render(text, look);
            let singles: Vec<String> = text.chars().map(String::from).collect();
            let singles: Vec<&str> = singles.iter().map(String::as_str).collect();
            assert_eq!(render_pieces(&singles, look), whole, "{text:?}");
            for (at, _) in text.char_indices() {
                assert_eq!(render_pieces(&[&text[..at], &text[at..]], look), whole, "{text:?} at {at}");
            }
        }
    }
}

#[test]
fn no_word_is_lost_whatever_stands_around_it() {
    const MARKS: [&str; 46] = [
        " ",
        "\n",
        "\n\n",
        "*",
        "**",
        "_",
        "`",
        "```",
        "```rust\n",
        "\n```\n",
        "~~~\n",
        "~~",
        "~",
        "[",
        "]",
        "](",
        "(",
        ")",
        "<",
        ">",
        "> ",
        "\n> ",
        "- ",
        "\n- ",
        "\n  - ",
        "\n    ",
        "1. ",
        "\n2) ",
        "# ",
        "\n## ",
        "|",
        "| ",
        "\n|-|-|\n",
        "\n---\n",
        "$",
        "$$",
        "\\",
        "\\(",
        "\\)",
        "\\[",
        "&amp;",
        "\t",
        "![",
        "\r\n",
        "[ ] ",
        "漢字",
    ];
    let mut draw: u64 = 7;
    let mut next = |below: usize| {
        draw = draw.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(draw >> 33).unwrap() % below
    };
    for round in 0..3000 {
        let mut text = String::new();
        for word in 0..1 + next(24) {
            (0..next(4)).for_each(|_| text.push_str(MARKS[next(MARKS.len())]));
            text.push_str(&format!("w{word}q"));
        }
        let look = LOOKS[round % LOOKS.len()];
        let whole = render(&text, look);
        let cut =
            (0..=text.len()).rev().find(|at| *at <= next(text.len() + 1) && text.is_char_boundary(*at)).unwrap_or(0);
        assert_eq!(render_pieces(&[&text[..cut], &text[cut..]], look), whole, "{text:?} at {cut}");
        // A narrow table may break a word over two lines.
        let words = text.split_inclusive('q').filter_map(|word| Some(&word[word.rfind('w')?..]));
        for word in words.filter(|_| look.columns != Some(10)) {
            assert!(whole.contains(word), "{word} of {text:?}: {whole:?}");
        }
        assert!(!whole.replace("\x1b[", "").contains('\x1b') && whole.ends_with(['\n']), "{text:?}: {whole:?}");
    }
}

#[test]
fn what_is_given_out_leaves_no_colour_behind() {
    let mut renderer = Renderer::new(COLOR);
    for c in SAMPLE.chars() {
        let out = renderer.push(&c.to_string());
        let last = out.rsplit_once('\x1b').map_or("[0m", |(_, last)| last);
        assert!(last.starts_with("[0m"), "{out:?}");
    }
    // Cut off in the middle of it all.
    for (at, _) in SAMPLE.char_indices() {
        let out = render(&SAMPLE[..at], COLOR);
        let last = out.rsplit_once('\x1b').map_or("[0m", |(_, last)| last);
        assert!(last.starts_with("[0m") && (out.is_empty() || out.ends_with('\n')), "{at}: {out:?}");
    }
}

#[test]
fn words_are_shown_while_the_line_is_being_written() {
    let mut renderer = Renderer::new(PLAIN);
    assert_eq!(renderer.push("A paragraph of one line, "), "A paragraph of one line,");
    assert_eq!(renderer.push("then *emphasis that"), " then");
    assert_eq!(renderer.push(" ends* and"), " *emphasis that ends*");
    assert_eq!(renderer.push(" goes on"), " and goes");
    assert_eq!(renderer.push("\n"), " on\n");
    assert_eq!(renderer.push("```\nlet a"), "───\n");
    assert_eq!(renderer.push(" = 1;\nlet"), "let a = 1;\n");
    assert_eq!(renderer.finish(), "let\n");
    assert_eq!(
        renderer.push("日本語の文章は空白なしで続いていくので、単語の区切りを待てません。そして"),
        "日本語の文章は空白なしで続いていくので、単語の区切りを待てません。そし"
    );
    // Nothing is held for ever.
    let open = format!("**{}", "never closed ".repeat(200));
    assert!(Renderer::new(PLAIN).push(&open).len() > 1000);
    assert!(Renderer::new(PLAIN).push(&format!("`{}", "x".repeat(9000))).len() > 4000);
}

#[test]
fn a_second_text_begins_anew() {
    let mut renderer = Renderer::new(PLAIN);
    let first = renderer.push("> - a\n>   ```\n>   x") + &renderer.finish();
    assert_eq!(first, "│ • a\n│   ───\n│   x\n");
    assert_eq!(renderer.push("b\n\nc") + &renderer.finish(), "b\n\nc\n");
}

/// Each of these makes a renderer slow that looks at a block, or at what is open in it, again and again.
#[test]
fn a_large_text_takes_time_in_proportion() {
    const UNITS: [&str; 22] = [
        "word ", "x", "*", "**a ", "[", "- ", "> ", "`", "`` ` ", "\n", "| a ", "a|b\n", "<", "$x ", "- a\n", "_a *b ",
        "漢", "  ", "\\(", "![a](", "|-", "&amp;",
    ];
    // A hundredth of this is usual; what looks at everything for each piece takes minutes.
    let most = std::time::Duration::from_secs(20);
    // Deep inside of quotes, with many lines there.
    let deep = ("deep", format!("{}{}", "> ".repeat(50_000), "x\n".repeat(50_000)));
    let repeated = UNITS.iter().map(|unit| (*unit, unit.repeat(200_000 / unit.len())));
    for (unit, text) in repeated.chain([deep]) {
        let start = std::time::Instant::now();
        let mut renderer = Renderer::new(COLOR);
        let mut length = 0;
        for piece in text.as_bytes().chunks(30) {
            length += renderer.push(&String::from_utf8_lossy(piece)).len();
            assert!(start.elapsed() < most, "{unit:?}");
        }
        length += renderer.finish().len();
        // Blanks and marks alone may be a rule, a fence or nothing.
        assert!(!unit.contains(char::is_alphabetic) || length >= text.len() / 6, "{unit:?}: {length}");
    }
}

const SAMPLE: &str = "# Title with `code` &amp; *emph*\n\nHere is **bold text with words** and a \
    [link](https://example.org/a_b) plus <https://auto.example>, ~~gone~~, ~5 km.\nCosts $5; $x_1 * y_2$.\n\n\
    1. **First**:\n   - nested\n     with more\n\n     ```rust\n     fn main() {\n         println!(\"hi\"); // c\n     }\n     \
    ```\n2. Second\n  - [x] done task\n\n> quote\n> two\n>\n> - item\nlazy\n\n| Name | 漢字 | R |\n|:--|:-:|--:|\n\
    | foo **b** | 日本語 | 1 |\n| a `x\\|y` long cell that needs wrapping | 👍🏽 | 2000 |\nAfter.\n\n---\n\n\\[\n\\int_a^b\n\\]\n\
    \nMulti *emph\nover lines* end. Unclosed **bold";
