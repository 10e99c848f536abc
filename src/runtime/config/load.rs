//! From a file, the environment and `--set` to a valid [`Config`], or to one error that says where the fault is.

use std::ffi::OsString;
use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::Path;

use super::check::{faultless, own_cores};
use super::decode::decode;
use super::document::{Document, position};
use super::overrides::{Override, from_environment};
use super::path::one_line;
use super::{Config, ConfigError};

/// More is no configuration: the limit keeps a wrong path, a device say, from filling the memory.
const LARGEST: u64 = 1 << 20;

impl Config {
    /// Reads and validates the TOML file at `path`. A relative path is one from the working directory.
    ///
    /// ```
    /// # let folder = std::env::temp_dir().join(format!("heijunka-doc-{}", std::process::id()));
    /// # std::fs::create_dir_all(&folder).unwrap();
    /// # let path = folder.join("heijunka.toml");
    /// std::fs::write(&path, "[admission]\nhard = 2000\n[pools.payment]\nmax_workers = 8\n").unwrap();
    /// let config = heijunka::Config::load(&path).unwrap();
    /// assert_eq!(config.admission.hard, 2000);
    /// assert_eq!(config.pools["payment"].max_workers, 8);
    /// # std::fs::remove_dir_all(&folder).unwrap();
    /// ```
    ///
    /// # Errors
    /// If the file cannot be read, is no TOML, has an unknown key or a value of the wrong type, or is not
    /// [valid](Self::check_for); the error has its line and column.
    pub fn load(path: impl AsRef<Path>) -> Result<Self, ConfigError> {
        Loader::new().load(path)
    }

    /// Reads and validates TOML text; `name` is what errors call it.
    ///
    /// ```
    /// let text = "[admission]\nsoft = 1500\n\n[pools.payment]\n";
    /// let error = heijunka::Config::from_toml("heijunka.toml", text).unwrap_err();
    /// assert_eq!(
    ///     error.to_string(),
    ///     "heijunka.toml:2:8: admission.soft is 1500, above admission.hard (1200); set it to at most 1200"
    /// );
    /// ```
    ///
    /// # Errors
    /// As [`load`](Self::load).
    pub fn from_toml(name: &str, text: &str) -> Result<Self, ConfigError> {
        Loader::new().parse(name, text)
    }
}

/// Reads a [`Config`] from a file and what is to override it: the environment, and above that, `--set`.
///
/// ```
/// use heijunka::Loader;
///
/// let file = "[admission]\nhard = 2000\n[pools.payment]\nspin = '50us'\n";
/// let config = Loader::new()
///     .variables([("HEIJUNKA_ADMISSION__HARD", "1500"), ("HEIJUNKA_POOLS__PAYMENT__WEIGHT", "2")])
///     .set("admission.hard=1100")
///     .set("pools.payment.spin=30us")
///     .parse("heijunka.toml", file)
///     .unwrap();
/// assert_eq!(config.admission.hard, 1100);
/// assert_eq!(config.pools["payment"].weight, 2);
/// ```
///
/// An override is TOML, and what is not TOML is taken as a string. A table is joined with what is there, anything
/// else replaces it. A setting of a pool needs the pool to be there; `pools.NAME={}` declares one.
#[derive(Clone, Debug, Default)]
pub struct Loader {
    variables: Vec<(OsString, OsString)>,
    sets: Vec<String>,
}

impl Loader {
    /// Nothing but the file, so far.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds one override, `path=value`, the text after `--set`. Later ones override earlier ones.
    #[must_use]
    pub fn set(mut self, text: impl Into<String>) -> Self {
        self.sets.push(text.into());
        self
    }

    /// Adds the settings of this process's environment: [`variables`](Self::variables) says which those are.
    #[must_use]
    pub fn environment(self) -> Self {
        self.variables(std::env::vars_os())
    }

    /// Adds the settings among `variables`, whichever come: `HEIJUNKA_ADMISSION__HARD=500` sets `admission.hard`.
    ///
    /// Two underscores separate the levels, and a variable without them is left alone. Names are matched without
    /// regard to case and with `_` for `-`: `HEIJUNKA_POOLS__PAYMENT_A__LANE` finds `[pools.payment-a]`. A name
    /// that itself contains two underscores, or that another one resembles, can only be reached with
    /// [`set`](Self::set).
    #[must_use]
    pub fn variables<N, V>(mut self, variables: impl IntoIterator<Item = (N, V)>) -> Self
    where
        N: Into<OsString>,
        V: Into<OsString>,
    {
        self.variables.extend(variables.into_iter().map(|(name, value)| (name.into(), value.into())));
        self
    }

    /// Reads the file at `path`, lays the overrides over it, and validates the whole.
    ///
    /// # Errors
    /// As [`Config::load`]; what an override broke is reported with the override in place of the line.
    pub fn load(&self, path: impl AsRef<Path>) -> Result<Config, ConfigError> {
        let path = path.as_ref();
        let name = one_line(&path.display().to_string());
        self.parse(&name, &read(path, &name)?)
    }

    /// The same for text; `name` is what errors call it.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    pub fn parse(&self, name: &str, text: &str) -> Result<Config, ConfigError> {
        let mut overrides = from_environment(&self.variables)?;
        for text in &self.sets {
            overrides.push(Override::from_set(text)?);
        }
        let mut document = Document::parse(name, text)?;
        for over in &overrides {
            document.lay_over(over)?;
        }
        let config: Config = decode(document.merged()).map_err(|fault| document.refusal(&fault))?;
        faultless(&config, own_cores()).map_err(|fault| document.refusal(&fault))?;
        Ok(config)
    }
}

fn read(path: &Path, name: &str) -> Result<String, ConfigError> {
    let refusal = |fault: String, cure| ConfigError::of_text(name.to_owned(), fault, cure);
    let mut bytes = Vec::new();
    let file = File::open(path).and_then(|file| file.take(LARGEST + 1).read_to_end(&mut bytes));
    if let Err(error) = file {
        return Err(match error.kind() {
            ErrorKind::NotFound => refusal("there is no such file".into(), "create it, or give another path"),
            ErrorKind::IsADirectory => refusal("this is a directory".into(), "give the path of a file"),
            ErrorKind::PermissionDenied => {
                refusal("reading it is not permitted".into(), "make it readable, or give another path")
            }
            _ => refusal(format!("it cannot be read ({error})"), "give the path of a readable file"),
        });
    }
    if bytes.len() as u64 > LARGEST {
        return Err(refusal("the file is larger than 1 MiB".into(), "give the path of a configuration"));
    }
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        let bytes = error.as_bytes();
        let fault = format!("byte {:#04x} is not UTF-8", bytes[at]);
        ConfigError::of_text(position(name, bytes, at), fault, "save the file as UTF-8")
    })
}
