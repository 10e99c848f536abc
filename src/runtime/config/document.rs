//! The TOML tree: a file with overrides laid over it, which knows where each setting was written.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::error::ConfigError;
use super::fault::Fault;
use super::overrides::Override;
use super::path::{Path, Step, one_line, quoted};
use super::suggest::did_you_mean;

pub(super) struct Document<'t> {
    name: &'t str,
    text: &'t str,
    file: DeValue<'t>,
    merged: DeTable<'t>,
    /// Everything an override wrote, in order: all that lies at or under its path is its doing.
    written: Vec<(Path, &'t Override)>,
}

impl<'t> Document<'t> {
    pub(super) fn parse(name: &'t str, text: &'t str) -> Result<Self, ConfigError> {
        // An editor's byte order mark would shift the columns of the first line.
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        if let Some(nul) = text.find('\0') {
            return Err(ConfigError::of_text(
                position(name, text.as_bytes(), nul),
                "there is a NUL byte",
                "remove it",
            ));
        }
        let merged = DeTable::parse(text).map_err(|error| not_toml(name, text, &error))?.into_inner();
        Ok(Self { name, text, file: DeValue::Table(merged.clone()), merged, written: Vec::new() })
    }

    pub(super) fn merged(&self) -> &DeTable<'t> {
        &self.merged
    }

    /// Lays an override over what is there: tables are joined key by key, everything else is replaced.
    pub(super) fn lay_over(&mut self, over: &'t Override) -> Result<(), ConfigError> {
        let keys = if over.loosely_spelt { spelt_as_in(&self.merged, &over.keys) } else { over.keys.clone() };
        self.refuse_unknown_pool(over, &keys)?;
        let table = keys.iter().rev().fold(over.value(), |value, key| {
            DeValue::Table(DeTable::from_iter([(unplaced(key.clone().into()), unplaced(value))]))
        });
        let mut written = Vec::new();
        if let DeValue::Table(table) = table {
            join(&mut self.merged, table, &Path::default(), &mut written);
        }
        self.written.extend(written.into_iter().map(|path| (path, over)));
        Ok(())
    }

    /// A mistyped pool would otherwise quietly be one more pool: a new one is declared as a whole, `pools.x={}`.
    fn refuse_unknown_pool(&self, over: &Override, keys: &[String]) -> Result<(), ConfigError> {
        let [table, pool, _, ..] = keys else { return Ok(()) };
        let pools = self.merged.get("pools").and_then(|pools| pools.get_ref().as_table());
        if table != "pools" || pools.is_some_and(|pools| pools.contains_key(pool.as_str())) {
            return Ok(());
        }
        let known = pools.into_iter().flat_map(DeTable::keys).map(|key| key.get_ref().as_ref());
        let path = Path::new(["pools", pool]);
        let cure = did_you_mean(pool, known).unwrap_or_else(|| format!("declare it first: {path}={{}}"));
        let fault = Fault::new(path, "does not exist", cure);
        Err(ConfigError::of_setting(Some(over.place.clone()), &fault))
    }

    /// The fault with its place. Of a relation, the side that was written last broke it.
    pub(super) fn refusal(&self, fault: &Fault) -> ConfigError {
        let override_of =
            |path: &Path| self.written.iter().rposition(|(written, _)| path.starts_with(written));
        let place = match fault.suspects().filter_map(override_of).max() {
            Some(last) => self.written[last].1.place.clone(),
            None => fault
                .suspects()
                .find_map(|path| self.find(path.steps(), fault.is_about_key()))
                .unwrap_or_else(|| self.innermost_table_of(fault.path())),
        };
        ConfigError::of_setting(Some(place), fault)
    }

    /// The place of a setting in the file, if it is written there: of its value, or of its key.
    fn find(&self, steps: &[Step], key: bool) -> Option<String> {
        let mut found = &self.file;
        let mut start = None;
        for step in steps {
            let (of_key, value) = match step {
                Step::Key(key) => {
                    found.as_table()?.get_key_value(key.as_str()).map(|(k, v)| (k.span(), v))?
                }
                Step::Index(index) => found.get(*index).map(|value| (value.span(), value))?,
            };
            start = Some(if key || value.get_ref().is_table() { of_key.start } else { value.span().start });
            found = value.get_ref();
        }
        start.map(|start| position(self.name, self.text.as_bytes(), start))
    }

    /// Where a setting would stand that nobody wrote.
    fn innermost_table_of(&self, path: &Path) -> String {
        let outer = |depth| self.find(&path.steps()[..depth], true);
        (1..path.steps().len()).rev().find_map(outer).unwrap_or_else(|| self.name.to_owned())
    }
}

/// Joins `over` into `table`, and notes the path of everything it put there.
fn join<'t>(table: &mut DeTable<'t>, over: DeTable<'t>, at: &Path, written: &mut Vec<Path>) {
    for (key, value) in over {
        let path = at.clone().key(key.get_ref());
        match (table.get_mut(key.get_ref().as_ref()).map(Spanned::get_mut), value.into_inner()) {
            (Some(DeValue::Table(inner)), DeValue::Table(over)) => join(inner, over, &path, written),
            (_, value) => {
                table.insert(key, unplaced(value));
                written.push(path);
            }
        }
    }
}

/// The keys as the tree spells them: without regard to case, and with `_` for `-`, which variables cannot contain.
fn spelt_as_in(tree: &DeTable<'_>, keys: &[String]) -> Vec<String> {
    let fold = |key: &str| key.to_lowercase().replace('-', "_");
    let mut table = Some(tree);
    let as_in_tree = |key: &String| {
        let here = table.into_iter().flat_map(DeTable::keys).map(|key| key.get_ref().as_ref());
        let mut alike = here.filter(|other| fold(other) == fold(key));
        let spelling: &str = match (alike.next(), alike.next()) {
            (Some(only), None) => only,
            _ => key,
        };
        table = table.and_then(|table| table.get(spelling)).and_then(|value| value.get_ref().as_table());
        spelling.to_owned()
    };
    keys.iter().map(as_in_tree).collect()
}

/// With no place of its own: it is found by what was written over the file.
fn unplaced<T>(value: T) -> Spanned<T> {
    Spanned::new(0..0, value)
}

fn not_toml(name: &str, text: &str, error: &toml::de::Error) -> ConfigError {
    let span = error.span().unwrap_or_default();
    let place = position(name, text.as_bytes(), span.start);
    if error.message() == "duplicate key" {
        let key = quoted(text.get(span).unwrap_or_default());
        return ConfigError::of_text(place, format!("{key} is defined twice"), "keep one of the two");
    }
    let message = one_line(error.message());
    match message.split_once(", expected ") {
        Some((fault, expected)) => {
            ConfigError::of_text(place, format!("not TOML: {fault}"), format!("expected here: {expected}"))
        }
        None => {
            ConfigError::of_text(place, format!("not TOML: {message}"), "see https://toml.io for what is")
        }
    }
}

/// `name:line:column`, both from 1, of the byte at `offset`.
pub(super) fn position(name: &str, text: &[u8], offset: usize) -> String {
    let before = &text[..offset.min(text.len())];
    let line = before.split(|byte| *byte == b'\n');
    let (lines, last) = line.fold((0, &[][..]), |(lines, _), line| (lines + 1, line));
    format!("{name}:{lines}:{}", String::from_utf8_lossy(last).chars().count() + 1)
}
