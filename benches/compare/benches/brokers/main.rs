//! `cargo bench -p heijunka-compare --features brokers --bench brokers [-- [--quick] [FILTER]]`: items through heijunka, beside the clients
//! of the same brokers used as well as one can, against the same servers in the same run.
//!
//! Everything is kept on disk, confirmed, and of 256 bytes. Nothing is pinned: client, server and kernel share the cores.

mod amqp;
#[cfg(feature = "apalis-brokers")]
mod apalis;
mod nats;
mod ours;

use std::process::ExitCode;

use heijunka_compare::suite::Suite;

/// Bytes of a payload.
const PAYLOAD: [u8; 256] = [b'x'; 256];

/// Publications that wait for their confirmation, on every side.
const WINDOW: usize = 256;

fn main() -> ExitCode {
    Suite::run(|suite| {
        nats::measure(suite);
        amqp::measure(suite);
        #[cfg(feature = "apalis-brokers")]
        apalis::measure(suite);
    })
}
