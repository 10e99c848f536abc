//! What goes wrong with the file, said so that somebody can do something about it.

use std::io;
use std::path::Path;

use redb::{DatabaseError, StorageError};

use crate::kanban::broker::BrokerError;

/// Of an operation of the system on the file, while `doing` something to it.
pub(super) fn of_io(path: &Path, doing: &str, error: &io::Error) -> BrokerError {
    use io::ErrorKind as Kind;
    let file = path.display();
    match error.kind() {
        Kind::StorageFull | Kind::QuotaExceeded | Kind::FileTooLarge => BrokerError::Full(format!(
            "{doing} {file}: {error}: make room on its disk; what was confirmed is kept"
        )),
        Kind::NotFound => BrokerError::Unusable(format!(
            "{doing} {file}: its directory is missing: create it, or set broker.path"
        )),
        Kind::PermissionDenied | Kind::ReadOnlyFilesystem => BrokerError::Unusable(format!(
            "{doing} {file}: {error}: let this user read and write it and its directory, or set broker.path"
        )),
        Kind::IsADirectory | Kind::NotADirectory => {
            BrokerError::Unusable(format!("{doing} {file}: {error}: set broker.path to a file"))
        }
        Kind::InvalidData | Kind::UnexpectedEof => damaged(path, error),
        _ => BrokerError::Unavailable(format!("{doing} {file}: {error}")),
    }
}

/// Of redb's storage.
pub(super) fn of_storage(path: &Path, doing: &str, error: &StorageError) -> BrokerError {
    match error {
        StorageError::Io(error) => of_io(path, doing, error),
        StorageError::Corrupted(_) => damaged(path, error),
        error => BrokerError::Unavailable(format!("{doing} {}: {error}", path.display())),
    }
}

/// Of opening it.
pub(super) fn of_database(path: &Path, error: &DatabaseError) -> BrokerError {
    let file = path.display();
    match error {
        DatabaseError::DatabaseAlreadyOpen | DatabaseError::LockProtocolMismatch => {
            BrokerError::Unusable(format!(
                "{file} is open already, here or in another process: give each its own file (broker.path), or stop the other"
            ))
        }
        DatabaseError::UpgradeRequired(_) => foreign(path, "an old redb file"),
        DatabaseError::Storage(error) => of_storage(path, "opening", error),
        error => damaged(path, error),
    }
}

/// Of any other operation of redb.
pub(super) fn of_redb(path: &Path, doing: &str, error: impl Into<redb::Error>) -> BrokerError {
    match error.into() {
        redb::Error::Io(error) => of_io(path, doing, &error),
        error @ (redb::Error::Corrupted(_)
        | redb::Error::TableTypeMismatch { .. }
        | redb::Error::TypeDefinitionChanged { .. }
        | redb::Error::TableIsMultimap(_)) => damaged(path, error),
        error => BrokerError::Unavailable(format!("{doing} {}: {error}", path.display())),
    }
}

/// The file is none of ours.
pub(super) fn foreign(path: &Path, what: &str) -> BrokerError {
    BrokerError::Unusable(format!(
        "{} is {what}, not a queue of heijunka; it was left as it is: set broker.path to another file",
        path.display()
    ))
}

/// The file cannot be read.
pub(super) fn damaged(path: &Path, error: impl std::fmt::Display) -> BrokerError {
    BrokerError::Unusable(format!(
        "{} is damaged or cut short ({error}): put a copy of it back, or move it away to begin with an empty queue",
        path.display()
    ))
}
