//! How much of the keys that its weight gives it a target has.

/// How much of its keys a target has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Share {
    /// All of them.
    #[default]
    Full,
    /// Half of them: the others move, and no key of another target does.
    Half,
    /// They stay its own, and are refused: it is *barred*. A key that may move should not come to such a target at all.
    None,
}

impl Share {
    /// What a target counts for among the others, in halves of a unit of weight. Keys that are refused still belong to it.
    pub(crate) fn halves(self, weight: u32) -> u32 {
        match self {
            // A weight that is refused anyway may be any number.
            Share::Full | Share::None => weight.saturating_mul(2),
            Share::Half => weight,
        }
    }
}
