//! The domains a trace may name.

use std::collections::HashMap;

use super::bad::{BadLine, Fault};
use super::{TraceError, Trouble};

/// Domains by name and by the index arrivals carry.
#[derive(Clone, Debug, Default)]
pub(crate) struct Domains {
    names: Vec<String>,
    indices: HashMap<String, usize>,
    /// No more names are added: an unknown one is a fault.
    closed: bool,
}

impl Domains {
    /// More would be a sign of a wrong column: each is a pool of at least one thread.
    pub(super) const LIMIT: usize = 50;

    /// These and no others.
    pub(crate) fn known(names: impl IntoIterator<Item = String>) -> Self {
        let mut domains = Self::default();
        for name in names {
            domains.add(name);
        }
        domains.close();
        domains
    }

    pub(crate) fn names(&self) -> &[String] {
        &self.names
    }

    /// From now on unknown names are faults.
    pub(super) fn close(&mut self) {
        self.closed = true;
    }

    /// The only domain there can be, if there is but one.
    pub(super) fn only(&self) -> Option<usize> {
        (self.closed && self.names.len() == 1).then_some(0)
    }

    /// The index of `name`, which stands in `line`.
    pub(super) fn index(&mut self, name: &str, line: u64) -> Result<usize, Trouble> {
        if let Some(&index) = self.indices.get(name) {
            return Ok(index);
        }
        if self.closed {
            let fault = Fault::UnknownDomain { name: name.to_owned(), known: self.names.clone() };
            return Err(Trouble::Line(BadLine { line, fault }));
        }
        if self.names.len() == Self::LIMIT {
            return Err(Trouble::Trace(TraceError::TooManyDomains { limit: Self::LIMIT }));
        }
        Ok(self.add(name.to_owned()))
    }

    /// Adds `name`, as the configuration may spell it.
    fn add(&mut self, name: String) -> usize {
        if let Some(&index) = self.indices.get(&name) {
            return index;
        }
        let index = self.names.len();
        self.names.push(self.unique(spelt(&name)));
        self.indices.insert(name, index);
        index
    }

    /// `name`, or if another domain is called so, with a number.
    fn unique(&self, name: String) -> String {
        let taken = |name: &String| self.names.contains(name);
        if !taken(&name) {
            return name;
        }
        let numbered = |n| format!("{}-{n}", &name[..name.len().min(LONGEST - 3)]);
        (2..=Self::LIMIT).map(numbered).find(|name| !taken(name)).unwrap_or(name)
    }
}

/// Characters a name in a configuration may have.
const LONGEST: usize = 64;

/// A foreign name, such as `GET /users`, as a configuration may spell it: `GET__users`.
fn spelt(name: &str) -> String {
    let legal = |c: char| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' };
    name.chars().take(LONGEST).map(legal).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_names_are_spelt_as_a_configuration_may() {
        let mut domains = Domains::default();
        let long = "x".repeat(100);
        for (index, name) in
            ["GET /users", "GET  users", "pay_ment-2", &long, &format!("{long}y")].iter().enumerate()
        {
            assert_eq!(domains.index(name, 1).unwrap(), index);
            assert_eq!(domains.index(name, 2).unwrap(), index);
        }
        let (x64, x61) = ("x".repeat(64), "x".repeat(61));
        assert_eq!(domains.names(), ["GET__users", "GET__users-2", "pay_ment-2", &x64, &format!("{x61}-2")]);
    }
}
