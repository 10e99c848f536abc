//! The law of the core budget: which pools may grow when there are not enough cores for all of them.

use super::Kind;

/// What a pool has and wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Claim {
    /// Workers it has.
    pub(crate) workers: u32,
    /// Workers it wants, and afterwards what it gets.
    pub(crate) wish: u32,
    /// Workers it never falls below, whatever the budget.
    pub(crate) min: u32,
    pub(crate) kind: Kind,
}

impl Claim {
    /// What nobody takes from it: who has a worker keeps it unless it wants less, and minima may share cores.
    fn assured(&self) -> u32 {
        self.wish.min(self.workers.max(self.min))
    }

    /// What it would get with `granted` workers, in comparison: smallest first, by share of its wish.
    fn is_worse_off(&self, granted: u32, other: (&Claim, u32)) -> bool {
        u64::from(granted) * u64::from(other.0.wish) < u64::from(other.1) * u64::from(self.wish)
    }
}

/// Lowers wishes of `Cpu` pools until all their workers together stay within `budget` cores, as far as that takes no
/// worker away and keeps nobody below its minimum. What is free goes one by one to whoever has the smallest share of its
/// wish, the first of equals. `Blocking` pools get what they want.
pub(crate) fn allot(budget: u32, claims: &mut [Claim]) {
    let mut granted: Vec<u32> = claims.iter().map(Claim::assured).collect();
    let cpu: Vec<usize> = (0..claims.len()).filter(|&at| claims[at].kind == Kind::Cpu).collect();
    let assured: u64 = cpu.iter().map(|&at| u64::from(granted[at])).sum();
    for _ in assured..u64::from(budget) {
        let wanting = cpu.iter().copied().filter(|&at| granted[at] < claims[at].wish);
        let neediest = wanting.reduce(|first, next| {
            let worse_off = claims[next].is_worse_off(granted[next], (&claims[first], granted[first]));
            if worse_off { next } else { first }
        });
        let Some(neediest) = neediest else { break };
        granted[neediest] += 1;
    }
    for at in cpu {
        claims[at].wish = granted[at];
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    fn claims() -> impl Strategy<Value = Vec<Claim>> {
        let kind = prop_oneof![3 => Just(Kind::Cpu), 1 => Just(Kind::Blocking)];
        let claim = (0..60_u32, 0..60_u32, 0..20_u32, kind).prop_map(|(workers, wish, min, kind)| Claim {
            workers,
            wish,
            min,
            kind,
        });
        vec(claim, 0..8)
    }

    fn sum(claims: &[Claim], of: impl Fn(&Claim) -> u32) -> u32 {
        claims.iter().filter(|claim| claim.kind == Kind::Cpu).map(of).sum()
    }

    proptest! {
        #[test]
        fn it_grants_what_the_budget_holds_and_what_is_assured(budget in 0..150_u32, wishes in claims()) {
            let mut got = wishes.clone();
            allot(budget, &mut got);
            for (wish, got) in wishes.iter().zip(&got) {
                prop_assert!(got.wish <= wish.wish);
                prop_assert!(got.wish >= wish.wish.min(wish.workers), "keeps its workers");
                prop_assert!(got.wish >= wish.wish.min(wish.min), "has its minimum");
                prop_assert!(wish.kind == Kind::Cpu || got.wish == wish.wish);
            }
            // Nothing beyond the budget but what is assured, and nothing left while somebody wants.
            let assured = sum(&wishes, |claim| claim.wish.min(claim.workers.max(claim.min)));
            let wanted = sum(&wishes, |claim| claim.wish);
            prop_assert_eq!(sum(&got, |claim| claim.wish), wanted.min(budget.max(assured)));
        }

        #[test]
        fn nobody_could_give_one_to_somebody_worse_off(budget in 0..150_u32, wishes in claims()) {
            let mut got = wishes.clone();
            allot(budget, &mut got);
            let grown = |at: &usize| wishes[*at].kind == Kind::Cpu && got[*at].wish > wishes[*at].assured();
            let denied = |at: &usize| wishes[*at].wish > got[*at].wish;
            for giver in (0..got.len()).filter(grown) {
                for taker in (0..got.len()).filter(denied) {
                    let shares = |granted: u32, at: usize| f64::from(granted) / f64::from(wishes[at].wish);
                    prop_assert!(shares(got[giver].wish - 1, giver) <= shares(got[taker].wish, taker));
                }
            }
        }

        #[test]
        fn more_cores_never_give_less(budget in 0..150_u32, more in 0..50_u32, wishes in claims()) {
            let (mut few, mut many) = (wishes.clone(), wishes);
            allot(budget, &mut few);
            allot(budget + more, &mut many);
            prop_assert!(few.iter().zip(&many).all(|(few, many)| few.wish <= many.wish));
        }
    }

    #[test]
    fn what_one_gives_up_another_gets_in_the_same_tick() {
        let claim = |workers, wish| Claim { workers, wish, min: 1, kind: Kind::Cpu };
        let mut claims = [claim(4, 3), claim(2, 6), claim(2, 6)];
        allot(8, &mut claims);
        assert_eq!(claims.map(|claim| claim.wish), [3, 3, 2]);
    }
}
