//! The thread that publishes, `hj-amqp-pub`: one connection, a window of messages that are not confirmed yet.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use amiquip::{Channel, Confirm, ConnectionBlockedNotification as Blocked, Error, Publish, Return};

use super::batch::{Batch, Taken};
use super::link::{Link, told};
use super::shared::Shared;
use crate::kanban::broker::{BrokerError, PublishError};
use crate::sync::channel::{Receiver, Select};
use crate::time::{Deadline, Moment};

/// Waits no longer than this, whatever happens.
const NAP: Duration = Duration::from_secs(1);

/// What the server has neither confirmed nor refused by then, it will not: its queue does not answer. Over a new connection others get through.
const SILENCE: Duration = Duration::from_secs(30);

/// A message that was sent.
struct Flying {
    batch: Arc<Batch>,
    index: usize,
    exchange: String,
    /// What it is recognised by, should it come back.
    key: String,
    id: Option<String>,
    size: usize,
    sent: Moment,
    /// Answered already, or returned: for why.
    landed: bool,
    returned: Option<String>,
}

/// What one connection knows.
struct Session<'a> {
    shared: &'a Shared,
    link: &'a mut Link,
    channel: Channel,
    confirms: Receiver<Confirm>,
    returns: Receiver<Return>,
    blocked: Receiver<Blocked>,
    /// In the order in which they were sent; the first has the tag `first`.
    flying: VecDeque<Flying>,
    first: u64,
    /// What is being sent, and from where on.
    batch: Option<(Arc<Batch>, usize)>,
    /// Why the server takes nothing now.
    stopped: Option<String>,
    /// Something was refused: nothing more is sent until the channel is a new one.
    stale: bool,
    renewed: Moment,
}

/// Publishes over this connection until it is lost or all is to end; tells why it was lost.
pub(super) fn serve(shared: &Shared, link: &mut Link, up: &dyn Fn()) -> Result<(), BrokerError> {
    let kill = link.kill.clone();
    let settings = &shared.settings;
    let ready = shared.dog.watch(&kill, settings.patience(), "opening a channel", || {
        let channel = link.channel(settings)?;
        let explain = |error: Error| told(settings, &error);
        let confirms = channel.listen_for_publisher_confirms().map_err(explain)?;
        channel.enable_publisher_confirms().map_err(explain)?;
        let returns = channel.listen_for_returns().map_err(explain)?;
        let blocked = link.connection.listen_for_connection_blocked().map_err(explain)?;
        Ok((channel, confirms, returns, blocked))
    });
    let (channel, confirms, returns, blocked) = ready?;
    let mut session = Session {
        shared,
        link,
        channel,
        confirms,
        returns,
        blocked,
        flying: VecDeque::new(),
        first: 1,
        batch: None,
        stopped: None,
        stale: false,
        renewed: shared.clock.now(),
    };
    shared.outbox.up();
    up();
    let result = session.run(&kill);
    let why = result.as_ref().err().cloned().unwrap_or(BrokerError::Closed);
    let Session { flying, batch, channel, .. } = session;
    for batch in shared.outbox.down(&why).into_iter().chain(batch.map(|(batch, _)| batch)) {
        batch.refuse(&why);
    }
    for lost in flying.into_iter().filter(|flying| !flying.landed) {
        let too_large = too_large(&why).filter(|most| lost.size > *most);
        let error = if too_large.is_some() { PublishError::NotStored } else { PublishError::Unknown };
        lost.batch.answer(lost.index, Err(error(why.clone())));
    }
    if result.is_err() {
        kill.fire();
    }
    shared.dog.watch(&kill, Duration::from_secs(1), "closing", || drop(channel));
    result
}

impl Session<'_> {
    fn run(&mut self, kill: &super::dog::Kill) -> Result<(), BrokerError> {
        let mut last: Option<Deadline> = None;
        loop {
            self.wait();
            let patience = self.shared.settings.patience();
            let dog = &self.shared.dog;
            dog.watch(kill, patience, "publishing", || self.turn())?;
            if self.shared.outbox.is_closing() {
                let last = last.get_or_insert_with(|| Deadline::after(NAP));
                if self.flying.is_empty() && self.batch.is_none() || last.passed() {
                    return Ok(());
                }
            }
        }
    }

    fn wait(&self) {
        let mut select = Select::new();
        select.recv(&self.confirms);
        select.recv(&self.blocked);
        if self.may_send() {
            if self.batch.is_some() {
                return;
            }
            select.recv(&self.shared.outbox.bell);
        }
        // Nothing came: no matter.
        let _ = select.ready_timeout(NAP);
    }

    fn may_send(&self) -> bool {
        self.flying.len() < self.shared.settings.window && self.stopped.is_none() && !self.stale
    }

    /// Does whatever can be done now.
    fn turn(&mut self) -> Result<(), BrokerError> {
        while let Ok(note) = self.blocked.try_recv() {
            self.note(note);
        }
        self.land()?;
        if let Some(first) = self.flying.front()
            && self.stopped.is_none()
            && self.shared.clock.now().since(first.sent) >= SILENCE
        {
            let (place, key) = (self.shared.settings.place(), &first.key);
            return Err(BrokerError::Unavailable(format!(
                "{place}: what was published to {key} is not confirmed"
            )));
        }
        if self.stale && self.flying.is_empty() {
            self.renew()?;
        }
        while self.may_send() {
            // Before the look, so that a ring after it is heard.
            let _ = self.shared.outbox.bell.try_recv();
            let Some((batch, index)) = self.batch.take().or_else(|| Some((self.shared.outbox.take()?, 0)))
            else {
                break;
            };
            self.send(batch, index)?;
        }
        Ok(())
    }

    /// Publishes over a new channel from now on.
    ///
    /// A quorum queue that is full tells the channels that publish to it, and tells them when it has room; but not when it is full no more
    /// because its limit was lifted. What they publish is refused without being offered to it, for as long as they live.
    fn renew(&mut self) -> Result<(), BrokerError> {
        let channel = self.link.channel(&self.shared.settings)?;
        let explain = |error: Error| told(&self.shared.settings, &error);
        self.confirms = channel.listen_for_publisher_confirms().map_err(explain)?;
        channel.enable_publisher_confirms().map_err(explain)?;
        self.returns = channel.listen_for_returns().map_err(explain)?;
        self.channel = channel;
        self.first = 1;
        self.stale = false;
        self.renewed = self.shared.clock.now();
        Ok(())
    }

    fn note(&mut self, note: Blocked) {
        match note {
            Blocked::Blocked(reason) => {
                let place = self.shared.settings.place();
                let why =
                    format!("{place} takes no publications now ({reason}): give it memory or disk space");
                tracing::warn!("{why}");
                let error = BrokerError::Full(why);
                let waiting = self.shared.outbox.down(&error);
                for batch in waiting.into_iter().chain(self.batch.take().map(|(batch, _)| batch)) {
                    batch.refuse(&error);
                }
                self.stopped = Some(reason);
            }
            Blocked::Unblocked => {
                tracing::info!("{} takes publications again", self.shared.settings.place());
                self.stopped = None;
                self.shared.outbox.up();
            }
        }
    }

    fn send(&mut self, batch: Arc<Batch>, index: usize) -> Result<(), BrokerError> {
        let taken = batch.take(index);
        if matches!(taken, Taken::End) {
            return Ok(());
        }
        if let Taken::Parcel(parcel) = taken {
            let parcel = *parcel;
            let (key, id) = (parcel.key, parcel.properties.message_id().clone());
            let mut publish = Publish::with_properties(&parcel.body, key.clone(), parcel.properties);
            publish.mandatory = true;
            let size = parcel.body.len();
            self.flying.push_back(Flying {
                batch: batch.clone(),
                index,
                exchange: parcel.exchange.clone(),
                key,
                id,
                size,
                sent: self.shared.clock.now(),
                landed: false,
                returned: None,
            });
            // If this fails, it may have been sent all the same.
            let sent = self.channel.basic_publish(parcel.exchange, publish);
            sent.map_err(|error| told(&self.shared.settings, &error))?;
        }
        self.batch = Some((batch, index + 1));
        Ok(())
    }

    /// Answers what the server answered. A message that found no queue is returned first and confirmed then.
    fn land(&mut self) -> Result<(), BrokerError> {
        let mut confirms = Vec::new();
        let open = loop {
            match self.confirms.try_recv() {
                Ok(confirm) => confirms.push(confirm),
                Err(error) => break error.is_empty(),
            }
        };
        while let Ok(returned) = self.returns.try_recv() {
            self.come_back(&returned);
        }
        for confirm in confirms {
            match confirm {
                Confirm::Ack(which) => self.confirmed(which.delivery_tag, which.multiple, true),
                Confirm::Nack(which) => self.confirmed(which.delivery_tag, which.multiple, false),
            }
        }
        if open {
            return Ok(());
        }
        // The channel is gone: it tells why when it is asked.
        let settings = &self.shared.settings;
        Err(match self.channel.qos(0, 0, false) {
            Err(error) => told(settings, &error),
            Ok(()) => BrokerError::Unavailable(format!("{} confirms nothing any more", settings.place())),
        })
    }

    fn come_back(&mut self, returned: &Return) {
        let is_it = |flying: &&mut Flying| {
            flying.returned.is_none()
                && flying.key == returned.routing_key
                && flying.id == *returned.properties.message_id()
        };
        if let Some(flying) = self.flying.iter_mut().find(is_it) {
            flying.returned = Some(returned.reply_text.clone());
        }
    }

    fn confirmed(&mut self, tag: u64, multiple: bool, stored: bool) {
        let Some(last) = tag.checked_sub(self.first).and_then(|offset| usize::try_from(offset).ok()) else {
            return;
        };
        let now = self.shared.clock.now();
        let range = if multiple { 0..=last } else { last..=last };
        for offset in range {
            let Some(flying) = self.flying.get_mut(offset) else { break };
            if flying.landed {
                continue;
            }
            flying.landed = true;
            if !stored && now.since(self.renewed) >= NAP {
                self.stale = true;
            }
            let settings = &self.shared.settings;
            let answer = match &flying.returned {
                Some(why) => Err(PublishError::NotStored(BrokerError::Refused(format!(
                    "{}: {why}: no queue {} there; open its lane in a consumer, or mend the domain",
                    settings.place(),
                    flying.key
                )))),
                None if stored => Ok(()),
                None => Err(PublishError::NotStored(BrokerError::Full(format!(
                    "{} refused it: a queue to which the exchange {} passes {} is full, or most of its nodes are down",
                    settings.place(),
                    flying.exchange,
                    flying.key
                )))),
            };
            flying.batch.answer(flying.index, answer);
        }
        while self.flying.front().is_some_and(|flying| flying.landed) {
            self.flying.pop_front();
            self.first += 1;
        }
    }
}

/// The most bytes the server takes, if that is what it complained about.
fn too_large(why: &BrokerError) -> Option<usize> {
    let (BrokerError::Unusable(text) | BrokerError::Unavailable(text)) = why else { return None };
    let rest = text.split_once("message size ")?.1;
    let most = rest.split_once("max size ")?.1;
    most.split(|character: char| !character.is_ascii_digit()).next()?.parse().ok()
}
