//! Many jobs at once: admitted together or not at all, and what does not fit comes back.

use heijunka::{Context, PoolConfig, Reason, Runtime};

use crate::common::{Counter, GENEROUS, Gate, Outcome, eventually, single, workers};

fn numbered(count: u32) -> impl ExactSizeIterator<Item = impl FnOnce(&Context<'_>) -> u32 + Send + 'static> {
    (0..count).map(|n| move |_: &Context<'_>| n)
}

#[test]
fn a_batch_runs_as_a_whole() {
    let (runtime, domain) = single("batch", workers(3));
    let handles = domain.job(1).submit_many(numbered(200)).unwrap();
    assert!(handles.iter().zip(0..).all(|(handle, n)| handle.result() == Ok(n)));
    let ran = Counter::default();
    let work = (0..200).map(|_| {
        let ran = ran.clone();
        move |_: &Context<'_>| ran.add()
    });
    assert_eq!(domain.job(1).execute_many(work).unwrap(), 200);
    assert_eq!(domain.job(1).submit_many(numbered(0)).unwrap().len(), 0, "none is as good as any");
    assert!(runtime.drain(GENEROUS).is_clean());
    assert_eq!(ran.get(), 200);
    assert_eq!(runtime.status().admission.refused.total(), 0);
}

#[test]
fn what_does_not_fit_into_the_lane_comes_back_in_order() {
    let (runtime, domain) = single("partial", PoolConfig { lane: 4, ..workers(1) });
    let gate = Gate::default();
    gate.occupy(&domain, 1, 1);
    let refused = domain.job(1).submit_many(numbered(7)).unwrap_err();
    assert_eq!((refused.rejected().reason(), refused.accepted()), (Reason::LaneFull, 4));
    assert_eq!(refused.to_string(), "4 accepted, the rest refused: the pool's lane is full: 4 of 4 waiting");
    let (accepted, rest) = refused.into_parts();
    assert_eq!(runtime.status().admission.in_flight, 5, "the permits of the rest are back");
    gate.open();
    assert_eq!(accepted.iter().map(|handle| handle.result().unwrap()).collect::<Vec<_>>(), [0, 1, 2, 3]);
    // The rest is the work itself, the refused one included.
    let later: Vec<_> = rest.map(|work| domain.submit(1, work).unwrap().result().unwrap()).collect();
    assert_eq!(later, [4, 5, 6]);

    let gate = Gate::default();
    gate.occupy(&domain, 1, 1);
    let refused = domain.job(1).execute_many((0..6).map(|_| |_: &Context<'_>| ())).unwrap_err();
    assert_eq!((refused.accepted(), refused.into_parts().1.count()), (4, 2));
}

#[test]
fn a_batch_is_admitted_together_or_not_at_all() {
    let runtime = Runtime::builder().limits(10, 10).reserve(0.0).pool("limit", workers(1)).start().unwrap();
    let gate = Gate::default();
    let domain = runtime.domain("limit").unwrap();
    gate.occupy(&domain, 1, 1);
    let refused = domain.job(1).submit_many(numbered(10)).unwrap_err();
    let rejected = refused.rejected();
    assert_eq!((rejected.reason(), rejected.in_flight(), rejected.wanted()), (Reason::HardLimit, 1, 10));
    let (accepted, rest) = refused.into_parts();
    assert_eq!((accepted.len(), rest.count()), (0, 10));
    assert_eq!(runtime.status().admission.in_flight, 1);
    assert_eq!(domain.job(1).submit_many(numbered(9)).unwrap().len(), 9);
}

/// Says that it has two items more, or fewer, than it has.
struct Liar<I>(I, isize);

impl<I: Iterator> Iterator for Liar<I> {
    type Item = I::Item;

    fn next(&mut self) -> Option<I::Item> {
        self.0.next()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let told = self.0.size_hint().0.saturating_add_signed(self.1);
        (told, Some(told))
    }
}

impl<I: ExactSizeIterator> ExactSizeIterator for Liar<I> {}

#[test]
fn an_iterator_that_lies_about_its_length_loses_no_permit() {
    let (runtime, domain) = single("liar", workers(1));
    let handles = domain.job(1).submit_many(Liar(numbered(5), 2)).unwrap();
    assert_eq!(handles.len(), 5);
    let refused = domain.job(1).submit_many(Liar(numbered(5), -2)).unwrap_err();
    assert_eq!((refused.accepted(), refused.into_parts().1.count()), (3, 2));
    eventually("all permits are back", || runtime.status().admission.in_flight == 0);
}

#[test]
fn an_iterator_that_panics_leaves_what_it_gave_and_no_permit() {
    let (runtime, domain) = single("thrower", workers(1));
    let ran = Counter::default();
    let done = ran.clone();
    let work = (0..10).map(move |n| {
        assert!(n < 4, "no more");
        let done = done.clone();
        move |_: &Context<'_>| done.add()
    });
    let thrown = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| domain.job(1).execute_many(work)));
    assert!(thrown.is_err());
    eventually("all that were in ran", || ran.get() == 4);
    eventually("all permits are back", || runtime.status().admission.in_flight == 0);
}
