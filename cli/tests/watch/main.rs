//! A running service, watched from outside by what watches services: Prometheus, its tools, and a supervisor.
#![cfg(unix)]

#[path = "../common/mod.rs"]
mod common;
#[path = "../run/client.rs"]
mod http;
#[path = "../run/notify.rs"]
mod notify;
#[path = "../run/service.rs"]
#[allow(dead_code, reason = "shared with the tests of `heijunka run`")]
mod service;

mod deploy;
mod lifetime;
mod metrics;
mod prometheus;
