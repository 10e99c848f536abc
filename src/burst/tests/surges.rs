//! What is done about a burst, by example.

use super::*;
use crate::burst::{BurstStatus, Phase, Rule};

/// In a surge, a second after it began.
fn surging() -> Run {
    let mut run = Run::usual(100.0);
    run.load(2, 2000.0);
    assert_eq!(run.last().phase, Phase::Surging);
    run
}

impl Run {
    /// The rules that were applied, each once, from the first surge on.
    fn rules(&self) -> Vec<Rule> {
        let mut rules: Vec<Rule> = self.decisions.iter().map(|decision| decision.rule).collect();
        rules.dedup();
        rules.drain(..rules.iter().position(|&rule| rule == Rule::Detected).unwrap_or_default());
        rules
    }

    fn seconds_in(&self, phase: Phase) -> f64 {
        let count = self.decisions.iter().filter(|decision| decision.phase == phase).count();
        count as f64 * self.tick.as_secs_f64()
    }
}

#[test]
fn a_short_burst_is_one_lease_and_a_gradual_return() {
    let mut run = surging();
    assert!(run.burst.holding());
    run.load(60, 2000.0);
    run.load(600, 100.0);
    assert_eq!(
        run.rules(),
        [Rule::Detected, Rule::Leased, Rule::Gone, Rule::Returning, Rule::Cooling, Rule::Quiet]
    );
    assert!((run.seconds_in(Phase::Surging) - 300.0).abs() < 1.0);
    assert!((run.seconds_in(Phase::Returning) - 40.0).abs() < 2.0, "5 workers, the first at once");
    assert!((run.seconds_in(Phase::Cooling) - 30.0).abs() < 1.0);
    let mut extras: Vec<u32> = run.decisions.iter().map(|decision| decision.extra).collect();
    extras.dedup();
    assert_eq!(extras, [0, 5, 4, 3, 2, 1, 0]);
    assert!(!run.burst.holding());
    assert_eq!((run.ledger.surges, run.ledger.renewals), (1, 0));
}

#[test]
fn a_burst_leaves_the_baseline_where_it_was() {
    let mut run = surging();
    let baseline = run.baseline();
    run.load(290, 2000.0);
    run.load(40, 100.0);
    for decision in run.decisions.iter().rev().take(1300) {
        assert!((decision.detection.baseline - baseline).abs() < 1e-9, "{decision}");
    }
    run.load(600, 100.0);
    assert!((run.baseline() - 100.0).abs() < 0.1);
}

#[test]
fn what_led_up_to_a_burst_does_not_enter_the_baseline() {
    let mut run = Run::usual(100.0);
    run.settings.lease = Duration::from_secs(5);
    run.vary(50, |at| 100.0 + 20.0 * at);
    assert_eq!(run.last().phase, Phase::Surging);
    run.load(180, 100.0);
    assert!((run.baseline() - 100.0).abs() < 0.1, "{}", run.baseline());
}

#[test]
fn a_lease_is_renewed_from_half_the_threshold_on() {
    for (threshold, load, rule) in
        [(10.0, 550.0, Rule::Renewed), (10.0, 450.0, Rule::Gone), (1.5, 100.0, Rule::Gone)]
    {
        let mut run = surging();
        run.settings.threshold = threshold;
        run.load(300, load);
        assert_eq!(run.rules()[2], rule, "{load}/s at a threshold of {threshold}");
    }
}

#[test]
fn a_lasting_burst_is_renewed_and_then_becomes_the_usual_load() {
    let mut run = surging();
    let baseline = run.baseline();
    run.load(1195, 2000.0);
    assert_eq!(run.last().phase, Phase::Surging);
    assert!((run.baseline() - baseline).abs() < 1e-9);
    run.load(3600, 2000.0);
    assert_eq!((run.ledger.surges, run.ledger.renewals), (1, 3), "no second surge for one load");
    assert!((run.seconds_in(Phase::Surging) - 1200.0).abs() < 1.0);
    assert!(run.rules().contains(&Rule::Spent) && run.rules().contains(&Rule::DeniedLasting));
    assert_eq!(run.last().phase, Phase::Watching);
    assert!((run.baseline() - 2000.0).abs() < 100.0, "{}", run.baseline());
    run.load(6, 30_000.0);
    assert_eq!(run.last().phase, Phase::Surging, "what is a burst beside the new load is one");
}

#[test]
fn a_burst_that_comes_back_too_soon_is_denied() {
    let mut run = surging();
    run.load(300, 100.0);
    assert_eq!(run.last().phase, Phase::Returning);
    run.load(10, 2000.0);
    assert_eq!(run.last().rule, Rule::DeniedReturning);
    run.load(35, 100.0);
    assert_eq!(run.last().phase, Phase::Cooling);
    run.load(10, 2000.0);
    assert_eq!(run.last().rule, Rule::DeniedCooling);
    assert!(run.last().to_string().contains("denied: cooldown for another 1"), "{}", run.last());
    run.load(30, 2000.0);
    assert_eq!(run.last().phase, Phase::Surging);
    assert_eq!(run.ledger.surges, 2);
}

#[test]
fn the_rest_of_an_answered_burst_is_no_new_one() {
    let settings = Settings { workers: 1, cooldown: Duration::from_secs(1), ..Settings::default() };
    let mut run = Run::with(Settings { lease: Duration::from_secs(20), ..settings });
    run.load(600, 100.0);
    run.load(15, 10_000.0);
    run.load(300, 100.0);
    assert_eq!(run.ledger.surges, 1);
    let seen = |decision: &Decision| decision.detection.window.is_some() && decision.phase == Phase::Watching;
    assert!(run.decisions.iter().any(seen), "its arrivals were still within the minute");
}

#[test]
fn switching_off_ends_it_and_switching_on_starts_afresh() {
    let mut run = surging();
    run.settings.enabled = false;
    run.load(1, 2000.0);
    assert_eq!((run.last().phase, run.last().extra), (Phase::Returning, 4));
    assert!(!run.burst.holding());
    run.load(80, 2000.0);
    assert_eq!((run.last().phase, run.last().rule), (Phase::Off, Rule::DeniedOff));
    assert!(run.last().detection.ratio > 10.0, "detection goes on");
    run.settings.enabled = true;
    run.load(1, 2000.0);
    assert_eq!(run.last().phase, Phase::Surging);
}

#[test]
fn a_worker_that_does_not_come_back_is_waited_for() {
    let mut run = surging();
    run.load(345, 100.0);
    assert_eq!((run.last().phase, run.last().extra), (Phase::Cooling, 0));

    let mut stuck = surging();
    let baseline = stuck.baseline();
    stuck.load(300, 100.0);
    for _ in 0..1200 {
        stuck.surge_workers = 1;
        stuck.now = stuck.now.after(Duration::from_millis(250));
        stuck.step(50.0);
    }
    assert_eq!((stuck.last().phase, stuck.last().extra), (Phase::Returning, 0));
    assert!(stuck.last().to_string().starts_with("returning: 1 surge workers are still out"));
    assert!(stuck.baseline() > baseline + 1.0, "and the baseline goes on");
    stuck.load(300, 200.0);
    assert_eq!(stuck.last().phase, Phase::Watching);
}

#[test]
fn the_status_has_every_figure() {
    let mut run = surging();
    let (elapsed, busy) = (Duration::from_secs(10), Duration::from_secs(20));
    run.ledger.add(Accrual { elapsed, wished: 15, granted: 9, busy, jobs: 300, cost_factor: 2.0 });
    let of = |run: &Run| BurstStatus::new(&run.burst, &run.settings, &run.ledger, run.last().detection);
    let status = of(&run);
    assert!(status.enabled && status.in_surge && status.phase == Phase::Surging && status.extra == 5);
    assert!((status.baseline_load - 100.0).abs() < 0.1 && status.load_ratio > 5.0);
    assert!((status.current_load / status.baseline_load - status.load_ratio).abs() < 1e-9);
    assert!((status.threshold - 10.0).abs() < 1e-9 && (status.total_cost - 180.0).abs() < 1e-9);
    assert_eq!((status.surge_count, status.renewals, status.cooldown_end), (1, 0, None));
    let left = status.lease_end.expect("there is a lease").since(run.now);
    assert!((297..=300).contains(&left.as_secs()));
    run.load(345, 100.0);
    let status = of(&run);
    assert!(!status.in_surge && status.lease_end.is_none() && status.extra == 0);
    assert!(status.cooldown_end.is_some_and(|end| end.since(run.now) <= Duration::from_secs(30)));
}

#[test]
fn a_decision_is_one_line_with_its_figures() {
    let mut run = Run::new();
    run.load(10, 100.0);
    assert_eq!(run.last().to_string(), "learning the usual load for another 50 s: 100.0/s now");
    run.load(590, 100.0);
    assert_eq!(run.last().to_string(), "no burst; 100.0/s now, usually 100.0/s, ratio 1.0");
    run.load(1, 1600.0);
    let detected = run.decisions.iter().find(|decision| decision.rule == Rule::Detected).expect("a burst");
    assert_eq!(
        detected.to_string(),
        "burst within 1 s: 5 more workers per pool for 300 s; 266.7/s now, usually 100.0/s, ratio 2.7"
    );
    assert!(run.last().to_string().starts_with("surge: 5 more workers per pool for another 300 s; "));
}
