//! TLS: rustls on ring, the built-in authorities, and the system's where those do not do.
//!
//! The built-in authorities cost nothing to load. A company's own authority is usually in the system's
//! store, which takes a few milliseconds to read; so it is read only when a certificate's issuer is
//! not among the built-in ones, in the middle of that same handshake. A file of authorities is read at once, so that
//! one that cannot be used is told of, and its authorities (a system's whole list, often) are decoded when the first
//! certificate is there to be verified.

use std::path::Path;
use std::sync::{Arc, LazyLock};

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};

use crate::error::{Error, Kind};

type Verifier = Arc<dyn ServerCertVerifier>;
type Loader = Box<dyn FnOnce() -> Option<Verifier> + Send>;

/// The configuration: authorities of that file alone, or the built-in ones and then the system's.
pub(super) fn config(cert_file: Option<&Path>) -> Result<ClientConfig, Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    match cert_file {
        Some(path) => {
            let (bytes, at) = (read(path)?, Arc::clone(&provider));
            let loader = Box::new(move || Some(webpki(authorities(&bytes), &at).ok()? as Verifier));
            finish(&provider, None, loader)
        }
        None => with_system(&provider, {
            let provider = Arc::clone(&provider);
            Box::new(move || Some(Arc::new(rustls_platform_verifier::Verifier::new(provider).ok()?)))
        }),
    }
}

/// The built-in authorities, and those of this loader for issuers that are not among them.
pub(super) fn with_system(provider: &Arc<CryptoProvider>, system: Loader) -> Result<ClientConfig, Error> {
    let roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    finish(provider, Some(webpki(roots, provider)?), system)
}

fn finish(
    provider: &Arc<CryptoProvider>,
    built_in: Option<Arc<WebPkiServerVerifier>>,
    loader: Loader,
) -> Result<ClientConfig, Error> {
    let verifier = Arc::new(Lazily { provider: Arc::clone(provider), built_in, loaded: LazyLock::new(loader) });
    let mut config = ClientConfig::builder_with_provider(Arc::clone(provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| unusable(&error))?
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

pub(super) fn webpki(roots: RootCertStore, provider: &Arc<CryptoProvider>) -> Result<Arc<WebPkiServerVerifier>, Error> {
    WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider))
        .build()
        .map_err(|error| unusable(&error))
}

fn unusable(error: &dyn std::error::Error) -> Error {
    Error::new(Kind::Other, format!("cannot set up TLS: {error}"))
}

/// A PEM file of authorities; an error when there are none in it, since then nothing could be reached.
fn read(path: &Path) -> Result<Vec<u8>, Error> {
    let unfit = |why: String| {
        Error::new(Kind::Config, format!("SSL_CERT_FILE: {}: {why}", path.display()))
            .hint("it must be a PEM file with the certificates of the authorities to trust")
    };
    let bytes = std::fs::read(path).map_err(|error| unfit(error.to_string()))?;
    let usable = |certificate| RootCertStore::empty().add(certificate).is_ok();
    match CertificateDer::pem_slice_iter(&bytes).filter_map(Result::ok).any(usable) {
        true => Ok(bytes),
        false => Err(unfit("there is no certificate in it".to_owned())),
    }
}

/// All authorities of a PEM file that can be used.
fn authorities(pem: &[u8]) -> RootCertStore {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(CertificateDer::pem_slice_iter(pem).filter_map(Result::ok));
    roots
}

/// Asks the built-in authorities, where they count, and then those that are loaded when somebody has to be asked.
struct Lazily {
    provider: Arc<CryptoProvider>,
    built_in: Option<Arc<WebPkiServerVerifier>>,
    loaded: LazyLock<Option<Verifier>, Loader>,
}

impl std::fmt::Debug for Lazily {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Lazily")
    }
}

impl ServerCertVerifier for Lazily {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let unknown = rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer);
        let verify = |by: &dyn ServerCertVerifier| by.verify_server_cert(end_entity, intermediates, name, ocsp, now);
        let verdict = self.built_in.as_ref().map_or(Err(unknown), |built_in| verify(&**built_in));
        if !matches!(verdict, Err(rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer))) {
            return verdict;
        }
        self.loaded.as_ref().map_or(verdict, |loaded| verify(&**loaded))
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
