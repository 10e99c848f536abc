//! One connection: what is sent over it, what comes, and when it has to be given up.

use std::fmt::Write as _;
use std::time::Duration;

use async_nats::{Client, Event, Message, ServerError, StatusCode, Subscriber};
use bytes::Bytes;
use futures_util::{FutureExt, StreamExt};
use tokio::sync::mpsc;

use super::desk::{Arrived, Link, Request, STANDS, Shared};
use super::exchange::{Command, Say};
use super::flights::{Address, Flights};
use super::names;
use super::settings::NatsSettings;
use super::tally::{Lent, Tally};
use crate::kanban::broker::{Arrivals, BrokerError};
use crate::time::{Clock, Moment};

/// Messages and commands that are handled before the connection has its turn.
const AT_ONCE: usize = 256;

/// How long each step of a farewell may take.
const LAST: Duration = Duration::from_millis(500);

/// Without anything to do.
const LONG: Duration = Duration::from_secs(60);

/// Loans are looked through now and then.
const PRUNE_EVERY: Duration = Duration::from_secs(60);

/// A loan whose lease ended longer ago than this is forgotten.
const KEEP: Duration = Duration::from_secs(3600);

pub(super) struct Session {
    client: Client,
    desk: Shared,
    time: Clock,
    inbox: String,
    answers: Subscriber,
    flights: Flights,
    /// What requests for items are sent to, by lane.
    next: Vec<String>,
    stream: String,
    expires: u128,
    pruned: Moment,
    fatal: Option<String>,
}

/// Why a session ended.
pub(super) enum End {
    Closed,
    Lost(String),
}

impl Session {
    pub(super) async fn new(
        settings: &NatsSettings,
        desk: Shared,
        time: Clock,
        client: Client,
    ) -> Result<Self, BrokerError> {
        let inbox = client.new_inbox();
        let subscribe = client.subscribe(format!("{inbox}.>"));
        let answers = tokio::time::timeout(settings.connect_timeout, subscribe).await;
        let failed = |why: String| BrokerError::Unavailable(format!("NATS at {}: {why}", settings.shown()));
        let answers = answers
            .map_err(|_| failed("it does not take a subscription".into()))?
            .map_err(|error| failed(error.to_string()))?;
        let pruned = time.now();
        Ok(Self {
            client,
            desk,
            time,
            inbox,
            answers,
            flights: Flights::new(settings.window),
            next: Vec::new(),
            stream: settings.stream.clone(),
            expires: STANDS.as_nanos(),
            pruned,
            fatal: None,
        })
    }

    /// Until it is closed or lost.
    pub(super) async fn serve(
        &mut self,
        commands: &mut mpsc::Receiver<Command>,
        events: &mut mpsc::UnboundedReceiver<Event>,
    ) -> End {
        loop {
            self.send_waiting();
            if let Some(why) = self.fatal.take() {
                return self.end(End::Lost(why));
            }
            let patience = self.patience();
            tokio::select! {
                biased;
                event = events.recv() => {
                    if let Some(why) = self.event(event) {
                        return self.end(End::Lost(why));
                    }
                }
                message = self.answers.next() => match message {
                    Some(message) => self.messages(message),
                    None => return self.end(End::Lost("its client ended".into())),
                },
                command = commands.recv() => {
                    let mut next = command;
                    for _ in 0..AT_ONCE {
                        match next {
                            None | Some(Command::Close) => {
                                self.give_back_all().await;
                                return self.end(End::Closed);
                            }
                            Some(command) => self.command(command),
                        }
                        let Ok(more) = commands.try_recv() else { break };
                        next = Some(more);
                    }
                }
                () = tokio::time::sleep(patience) => {}
            }
            self.look();
        }
    }

    fn end(&mut self, end: End) -> End {
        let error = match &end {
            End::Closed => BrokerError::Closed,
            End::Lost(why) => BrokerError::Unavailable(format!("NATS: {why}")),
        };
        self.desk.lock().link = match &end {
            End::Closed => Link::Closed,
            End::Lost(why) => Link::Down(format!("NATS: {why}")),
        };
        self.flights.end_all(&error);
        end
    }

    /// What happened to the connection; why it is over, if it is.
    fn event(&mut self, event: Option<Event>) -> Option<String> {
        match event {
            Some(Event::Disconnected) => Some("the connection was lost".into()),
            None | Some(Event::Closed | Event::ClientError(_)) => Some("its client gave up".into()),
            Some(Event::ServerError(ServerError::Other(text))) => self.forbidden(&text),
            Some(_) => None,
        }
    }

    /// The server says that we may not do something.
    fn forbidden(&mut self, text: &str) -> Option<String> {
        let lower = text.to_lowercase();
        if !lower.contains("permissions violation") {
            return None;
        }
        let subject = text.split('"').nth(1).unwrap_or_default();
        if lower.contains("subscription") {
            return Some(format!(
                "it does not let us subscribe to {subject}: allow it, or set `inbox` to what is allowed"
            ));
        }
        let error = BrokerError::Refused(format!(
            "NATS does not let us publish to {subject}: give this user that permission"
        ));
        self.flights.forbidden(subject, &error);
        let mut desk = self.desk.lock();
        let now = self.time.now();
        if let Some(lane) = self.next.iter().position(|next| next == subject) {
            desk.all_ended(lane, &error.to_string(), now);
        }
        None
    }

    fn command(&mut self, command: Command) {
        match command {
            Command::Exchange(exchange) => {
                self.flights.add(exchange);
                self.send_waiting();
            }
            Command::Ask(request) => self.ask(request),
            // Met in `serve`.
            Command::Close => {}
        }
    }

    fn send_waiting(&mut self) {
        while let Some((address, say)) = self.flights.next() {
            self.send(address, say);
        }
    }

    fn send(&mut self, address: Address, say: Say) {
        let (key, at, step) = address;
        let mut reply = String::with_capacity(self.inbox.len() + 24);
        let _ = write!(reply, "{}.r.{key}.{at}.{step}", self.inbox);
        if let Err(error) = self.put(say, reply) {
            self.flights.refused(address, error);
        }
    }

    /// Hands a message to the client.
    fn put(&mut self, say: Say, reply: String) -> Result<(), BrokerError> {
        let Say { subject, headers, payload } = say;
        let sent = match headers {
            Some(headers) => {
                now(self.client.publish_with_reply_and_headers(subject, reply, headers, payload))
            }
            None if reply.is_empty() => now(self.client.publish(subject, payload)),
            None => now(self.client.publish_with_reply(subject, reply, payload)),
        };
        match sent {
            Some(Ok(())) => Ok(()),
            Some(Err(error)) => Err(BrokerError::Refused(format!("NATS: {error}"))),
            None => {
                // What is in flight is bounded and the client takes much more: it is stuck.
                let why = "its client is stuck";
                self.fatal = Some(why.into());
                Err(BrokerError::Unavailable(format!("NATS: {why}")))
            }
        }
    }

    fn tell(&mut self, say: Say) {
        // Without an answer nobody would hear of a failure; leases do without.
        let _ = self.put(say, String::new());
    }

    /// Asks the server for items of a lane.
    fn ask(&mut self, Request { lane, number, count, stands }: Request) {
        while self.next.len() <= lane {
            let desk = self.desk.lock();
            let Some(known) = desk.lanes.get(self.next.len()) else { return };
            let consumer = names::consumer(&known.lane);
            self.next.push(format!("$JS.API.CONSUMER.MSG.NEXT.{}.{consumer}", self.stream));
        }
        let payload = if stands {
            format!("{{\"batch\":{count},\"expires\":{}}}", self.expires)
        } else {
            format!("{{\"batch\":{count},\"no_wait\":true}}")
        };
        let say = Say { subject: self.next[lane].as_str().into(), headers: None, payload: payload.into() };
        let reply = format!("{}.p.{lane}.{number}", self.inbox);
        if let Err(error) = self.put(say, reply) {
            self.desk.lock().ended(lane, number, None, Some(error.to_string()), self.time.now());
        }
    }

    /// One message, and those that came with it.
    fn messages(&mut self, first: Message) {
        let now = self.time.now();
        let mut rings: Vec<(usize, Arrivals)> = Vec::new();
        let mut next = Some(first);
        for _ in 0..AT_ONCE {
            let Some(message) = next else { break };
            if let Some(lane) = self.message(message, now)
                && !rings.iter().any(|(rung, _)| *rung == lane)
                && let Some(known) = self.desk.lock().lanes.get(lane)
            {
                rings.push((lane, known.arrivals.clone()));
            }
            next = self.answers.next().now_or_never().flatten();
        }
        for (_, arrivals) in rings {
            arrivals.ring();
        }
    }

    /// Tells which lane is to be rung.
    fn message(&mut self, message: Message, now: Moment) -> Option<usize> {
        if let Some(rest) = message.subject.strip_prefix(self.inbox.as_str()) {
            let mut words = rest.split('.').skip(1);
            let kind = words.next()?;
            let mut number = || words.next()?.parse::<u64>().ok();
            if kind == "r" {
                let address = (number()?, usize::try_from(number()?).ok()?, u8::try_from(number()?).ok()?);
                if let Some((address, say)) = self.flights.answered(address, message) {
                    self.send(address, say);
                }
                return None;
            }
            let (lane, number) = (usize::try_from(number()?).ok()?, number()?);
            return self.status(&message, lane, number, now);
        }
        // Items alone come under a subject of their own.
        let is_lent = message.status.is_none()
            && message.reply.as_ref().is_some_and(|reply| reply.starts_with("$JS.ACK."));
        let of = if is_lent { lent(message.reply.as_deref()?) } else { None };
        let mut desk = self.desk.lock();
        let lane = desk.lane_of(&message.subject)?;
        of?;
        desk.arrived(lane, message, now);
        Some(lane)
    }

    /// The server ended a request for items.
    fn status(&mut self, message: &Message, lane: usize, number: u64, now: Moment) -> Option<usize> {
        let pending = message.headers.as_ref().and_then(|headers| headers.get("Nats-Pending-Messages"));
        let pending = pending.and_then(|count| count.as_str().parse().ok());
        let Some(status) = message.status else {
            // Not for a request that it knows, but the word of whoever answers for what is not there.
            let why = format!(
                "NATS: {}",
                String::from_utf8_lossy(&message.payload[..message.payload.len().min(300)])
            );
            self.desk.lock().ended(lane, number, None, Some(why), now);
            return Some(lane);
        };
        let refused = match status {
            StatusCode::IDLE_HEARTBEAT => return None,
            StatusCode::TIMEOUT | StatusCode::NOT_FOUND => None,
            StatusCode::NO_RESPONDERS => {
                Some("NATS: nobody gives items of this lane: its consumer or JetStream is gone".into())
            }
            _ => Some(format!("NATS: {status} {}", message.description.as_deref().unwrap_or_default())),
        };
        let is_refused = refused.is_some();
        self.desk.lock().ended(lane, number, pending, refused, now);
        is_refused.then_some(lane)
    }

    /// Whatever is due.
    fn look(&mut self) {
        let now = self.time.now();
        self.flights.expire(now);
        let (requests, back) = {
            let mut desk = self.desk.lock();
            if now.since(self.pruned) > PRUNE_EVERY {
                self.pruned = now;
                desk.prune(now, KEEP);
            }
            desk.look(now)
        };
        self.give_back(back);
        for request in requests {
            self.ask(request);
        }
    }

    /// Gives back what nobody took, which is to count as no delivery.
    fn give_back(&mut self, back: Vec<Arrived>) {
        for Arrived { message, .. } in back {
            let Some(reply) = message.reply else { continue };
            let Some(of) = lent(&reply) else { continue };
            let known = self.desk.lock().tally(of).map(Tally::given_back);
            if let Some(tally) = known {
                self.desk.lock().note(of, tally);
                self.tell(tally.write(of));
            }
            self.tell(Say { subject: reply, headers: None, payload: Bytes::from_static(b"-NAK") });
        }
    }

    /// Gives back what nobody took, what is on its way included, and sees it off.
    async fn give_back_all(&mut self) {
        // Nothing is listened for from now on, or what is given back would come here again.
        let rest = async {
            let _ = self.answers.drain().await;
            while let Some(message) = self.answers.next().await {
                self.messages(message);
            }
        };
        let _ = tokio::time::timeout(LAST, rest).await;
        let back = self.desk.lock().clear();
        self.give_back(back);
        let _ = tokio::time::timeout(LAST, self.client.flush()).await;
    }

    fn patience(&self) -> Duration {
        let now = self.time.now();
        let look = self.desk.lock().next_look();
        let due = [self.flights.next_deadline(), look].into_iter().flatten().min();
        // Timers are only so fine; late by a millisecond is in time.
        due.map_or(LONG, |due| due.since(now) + Duration::from_micros(500)).min(LONG)
    }
}

/// Which message is on loan, by its reply subject.
pub(super) fn lent(reply: &str) -> Option<Lent> {
    let words: Vec<&str> = reply.strip_prefix("$JS.ACK.")?.split('.').collect();
    // Newer servers put the domain and a hash of the account before.
    let from = if words.len() >= 9 { 2 } else { 0 };
    let number = |at: usize| words.get(from + at)?.parse::<u64>().ok();
    let delivered = u32::try_from(number(2)?).unwrap_or(u32::MAX);
    Some(Lent { delivered, sequence: number(3)?, stored: number(5)? / 1_000_000 })
}

/// The result of something that is ready at once, or nothing.
fn now<T>(future: impl Future<Output = T>) -> Option<T> {
    // Outside the runtime's budget, which would let what is ready wait.
    tokio::task::unconstrained(future).now_or_never()
}
