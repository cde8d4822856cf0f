//! TLS: rustls on ring, the built-in authorities, and the system's where those do not do.
//!
//! The built-in authorities cost nothing to load. A company's own authority is usually in the system's
//! store, which takes a few milliseconds to read; so it is read only when a certificate's issuer is
//! not among the built-in ones, in the middle of that same handshake.

use std::path::Path;
use std::sync::{Arc, LazyLock};

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
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
        Some(path) => finish(&provider, webpki(read(path)?, &provider)?),
        None => with_system(&provider, {
            let provider = Arc::clone(&provider);
            Box::new(move || Some(Arc::new(rustls_platform_verifier::Verifier::new(provider).ok()?)))
        }),
    }
}

/// The built-in authorities, and those of this loader for issuers that are not among them.
pub(super) fn with_system(provider: &Arc<CryptoProvider>, system: Loader) -> Result<ClientConfig, Error> {
    let roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    let built_in = webpki(roots, provider)?;
    finish(provider, Arc::new(BuiltInThenSystem { built_in, system: LazyLock::new(system) }))
}

fn finish(provider: &Arc<CryptoProvider>, verifier: Verifier) -> Result<ClientConfig, Error> {
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

/// The certificates of a PEM file; an error when there are none, since then nothing could be reached.
fn read(path: &Path) -> Result<RootCertStore, Error> {
    let unfit = |why: String| {
        Error::new(Kind::Config, format!("SSL_CERT_FILE: {}: {why}", path.display()))
            .hint("it must be a PEM file with the certificates of the authorities to trust")
    };
    let bytes = std::fs::read(path).map_err(|error| unfit(error.to_string()))?;
    let certificates: Vec<_> = CertificateDer::pem_slice_iter(&bytes).filter_map(Result::ok).collect();
    let mut roots = RootCertStore::empty();
    let (added, _) = roots.add_parsable_certificates(certificates);
    if added == 0 {
        return Err(unfit("there is no certificate in it".to_owned()));
    }
    Ok(roots)
}

/// Asks the system's store about an issuer that the built-in authorities do not know.
#[derive(Debug)]
struct BuiltInThenSystem {
    built_in: Arc<WebPkiServerVerifier>,
    system: LazyLock<Option<Verifier>, Loader>,
}

impl ServerCertVerifier for BuiltInThenSystem {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let verify = |by: &dyn ServerCertVerifier| by.verify_server_cert(end_entity, intermediates, name, ocsp, now);
        let verdict = verify(&*self.built_in);
        if !matches!(verdict, Err(rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer))) {
            return verdict;
        }
        self.system.as_ref().map_or(verdict, |system| verify(&**system))
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.built_in.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.built_in.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.built_in.supported_verify_schemes()
    }
}
