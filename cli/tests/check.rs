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
fn the_queue_is_summed_up_where_there_is_one() {
    let text = "[pools.a]\nmin_workers = 1\nmax_workers = 2\n[domains.a.exec]\nargv = ['true']\n\
        [schedules.s]\nevery = '1s'\ndomain = 'a'\n[schedules.t]\ncron = '@daily'\ndomain = 'a'\n";
    let config = TempFile::new("queue.toml", text.as_bytes());
    let ran = run(["check", config.path()]);
    let before = "ok: 1 domain, 1 pool, 1..2 workers, soft 1000 hard 1200";
    let line = format!("{before}, memory broker, 1 domain consumed, 2 schedules");
    assert_eq!((ran.code, ran.out.lines().next_back()), (Some(0), Some(line.as_str())));
    let ran = run(["check", config.path(), "--set", "broker.kind=file", "--set", "domains.a.consume=false"]);
    let line = format!("{before}, file broker, 0 domains consumed, 2 schedules");
    assert_eq!(ran.out.lines().next_back(), Some(line.as_str()));
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
