//! How sizes are written, and what is said of those that are wrong.

use proptest::prelude::*;

use super::queue::{POOL, accepted, line, refused};
use super::{read, refusal};

#[test]
fn sizes_out_of_bounds() {
    refused("broker", "max_bytes", "'1023KiB'", "is 1023KiB; set it to 1MiB at least and 1TiB at most");
    refused("broker", "max_bytes", "'2TiB'", "is 2TiB; set it to 1MiB at least and 1TiB at most");
    refused("kanban", "payload", "0", "is 0B; set it to 1B at least and 64MiB at most");
    refused("kanban", "payload", "'67108865B'", "is 67108865B; set it to 1B at least and 64MiB at most");
    let exec = "[domains.mail.exec]\nargv = ['x']\noutput = ";
    line(
        &format!("{exec}'17MiB'"),
        "4:10: domains.mail.exec.output is 17MiB; set it to 0B at least and 16MiB at most",
    );
    assert!(read(&format!("{POOL}{exec}0")).is_ok());
    for (key, bound) in [("max_bytes", "'1MiB'"), ("max_bytes", "'1TiB'")] {
        accepted("broker", key, bound);
    }
}

#[test]
fn sizes_are_written_as_people_write_them() {
    for (text, bytes) in [
        ("1", 1),
        ("0x400", 1024),
        ("'7B'", 7),
        ("'64KiB'", 65_536),
        ("'64 kib'", 65_536),
        ("'1kB'", 1000),
        ("'1KB'", 1000),
        ("'3MB'", 3_000_000),
        ("'3MiB'", 3 << 20),
    ] {
        let config = read(&format!("{POOL}[kanban]\npayload = {text}")).unwrap();
        assert_eq!(config.kanban.payload, bytes, "{text}");
    }
    for (text, bytes) in [("'1GB'", 1_000_000_000), ("'2GiB'", 2 << 30), ("'1TB'", 1_000_000_000_000)] {
        let config = read(&format!("{POOL}[broker]\nmax_bytes = {text}")).unwrap();
        assert_eq!(config.broker.unwrap().max_bytes, bytes, "{text}");
    }
    let cure = "set it to a size such as \"64KiB\", in B, KiB, MiB, GiB, TiB, kB, MB, GB or TB, or a number of bytes";
    for (text, fault) in [
        ("'64'", "\"64\", without a unit"),
        ("'64 KiBs'", "\"64 KiBs\", with the unknown unit \"KiBs\""),
        ("'1.5MiB'", "\"1.5MiB\", with the unknown unit \".5MiB\""),
        // 2^64 bytes, and a number that does not even fit before it is multiplied.
        ("'16777216TiB'", "\"16777216TiB\", too large to be counted"),
        ("'18446744073709551B'", ""),
        ("'18446744073709551616B'", "\"18446744073709551616B\""),
        ("'99999999999999999kB'", "\"99999999999999999kB\", too large to be counted"),
        ("'MiB'", "\"MiB\""),
        ("''", "\"\""),
        ("'-1MiB'", "\"-1MiB\""),
        ("'+1MiB'", "\"+1MiB\""),
        ("-1", "-1"),
        ("1.5", "1.5"),
        ("true", "true"),
        ("99999999999999999999", "99999999999999999999"),
    ] {
        if fault.is_empty() {
            let said = "is 18446744073709551B; set it to 1B at least and 64MiB at most";
            refused("kanban", "payload", text, said);
        } else {
            refused("kanban", "payload", text, &format!("is {fault}; {cure}"));
        }
    }
}

proptest! {
    /// What is written of a size in an error is what was set, and can be written so.
    #[test]
    fn sizes_are_said_as_they_are_read(bytes in prop_oneof![any::<u64>(), (0..64_u32, 1..2000_u64).prop_map(|(shift, n)| n << shift.min(50))]) {
        prop_assume!(!(1 << 20..=1 << 40).contains(&bytes));
        let text = format!("[pools.a]\n[broker]\nmax_bytes = '{bytes}B'");
        prop_assume!(bytes < 10_u64.pow(19));
        let line = refusal(&text);
        let said = line.split("is ").nth(1).unwrap().split(';').next().unwrap();
        let again = refusal(&format!("[pools.a]\n[broker]\nmax_bytes = '{said}'"));
        prop_assert_eq!(line, again);
    }
}
