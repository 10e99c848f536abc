//! A handler that runs a program per item: the payload on its standard input, its exit code decides.
//!
//! Unix only. The way of an item: [`handle`] begins and ends it, [`environment`] says what the program is told,
//! [`child`] starts it in a process group of
//! its own, [`run`] feeds, reads and watches it, [`capture`] keeps the end of what it wrote, [`ending`] says what becomes of the
//! item. [`find`] and [`error`] belong to the beginning, when the program is looked for.

#![cfg_attr(not(unix), allow(dead_code, reason = "elsewhere nothing of it is used but the face"))]

mod capture;
#[cfg(unix)]
mod child;
mod ending;
mod environment;
mod error;
#[cfg(unix)]
mod find;
#[cfg(unix)]
mod handle;
mod program;
#[cfg(unix)]
mod run;

pub use error::ProgramError;
pub use program::{Program, ProgramSettings};

/// Kills every program that this process runs for its items, and starts no more: for a service that is about to end at once.
/// What is then called for a further item waits for ever.
pub fn kill_programs() {
    #[cfg(unix)]
    child::kill_all();
}

#[cfg(all(test, unix, not(heijunka_loom)))]
mod tests;
