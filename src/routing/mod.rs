//! Routing: which pool a key belongs to, in one table read, while pools come and go.
#![doc = include_str!("README.md")]

mod bound;
mod key;
mod quota;
mod ring;
mod table;

use std::fmt;

pub use key::Key;
pub use ring::PoolSetError;
pub use table::Load;

use ring::SlotMap;
use table::{Published, Table, TableGuard};

use crate::share::Share;
use crate::time::Moment;

/// What happens to a key whose target is overfull.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Affinity {
    /// It goes to the slot's next choice.
    #[default]
    Soft,
    /// It stays where it belongs, and is refused there if need be.
    Strict,
}

/// Maps keys to targets by consistent hashing, and can be given other targets while it is used.
///
/// ```
/// use heijunka::{Key, Router, Target};
///
/// let router = Router::new([Target::new("a", 1, 'a'), Target::new("b", 1, 'b')])?;
/// let pin = router.pin();
/// let before = *router.route(Key::from("order 4711"), &pin).first().expect("there are targets");
/// router.replace([Target::new("a", 1, 'a'), Target::new("b", 1, 'b'), Target::new("c", 1, 'c')])?;
/// let after = *router.route(Key::from("order 4711"), &pin).first().expect("there are targets");
/// assert!(after == before || after == 'c'); // keys move to the new target only
/// # Ok::<(), heijunka::PoolSetError>(())
/// ```
pub struct Router<T> {
    table: Published<T>,
}

/// One of the places a [`Router`] maps keys to.
#[derive(Clone, Debug)]
pub struct Target<T> {
    name: String,
    weight: u32,
    share: Share,
    value: T,
}

impl<T> Target<T> {
    /// A target. Its share of the keys is its `weight`, 1 to 100, relative to the others'; which keys, its name decides.
    pub fn new(name: impl Into<String>, weight: u32, value: T) -> Self {
        Self { name: name.into(), weight, share: Share::Full, value }
    }

    /// The same target with another share of the keys that its weight gives it.
    pub(crate) fn sharing(self, share: Share) -> Self {
        Self { share, ..self }
    }

    /// Whether its keys are to be refused.
    #[inline]
    pub(crate) fn is_barred(&self) -> bool {
        self.share == Share::None
    }

    fn halves(&self) -> u32 {
        self.share.halves(self.weight)
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its weight.
    #[must_use]
    pub fn weight(&self) -> u32 {
        self.weight
    }

    /// What it stands for.
    #[must_use]
    pub fn value(&self) -> &T {
        &self.value
    }
}

/// Keeps the tables of every [`Router`] alive that the calling thread reads: from [`Router::pin`]. While any thread holds
/// one, replaced tables pile up: keep it short.
#[derive(Debug)]
pub struct RoutePin(TableGuard);

impl<T: Send + Sync + 'static> Router<T> {
    /// A router over these targets; over none, it maps no key.
    ///
    /// # Errors
    /// [`PoolSetError`] for more than 255 targets, a weight outside 1 to 100, or a name given twice.
    pub fn new(targets: impl IntoIterator<Item = Target<T>>) -> Result<Self, PoolSetError> {
        Self::with_affinity(Affinity::Soft, targets)
    }

    /// A router over these targets whose keys are bound to them softly or strictly; [`Router::new`] is soft.
    ///
    /// # Errors
    /// As [`Router::new`].
    pub fn with_affinity(
        affinity: Affinity,
        targets: impl IntoIterator<Item = Target<T>>,
    ) -> Result<Self, PoolSetError> {
        Ok(Self { table: Published::new(Prepared::new(affinity, targets)?.0) })
    }

    /// Replaces all targets, and keeps the affinity; see [`replace_with`](Self::replace_with).
    ///
    /// # Errors
    /// As [`Router::new`]; then nothing has changed.
    pub fn replace(&self, targets: impl IntoIterator<Item = Target<T>>) -> Result<(), PoolSetError> {
        let affinity = self.table.load(&crate::sync::pin()).affinity;
        self.replace_with(affinity, targets)
    }

    /// Replaces all targets and the affinity. Readers see the old table or the new one, never a mixture; a key moves only if its target
    /// went, or to one that came. Builds the table first: milliseconds.
    ///
    /// # Errors
    /// As [`Router::new`]; then nothing has changed.
    pub fn replace_with(
        &self,
        affinity: Affinity,
        targets: impl IntoIterator<Item = Target<T>>,
    ) -> Result<(), PoolSetError> {
        self.publish(Prepared::new(affinity, targets)?);
        Ok(())
    }

    /// Puts a prepared table in place of the present one. Cannot fail.
    pub(crate) fn publish(&self, prepared: Prepared<T>) {
        let pin = crate::sync::pin();
        self.table.replace(prepared.0, &pin);
        // Otherwise it would lie in this thread's bag until that is full, with all that the targets hold.
        pin.flush();
    }

    /// Pins the calling thread, for as long as it reads what was routed. Lock-free, some 10 ns; can be held over several
    /// lookups, also of other routers.
    #[inline]
    #[must_use]
    #[allow(clippy::unused_self, reason = "a pin is for reading a router, and reads best as coming from it")]
    pub fn pin(&self) -> RoutePin {
        RoutePin(crate::sync::pin())
    }

    /// Where `key` belongs. Wait-free: two loads and one table read.
    ///
    /// The choices borrow the router as well as the pin, and so cannot outlive either:
    ///
    /// ```compile_fail,E0597
    /// # use heijunka::{Key, Router, Target};
    /// # let other = Router::new([Target::new("b", 1, 'b')]).unwrap();
    /// let pin = other.pin();
    /// let choices = {
    ///     let router = Router::new([Target::new("a", 1, 'a')]).unwrap();
    ///     router.route(Key::from(1), &pin)
    /// };
    /// assert_eq!(choices.first(), Some(&'a'));
    /// ```
    ///
    /// ```
    /// # use heijunka::{Key, Router, Target};
    /// # let other = Router::new([Target::new("b", 1, 'b')]).unwrap();
    /// let pin = other.pin();
    /// let router = Router::new([Target::new("a", 1, 'a')]).unwrap();
    /// let choices = router.route(Key::from(1), &pin);
    /// assert_eq!(choices.first(), Some(&'a'));
    /// ```
    #[inline]
    pub fn route<'g>(&'g self, key: Key, pin: &'g RoutePin) -> Choices<'g, T> {
        let table = self.table.load(&pin.0);
        Choices { table, choices: table.slots.choices(key.as_u64()) }
    }

    /// All targets. Wait-free.
    pub fn targets<'g>(&'g self, pin: &'g RoutePin) -> &'g [Target<T>] {
        &self.table.load(&pin.0).targets
    }
}

/// A table that is built but not yet used, so that several can be published together or not at all.
#[derive(Debug)]
pub(crate) struct Prepared<T>(Table<T>);

impl<T> Prepared<T> {
    pub(crate) fn new(
        affinity: Affinity,
        targets: impl IntoIterator<Item = Target<T>>,
    ) -> Result<Self, PoolSetError> {
        let targets: Box<[Target<T>]> = targets.into_iter().collect();
        let set: Vec<_> = targets.iter().map(|target| (&*target.name, target.weight, target.share)).collect();
        Ok(Self(Table::new(SlotMap::build(&set)?, targets, affinity)))
    }
}

impl<T: Send + Sync + 'static> Default for Router<T> {
    /// A router without targets.
    fn default() -> Self {
        Self { table: Published::new(Table::new(SlotMap::default(), Box::default(), Affinity::default())) }
    }
}

impl<T> fmt::Debug for Router<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Router").finish_non_exhaustive()
    }
}

/// Where a key may go, best first: up to three distinct targets.
pub struct Choices<'g, T> {
    table: &'g Table<T>,
    choices: &'g [u8],
}

impl<'g, T> Choices<'g, T> {
    /// Where the key belongs; `None` if the router has no target.
    #[inline]
    #[must_use]
    pub fn first(&self) -> Option<&'g T> {
        self.targets().next().map(|target| &target.value)
    }

    /// Where the key belongs, and then where it may go instead.
    #[inline]
    pub fn targets(&self) -> impl Iterator<Item = &'g Target<T>> + use<'g, T> {
        let targets = &self.table.targets;
        self.choices.iter().map(|at| &targets[usize::from(*at)])
    }
}

impl<'g, T: Load> Choices<'g, T> {
    /// The targets in the order in which they should be tried now.
    ///
    /// Softly, that is bounded load: an overfull target comes behind the first of its next choices that is not. The key
    /// of a target with a worker to spare never moves. Strictly, it is the key's own target and no other. O(1).
    #[inline]
    pub fn in_order(&self, now: Moment) -> impl Iterator<Item = &'g Target<T>> + use<'g, T> {
        let table = self.table;
        let choices = match table.affinity {
            Affinity::Soft => self.choices,
            Affinity::Strict => self.choices.get(..1).unwrap_or_default(),
        };
        let at = |choice: u8| &table.targets[usize::from(choice)];
        let start = if choices.len() > 1 {
            choices.iter().position(|choice| !table.is_overfull(at(*choice), now)).unwrap_or(0)
        } else {
            0
        };
        choices[start..].iter().chain(&choices[..start]).map(move |choice| at(*choice))
    }
}

impl<T> fmt::Debug for Choices<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.targets().map(Target::name)).finish()
    }
}

#[cfg(all(test, not(heijunka_loom)))]
mod tests;
