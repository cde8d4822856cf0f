//! Whole texts through the renderer: what is shown, and that no cut of the text changes it.

use super::*;

const COLOR: Look = Look { color: true, utf8: true, columns: Some(80) };
const PLAIN: Look = Look { color: false, utf8: true, columns: Some(80) };
const ASCII: Look = Look { color: false, utf8: false, columns: Some(80) };

fn render(text: &str, look: Look) -> String {
    let mut renderer = Renderer::new(look);
    renderer.push(text) + &renderer.finish()
}

#[test]
fn show() {
    let text = std::fs::read_to_string("/tmp/sample.md").unwrap();
    for look in [COLOR, PLAIN, ASCII, Look { columns: Some(30), ..PLAIN }, Look { columns: Some(10), ..PLAIN }] {
        eprintln!("{}\n==========", render(&text, look));
    }
}
