//! What went wrong with the encryption, and what would help.

use std::io;

use rustls::{AlertDescription, CertificateError, Error};

use crate::kanban::amqp::settings::AmqpSettings;
use crate::kanban::broker::BrokerError;
use crate::time::Deadline;

/// The name that the server's certificate must be for.
pub(super) fn name(settings: &AmqpSettings) -> &str {
    settings.tls.as_ref().and_then(|tls| tls.server_name.as_deref()).unwrap_or(&settings.host)
}

/// The reason for an error of a stream, if it is the encryption.
pub(super) fn reason(error: &io::Error) -> Option<&Error> {
    error.get_ref()?.downcast_ref()
}

/// Why the handshake failed.
pub(super) fn failed(settings: &AmqpSettings, error: &io::Error, deadline: &Deadline) -> BrokerError {
    let (place, port) = (settings.place(), settings.port);
    if let Some(reason) = reason(error) {
        return told(settings, reason);
    }
    BrokerError::Unavailable(if deadline.passed() {
        format!(
            "{place}: no encrypted connection within {:?}; is {port} the port for encrypted connections, mostly 5671?",
            settings.connect_timeout
        )
    } else {
        format!(
            "{place}: no encrypted connection: {error}; is {port} the port for encrypted connections, mostly 5671, and its \
             certificate in order? See the server's log"
        )
    })
}

pub(super) fn told(settings: &AmqpSettings, error: &Error) -> BrokerError {
    let (place, port) = (settings.place(), settings.port);
    let has_own = settings.tls.as_ref().is_some_and(|tls| tls.cert.is_some());
    match error {
        Error::InvalidCertificate(why) => distrusted(settings, why),
        Error::InvalidMessage(_) => BrokerError::Unusable(format!(
            "{place}: no TLS is spoken there ({error}); {port} may be the port without encryption: set the port for encrypted \
             connections, mostly 5671"
        )),
        // The older TLS has no word for it.
        Error::AlertReceived(AlertDescription::CertificateRequired | AlertDescription::HandshakeFailure)
            if !has_own =>
        {
            BrokerError::Refused(format!(
                "{place}: the server wants a certificate of ours: set tls.cert and tls.key ({error})"
            ))
        }
        Error::AlertReceived(
            AlertDescription::UnknownCA
            | AlertDescription::BadCertificate
            | AlertDescription::UnsupportedCertificate
            | AlertDescription::CertificateRevoked
            | AlertDescription::CertificateExpired
            | AlertDescription::CertificateUnknown
            | AlertDescription::AccessDenied,
        ) => BrokerError::Refused(format!(
            "{place}: the server does not accept our certificate: check tls.cert, and whom the server trusts \
             (ssl_options.cacertfile) ({error})"
        )),
        _ => BrokerError::Unavailable(format!("{place}: no encrypted connection: {error}")),
    }
}

/// What is wrong with the server's certificate.
fn distrusted(settings: &AmqpSettings, why: &CertificateError) -> BrokerError {
    let (place, name) = (settings.place(), name(settings));
    match why {
        // The latter if there is an authority of the same name.
        CertificateError::UnknownIssuer | CertificateError::BadSignature => BrokerError::Unusable(format!(
            "{place}: nobody whom we trust vouches for the server's certificate: set tls.ca to the certificate of its authority"
        )),
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            BrokerError::Unusable(format!(
                "{place}: the server's certificate is not for {name:?} ({why}): set tls.server_name, or the host, to a name that is \
                 in it"
            ))
        }
        CertificateError::Expired
        | CertificateError::ExpiredContext { .. }
        | CertificateError::NotValidYet
        | CertificateError::NotValidYetContext { .. } => BrokerError::Unavailable(format!(
            "{place}: the server's certificate is not valid at this time ({why}): renew it, or set the clock"
        )),
        _ => BrokerError::Unavailable(format!(
            "{place}: the server's certificate cannot be trusted: {why}; tls.ca must hold its authority"
        )),
    }
}
