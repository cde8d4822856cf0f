//! Base URLs: what is a usable one, and what a host without its scheme stands for.
//!
//! Strict on purpose: a URL that two readers could take apart differently decides where a key is sent.

/// What a base URL must be, for messages.
pub(super) const ALLOWED: &str = "a base URL such as https://host/v1, without user, query or fragment";

/// What the address of a webhook must be, for messages.
pub(super) const WEBHOOK: &str = "an http(s) address without a user name in it";

/// Whether this is `http(s)://host[:port][/path][?query]`.
pub(super) fn is_webhook(text: &str) -> bool {
    let before_query = text.split_once('?').map_or(text, |(before, _)| before);
    let plain = |c: char| c.is_ascii_graphic() && !"\\\"<>`{}|^#".contains(c);
    base_url(before_query).is_some() && text.chars().all(plain)
}

/// The base URL without its trailing slashes; `None` unless it is plain `http(s)://host[:port][/path]`.
pub(super) fn base_url(text: &str) -> Option<String> {
    let (scheme, rest) = text.split_once("://")?;
    if !["http", "https"].iter().any(|known| scheme.eq_ignore_ascii_case(known)) {
        return None;
    }
    let path_at = rest.find('/').unwrap_or(rest.len());
    let (authority, path) = rest.split_at(path_at);
    let plain = |c: char| c.is_ascii_graphic() && !"\\@?#\"'<>`{}|^".contains(c);
    if !text.chars().all(plain) || !is_authority(authority) {
        return None;
    }
    Some(format!("{}://{authority}{}", scheme.to_ascii_lowercase(), path.trim_end_matches('/')))
}

/// A base URL that may lack its scheme, its host or its port, as `OLLAMA_HOST` may: the missing parts come
/// from the default one, and an address to listen on ("any") becomes the one to call.
pub(super) fn base_url_of_host(text: &str, default: &str) -> Option<String> {
    let (default_scheme, default_authority) = default.split_once("://")?;
    let (default_host, default_port) = host_and_port(default_authority)?;
    let (scheme, rest) = text.split_once("://").map_or((None, text), |(scheme, rest)| (Some(scheme), rest));
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let bare_v6 = authority.parse::<std::net::Ipv6Addr>().is_ok();
    let bracketed = if bare_v6 { format!("[{authority}]") } else { authority.to_owned() };
    let (host, port) = host_and_port(&bracketed)?;
    let host = match host {
        "" | "0.0.0.0" => default_host,
        "[::]" => "[::1]",
        host => host,
    };
    // With a scheme, a missing port is the scheme's own.
    let port = port.or(if scheme.is_none() { default_port } else { None });
    let port = port.map(|port| format!(":{port}")).unwrap_or_default();
    base_url(&format!("{}://{host}{port}{path}", scheme.unwrap_or(default_scheme)))
}

/// Whether what is sent there can be read on the way: plain HTTP to another machine.
pub(super) fn is_readable_on_the_way(base_url: &str) -> bool {
    let Some(rest) = base_url.strip_prefix("http://") else { return false };
    let authority = rest.split(['/', '?']).next().unwrap_or_default();
    let host = host_and_port(authority).map_or(authority, |(host, _)| host);
    let host = host.trim_start_matches('[').trim_end_matches(']');
    match host.parse::<std::net::IpAddr>() {
        Ok(ip) => !ip.to_canonical().is_loopback(),
        Err(_) => host != "localhost" && !host.ends_with(".localhost"),
    }
}

fn is_authority(authority: &str) -> bool {
    let Some((host, port)) = host_and_port(authority) else { return false };
    let named = !host.is_empty() && host.chars().all(|c| c.is_ascii_alphanumeric() || "-._".contains(c));
    let v6 = host.strip_prefix('[').and_then(|h| h.strip_suffix(']'));
    let host_ok = v6.map_or(named, |address| address.parse::<std::net::Ipv6Addr>().is_ok());
    host_ok && port.is_none_or(|port| port.bytes().all(|b| b.is_ascii_digit()) && port.parse::<u16>().is_ok())
}

/// `host:port` apart; brackets stay with an IPv6 address. `None` for brackets that do not match.
fn host_and_port(authority: &str) -> Option<(&str, Option<&str>)> {
    let host_end = match authority.starts_with('[') {
        true => authority.find(']')? + 1,
        false => authority.find(':').unwrap_or(authority.len()),
    };
    let (host, port) = authority.split_at(host_end);
    match port.strip_prefix(':') {
        Some(port) => Some((host, Some(port))),
        None if port.is_empty() => Some((host, None)),
        None => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base_urls_are_plain() {
        let good = [
            ("https://api.openai.com/v1", "https://api.openai.com/v1"),
            ("https://api.openai.com/v1/", "https://api.openai.com/v1"),
            ("HTTPS://host//", "https://host"),
            ("http://127.0.0.1:8000", "http://127.0.0.1:8000"),
            ("http://[::1]:8000/v1", "http://[::1]:8000/v1"),
            ("http://my_host.local", "http://my_host.local"),
        ];
        for (text, url) in good {
            assert_eq!(base_url(text).as_deref(), Some(url), "{text}");
        }
        let bad = [
            "",
            "host",
            "ftp://host",
            "https://",
            "https:///v1",
            "https://user@host",
            "https://u:p@host/v1",
            "https://host?x=1",
            "https://host/#f",
            "https:\\\\host",
            "https://host\\@evil",
            "https://host:x",
            "https://host:99999",
            "https://host:",
            "https://ho st",
            "https://host/a b",
            "https://[::1",
            "https://[x]",
            "https://[::1]x",
            "https://höst",
            "https://%68ost",
            "https://host\n",
            "javascript://host",
            "//host",
        ];
        for text in bad {
            assert_eq!(base_url(text), None, "{text:?}");
        }
    }

    #[test]
    fn plain_http_is_for_one_s_own_machine() {
        for (url, readable) in [
            ("http://gateway.example/v1", true),
            ("http://192.0.2.7:8000", true),
            ("http://localhost.example", true),
            ("https://gateway.example/v1", false),
            ("http://localhost:8000/v1", false),
            ("http://127.0.0.1:8000", false),
            ("http://[::1]:8000/v1", false),
        ] {
            assert_eq!(is_readable_on_the_way(url), readable, "{url}");
        }
    }

    #[test]
    fn a_host_gets_what_it_lacks() {
        let cases = [
            ("localhost", Some("http://localhost:11434")),
            ("0.0.0.0", Some("http://127.0.0.1:11434")),
            ("0.0.0.0:9", Some("http://127.0.0.1:9")),
            (":9", Some("http://127.0.0.1:9")),
            ("10.0.0.5:9/", Some("http://10.0.0.5:9")),
            ("gpu.lan", Some("http://gpu.lan:11434")),
            ("::1", Some("http://[::1]:11434")),
            ("[::]:9", Some("http://[::1]:9")),
            ("http://0.0.0.0:9", Some("http://127.0.0.1:9")),
            ("http://gpu.lan", Some("http://gpu.lan")),
            ("https://gpu.lan/ollama/", Some("https://gpu.lan/ollama")),
            ("user@gpu.lan", None),
            ("gpu lan", None),
            ("ftp://gpu.lan", None),
            ("gpu.lan:port", None),
        ];
        for (text, url) in cases {
            assert_eq!(base_url_of_host(text, "http://127.0.0.1:11434").as_deref(), url, "{text}");
        }
    }
}
