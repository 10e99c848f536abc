//! The coordinator: looks at the depths now and then, and says how many workers they ask for. And at what nobody consumes.

use super::clerk::DeadLetters;
use super::driver::Driver;
use super::strays;
use crate::kanban::broker::{BrokerError, Depth};
use crate::kanban::item::Lane;
use crate::time::Moment;

impl Driver {
    pub(super) fn sample(&mut self, now: Moment) {
        if now < self.due.sample {
            return;
        }
        self.due.sample = now.after(self.env.settings.sample_every);
        let settings = self.env.settings.coordinator;
        for at in 0..self.queues.len() {
            let Some(depths) = self.depths_of(at) else { return };
            let queue = &mut self.queues[at];
            queue.depths = depths.map(Some);
            let ready = depths.iter().map(|depth| depth.ready).sum();
            let open = queue.breaker.is_open();
            queue.coordinator.sample(ready, open, settings);
        }
        self.broker_works();
        let count = self.env.broker.dead_letter_count(self.env.settings.settle_timeout);
        self.dead_letters_counted(count);
        self.look_for_strays(now);
        self.publish_status();
    }

    pub(super) fn dead_letters_counted(&mut self, count: DeadLetters) {
        match count {
            Ok(count) => self.dead_letters = Some(count),
            Err(error) => self.broker_failed("counting dead letters", error),
        }
    }

    /// Looks for items that are consumed neither here nor, as it seems, elsewhere.
    fn look_for_strays(&mut self, now: Moment) {
        if now < self.due.strays {
            return;
        }
        self.due.strays = now.after(strays::EVERY);
        match self.env.broker.strays(self.env.settings.settle_timeout) {
            Ok(holding) => {
                let foreign =
                    holding.into_iter().filter(|(lane, _)| !self.sources.contains_key(&lane.domain));
                for (lane, items) in self.strays.get_or_insert_default().look(foreign) {
                    let Lane { priority, domain } = lane;
                    tracing::warn!(%domain, %priority, items, "nobody seems to consume these items");
                    let decision = format!("{items} {priority} items stay, and nobody seems to consume them");
                    let cure = "give the domain a handler here, or start the service that has one";
                    self.tell(Some(&domain), "stray", decision, cure.to_owned());
                }
            }
            Err(BrokerError::Unsupported(_)) => self.strays = None,
            Err(error) => self.broker_failed("looking for strays", error),
        }
    }

    /// The depths of the lanes of a domain; `None` if the broker does not tell, in which case it is not asked for more.
    fn depths_of(&mut self, at: usize) -> Option<[Depth; 3]> {
        let within = self.env.settings.settle_timeout;
        let mut depths = [Depth::default(); 3];
        for (depth, lane) in depths.iter_mut().zip(&self.queues[at].lanes) {
            match self.env.broker.depth(lane, within) {
                Ok(found) => *depth = found,
                Err(error) => {
                    self.broker_failed("asking for the depth", error);
                    return None;
                }
            }
        }
        Some(depths)
    }

    /// Whether nothing waits in any lane, now or later.
    pub(super) fn is_empty(&mut self) -> bool {
        (0..self.queues.len()).all(|at| {
            self.depths_of(at)
                .is_some_and(|depths| depths.iter().all(|depth| depth.ready + depth.delayed == 0))
        })
    }
}
