//! Where a program is, and whether it may be run.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

use rustix::fs::{Access, access};

use super::error::ProgramError;

/// The whole path of `program`: searched in the folders of `path` if its name has no slash, else taken from `base`.
pub(super) fn program(program: &str, path: &OsStr, base: &Path) -> Result<PathBuf, ProgramError> {
    if program.is_empty() {
        return Err(ProgramError::Empty);
    }
    if program.contains('/') {
        let whole = base.join(program);
        return check(&whole).map(|()| whole.clone());
    }
    // As shells do it: one that may not be run does not hide a later one that may, and is the answer if there is no other.
    let mut error = None;
    for folder in env::split_paths(path).filter(|folder| !folder.as_os_str().is_empty()) {
        let whole = base.join(folder).join(program);
        match check(&whole) {
            Ok(()) => return Ok(whole),
            Err(ProgramError::NotFound { .. }) => {}
            Err(other) => error = error.or(Some(other)),
        }
    }
    let path = Some(path.to_string_lossy().into_owned());
    Err(error.unwrap_or_else(|| ProgramError::NotFound { program: program.to_owned(), path }))
}

/// The whole path of the working directory: a given one, which must be enterable, or this process's.
pub(super) fn directory(given: Option<&Path>) -> Result<PathBuf, ProgramError> {
    let shown = given.unwrap_or(Path::new("."));
    let enter = || {
        let whole = std::path::absolute(shown)?;
        if !fs::metadata(&whole)?.is_dir() {
            return Err(io::Error::from(io::ErrorKind::NotADirectory));
        }
        access(&whole, Access::EXEC_OK)?;
        Ok(whole)
    };
    enter().map_err(|error: io::Error| ProgramError::Directory {
        directory: shown.to_owned(),
        error: error.to_string(),
    })
}

fn check(whole: &Path) -> Result<(), ProgramError> {
    match fs::metadata(whole) {
        Ok(found) if found.is_file() => {
            access(whole, Access::EXEC_OK).map_err(|_| ProgramError::NotExecutable(whole.to_owned()))
        }
        Ok(_) => Err(ProgramError::NotAFile(whole.to_owned())),
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            Err(ProgramError::NotExecutable(whole.to_owned()))
        }
        Err(_) => Err(ProgramError::NotFound { program: whole.to_string_lossy().into_owned(), path: None }),
    }
}
