//! Where the service is: a Unix socket, or a port that speaks HTTP.

use std::fmt;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::args::Whereabouts;
use super::error::ControlError;

/// Longer than this, no connection is waited for.
const CONNECT: Duration = Duration::from_secs(10);

/// Bytes of a token.
const LONGEST_TOKEN: usize = 4096;

/// Names the file of the token that is sent where nothing but this machine can hear it.
const TOKEN_FILE: &str = "HEIJUNKA_TOKEN_FILE";

pub(super) trait Stream: Read + Write {}
impl<T: Read + Write> Stream for T {}

/// Where the service is.
#[derive(Clone, Debug)]
pub(super) enum Place {
    Socket {
        path: PathBuf,
        /// The path was not looked for in a place where others may put things.
        given: bool,
    },
    Http {
        /// Host and port, as they stand in the URL.
        authority: String,
        token: Option<Token>,
    },
}

/// What whoever acts over TCP has to know.
#[derive(Clone)]
pub(super) struct Token {
    text: String,
    /// Named on the command line for this URL, and not found around us.
    given: bool,
}

impl Place {
    pub(super) fn of(args: &Whereabouts) -> Result<Self, ControlError> {
        if let Some(url) = &args.url {
            let token = match (&args.token_file, variable(TOKEN_FILE)) {
                (Some(file), _) => Some(Token::read(file, true)?),
                (None, Some(file)) => Some(Token::read(&file, false)?),
                (None, None) => None,
            };
            return Ok(Place::Http { authority: authority(url)?, token });
        }
        Ok(match args.socket.clone().or_else(|| variable("HEIJUNKA_SOCKET")) {
            Some(path) => Place::Socket { path, given: true },
            None => Place::Socket { path: heijunka::ops::default_socket(), given: false },
        })
    }

    /// What the service is called in a request.
    pub(super) fn host(&self) -> &str {
        match self {
            Place::Socket { .. } => "heijunka",
            Place::Http { authority, .. } => authority,
        }
    }

    /// A connection, and the token if it may be sent through it.
    pub(super) fn connect(
        &self,
        patience: Duration,
    ) -> Result<(Box<dyn Stream>, Option<&str>), ControlError> {
        match self {
            Place::Socket { path, given } => Ok((socket(path, *given, patience)?, None)),
            Place::Http { authority, token } => {
                let stream =
                    dial(authority, patience.min(CONNECT)).map_err(|error| self.unreachable(error))?;
                stream.set_read_timeout(Some(patience))?;
                stream.set_write_timeout(Some(patience))?;
                let stays_here = stream.peer_addr()?.ip().is_loopback();
                let token = token.as_ref().filter(|token| token.given || stays_here);
                Ok((Box::new(stream), token.map(|token| token.text.as_str())))
            }
        }
    }

    fn unreachable(&self, error: io::Error) -> ControlError {
        ControlError::Unreachable(self.to_string(), error)
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Socket { path, .. } => path.display().fmt(f),
            Place::Http { authority, .. } => write!(f, "http://{authority}"),
        }
    }
}

impl Token {
    fn read(file: &Path, given: bool) -> Result<Self, ControlError> {
        let text = std::fs::read_to_string(file).map_err(|error| ControlError::File(file.into(), error))?;
        let text = text.trim();
        if text.is_empty() || text.len() > LONGEST_TOKEN || !text.bytes().all(|byte| byte.is_ascii_graphic())
        {
            let why = "expected one line of visible ASCII without blanks";
            return Err(ControlError::Invalid(format!("{} holds no token: {why}", file.display())));
        }
        Ok(Self { text: text.to_owned(), given })
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(..)")
    }
}

/// What an environment variable says, if it says anything.
fn variable(name: &str) -> Option<PathBuf> {
    std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from)
}

/// Host and port of a URL that names nothing else.
fn authority(url: &str) -> Result<String, ControlError> {
    let wrong = |why: &str| ControlError::Invalid(format!("--url {url}: {why}"));
    if url.starts_with("https://") {
        return Err(wrong(
            "https is not spoken: use http:// on this machine, or through a tunnel such as ssh -L 9090:127.0.0.1:9090 HOST",
        ));
    }
    let rest = url.strip_prefix("http://").ok_or_else(|| wrong("expected http://HOST:PORT"))?;
    let rest = rest.strip_suffix('/').unwrap_or(rest);
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-._:[]".contains(c);
    if rest.is_empty() || !rest.chars().all(is_plain) {
        return Err(wrong("expected http://HOST:PORT, and nothing behind it"));
    }
    let has_port = rest.rsplit_once(':').is_some_and(|(host, port)| {
        !host.is_empty() && !port.contains(']') && port.parse::<u16>().is_ok_and(|port| port > 0)
    });
    if !has_port {
        return Err(wrong("it names no port; heijunka run listens on 9090 unless told"));
    }
    Ok(rest.to_owned())
}

/// Whichever of the host's addresses answers first, in their order.
fn dial(authority: &str, within: Duration) -> io::Result<TcpStream> {
    let addresses: Vec<SocketAddr> = authority.to_socket_addrs()?.collect();
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    for address in addresses {
        match TcpStream::connect_timeout(&address, within) {
            Ok(stream) => return Ok(stream),
            Err(error) => last = error,
        }
    }
    Err(last)
}

#[cfg(unix)]
fn socket(path: &Path, given: bool, patience: Duration) -> Result<Box<dyn Stream>, ControlError> {
    use std::os::unix::fs::MetadataExt as _;
    use std::os::unix::net::UnixStream;

    let fault = |error| ControlError::NoSocket(path.to_owned(), error);
    let owner = std::fs::metadata(path).map_err(fault)?.uid();
    let own = rustix::process::getuid().as_raw();
    // Anybody could listen in a folder that all may write to. Root may use every socket, if told to.
    if owner != own && owner != 0 && !(own == 0 && given) {
        return Err(ControlError::Foreign(path.to_owned()));
    }
    let stream = UnixStream::connect(path).map_err(fault)?;
    stream.set_read_timeout(Some(patience))?;
    stream.set_write_timeout(Some(patience))?;
    Ok(Box::new(stream))
}

#[cfg(not(unix))]
fn socket(path: &Path, _given: bool, _patience: Duration) -> Result<Box<dyn Stream>, ControlError> {
    let error = io::Error::new(io::ErrorKind::Unsupported, "this system has no Unix sockets: use --url");
    Err(ControlError::NoSocket(path.to_owned(), error))
}

#[cfg(test)]
mod tests;
