//! What went wrong on the way, in plain words and in the failure class it belongs to.

use std::error::Error as StdError;
use std::io;

use crate::types::{Failure, FailureClass};

/// A request that got no answer's headers.
pub(super) fn of_send(error: &reqwest::Error, host: &str, connect_ms: u64, sent: bool) -> Failure {
    let cause = cause(error);
    let (class, message) = match () {
        () if error.is_builder() => (FailureClass::InvalidRequest, format!("cannot send to {host}: {cause}")),
        () if error.is_connect() && error.is_timeout() => {
            (FailureClass::Timeout, format!("no connection to {host} within {}", seconds(connect_ms)))
        }
        () if error.is_dns() => (FailureClass::Network, format!("cannot find {host}: the name does not resolve")),
        () if error.is_connect() => (FailureClass::Network, format!("cannot connect to {host}: {cause}")),
        () if is_nonsense(error) => (FailureClass::Malformed, format!("{host} does not answer in HTTP: {cause}")),
        () => (FailureClass::Network, format!("the connection to {host} broke before an answer began: {cause}")),
    };
    Failure { unsent: !sent, ..Failure::new(class, message) }
}

/// An answer whose body did not come to its end.
pub(super) fn of_body(error: &reqwest::Error, host: &str, status: u16) -> Failure {
    let cause = cause(error);
    let (class, message) = if is_nonsense(error) {
        (FailureClass::Malformed, format!("the answer of {host} cannot be read: {cause}"))
    } else {
        (FailureClass::Cut, format!("the answer of {host} was cut off: {cause}"))
    };
    Failure::new(class, message).with_status(status)
}

/// Nothing came in time.
pub(super) fn no_first_byte(host: &str, limit_ms: u64, unsent: bool) -> Failure {
    let message = format!("no answer from {host} within {}", seconds(limit_ms));
    Failure { unsent, ..Failure::new(FailureClass::Timeout, message) }
}

/// It went silent in the middle.
pub(super) fn silence(host: &str, idle_ms: u64, status: u16) -> Failure {
    let message = format!("{host} went silent in the middle of its answer for {}", seconds(idle_ms));
    Failure::new(FailureClass::Timeout, message).with_status(status)
}

/// More than anybody could want to read.
pub(super) fn too_large(host: &str, max_bytes: usize, status: u16) -> Failure {
    let message = format!("the answer of {host} is larger than {} KiB", max_bytes.div_ceil(1024));
    Failure::new(FailureClass::Malformed, message).with_status(status)
}

/// The innermost cause in plain words. Outer errors are left out: they name the whole URL.
pub(super) fn cause(error: &reqwest::Error) -> String {
    if let Some(tls) = find::<rustls::Error>(error) {
        return tls_cause(tls);
    }
    match chain(error).last() {
        Some(last) => io_kind(last).unwrap_or_else(|| last.to_string()),
        None => "it cannot be sent".to_owned(),
    }
}

fn tls_cause(error: &rustls::Error) -> String {
    use rustls::CertificateError as Cert;
    use rustls::{Error as Tls, InvalidMessage};
    match error {
        Tls::InvalidCertificate(Cert::UnknownIssuer) => "its certificate is signed by an authority unknown here; \
             SSL_CERT_FILE names a file with a company's own"
            .to_owned(),
        Tls::InvalidCertificate(Cert::Expired | Cert::ExpiredContext { .. }) => {
            "its certificate has expired, or this machine's clock is wrong".to_owned()
        }
        Tls::InvalidCertificate(Cert::NotValidForName | Cert::NotValidForNameContext { .. }) => {
            "its certificate is for another name".to_owned()
        }
        Tls::InvalidMessage(InvalidMessage::InvalidContentType) => {
            "it does not speak TLS there; is the base URL meant to begin with http:// ?".to_owned()
        }
        other => format!("TLS failed: {other}"),
    }
}

/// Whether the bytes were wrong, rather than missing: the innermost I/O error tells, where there is one.
fn is_nonsense(error: &reqwest::Error) -> bool {
    use io::ErrorKind::{InvalidData, InvalidInput, Other};
    let bad_data = |e: &io::Error| e.raw_os_error().is_none() && matches!(e.kind(), InvalidData | InvalidInput | Other);
    chain(error).filter_map(|cause| cause.downcast_ref::<io::Error>()).last().is_some_and(bad_data)
        || find::<hyper::Error>(error).is_some_and(hyper::Error::is_parse)
}

/// `connection refused` instead of `Connection refused (os error 111)`.
fn io_kind(cause: &(dyn StdError + 'static)) -> Option<String> {
    let error = cause.downcast_ref::<io::Error>()?;
    error.raw_os_error().map(|_| error.kind().to_string())
}

fn find<T: StdError + 'static>(error: &reqwest::Error) -> Option<&T> {
    chain(error).find_map(|cause| cause.downcast_ref::<T>())
}

/// The causes below an error, outermost first. An `io::Error` made of another error does not show it
/// as its source, so that one is taken out by hand.
fn chain(error: &reqwest::Error) -> impl Iterator<Item = &(dyn StdError + 'static)> {
    std::iter::successors(error.source(), |cause| inner(*cause))
}

fn inner<'a>(cause: &'a (dyn StdError + 'static)) -> Option<&'a (dyn StdError + 'static)> {
    match cause.downcast_ref::<io::Error>() {
        Some(io) => io.get_ref().map(|inner| inner as &(dyn StdError + 'static)),
        None => cause.source(),
    }
}

fn seconds(ms: u64) -> String {
    if ms.is_multiple_of(1000) { format!("{} s", ms / 1000) } else { format!("{ms} ms") }
}
