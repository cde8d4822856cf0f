//! Pictures in a request: each dialect's part for one, before the text of its message.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::types::{Image, Message};

/// The file as base64, with padding.
fn encoded(image: &Image) -> String {
    STANDARD.encode(&image.bytes)
}

/// A message's content in chat completions and in Cohere v2: its text, which stays a plain string where there is no
/// picture (some hosts take nothing else), or parts with the pictures as data URLs.
pub fn url_parts(message: &Message) -> Value {
    if message.images.is_empty() {
        return json!(message.text);
    }
    let url = |image: &Image| format!("data:{};base64,{}", image.kind.media_type(), encoded(image));
    let pictures = message.images.iter().map(|image| json!({"type": "image_url", "image_url": {"url": url(image)}}));
    pictures.chain(text_block(message)).collect()
}

/// A message's content in Anthropic Messages: its text, or blocks with the pictures' sources.
pub fn source_blocks(message: &Message) -> Value {
    if message.images.is_empty() {
        return json!(message.text);
    }
    let source =
        |image: &Image| json!({"type": "base64", "media_type": image.kind.media_type(), "data": encoded(image)});
    let pictures = message.images.iter().map(|image| json!({"type": "image", "source": source(image)}));
    pictures.chain(text_block(message)).collect()
}

/// A message's parts in Gemini: the pictures inline, then its text.
pub fn inline_parts(message: &Message) -> Value {
    let data = |image: &Image| json!({"inlineData": {"mimeType": image.kind.media_type(), "data": encoded(image)}});
    message.images.iter().map(data).chain([json!({"text": message.text})]).collect()
}

/// The text behind the pictures; an empty one is refused by vendors.
fn text_block(message: &Message) -> Option<Value> {
    (!message.text.is_empty()).then(|| json!({"type": "text", "text": message.text}))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::providers::dialect;
    use crate::providers::testing::{ask, endpoint, picture, sent};
    use crate::types::{Ask, ImageKind};

    /// The body's messages, asked with these pictures.
    fn messages(provider: &str, images: Vec<Image>) -> Value {
        let to = endpoint(provider, "m");
        let row = crate::providers::table::find(provider).unwrap();
        let message = Message { images, ..Message::user("What?") };
        let ask = Ask { messages: vec![message], ..ask() };
        let body = sent(&dialect(row.dialect, &row.quirks).request(&to, &ask).unwrap());
        body.get("messages").or(body.get("contents")).unwrap().clone()
    }

    #[test]
    fn pictures_go_before_the_text_in_each_dialect_s_words() {
        // The bytes "png!" and "jpeg" in base64.
        let two = || vec![picture("a", ImageKind::Png, b"png!"), picture("b", ImageKind::Jpeg, b"jpeg")];
        let urls = json!([{"role": "user", "content": [
            {"type": "image_url", "image_url": {"url": "data:image/png;base64,cG5nIQ=="}},
            {"type": "image_url", "image_url": {"url": "data:image/jpeg;base64,anBlZw=="}},
            {"type": "text", "text": "What?"},
        ]}]);
        let blocks = json!([{"role": "user", "content": [
            {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "cG5nIQ=="}},
            {"type": "image", "source": {"type": "base64", "media_type": "image/jpeg", "data": "anBlZw=="}},
            {"type": "text", "text": "What?"},
        ]}]);
        let parts = json!([{"role": "user", "parts": [
            {"inlineData": {"mimeType": "image/png", "data": "cG5nIQ=="}},
            {"inlineData": {"mimeType": "image/jpeg", "data": "anBlZw=="}},
            {"text": "What?"},
        ]}]);
        for row in crate::providers::table::PROVIDERS {
            let expected = match row.dialect {
                crate::types::DialectKind::Openai | crate::types::DialectKind::Cohere => &urls,
                crate::types::DialectKind::Anthropic => &blocks,
                crate::types::DialectKind::Gemini => &parts,
            };
            assert_eq!(&messages(row.name, two()), expected, "{}", row.name);
        }
    }

    #[test]
    fn without_pictures_the_content_stays_a_string() {
        let plain = json!([{"role": "user", "content": "What?"}]);
        for provider in ["openai", "anthropic", "cohere", "groq"] {
            assert_eq!(messages(provider, Vec::new()), plain, "{provider}");
        }
        assert_eq!(messages("gemini", Vec::new()), json!([{"role": "user", "parts": [{"text": "What?"}]}]));
    }

    #[test]
    fn an_empty_text_is_left_out() {
        let only = Message { images: vec![picture("a", ImageKind::Webp, b"webp")], ..Message::user("") };
        assert_eq!(url_parts(&only).as_array().unwrap().len(), 1);
        assert_eq!(source_blocks(&only)[0]["source"]["media_type"], "image/webp");
    }
}
