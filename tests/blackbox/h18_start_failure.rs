//! H18, the beginning: a runtime that cannot start leaves nothing behind.

use heijunka::{PoolConfig, Runtime, StartError};

use crate::common::workers;

#[test]
fn h18_a_wrong_configuration_is_refused_before_anything_starts() {
    let refused = Runtime::builder()
        .pool("refused-a", workers(2))
        .pool("refused-b", PoolConfig { min_workers: 9, max_workers: 8, ..workers(1) })
        .start();
    let Err(StartError::Config(error)) = refused else { panic!("{refused:?}") };
    assert!(error.to_string().starts_with("pools.refused-b.min_workers is 9, above"), "{error}");
    let limits = Runtime::builder().limits(10, 5).pool("refused-a", workers(1)).start();
    assert!(matches!(limits, Err(StartError::Config(_))), "{limits:?}");
    let nothing = Runtime::builder().start();
    assert!(matches!(nothing, Err(StartError::Config(_))), "{nothing:?}");
    #[cfg(target_os = "linux")]
    assert!(crate::common::threads("hj-refused").is_empty());
}

/// A process whose address space has room for a few thread stacks only: the system really refuses the next thread.
#[cfg(target_os = "linux")]
mod without_memory {
    use std::process::Command;

    use heijunka::{ChangeError, PoolConfig, Runtime, ScaleError, StartError};

    use crate::common::{Outcome, eventually, pool_status, threads, workers};

    const CHILD: &str = "HEIJUNKA_TEST_CHILD";

    /// Runs this very test again, in 4 GiB of addresses with stacks of half a GiB.
    fn in_a_small_process(test: &str) -> bool {
        if std::env::var_os(CHILD).is_some() {
            return true;
        }
        let script = "ulimit -v 4194304 && exec \"$0\" --exact \"$1\" --nocapture --test-threads 1";
        let output = Command::new("sh")
            .args(["-c", script])
            .arg(std::env::current_exe().unwrap())
            .arg(test)
            .env(CHILD, "1")
            .env("RUST_MIN_STACK", (512 << 20).to_string())
            .output()
            .unwrap();
        let told = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{told}\n{}", String::from_utf8_lossy(&output.stderr));
        assert!(told.contains("1 passed"), "the test ran in there: {told}");
        false
    }

    #[test]
    fn h18_workers_that_cannot_be_had_leave_no_others_behind() {
        if !in_a_small_process(
            "h18_start_failure::without_memory::h18_workers_that_cannot_be_had_leave_no_others_behind",
        ) {
            return;
        }
        // The first pool gets its workers, the second does not.
        let failed = Runtime::builder().pool("first", workers(2)).pool("second", workers(40)).start();
        assert!(matches!(failed, Err(StartError::Workers(ScaleError::NoThread(_)))), "{failed:?}");
        eventually("all that had started are gone", || threads("hj-").is_empty());

        // What those threads held can be had again.
        let elastic = PoolConfig { max_workers: 50, ..workers(2) };
        let runtime = Runtime::builder().pool("small", elastic).start().unwrap();
        let domain = runtime.domain("small").unwrap();
        let added = runtime.add_pool("large", &workers(40));
        assert!(matches!(added, Err(ChangeError::Workers(ScaleError::NoThread(_)))), "{added:?}");
        assert!(runtime.pool("large").is_none() && runtime.domain("large").is_none());
        eventually("its workers are gone", || threads("hj-large").is_empty());

        // Scaled too far, a pool keeps what the system gave, and serves on.
        let scaled = runtime.pool("small").unwrap().scale_to(50);
        assert!(matches!(scaled, Err(ScaleError::NoThread(_))), "{scaled:?}");
        let status = pool_status(&runtime, "small");
        assert!((2..50).contains(&status.workers), "{}", status.workers);
        assert_eq!(status.health, heijunka::Health::Degraded, "workers are missing");
        assert_eq!(domain.submit(1, |_| 5).unwrap().result(), Ok(5));
        runtime.pool("small").unwrap().scale_to(2).unwrap();
    }
}
