//! What can be wrong with a program before it ever runs.

use std::fmt;
use std::path::PathBuf;

/// Why a program cannot be a handler, and what would help.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProgramError {
    /// No program was named.
    Empty,
    /// There is no such program.
    NotFound {
        /// As it was named, or the whole path if the name has a slash.
        program: String,
        /// The folders that were searched, for a name without a slash.
        path: Option<String>,
    },
    /// It is there, and this process may not run it.
    NotExecutable(PathBuf),
    /// It is there, and is no file.
    NotAFile(PathBuf),
    /// Its working directory cannot be entered.
    Directory {
        /// Which.
        directory: PathBuf,
        /// What the system says.
        error: String,
    },
    /// A NUL character, which nothing that is handed to a program can hold.
    Nul {
        /// Where: `argv[1]`, or the name of the variable.
        place: String,
    },
    /// This is no name for a variable of the environment.
    Variable(String),
    /// A variable of this name is set for every item, and cannot be configured.
    Reserved(String),
    /// This system has no such programs.
    Unsupported,
}

impl fmt::Display for ProgramError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ProgramError::Empty => f.write_str(
                "no program is named: argv begins with it, such as [\"/usr/bin/send-mail\", \"--one\"]",
            ),
            ProgramError::NotFound { program, path: Some(path) } => write!(
                f,
                "there is no program {program:?} in the folders of PATH, {path:?}: install it, or give its whole path"
            ),
            ProgramError::NotFound { program, path: None } => {
                write!(f, "there is no program {program:?}: install it, or correct its path")
            }
            ProgramError::NotExecutable(path) => {
                let path = path.display();
                write!(f, "{path} may not be executed by this process: try chmod +x, or another user")
            }
            ProgramError::NotAFile(path) => {
                write!(f, "{} is no file: give the path of a program", path.display())
            }
            ProgramError::Directory { directory, error } => {
                let directory = directory.display();
                write!(
                    f,
                    "the working directory {directory} cannot be entered ({error}): create it, or give another"
                )
            }
            ProgramError::Nul { place } => write!(f, "{place} holds a NUL character: remove it"),
            ProgramError::Variable(name) => {
                write!(f, "{name:?} is no name for a variable: it may not be empty nor hold = or NUL")
            }
            ProgramError::Reserved(name) => {
                write!(f, "the variable {name} is set for every item: give yours another name")
            }
            ProgramError::Unsupported => {
                f.write_str("programs as handlers need a Unix system: write the handler in Rust instead")
            }
        }
    }
}

impl std::error::Error for ProgramError {}
