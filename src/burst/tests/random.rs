//! What holds whatever is seen and set.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::burst::{Phase, Rule};

fn settings() -> impl Strategy<Value = Settings> {
    let times = (0..20_u64, 0..5_u64, 0..10_u64);
    (prop::bool::weighted(0.95), 1.5..20.0, 0..200_u64, 0..8_u32, 0..4_u32, times).prop_map(
        |(enabled, threshold, floor, workers, renewals, (lease, return_every, cooldown))| Settings {
            enabled,
            threshold,
            floor,
            workers,
            lease: Duration::from_secs(lease),
            renewals,
            return_every: Duration::from_secs(return_every),
            cooldown: Duration::from_secs(cooldown),
            cost: 2.0,
        },
    )
}

#[derive(Clone, Debug)]
struct Step {
    after: Duration,
    arrivals: u64,
    settings: Option<Settings>,
    /// Surge workers that do not come back yet.
    stuck: u32,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let arrivals = prop_oneof![2 => 0..20_u64, 3 => 0..100_000_u64];
    let stuck = prop_oneof![4 => Just(0), 1 => 0..3_u32];
    let change = prop::option::weighted(0.1, settings());
    let step = (10..=10_000_u64, arrivals, change, stuck).prop_map(|(after, arrivals, settings, stuck)| {
        Step { after: Duration::from_millis(after), arrivals, settings, stuck }
    });
    vec(step, 1..200)
}

/// Runs them after a quiet first minute; tells each decision with the settings and the time it was made at.
fn run(first: Settings, steps: Vec<Step>) -> Vec<(Decision, Settings, Moment)> {
    let mut burst = Burst::default();
    let mut sample = Sample { settings: first, arrivals: 0, surge_workers: 0 };
    let mut now = Moment::default();
    let mut decide = |sample: &Sample, now| {
        let decision = burst.step(sample, now);
        assert_eq!(burst.holding(), decision.phase == Phase::Surging);
        assert!(!decision.to_string().contains('\n'));
        decision
    };
    for _ in 0..=60 {
        decide(&sample, now);
        now = now.after(Duration::from_secs(1));
    }
    let mut decisions = Vec::new();
    for step in steps {
        now = now.after(step.after);
        sample.arrivals += step.arrivals;
        sample.settings = step.settings.unwrap_or(sample.settings);
        let decision = decide(&sample, now);
        sample.surge_workers = POOLS * decision.extra + step.stuck;
        decisions.push((decision, sample.settings, now));
    }
    decisions
}

proptest! {
    #[test]
    fn a_surge_always_ends(first in settings(), steps in steps()) {
        let (mut began, mut lease, mut renewals) = (Moment::default(), Duration::ZERO, 0);
        for (decision, settings, now) in run(first, steps) {
            if decision.rule == Rule::Detected {
                (began, lease, renewals) = (now, Duration::ZERO, 0);
            }
            (lease, renewals) = (lease.max(settings.lease), renewals.max(settings.renewals));
            if decision.phase == Phase::Surging {
                prop_assert!(now.since(began) <= lease * (renewals + 1));
            }
        }
    }

    #[test]
    fn a_return_gives_back_one_at_a_time_and_is_followed_by_the_cooldown(first in settings(), steps in steps()) {
        let (mut last, mut cooled) = (None::<Decision>, None);
        for (decision, settings, now) in run(first, steps) {
            prop_assert!(decision.extra <= settings.workers, "never more than is set");
            if decision.phase != Phase::Surging && let Some(last) = last {
                prop_assert!(decision.extra <= last.extra, "it only falls");
                let lowered = last.extra > settings.workers;
                prop_assert!(lowered || last.extra - decision.extra <= 1);
            }
            match decision.phase {
                Phase::Cooling if cooled.is_none() => cooled = Some(now.after(settings.cooldown)),
                Phase::Cooling | Phase::Returning => {}
                Phase::Surging => {
                    let from = last.map(|last| last.phase);
                    prop_assert!(!matches!(from, Some(Phase::Returning)), "not without a cooldown");
                    prop_assert!(cooled.take().is_none_or(|end| now >= end));
                }
                _ => {
                    prop_assert_eq!(decision.extra, 0);
                    prop_assert!(cooled.take().is_none_or(|end| now >= end));
                }
            }
            last = Some(decision);
        }
    }

    #[test]
    fn switched_off_nothing_is_lent(first in settings(), steps in steps()) {
        for (decision, settings, _) in run(first, steps) {
            if !settings.enabled {
                prop_assert!(!matches!(decision.phase, Phase::Surging | Phase::Watching | Phase::Learning));
                prop_assert!(!matches!(decision.rule, Rule::Detected | Rule::Renewed | Rule::Leased));
            }
        }
    }

    #[test]
    fn everything_is_back_after_a_while_of_quiet(first in settings(), steps in steps()) {
        let quiet = Step { after: Duration::from_secs(2), arrivals: 0, settings: Some(first), stuck: 0 };
        let length = steps.len();
        let decisions = run(first, steps.into_iter().chain(vec![quiet; 200]).collect());
        let (last, ..) = decisions[length + 199];
        prop_assert!(matches!(last.phase, Phase::Watching | Phase::Off), "{last}");
        prop_assert_eq!(last.extra, 0);
    }

    #[test]
    fn the_same_history_gives_the_same_decisions(first in settings(), steps in steps()) {
        prop_assert_eq!(run(first, steps.clone()), run(first, steps));
    }
}

#[test]
fn the_random_runs_reach_every_state() {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;

    let mut runner = TestRunner::deterministic();
    let mut rules = std::collections::HashSet::new();
    for _ in 0..200 {
        let tree = (settings(), steps()).new_tree(&mut runner).expect("a value");
        let (first, steps) = tree.current();
        rules.extend(run(first, steps).into_iter().map(|(decision, ..)| decision.rule));
    }
    assert!(rules.len() >= 13, "all but the rules of learning and of lasting bursts: {rules:?}");
}
