//! Whom we trust, who we are, and the handshake.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore};

use super::stream::Encrypted;
use super::words;
use crate::kanban::amqp::settings::{AmqpSettings, AmqpTls};
use crate::kanban::broker::BrokerError;
use crate::time::Deadline;

/// Encrypts the connection. The socket blocks until that is done: to be watched.
pub(super) fn encrypt(
    settings: &AmqpSettings,
    tls: &AmqpTls,
    mut socket: TcpStream,
    deadline: &Deadline,
) -> Result<Encrypted<mio06::net::TcpStream>, BrokerError> {
    let unusable = |why: String| BrokerError::Unusable(format!("{}: {why}", settings.place()));
    let config = config(tls).map_err(unusable)?;
    let name = ServerName::try_from(words::name(settings).to_owned()).map_err(|_| {
        unusable(format!(
            "{:?} is no name that a certificate can be for: set tls.server_name",
            words::name(settings)
        ))
    })?;
    let connection = ClientConnection::new(Arc::new(config), name);
    let mut connection = connection.map_err(|error| unusable(error.to_string()))?;
    shake(&mut connection, &mut socket).map_err(|error| words::failed(settings, &error, deadline))?;
    Ok(Encrypted::new(connection, super::unblocked(settings, socket)?))
}

fn shake(tls: &mut ClientConnection, socket: &mut (impl Read + Write)) -> io::Result<()> {
    while tls.is_handshaking() {
        tls.complete_io(socket)?;
    }
    // The last words of ours, which the server may have to judge.
    while tls.wants_write() {
        tls.write_tls(socket)?;
    }
    Ok(())
}

/// Or what is wrong with the files.
pub(super) fn config(tls: &AmqpTls) -> Result<ClientConfig, String> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_root_certificates(trusted(tls.ca.as_deref())?);
    let (Some(cert), Some(key)) = (&tls.cert, &tls.key) else {
        return Ok(builder.with_no_client_auth());
    };
    let chain = certificates("tls.cert", cert)?;
    let secret = PrivateKeyDer::from_pem_file(key).map_err(|error| {
        let cure = "it must hold a key in PEM that is not encrypted";
        format!("tls.key {} cannot be used: {error}; {cure}", key.display())
    })?;
    builder.with_client_auth_cert(chain, secret).map_err(|error| {
        format!("tls.cert {} and tls.key {} cannot be used: {error}", cert.display(), key.display())
    })
}

fn trusted(file: Option<&Path>) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    if let Some(file) = file {
        for certificate in certificates("tls.ca", file)? {
            roots
                .add(certificate)
                .map_err(|error| format!("tls.ca {} cannot be used: {error}", file.display()))?;
        }
        return Ok(roots);
    }
    let found = rustls_native_certs::load_native_certs();
    // The system may have some that are of no use here.
    roots.add_parsable_certificates(found.certs);
    if roots.is_empty() {
        let why = found.errors.first().map(|error| format!(" ({error})")).unwrap_or_default();
        return Err(format!("the system has no certificates of authorities{why}: set tls.ca"));
    }
    Ok(roots)
}

fn certificates(key: &str, file: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let read = CertificateDer::pem_file_iter(file).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    match read {
        Ok(all) if all.is_empty() => {
            Err(format!("{key} {} cannot be used: there is no certificate in it (PEM)", file.display()))
        }
        Ok(all) => Ok(all),
        Err(error) => Err(format!("{key} {} cannot be used: {error}", file.display())),
    }
}
