//! Jobs that fail: panics are caught with their message, and a job can call itself failed.

use heijunka::{JobError, WaitError};

use crate::common::{Outcome, eventually, pool_status, single, workers};

fn panicked<T>(message: &str) -> Result<T, WaitError> {
    Err(WaitError::Job(JobError::Panicked(message.into())))
}

#[test]
fn a_panic_is_told_with_its_message() {
    let (runtime, domain) = single("panics", workers(1));
    let text = domain.submit(1, |_| -> u8 { panic!("just text") }).unwrap();
    assert_eq!(text.result(), panicked("just text"));
    let formatted = domain.submit(1, |job| -> u8 { panic!("worker {}", job.worker()) }).unwrap();
    assert_eq!(formatted.result(), panicked("worker 0"));
    let other = domain.submit(1, |_| -> u8 { std::panic::panic_any(42) }).unwrap();
    assert_eq!(other.result(), panicked("a panic without a message"));
    domain.execute(1, |_| panic!("nobody waits")).unwrap();
    assert_eq!(domain.submit(1, |_| 1).unwrap().result(), Ok(1), "the worker lives on");
    let status = pool_status(&runtime, "panics");
    assert_eq!((status.panicked, status.failed, status.completed), (4, 4, 1));
    assert_eq!((status.replaced_workers, status.failed_requests), (0, 4));
    eventually("all permits are back", || runtime.status().admission.in_flight == 0);
}

#[test]
fn a_job_can_call_itself_failed_and_still_give_a_result() {
    let (runtime, domain) = single("fails", workers(1));
    let handle = domain.submit(1, |job| {
        job.fail();
        Err::<u8, _>("no funds")
    });
    assert_eq!(handle.unwrap().result(), Ok(Err("no funds")));
    domain.execute(1, |job| job.fail()).unwrap();
    domain.submit(1, |_| ()).unwrap().result().unwrap();
    let status = pool_status(&runtime, "fails");
    assert_eq!((status.failed, status.panicked, status.completed), (2, 0, 1));
    assert_eq!((status.total_requests, status.failed_requests), (3, 2));
}

#[test]
fn large_and_over_aligned_work_arrives_whole() {
    #[derive(Clone, Copy)]
    #[repr(align(128))]
    struct Aligned(u8);
    let (_runtime, domain) = single("sizes", workers(1));
    let large = [7_u8; 4096];
    let sum = domain.submit(1, move |_| large.iter().map(|byte| u32::from(*byte)).sum::<u32>()).unwrap();
    assert_eq!(sum.result(), Ok(7 * 4096));
    let aligned = Aligned(3);
    let place = domain.submit(1, move |_| {
        let whole = std::hint::black_box(aligned);
        (std::ptr::from_ref(&whole).addr() % 128, whole.0)
    });
    assert_eq!(place.unwrap().result(), Ok((0, 3)));
    assert_eq!(domain.submit(1, |_| [9_u64; 100]).unwrap().result(), Ok([9; 100]));
}
