//! H6: whatever happens, every accepted job has exactly one end, and every permit comes back.

use std::time::Duration;

use heijunka::{
    Checkout, CheckoutError, Context, JobError, JobHandle, Limits, PoolConfig, Runtime, WaitError,
};
use heijunka::{Domain, Priority};
use proptest::prelude::*;

use crate::common::{Outcome, eventually, workers};

#[derive(Clone, Debug)]
enum Step {
    Submit(Priority),
    Batch(u32),
    Work,
    Expired,
    Panic,
    Fail,
    /// One of the jobs so far.
    Cancel(usize),
    Scale(u32),
    Checkout,
    GiveBack,
    SetLimits(u32),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => prop::sample::select(&Priority::ALL).prop_map(Step::Submit),
        1 => (0..12_u32).prop_map(Step::Batch),
        2 => Just(Step::Work),
        2 => Just(Step::Expired),
        2 => Just(Step::Panic),
        1 => Just(Step::Fail),
        2 => (0..100_usize).prop_map(Step::Cancel),
        1 => (1..=4_u32).prop_map(Step::Scale),
        1 => Just(Step::Checkout),
        1 => Just(Step::GiveBack),
        1 => (1..20_u32).prop_map(Step::SetLimits),
    ]
}

/// What the outside knows.
#[derive(Default)]
struct Books {
    handles: Vec<JobHandle<bool>>,
    /// Accepted checkouts, granted or timed out.
    checkouts: u64,
    held: Option<Checkout>,
    refused: u64,
}

impl Books {
    fn submit(&mut self, submitted: Result<JobHandle<bool>, impl Sized>) {
        match submitted {
            Ok(handle) => self.handles.push(handle),
            Err(_) => self.refused += 1,
        }
    }

    fn take(&mut self, step: &Step, runtime: &Runtime, domain: &Domain) {
        let key = self.handles.len() as u64;
        // A job's result: whether it called itself failed.
        match *step {
            Step::Submit(priority) => self.submit(domain.job(key).priority(priority).submit(|_| false)),
            Step::Work => self.submit(domain.submit(key, |_| {
                std::thread::sleep(Duration::from_micros(200));
                false
            })),
            Step::Expired => self.submit(domain.job(key).deadline(Duration::ZERO).submit(|_| false)),
            Step::Panic => {
                self.submit(domain.submit(key, |_| std::panic::resume_unwind(Box::new("quietly"))));
            }
            Step::Fail => self.submit(domain.submit(key, |job| {
                job.fail();
                true
            })),
            Step::Batch(size) => {
                let work = (0..size).map(|_| |_: &Context<'_>| false);
                match domain.job(key).submit_many(work) {
                    Ok(handles) => self.handles.extend(handles),
                    Err(refused) => {
                        self.refused += 1;
                        self.handles.extend(refused.into_parts().0);
                    }
                }
            }
            Step::Cancel(which) => {
                if let Some(handle) = self.handles.get(which) {
                    handle.cancel();
                }
            }
            Step::Scale(workers) => {
                // A slot may still be taken by a worker that leaves.
                let _ = runtime.pool("books").unwrap().scale_to(workers);
            }
            Step::Checkout => match domain.checkout(key, Duration::from_millis(2)) {
                Ok(checkout) => {
                    self.checkouts += 1;
                    self.held = Some(checkout);
                }
                Err(CheckoutError::TimedOut) => self.checkouts += 1,
                Err(_) => self.refused += 1,
            },
            Step::GiveBack => self.held = None,
            Step::SetLimits(hard) => {
                runtime.regulator().set_limits(Limits::new(hard.div_ceil(2), hard, hard / 5).unwrap());
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn h06_every_accepted_job_has_one_end_and_every_permit_comes_back(
        steps in prop::collection::vec(step(), 1..80), drained in any::<bool>(), given_back in any::<bool>(),
    ) {
        let pool = PoolConfig { max_workers: 4, lane: 8, ..workers(1) };
        let runtime = Runtime::builder().limits(10, 20).reserve(0.2).pool("books", pool).start().unwrap();
        let domain = runtime.domain("books").unwrap();
        let mut books = Books::default();
        for step in &steps {
            books.take(step, &runtime, &domain);
        }
        if given_back {
            books.held = None;
        }
        let patience = Duration::from_millis(100);
        let report = if drained { runtime.drain(patience) } else { runtime.stop(patience) };
        eventually("all permits are back", || runtime.status().admission.in_flight == 0);

        let results: Vec<_> = books.handles.iter().map(Outcome::result).collect();
        let count = |wanted: &dyn Fn(&Result<bool, WaitError>) -> bool| {
            results.iter().filter(|result| wanted(result)).count() as u64
        };
        let error = |error: JobError| move |result: &Result<bool, WaitError>| *result == Err(WaitError::Job(error.clone()));
        let panicked = |result: &Result<bool, WaitError>| matches!(result, Err(WaitError::Job(JobError::Panicked(_))));
        let status = runtime.status();
        let pool = &status.pools[0];
        prop_assert_eq!(status.admission.normal_in_flight, 0);
        prop_assert_eq!(status.admission.refused.total(), books.refused);
        prop_assert_eq!(pool.failed, count(&|result| *result == Ok(true)) + count(&panicked));
        prop_assert_eq!(pool.panicked, count(&panicked));
        prop_assert_eq!(pool.expired, count(&error(JobError::Expired)));
        // A checkout ends completed if it was granted, cancelled if it timed out, abandoned if the end came first.
        let with_checkouts = [pool.completed, pool.cancelled, pool.abandoned];
        let of_handles = [
            count(&|result| *result == Ok(false)),
            count(&error(JobError::Cancelled)),
            count(&error(JobError::Abandoned)),
        ];
        prop_assert!(with_checkouts.iter().zip(of_handles).all(|(all, part)| *all >= part));
        prop_assert_eq!(with_checkouts.iter().sum::<u64>(), of_handles.iter().sum::<u64>() + books.checkouts);
        prop_assert_eq!(pool.total_requests, results.len() as u64 + books.checkouts);
        prop_assert_eq!(report.abandoned, pool.abandoned);
    }
}
