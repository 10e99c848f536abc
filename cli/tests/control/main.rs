//! The commands that ask a running service, against the real server with a service made of closures behind it.
#![cfg(unix)]

#[path = "../common/mod.rs"]
mod common;

mod letters;
mod publish;
mod service;
mod url;
mod world;
mod wrong;
