//! One domain as its consumer's driver sees it.

use std::collections::VecDeque;
use std::time::Duration;

use super::pull::View;
use super::{ConsumerSettings, Source, lanes_of};
use crate::kanban::breaker::Breaker;
use crate::kanban::broker::Depth;
use crate::kanban::depth::Coordinator;
use crate::kanban::item::Lane;
use crate::lanes::Turn;
use crate::time::Moment;

/// What the driver knows of a domain. Arrays are by priority.
pub(super) struct Queue {
    pub(super) lanes: [Lane; 3],
    /// Slots of items that wait for a permit, the next one first.
    pub(super) held: [VecDeque<u32>; 3],
    /// Items handed over and not ended, those given up as stalled left out.
    pub(super) running: [u32; 3],
    pub(super) stalled: u32,
    /// Lanes that gave less than wanted, and of which nothing was heard since.
    pub(super) dry: [bool; 3],
    /// Lanes whose next item was refused, until items are offered again.
    pub(super) refused: [bool; 3],
    /// Whose turn it is when asking, and when handing over.
    pub(super) asking: Turn,
    pub(super) starting: Turn,
    pub(super) breaker: Breaker,
    pub(super) coordinator: Coordinator,
    /// Moving averages over some eight items: of each priority, as they may do work of different kinds, and of all.
    pub(super) means: [Option<Duration>; 3],
    pub(super) mean: Option<Duration>,
    pub(super) depths: [Option<Depth>; 3],
    /// Workers, and those of them that are free, as last looked at.
    pub(super) workers: (u32, u32),
}

impl Queue {
    pub(super) fn new(source: &Source, settings: &ConsumerSettings) -> Self {
        Self {
            lanes: lanes_of(&source.name),
            held: Default::default(),
            running: [0; 3],
            stalled: 0,
            dry: [false; 3],
            refused: [false; 3],
            asking: Turn::default(),
            starting: Turn::default(),
            breaker: Breaker::new(settings.breaker),
            coordinator: Coordinator::default(),
            means: [None; 3],
            mean: None,
            depths: [None; 3],
            workers: (0, 0),
        }
    }

    pub(super) fn running_in_all(&self) -> u32 {
        self.running.iter().sum()
    }

    /// Whether something could start as soon as a worker is free.
    pub(super) fn wants_workers(&self) -> bool {
        !self.breaker.is_open() && (self.held.iter().any(|held| !held.is_empty()) || self.dry != [true; 3])
    }

    /// What the law of pulling looks at.
    pub(super) fn view(&mut self, prefetch: u32, now: Moment) -> View {
        let (workers, free) = self.workers;
        let running = self.running_in_all();
        View {
            workers,
            free,
            held: [0, 1, 2].map(|lane: usize| u32::try_from(self.held[lane].len()).unwrap_or(u32::MAX)),
            running: self.running,
            dry: self.dry,
            refused: self.refused,
            allowance: self.breaker.allowance(running, workers, now),
            prefetch,
            means: self.means,
        }
    }

    /// The handler of an item of this priority ran so long.
    pub(super) fn note_run(&mut self, lane: usize, ran: Duration) {
        for mean in [&mut self.means[lane], &mut self.mean] {
            *mean = Some(mean.map_or(ran, |mean| (mean * 7 + ran) / 8));
        }
    }
}
