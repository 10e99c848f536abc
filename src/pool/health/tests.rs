use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::law::Law;
use crate::time::Moment;

const LIMITS: Limits =
    Limits { degraded: 0.1, critical: 0.5, replacements: 2, queue_delay: Duration::from_millis(5) };

const GOOD: Sample = Sample {
    workers: 2,
    wanted: 2,
    waiting: 0,
    lane: 256,
    ended: 100,
    failed: 0,
    stalled: 0,
    lost: 0,
    least_delay: None,
    settings: LIMITS,
    between: false,
};
const FULL: Sample = Sample { waiting: 256, ..GOOD };
const FAILING: Sample = Sample { failed: 50, ..GOOD };
const STUCK: Sample = Sample { stalled: 2, ..GOOD };
const EMPTY: Sample = Sample { workers: 0, ..GOOD };

pub(super) fn any_health() -> impl Strategy<Value = Health> {
    prop::sample::select(&[Health::Healthy, Health::Degraded, Health::Critical][..])
}

fn any_sample() -> impl Strategy<Value = Sample> {
    let jobs = (0..30_usize, 0..30_usize, 0..100_u64, 0..100_u64);
    let delay = prop::option::of((0..30_u64).prop_map(Duration::from_millis));
    (0..5_u32, 0..5_u32, jobs, 0..8_u32, 0..4_u32, delay, 0..4_u32).prop_map(
        |(workers, wanted, (waiting, lane, ended, failed), stalled, lost, least_delay, replacements)| {
            Sample {
                workers,
                wanted,
                waiting,
                lane,
                ended,
                failed: failed.min(ended),
                stalled,
                lost: lost.min(stalled),
                least_delay,
                settings: Limits { replacements, ..LIMITS },
                between: false,
            }
        },
    )
}

/// No better than `other` in any way; what the pool is like stays the same.
fn worse(sample: Sample, other: Sample) -> Sample {
    Sample {
        workers: sample.workers.min(other.workers),
        wanted: sample.wanted.max(other.wanted),
        waiting: sample.waiting.max(other.waiting),
        failed: sample.failed.max(other.failed.min(sample.ended)),
        stalled: sample.stalled.max(other.stalled),
        least_delay: sample.least_delay.max(other.least_delay),
        ..sample
    }
}

fn step(law: &mut HealthLaw, sample: &Sample) -> Decision {
    law.step(sample, Moment::default())
}

/// What is acted on after each of the checks.
fn acted<const CHECKS: usize>(law: &mut HealthLaw, checks: [Sample; CHECKS]) -> [Health; CHECKS] {
    checks.map(|sample| step(law, &sample).health)
}

proptest! {
    #[test]
    fn looks_in_between_say_the_same_however_many_they_are(
        history in vec(any_sample(), 0..8), look in any_sample(), future in vec(any_sample(), 0..8),
    ) {
        let look = Sample { between: true, ..look };
        let mut once = HealthLaw::default();
        let before = history.iter().map(|sample| step(&mut once, sample).health).last();
        let first = step(&mut once, &look);
        let mut often = once;
        for _ in 0..10 {
            prop_assert_eq!(step(&mut often, &look), first);
        }
        prop_assert!(first.health >= before.unwrap_or(Health::Healthy), "it never mends");
        for sample in &future {
            prop_assert_eq!(step(&mut often, sample), step(&mut once, sample));
        }
    }

    #[test]
    fn worse_never_looks_better(history in vec(any_sample(), 0..8), a in any_sample(), b in any_sample()) {
        let bad = worse(a, b);
        prop_assert!(health(&bad) >= health(&a));
        let mut law = HealthLaw::default();
        for sample in &history {
            step(&mut law, sample);
        }
        let (mut one, mut other) = (law, law);
        prop_assert!(step(&mut one, &bad).health >= step(&mut other, &a).health);
        // And it takes no less time from there.
        for sample in &history {
            prop_assert!(step(&mut one, sample).health >= step(&mut other, sample).health);
        }
    }

    #[test]
    fn what_alternates_is_not_followed(history in vec(any_sample(), 0..8), a in any_sample(), b in any_sample()) {
        let mut law = HealthLaw::default();
        for sample in &history {
            step(&mut law, sample);
        }
        let acted: Vec<Health> = (0..20).map(|check| step(&mut law, if check % 2 == 0 { &a } else { &b }).health).collect();
        let ways: Vec<bool> =
            acted.windows(2).filter(|pair| pair[0] != pair[1]).map(|pair| pair[0] < pair[1]).collect();
        prop_assert!(ways.iter().all(|way| *way == ways[0]), "{:?}", acted);
        prop_assert!(acted[4..].iter().all(|health| *health == acted[4]), "{:?}", acted);
    }

    #[test]
    fn every_pool_can_recover(history in vec(any_sample(), 0..20)) {
        let mut law = HealthLaw::default();
        for sample in &history {
            step(&mut law, sample);
        }
        acted(&mut law, [GOOD; 3]);
        prop_assert_eq!(step(&mut law, &GOOD).health, Health::Healthy);
    }

    #[test]
    fn lost_workers_stay_within_the_cap(sample in any_sample()) {
        let replace = step(&mut HealthLaw::default(), &sample).replace;
        prop_assert!(replace <= sample.stalled - sample.lost, "only who is stalled");
        prop_assert!(replace == 0 || sample.lost + replace <= sample.settings.replacements);
        let room = sample.lost < sample.settings.replacements && sample.stalled > sample.lost;
        prop_assert_eq!(replace > 0, room, "and as soon as possible");
    }
}

#[test]
fn each_sign_counts() {
    let sign = |sample: Sample| observe(&sample);
    assert_eq!(sign(GOOD), (Health::Healthy, Sign::Fine));
    assert_eq!(sign(Sample { workers: 1, ..GOOD }), (Health::Degraded, Sign::WorkersMissing));
    assert_eq!(sign(Sample { waiting: 231, ..GOOD }), (Health::Degraded, Sign::LaneFull));
    assert_eq!(sign(Sample { waiting: 230, ..GOOD }), (Health::Healthy, Sign::Fine));
    assert_eq!(sign(Sample { failed: 10, ..GOOD }), (Health::Degraded, Sign::Failing));
    assert_eq!(sign(Sample { failed: 9, ..GOOD }), (Health::Healthy, Sign::Fine));
    assert_eq!(sign(FAILING), (Health::Critical, Sign::Failing));
    assert_eq!(sign(Sample { failed: 49, ..GOOD }), (Health::Degraded, Sign::Failing));
    assert_eq!(sign(Sample { stalled: 1, ..GOOD }), (Health::Degraded, Sign::Stalled));
    assert_eq!(sign(STUCK), (Health::Critical, Sign::EveryWorkerStalled));
    assert_eq!(sign(Sample { lost: 2, ..STUCK }), (Health::Degraded, Sign::Stalled), "they are replaced");
    assert_eq!(sign(Sample { workers: 0, wanted: 0, ..GOOD }), (Health::Critical, Sign::NoWorkers));
    let delayed = |millis| Sample { least_delay: Some(Duration::from_millis(millis)), ..GOOD };
    assert_eq!(sign(delayed(11)), (Health::Degraded, Sign::Delayed));
    assert_eq!(sign(delayed(10)), (Health::Healthy, Sign::Fine));
    let few = |ended| Sample { ended, failed: ended, ..GOOD };
    assert_eq!(sign(few(19)), (Health::Healthy, Sign::Fine), "they say nothing");
    assert_eq!(sign(few(20)), (Health::Critical, Sign::Failing));
}

#[test]
fn worse_needs_a_second_look_unless_it_is_a_fact() {
    use Health::{Critical, Degraded, Healthy};
    let after = |checks: [Sample; 3]| acted(&mut HealthLaw::default(), checks);
    assert_eq!(after([FULL, FULL, GOOD]), [Healthy, Degraded, Degraded]);
    assert_eq!(after([FULL, GOOD, FULL]), [Healthy; 3]);
    assert_eq!(
        after([FULL, FAILING, FAILING]),
        [Healthy, Degraded, Critical],
        "two are as bad as the better"
    );
    assert_eq!(after([EMPTY, GOOD, EMPTY]), [Critical; 3]);
    assert_eq!(after([STUCK, GOOD, GOOD]), [Critical, Critical, Degraded]);
}

#[test]
fn better_comes_one_level_at_a_time() {
    use Health::{Critical, Degraded, Healthy};
    let mut law = HealthLaw::default();
    step(&mut law, &EMPTY);
    // No job says nothing against it.
    let quiet = Sample { ended: 0, ..GOOD };
    assert_eq!(acted(&mut law, [quiet; 5]), [Critical, Degraded, Degraded, Healthy, Healthy]);
    step(&mut law, &EMPTY);
    assert_eq!(
        acted(&mut law, [FULL, FULL, FULL, GOOD, FULL]),
        [Critical, Degraded, Degraded, Degraded, Degraded]
    );
}
