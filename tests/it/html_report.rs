//! The HTML report: nothing in it is markup that came from outside, nothing in it comes from elsewhere, and a real
//! browser opens it without a word on its console.
//!
//! By hand: `llmr stats --format html > report.html`, then
//! `chromium --headless --enable-logging=stderr --v=0 --dump-dom report.html 2>&1 >/dev/null | grep CONSOLE`
//! prints nothing; `--screenshot=light.png --blink-settings=preferredColorScheme=1` (0: dark) shows it.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::common::{Place, finish, skipped};
use crate::stats::past;

const BROWSERS: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "chrome"];

fn report(place: &Place, args: &[&str]) -> String {
    place.run(&[&["stats", "--format", "html"], args].concat()).expect(0).stdout
}

/// The names of the elements in the order of their tags; fails where one is not closed.
fn elements(page: &str) -> Vec<String> {
    const VOID: [&str; 3] = ["meta", "link", "!DOCTYPE"];
    let (mut open, mut all): (Vec<String>, Vec<String>) = (Vec::new(), Vec::new());
    let page = page.split("<style>").next().unwrap().to_owned() + page.split("</style>").last().unwrap();
    for tag in page.split('<').skip(1) {
        let (inner, _) = tag.split_once('>').unwrap_or_else(|| panic!("{tag}"));
        let name = inner.split([' ', '/']).find(|part| !part.is_empty()).unwrap().to_owned();
        match inner.strip_prefix('/') {
            Some(closed) => assert_eq!(open.pop().as_deref(), Some(closed), "{inner}"),
            None if inner.ends_with('/') || VOID.contains(&name.as_str()) => all.push(name),
            None => {
                open.push(name.clone());
                all.push(name);
            }
        }
    }
    assert_eq!(open, Vec::<String>::new());
    all
}

#[test]
fn it_is_one_page_that_needs_nothing_else() {
    for days in [0, 1, 2, 30, 400] {
        let page = report(&past(days), &["--days", "400"]);
        let names = elements(&page);
        for foreign in ["script", "img", "iframe", "object", "a", "form"] {
            assert!(!names.iter().any(|name| name == foreign), "{foreign}");
        }
        let outside = page.replace("href=\"data:,\"", "");
        for address in ["http://", "https://", "src=", "href=", "url(", "style=\"", "NaN"] {
            assert!(!outside.contains(address), "{days} days: {address}");
        }
        assert!(page.contains("default-src 'none'; style-src 'sha256-"), "{page}");
        let charts = names.iter().filter(|name| *name == "svg").count();
        assert_eq!(charts, if days == 0 { 0 } else { 12 }, "six charts, each for two widths");
        assert_eq!(names.iter().filter(|name| *name == "details").count(), if days == 0 { 0 } else { 4 });
    }
}

#[test]
fn what_came_from_outside_is_text() {
    let page = report(&past(3), &[]);
    assert!(page.contains("&lt;script&gt;alert(1)&lt;/script&gt;") && !page.contains("<script"), "{page}");
    assert!(page.contains("today&#39;s limit, $0.01") && !page.contains("No request was made"));
    assert!(page.contains("<title>2026-11-21, so far: $0.003, 2 requests</title>"), "{page}");
    assert!(report(&past(0), &[]).contains("No request was made in these days."));
}

fn browser() -> Option<&'static str> {
    let there = |name: &&str| {
        let version = Command::new(name).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
        version.is_ok_and(|status| status.success())
    };
    BROWSERS.into_iter().find(there)
}

/// The page as the browser has understood it, and what it said on the way.
fn opened(browser: &str, place: &Place, page: &Path, scheme: &str) -> (String, String) {
    let profile = format!("--user-data-dir={}", place.home().join(format!("browser{scheme}")).display());
    let scheme = format!("--blink-settings=preferredColorScheme={scheme}");
    let url = format!("file://{}", page.display());
    let mut command = Command::new(browser);
    command.args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"]);
    command.args(["--enable-logging=stderr", "--v=0", "--dump-dom", &profile, &scheme, &url]);
    command.env("HOME", place.home()).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let ran = finish(command.spawn().unwrap()).expect(0);
    (ran.stdout, ran.stderr)
}

#[test]
fn a_browser_opens_it_without_a_word() {
    let Some(browser) = browser() else {
        return skipped("no Chromium: the HTML report was not opened in a browser");
    };
    let place = past(40);
    let write = |name: &str, text: &str| -> PathBuf { place.work_file(name, text) };
    let page = report(&place, &[]);
    let path = write("report.html", &page);
    for scheme in ["0", "1"] {
        let (dom, said) = opened(browser, &place, &path, scheme);
        assert!(!said.contains("CONSOLE"), "{said}");
        let tables = |text: &str| text.matches("<table>").count();
        assert_eq!((tables(&dom), dom.matches("</svg>").count()), (tables(&page), 12), "{dom}");
    }
    // The same with a style that its policy does not know, to see that the browser would have said so.
    let path = write("broken.html", &page.replace("<style>", "<style>p { color: red }"));
    let (_, said) = opened(browser, &place, &path, "2");
    assert!(said.contains("CONSOLE"), "{said}");
}
