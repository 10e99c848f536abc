//! Bytes as they come from a connection, cut anywhere: the first one says how.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| heijunka::ops::fuzz::requests(bytes));
