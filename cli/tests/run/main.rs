//! `heijunka run`: the real service, with real programs, asked by the real commands over its socket.
#![cfg(unix)]

#[path = "../common/mod.rs"]
mod common;

mod attacks;
mod batches;
mod client;
mod endings;
mod http;
mod letters;
mod logs;
mod notify;
mod programs;
mod refusals;
mod schedules;
mod service;
mod stdin;
mod stores;
mod supervisor;
mod told;
mod top;
