//! H2, the part by hand: pools grow and shrink within their bounds, and no job is lost on the way.

use heijunka::{PoolConfig, Runtime, ScaleError};

use crate::common::{Counter, GENEROUS, Gate, eventually, pool_status, single, workers};

fn elastic(min: u32, max: u32) -> PoolConfig {
    PoolConfig { min_workers: min, max_workers: max, lane: 4096, ..workers(1) }
}

fn size(runtime: &Runtime, pool: &str) -> u32 {
    pool_status(runtime, pool).workers
}

#[test]
fn h02_a_pool_is_scaled_by_hand_within_its_bounds() {
    let (runtime, _) = single("elastic", elastic(2, 4));
    let pool = runtime.pool("elastic").unwrap();
    assert_eq!((pool.name(), size(&runtime, "elastic")), ("elastic", 2));
    pool.scale_up().unwrap();
    assert_eq!(size(&runtime, "elastic"), 3);
    pool.scale_to(4).unwrap();
    assert_eq!(size(&runtime, "elastic"), 4);
    assert!(matches!(pool.scale_up(), Err(ScaleError::OutOfBounds { workers: 5, min: 2, max: 4 })));
    pool.scale_down().unwrap();
    pool.scale_to(2).unwrap();
    assert!(matches!(pool.scale_down(), Err(ScaleError::OutOfBounds { workers: 1, min: 2, max: 4 })));
    assert!(matches!(pool.scale_to(0), Err(ScaleError::OutOfBounds { .. })));
    assert_eq!(size(&runtime, "elastic"), 2, "a refused wish changes nothing");
}

#[test]
fn h02_more_workers_run_more_jobs_at_once() {
    let (runtime, domain) = single("grows", elastic(1, 3));
    let gate = Gate::default();
    gate.occupy(&domain, 1, 1);
    for _ in 0..2 {
        domain.execute(1, gate.job()).unwrap();
    }
    assert_eq!(pool_status(&runtime, "grows").queue_length, 2);
    runtime.pool("grows").unwrap().scale_to(3).unwrap();
    gate.wait_for(3);
}

#[test]
fn h02_a_retired_worker_ends_its_job_first_and_its_slot_comes_back() {
    let (runtime, domain) = single("shrinks", elastic(1, 2));
    let pool = runtime.pool("shrinks").unwrap();
    for round in 1..=3 {
        pool.scale_to(2).unwrap();
        let gate = Gate::default();
        gate.occupy(&domain, 1, 2);
        pool.scale_to(1).unwrap();
        let status = pool_status(&runtime, "shrinks");
        assert_eq!(status.workers, 1);
        assert_eq!(
            status.worker_status.iter().filter(|worker| worker.duty == heijunka::Duty::Leaving).count(),
            1
        );
        gate.open();
        eventually("both jobs have ended", || pool_status(&runtime, "shrinks").completed == 2 * round);
        eventually("the worker has left", || pool_status(&runtime, "shrinks").worker_status.len() == 1);
    }
}

#[test]
fn h02_scaling_under_load_loses_no_job() {
    let (runtime, domain) = single("wobbles", elastic(1, 6));
    let pool = runtime.pool("wobbles").unwrap();
    let ran = Counter::default();
    let mut accepted = 0;
    for round in 0..60_u32 {
        for n in 0..50_u64 {
            let ran = ran.clone();
            if domain.execute(n, move |_| ran.add()).is_ok() {
                accepted += 1;
            }
        }
        match pool.scale_to(1 + (round * 5) % 6) {
            Ok(()) | Err(ScaleError::NoSlot) => {}
            Err(error) => panic!("{error}"),
        }
    }
    let report = runtime.drain(GENEROUS);
    assert!(report.is_clean(), "{report:?}");
    assert_eq!(ran.get(), accepted);
    assert_eq!(pool_status(&runtime, "wobbles").completed, accepted);
}
