//! `cargo bench -p heijunka-compare --features brokers --bench brokers [-- [--quick] [FILTER]]`: items through heijunka, beside the clients
//! of the same brokers used as well as one can, against the same servers in the same run.
//!
//! Everything is kept on disk, confirmed, and of 256 bytes. Nothing is pinned: client, server and kernel share the cores.

mod amqp;
mod nats;
mod ours;

use std::process::ExitCode;

use heijunka_compare::suite::Suite;

/// Bytes of a payload.
const PAYLOAD: [u8; 256] = [b'x'; 256];

/// Publications that wait for their confirmation, on every side.
const WINDOW: usize = 256;

fn main() -> ExitCode {
    let mut suite = match Suite::from_arguments(std::env::args().skip(1)) {
        Ok(suite) => suite,
        Err(problem) => {
            eprintln!("{problem}");
            return ExitCode::FAILURE;
        }
    };
    nats::measure(&mut suite);
    amqp::measure(&mut suite);
    suite.finish();
    ExitCode::SUCCESS
}
