//! What any [`Broker`] must do, as cases that can be run against one.
//!
//! The embedded broker is tested with it, and so can be any other: implement [`Subject`], and let
//! [`conformance_tests!`](crate::conformance_tests) make a test of each case.
//!
//! ```
//! use std::sync::Arc;
//! use std::time::Duration;
//! use heijunka::conformance::{self, Subject};
//! use heijunka::{Broker, Clock, Embedded, EmbeddedSettings};
//!
//! struct InMemory;
//!
//! impl Subject for InMemory {
//!     fn open(&self) -> Arc<dyn Broker> {
//!         let settings = EmbeddedSettings { lease: Duration::from_millis(500), ..EmbeddedSettings::default() };
//!         Arc::new(Embedded::in_memory(settings, Clock::monotonic()))
//!     }
//! }
//!
//! conformance::check("acked_items_are_gone", &InMemory);
//! ```
//!
//! Time is real, so the broker's lease should be short: half a second or so. Nothing is asserted about how fast a broker is, except that a call that has
//! not answered after half a minute hangs.

mod cases;
mod stand;

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use super::broker::Broker;
use crate::thread::panic_message;

/// A place where brokers can be tried. Each case is given a new one.
pub trait Subject {
    /// Opens the broker. The first call gives an empty one, each later one comes after the last was closed, and gives what that
    /// left, if it is durable. Panics if it cannot.
    fn open(&self) -> Arc<dyn Broker>;

    /// Names of cases that are about something that this broker does not promise. They are left out.
    fn leaves_out(&self) -> &[&str] {
        &[]
    }
}

/// One thing that every broker must do.
#[derive(Clone, Copy, Debug)]
pub struct Case {
    /// What, as the name of a test.
    pub name: &'static str,
    run: fn(&dyn Subject),
}

impl Case {
    /// Tries it.
    ///
    /// # Panics
    /// If the broker does not do it; the message says what was found.
    pub fn run(&self, subject: &dyn Subject) {
        if !subject.leaves_out().contains(&self.name) {
            (self.run)(subject);
        }
    }
}

/// Tries the case of this name.
///
/// # Panics
/// If the broker does not do it, or there is no such case.
pub fn check(name: &str, subject: &dyn Subject) {
    let case = CASES.iter().find(|case| case.name == name);
    case.unwrap_or_else(|| panic!("there is no case {name}")).run(subject);
}

/// What came of all cases.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// The names of those that passed.
    pub passed: Vec<&'static str>,
    /// The names of those that did not, and what was found.
    pub failed: Vec<(&'static str, String)>,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} passed, {} failed", self.passed.len(), self.failed.len())?;
        self.failed.iter().try_for_each(|(name, why)| write!(f, "\n{name}: {why}"))
    }
}

/// Tries all cases one after another, each with a subject of its own.
pub fn run(make: &dyn Fn() -> Box<dyn Subject>) -> Report {
    let mut report = Report::default();
    for case in CASES {
        match catch_unwind(AssertUnwindSafe(|| case.run(&*make()))) {
            Ok(()) => report.passed.push(case.name),
            Err(payload) => {
                report.failed.push((case.name, panic_message(&*payload).unwrap_or_default()));
            }
        }
    }
    report
}

/// Makes a test of every case; given a function or closure that makes a [`Subject`](crate::conformance::Subject).
///
/// Give each broker a module of its own, as the names are the same: `mod memory { heijunka::conformance_tests!(super::in_memory); }`.
#[macro_export]
macro_rules! conformance_tests {
    ($make:expr) => {
        $crate::__conformance_cases!(__conformance_tests, $make);
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __conformance_tests {
    ([$make:expr] $($name:ident)*) => {
        $(
            #[test]
            fn $name() {
                $crate::conformance::check(stringify!($name), &$make());
            }
        )*
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __conformance_list {
    ([] $($name:ident)*) => {
        &[$($crate::conformance::Case { name: stringify!($name), run: cases::$name }),*]
    };
}

/// The names of all cases, said once.
#[doc(hidden)]
#[macro_export]
macro_rules! __conformance_cases {
    ($then:ident $(, $with:expr)?) => {
        $crate::$then! {
            [$($with)?]
            items_arrive_whole
            acked_items_are_gone
            no_item_is_delivered_twice_while_leased
            the_oldest_item_of_a_lane_comes_first
            no_more_is_given_than_wanted
            lanes_are_separate
            the_same_id_is_stored_once
            many_publish_at_once
            arrivals_are_told
            a_lease_that_passes_delivers_again
            an_extended_lease_is_kept
            a_stale_ticket_touches_nothing
            a_ticket_settles_once
            a_retry_waits_and_counts_as_failure
            a_release_waits_and_counts_as_none
            a_release_costs_neither_a_failure_nor_a_delivery
            each_settlement_has_its_answer
            a_dead_letter_is_kept_as_it_died
            dead_letters_are_listed_in_pages
            dead_letters_can_be_removed
            depth_counts_what_waits
            notes_are_kept
            the_largest_payload_fits_and_no_larger
            impatient_calls_lose_nothing
            a_closed_broker_says_so
            everything_survives_reopening
            an_interrupted_item_comes_again_after_reopening
            what_was_settled_stays_so_after_reopening
            an_id_is_still_known_after_reopening
        }
    };
}

/// All cases.
pub const CASES: &[Case] = __conformance_cases!(__conformance_list);
