//! Scaling by hand: what stands in its way.

use std::fmt;

/// Why a pool was not scaled as wished.
#[derive(Debug)]
#[non_exhaustive]
pub enum ScaleError {
    /// The pool's bounds do not allow it.
    OutOfBounds {
        /// Workers wished for.
        workers: u32,
        /// Workers the pool never falls below.
        min: u32,
        /// Workers the pool never exceeds.
        max: u32,
    },
    /// Every slot has a worker, some of which are still leaving: retry when they have left.
    NoSlot,
    /// The system gave no thread.
    NoThread(std::io::Error),
    /// The pool is stopped.
    Stopped,
}

impl fmt::Display for ScaleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ScaleError::OutOfBounds { workers, min, max } => {
                write!(f, "{workers} workers are out of the pool's bounds; choose {min} to {max}")
            }
            ScaleError::NoSlot => {
                f.write_str("workers that are still leaving hold every slot; retry when they have left")
            }
            ScaleError::NoThread(error) => write!(f, "the system gave no thread: {error}"),
            ScaleError::Stopped => f.write_str("the pool is stopped"),
        }
    }
}

impl std::error::Error for ScaleError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            ScaleError::NoThread(error) => Some(error),
            _ => None,
        }
    }
}

/// A number of workers wished for by hand, if the bounds allow it.
pub(super) fn bounded(workers: u32, min: u32, max: u32) -> Result<u32, ScaleError> {
    if (min..=max).contains(&workers) {
        Ok(workers)
    } else {
        Err(ScaleError::OutOfBounds { workers, min, max })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wish_out_of_bounds_names_the_bounds() {
        assert_eq!(bounded(2, 2, 8).unwrap(), 2);
        assert_eq!(bounded(8, 2, 8).unwrap(), 8);
        assert_eq!(
            bounded(9, 2, 8).unwrap_err().to_string(),
            "9 workers are out of the pool's bounds; choose 2 to 8"
        );
        assert!(bounded(1, 2, 8).is_err());
    }
}
