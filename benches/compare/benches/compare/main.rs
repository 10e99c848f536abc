//! `cargo bench --bench compare [-- [--quick] [FILTER]]`: heijunka beside the floor and beside its peers, in one run.
//!
//! Each row is one line, `RATIO name ours=… other=… ratio=…`, in nanoseconds; smaller is better throughout. The row
//! beside apalis needs a C compiler: `cargo bench -p heijunka-compare --features apalis -- apalis`.

mod admission;
#[cfg(feature = "apalis")]
mod apalis;
mod idle;
mod latency;
mod memory;
mod queue;
mod routing;
mod throughput;
mod watched;

use std::process::ExitCode;

use heijunka_compare::allocations::Counting;
use heijunka_compare::burner;
use heijunka_compare::suite::Suite;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn main() -> ExitCode {
    burner::burn_if_told();
    Suite::run(|suite| {
        admission::measure(suite);
        routing::measure(suite);
        latency::measure(suite);
        throughput::measure(suite);
        memory::measure(suite);
        queue::measure(suite);
        idle::measure(suite);
        watched::measure(suite);
    })
}
