use proptest::prelude::*;

use super::*;

fn view() -> impl Strategy<Value = View> {
    let lanes = || (0..20_u32, 0..20_u32, 0..20_u32).prop_map(<[u32; 3]>::from);
    let mean = || prop::option::of((1..5_000_u64).prop_map(Duration::from_micros));
    let means = (mean(), mean(), mean()).prop_map(<[Option<Duration>; 3]>::from);
    (
        1..17_u32,
        0..17_u32,
        lanes(),
        lanes(),
        any::<[bool; 3]>(),
        any::<[bool; 3]>(),
        0..30_u32,
        0..9_u32,
        means,
    )
        .prop_map(|(workers, free, held, running, dry, refused, allowance, prefetch, means)| View {
            workers,
            free: free.min(workers),
            held,
            running,
            dry,
            refused,
            allowance,
            prefetch,
            means,
        })
}

fn budget() -> impl Strategy<Value = Budget> {
    (0..40_u32, 0..40_u32, 0..40_u32, 0..40_u32).prop_map(|(pull, slots, normal, low)| Budget {
        pull,
        slots,
        normal,
        low: low.min(normal),
    })
}

proptest! {
    #[test]
    fn no_more_is_asked_for_than_could_start(
        budget in budget(), views in prop::collection::vec(view(), 1..6), first in 0..6_usize,
    ) {
        let mut turns = vec![Turn::default(); views.len()];
        let first = first % views.len();
        let wants = wants(budget, &views, &mut turns, first);
        let all: u32 = wants.iter().flatten().sum();
        let low: u32 = wants.iter().map(|of| of[Priority::Low.index()]).sum();
        let taken: u32 = views.iter().filter(|view| view.allowance > 0).map(View::about_to_start).sum();
        prop_assert!(all <= budget.pull.min(budget.slots));
        prop_assert!(all <= budget.normal.saturating_sub(taken), "permits that held items will take are not asked for again");
        prop_assert!(low <= budget.low);
        for (view, of) in views.iter().zip(&wants) {
            let held: u32 = view.held.iter().zip(view.refused).filter(|(_, refused)| !refused).map(|(held, _)| held).sum();
            let asked: u32 = of.iter().sum();
            prop_assert!(asked == 0 || held + asked <= view.allowance, "within what the breaker lets start");
            let most = view.free + view.prefetch;
            prop_assert!(asked == 0 || held + asked <= most, "within free workers and the prefetch");
            for (lane, asked) in of.iter().enumerate() {
                prop_assert!(*asked == 0 || !view.dry[lane] && !view.refused[lane]);
            }
        }
    }

    /// Whatever is left of the budget is left because nobody may use it.
    #[test]
    fn what_could_start_is_asked_for(budget in budget(), views in prop::collection::vec(view(), 1..6)) {
        let mut turns = vec![Turn::default(); views.len()];
        let wants = wants(budget, &views, &mut turns, 0);
        let taken: u32 = views.iter().filter(|view| view.allowance > 0).map(View::about_to_start).sum();
        let most = budget.pull.min(budget.slots).min(budget.normal.saturating_sub(taken));
        if wants.iter().flatten().sum::<u32>() < most {
            for (view, of) in views.iter().zip(&wants) {
                let high = Priority::High.index();
                let (all, _) = view.room();
                let open = !view.dry[high] && !view.refused[high];
                prop_assert!(!open || of.iter().sum::<u32>() == all, "high items may use all the room: {all}, {of:?}");
            }
        }
    }

    /// Asking and handing over as the driver does, while all three lanes have items: however many workers end when.
    #[test]
    fn of_any_ten_started_normal_gets_two_and_low_one(
        workers in 1..12_u32, prefetch in 0..6_u32, ends in prop::collection::vec(1..12_u32, 200),
    ) {
        let budget = Budget { pull: 10, slots: 100, normal: 100, low: 100 };
        let (mut asking, mut starting) = ([Turn::default()], Turn::default());
        let mut view = View { workers, free: workers, allowance: u32::MAX, prefetch, ..View::default() };
        let mut running = std::collections::VecDeque::new();
        let mut started: Vec<(Priority, [bool; 3])> = Vec::new();
        for ending in ends {
            let wanted = wants(budget, &[view], &mut asking, 0);
            for (held, came) in view.held.iter_mut().zip(wanted[0]) {
                *held += came;
            }
            while let Some(priority) = view.next(starting) {
                // Only an item that a worker is not denied to counts as one that waits.
                let may = Priority::ALL.map(|it| it == Priority::High || view.running_below() < view.for_below());
                started.push((priority, may));
                starting.advance();
                view.held[priority.index()] -= 1;
                view.running[priority.index()] += 1;
                view.free -= 1;
                running.push_back(priority);
            }
            for ended in running.drain(..running.len().min(ending as usize)) {
                view.running[ended.index()] -= 1;
                view.free += 1;
            }
        }
        prop_assert!(started.len() >= 200, "work goes on: {}", started.len());
        // The first items only fill the house.
        for ten in started[30..].windows(10) {
            let count = |priority| ten.iter().filter(|(it, _)| *it == priority).count();
            let may = |priority: Priority| ten.iter().all(|(_, may)| may[priority.index()]);
            prop_assert!(!may(Priority::Normal) || count(Priority::Normal) >= 2, "{ten:?}");
            prop_assert!(!may(Priority::Low) || count(Priority::Low) >= 1, "{ten:?}");
        }
    }
}
