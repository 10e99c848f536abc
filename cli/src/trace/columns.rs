//! Which columns of a trace mean what.

use std::time::Duration;

use super::TraceError;
use crate::args;

/// The columns to read and what stands in for those a trace does not have.
#[derive(Clone, Debug)]
pub(crate) struct Columns {
    pub(super) time: Column,
    pub(super) time_unit: Duration,
    pub(super) domain: DomainFrom,
    pub(super) key: Column,
    pub(super) priority: Column,
    pub(super) work: Vec<Column>,
    pub(super) work_unit: Duration,
    pub(super) default_work: Duration,
    pub(super) delimiter: Option<u8>,
}

/// One column.
#[derive(Clone, Debug)]
pub(super) struct Column {
    pub(super) name: String,
    /// A trace without it is refused: the time, and whatever was named by an option.
    pub(super) required: bool,
}

/// Where the domain of a line comes from.
#[derive(Clone, Debug)]
pub(super) enum DomainFrom {
    Column(Column),
    Option(String),
}

/// A column's place in a [`Row`](super::row::Row).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Slot(pub(super) usize);

impl Slot {
    pub(super) const TIME: Slot = Slot(0);
    pub(super) const KEY: Slot = Slot(1);
    pub(super) const PRIORITY: Slot = Slot(2);
    pub(super) const DOMAIN: Slot = Slot(3);
    const WORK: usize = 4;

    /// The slot of the `nth` work column.
    pub(super) fn work(nth: usize) -> Self {
        Slot(Self::WORK + nth)
    }
}

impl Columns {
    /// The defaults, with what the command line names.
    pub(crate) fn from_args(args: &args::Columns) -> Self {
        let named = |option: &Option<String>, default: &str| Column {
            name: option.clone().unwrap_or_else(|| default.into()),
            required: option.is_some(),
        };
        let work = match args.work_column.as_slice() {
            [] => vec![named(&None, "work")],
            some => some.iter().map(|name| Column { name: name.clone(), required: true }).collect(),
        };
        Self {
            time: Column { required: true, ..named(&args.time_column, "time") },
            time_unit: args.time_unit,
            domain: match &args.domain {
                Some(name) => DomainFrom::Option(name.clone()),
                None => DomainFrom::Column(named(&args.domain_column, "domain")),
            },
            key: named(&args.key_column, "key"),
            priority: named(&args.priority_column, "priority"),
            work,
            work_unit: args.work_unit,
            default_work: args.work,
            delimiter: args.delimiter,
        }
    }

    /// Every column to look for, with the slot its cells go to.
    pub(super) fn wanted(&self) -> impl Iterator<Item = (Slot, &Column)> {
        let domain = match &self.domain {
            DomainFrom::Column(column) => Some((Slot::DOMAIN, column)),
            DomainFrom::Option(_) => None,
        };
        [(Slot::TIME, &self.time), (Slot::KEY, &self.key), (Slot::PRIORITY, &self.priority)]
            .into_iter()
            .chain(domain)
            .chain(self.work.iter().enumerate().map(|(nth, column)| (Slot::work(nth), column)))
    }

    /// How many slots a row needs.
    pub(super) fn slots(&self) -> usize {
        Slot::work(self.work.len()).0
    }

    /// Whether lines name their domains, rather than an option doing so for all.
    pub(crate) fn domain_option(&self) -> Option<&str> {
        match &self.domain {
            DomainFrom::Option(name) => Some(name),
            DomainFrom::Column(_) => None,
        }
    }

    /// Refuses a trace that lacks a required column.
    pub(super) fn check(&self, has: impl Fn(&str) -> bool, found: &[&str]) -> Result<(), TraceError> {
        match self.wanted().find(|(_, column)| column.required && !has(&column.name)) {
            None => Ok(()),
            Some((slot, column)) => Err(TraceError::NoColumn {
                column: column.name.clone(),
                option: match slot {
                    Slot::TIME => "--time-column",
                    Slot::DOMAIN => "--domain-column",
                    Slot::KEY => "--key-column",
                    Slot::PRIORITY => "--priority-column",
                    _ => "--work-column",
                },
                found: found.iter().map(|&name| name.to_owned()).collect(),
            }),
        }
    }
}
