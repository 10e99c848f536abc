//! `heijunka check`.

mod common;

use common::{TempFile, run};

const GOOD: &[u8] = b"[admission]\nsoft = 800\nhard = 900\n\
    [pools.a]\nmin_workers = 1\nmax_workers = 2\n\
    [pools.b]\nmin_workers = 1\nmax_workers = 4\n";

#[test]
fn a_good_configuration_is_summed_up() {
    let config = TempFile::new("good.toml", GOOD);
    let ran = run(["check", config.path()]);
    assert_eq!(
        (ran.code, ran.out.lines().next_back()),
        (Some(0), Some("ok: 2 domains, 2 pools, 2..6 workers, soft 800 hard 900"))
    );
    let ran = run(["check", config.path(), "--set", "admission.hard=1000", "--set", "pools.b.max_workers=9"]);
    assert_eq!(
        ran.out.lines().next_back(),
        Some("ok: 2 domains, 2 pools, 2..11 workers, soft 800 hard 1000")
    );
}

#[test]
fn a_bad_one_is_refused_in_one_line() {
    let config = TempFile::new("bad.toml", GOOD);
    let ran = run(["check", config.path(), "--set", "admission.hard=10"]);
    assert!(ran.refusal().contains("soft"), "{}", ran.err);
    assert_eq!(ran.err.lines().count(), 1);
    let ran = run(["check", "/nonexistent/heijunka.toml"]);
    assert!(ran.refusal().contains("/nonexistent/heijunka.toml"), "{}", ran.err);
}
