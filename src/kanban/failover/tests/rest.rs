//! How long a broker is left alone.

use std::time::Duration;

use proptest::prelude::*;

use crate::kanban::failover::rest::Rest;
use crate::time::Moment;

#[test]
fn rests_double_and_end_with_a_call_that_works() {
    let (mut rest, now) = (Rest::default(), Moment::default());
    let pauses: Vec<_> = (0..9)
        .map(|n| {
            assert_eq!(rest.failed(false, now), n == 0, "it begins once");
            rest.until().unwrap().since(now).as_millis()
        })
        .collect();
    assert_eq!(pauses, [50, 100, 200, 400, 800, 1600, 3200, 5000, 5000]);
    assert!(rest.is_resting() && !rest.would_hang());
    rest.wake();
    assert!(!rest.is_resting() && rest.is_failing());
    // A probe was answered, and the call fails all the same: not from the beginning.
    assert!(!rest.failed(true, now) && rest.would_hang());
    assert_eq!(rest.until().unwrap().since(now), Duration::from_secs(30));
    assert!(rest.worked());
    assert!(!rest.worked() && !rest.is_failing());
    rest.failed(true, now);
    assert_eq!(rest.until().unwrap().since(now), Duration::from_secs(1));
}

proptest! {
    #[test]
    fn a_rest_is_bounded_and_never_nothing(failures in prop::collection::vec(any::<bool>(), 1..200)) {
        let (mut rest, now) = (Rest::default(), Moment::default());
        for hung in failures {
            rest.failed(hung, now);
            let pause = rest.until().unwrap().since(now);
            prop_assert!(pause >= Duration::from_millis(50) && pause <= Duration::from_secs(30));
        }
    }
}
