//! Opening the file, and making it.

use std::fs::{self, OpenOptions};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use redb::Database;
use redb::backends::FileBackend;

use super::backend::Backend;
use super::{store, trouble};
use crate::kanban::broker::BrokerError;
use crate::kanban::embedded::Durability;
use crate::kanban::name::ItemId;

/// What a file of redb begins with.
const MAGIC: &[u8] = b"redb\x1A\x0A\xA9\x0D\x0A";

/// Bytes of the file that redb keeps in memory. The items are there anyway.
const CACHE: usize = 16 << 20;

/// Opens a file that is there.
pub(super) fn open(path: &Path, durability: Durability) -> Result<Database, BrokerError> {
    let failed = |error: &io::Error| trouble::of_io(path, "opening", error);
    let file = OpenOptions::new().read(true).write(true).open(path).map_err(|error| failed(&error))?;
    if !file.metadata().map_err(|error| failed(&error))?.is_file() {
        return Err(trouble::foreign(path, "no plain file"));
    }
    let mut begin = Vec::new();
    (&file).take(MAGIC.len() as u64).read_to_end(&mut begin).map_err(|error| failed(&error))?;
    if !begin.is_empty() && begin != MAGIC {
        return Err(trouble::foreign(path, "a file of another kind"));
    }
    store::guard(path, "opening", || {
        let file = FileBackend::new(file).map_err(|error| trouble::of_database(path, &error))?;
        Database::builder()
            .set_cache_size(CACHE)
            .create_with_backend(Backend { file, durability })
            .map_err(|error| trouble::of_database(path, &error))
    })
}

/// Makes the file, unless it is there.
///
/// It is made under another name and linked in place when it is complete: whoever is killed in between leaves no half of a
/// file, and two that make it at the same time get the same.
pub(super) fn create_if_missing(
    path: &Path,
    durability: Durability,
    prepare: impl FnOnce(&Database) -> Result<u64, BrokerError>,
) -> Result<(), BrokerError> {
    if path.try_exists().map_err(|error| trouble::of_io(path, "opening", &error))? {
        return Ok(());
    }
    let draft = draft_of(path);
    let failed = |error: &io::Error| trouble::of_io(path, "making", error);
    let attempt = || {
        OpenOptions::new().write(true).create_new(true).open(&draft).map_err(|error| failed(&error))?;
        let database = open(&draft, durability)?;
        store::guard(path, "making", || prepare(&database))?;
        drop(database);
        match fs::hard_link(&draft, path) {
            Ok(()) => sync_directory(path, durability).map_err(|error| failed(&error)),
            // Somebody else was faster.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            // There are file systems without links: there the file itself is the draft.
            Err(_) => fs::rename(&draft, path).map_err(|error| failed(&error)),
        }
    };
    let made = attempt();
    // After a rename it is not there any more, and one that stays does no harm.
    let _ = fs::remove_file(&draft);
    made
}

fn draft_of(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{}.new", ItemId::unique().as_str()));
    PathBuf::from(name)
}

/// The name of a new file survives the loss of power only once its directory is written.
fn sync_directory(path: &Path, durability: Durability) -> io::Result<()> {
    if durability == Durability::Process || cfg!(not(unix)) {
        return Ok(());
    }
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    fs::File::open(parent.unwrap_or(Path::new(".")))?.sync_all()
}
