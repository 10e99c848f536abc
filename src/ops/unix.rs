//! The Unix socket: only its owner may connect, only one process serves on it, and what a dead one left is replaced.

use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _};
use std::os::unix::net;
use std::path::{Path, PathBuf};

use mio::event::Source;
use mio::net::UnixListener;
use rustix::fs::{FlockOperation, Mode, OFlags, flock, open};
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, bind, listen, socket_with};

use super::error::OpsError;
use super::socket::{Door, Socket};

/// Connections that the system keeps until they are accepted.
const BACKLOG: i32 = 128;

/// A socket that is listened on. Its file goes when it is dropped.
#[derive(Debug)]
pub(super) struct UnixDoor {
    listener: UnixListener,
    _file: SocketFile,
}

/// The file of a socket, and the lock that says whose it is.
#[derive(Debug)]
struct SocketFile {
    path: PathBuf,
    /// Device and number: another process may have put something else there, against the lock.
    identity: (u64, u64),
    /// Held for as long as the socket is served; the system lets go of it when the process ends in whatever way. Its file
    /// stays, since removing it would let two processes hold it.
    _lock: OwnedFd,
}

impl UnixDoor {
    pub(super) fn open(path: &Path) -> Result<Self, OpsError> {
        let fault = |error: io::Error| OpsError::Socket(path.to_owned(), error);
        let address = SocketAddrUnix::new(path).map_err(|_| OpsError::Path(path.to_owned()))?;
        let lock = lock(path)?;
        make_room(path)?;
        let socket = socket(AddressFamily::UNIX).map_err(fault)?;
        bind(&socket, &address).map_err(|error| fault(error.into()))?;
        // Nobody can connect before it listens, so that nobody comes in before only the owner may.
        let opened = fs::set_permissions(path, fs::Permissions::from_mode(0o600))
            .and_then(|()| fs::symlink_metadata(path))
            .and_then(|file| Ok((file, listen(&socket, BACKLOG)?)));
        let (file, ()) = opened.map_err(|error| {
            let _ = fs::remove_file(path);
            fault(error)
        })?;
        let file = SocketFile { path: path.to_owned(), identity: (file.dev(), file.ino()), _lock: lock };
        let listener = net::UnixListener::from(socket);
        listener.set_nonblocking(true).map_err(fault)?;
        Ok(Self { listener: UnixListener::from_std(listener), _file: file })
    }
}

/// Takes the lock beside the socket.
fn lock(path: &Path) -> Result<OwnedFd, OpsError> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".lock");
    let flags = OFlags::CREATE | OFlags::RDWR | OFlags::CLOEXEC | OFlags::NOFOLLOW;
    let file = open(Path::new(&beside), flags, Mode::RUSR | Mode::WUSR)
        .map_err(|error| OpsError::Socket(PathBuf::from(&beside), error.into()))?;
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(file),
        Err(rustix::io::Errno::WOULDBLOCK) => Err(OpsError::InUse(path.to_owned())),
        Err(error) => Err(OpsError::Socket(beside.into(), error.into())),
    }
}

/// Removes the socket of a process that is no more. The lock is held: nobody of ours is coming up beside.
fn make_room(path: &Path) -> Result<(), OpsError> {
    let fault = |error| OpsError::Socket(path.to_owned(), error);
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(fault(error)),
        Ok(file) if !file.file_type().is_socket() => return Err(OpsError::NotASocket(path.to_owned())),
        Ok(_) => {}
    }
    match net::UnixStream::connect(path) {
        // One that does not know of the lock, perhaps another program.
        Ok(_) => Err(OpsError::InUse(path.to_owned())),
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            fs::remove_file(path).map_err(fault)
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(fault(error)),
    }
}

/// A stream socket that no program of ours inherits.
pub(super) fn socket(family: AddressFamily) -> io::Result<OwnedFd> {
    #[cfg(not(target_vendor = "apple"))]
    let flags = SocketFlags::CLOEXEC;
    #[cfg(target_vendor = "apple")]
    let flags = SocketFlags::empty();
    let socket = socket_with(family, SocketType::STREAM, flags, None)?;
    #[cfg(target_vendor = "apple")]
    rustix::io::fcntl_setfd(&socket, rustix::io::FdFlags::CLOEXEC)?;
    Ok(socket)
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        let ours =
            fs::symlink_metadata(&self.path).is_ok_and(|file| (file.dev(), file.ino()) == self.identity);
        if ours {
            let _ = fs::remove_file(&self.path);
        }
    }
}

impl Door for UnixDoor {
    fn accept(&mut self) -> io::Result<Box<dyn Socket>> {
        let (stream, _) = self.listener.accept()?;
        Ok(Box::new(stream))
    }

    fn source(&mut self) -> &mut dyn Source {
        &mut self.listener
    }
}
