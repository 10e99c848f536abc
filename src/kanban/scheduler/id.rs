//! The ids of a schedule's items: the same from every instance, and told apart from others at a glance.

use crate::time::Timestamp;

/// `SCHEDULE:TICK` of the first item of a tick, `SCHEDULE:TICK:NUMBER` of the others.
pub(super) fn write(schedule: &str, tick: Timestamp, number: u32) -> String {
    match number {
        0 => format!("{schedule}:{}", tick.as_millis()),
        _ => format!("{schedule}:{}:{number}", tick.as_millis()),
    }
}

/// Whose it is, if it may be a schedule's.
pub(super) fn read(id: &str) -> Option<(&str, Timestamp, u32)> {
    let (schedule, rest) = id.split_once(':')?;
    let (tick, number) = match rest.split_once(':') {
        None => (rest, 0),
        Some((tick, number)) => (tick, number.parse().ok().filter(|number| *number > 0)?),
    };
    Some((schedule, Timestamp::from_millis(tick.parse().ok()?), number))
}

#[cfg(all(test, not(heijunka_loom)))]
mod tests {
    use super::*;

    #[test]
    fn ids_are_read_as_they_were_written() {
        for (number, expected) in [(0, "nightly:1500"), (1, "nightly:1500:1"), (9999, "nightly:1500:9999")] {
            let id = write("nightly", Timestamp::from_millis(1500), number);
            assert_eq!(id, expected);
            assert_eq!(read(&id), Some(("nightly", Timestamp::from_millis(1500), number)));
        }
        for foreign in ["", "order-17", "01J9:x", ":", "a:1:0", "a:1:2:3", "a:-1", "nightly:1500:r1"] {
            assert_eq!(read(foreign), None, "{foreign}");
        }
    }

    #[test]
    fn the_longest_name_makes_an_id_that_publishers_may_choose() {
        let name = "x".repeat(super::super::error::LONGEST_NAME);
        let id =
            write(&name, Timestamp::from_millis(100_000_000_000_000), super::super::error::LARGEST_BATCH);
        assert!(id.len() <= crate::kanban::ItemId::LONGEST_GIVEN);
    }
}
