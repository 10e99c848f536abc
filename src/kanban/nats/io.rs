//! The thread `hj-nats`: it alone holds the connection, and makes it anew when it is lost.

use std::sync::Arc;
use std::time::Duration;

use async_nats::{Event, ServerInfo};
use parking_lot::Mutex;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::mpsc;

use super::connect::connect;
use super::desk::{Link, Shared};
use super::exchange::{Command, Exchange, Reply};
use super::session::{End, Session};
use super::settings::NatsSettings;
use crate::kanban::broker::BrokerError;
use crate::time::Clock;

/// From one attempt to connect to the next: at first, and at most.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(2));

/// After so long a connection is a good one, and the next attempt comes soon.
const GOOD: Duration = Duration::from_secs(10);

pub(super) struct Io {
    pub(super) settings: NatsSettings,
    pub(super) desk: Shared,
    pub(super) time: Clock,
    pub(super) commands: mpsc::Receiver<Command>,
    /// Which server it was connected to last.
    pub(super) server: Option<String>,
    /// How often a connection was lost and made anew.
    pub(super) replaced: Arc<Mutex<u64>>,
}

/// What is told of the first connection.
pub(super) type First = oneshot::Sender<Result<ServerInfo, BrokerError>>;

impl Io {
    /// Connects and serves until it is told to close.
    pub(super) fn run(mut self, first: First) {
        let mut first = Some(first);
        let mut backoff = BACKOFF.0;
        loop {
            // With the runtime ends everything that the client had going, whatever state that was in.
            let runtime = match runtime() {
                Ok(runtime) => runtime,
                Err(error) => return self.end(first, error),
            };
            let begin = self.time.now();
            let end = runtime.block_on(self.connection(&mut first));
            runtime.shutdown_background();
            let why = match end {
                Ended::Closed => return self.down(Link::Closed),
                Ended::Refused(error) => return self.end(first, error),
                Ended::Lost(why) => why,
            };
            if self.time.now().since(begin) > GOOD {
                backoff = BACKOFF.0;
            }
            self.down(Link::Down(why));
            let pause = backoff.mul_f64(0.5 + fastrand::f64());
            backoff = (backoff * 2).min(BACKOFF.1);
            if self.pause(pause) {
                return self.down(Link::Closed);
            }
        }
    }

    async fn connection(&mut self, first: &mut Option<First>) -> Ended {
        let (events_in, mut events) = mpsc::unbounded_channel::<Event>();
        let connecting = connect(&self.settings, events_in);
        tokio::pin!(connecting);
        let client = loop {
            tokio::select! {
                biased;
                client = &mut connecting => break client,
                command = self.commands.recv() => match command {
                    Some(Command::Close) | None => return Ended::Closed,
                    Some(command) => refuse(command, &lost("it is being connected")),
                },
            }
        };
        let client = match client {
            Ok(client) => client,
            Err(error) if first.is_some() => return Ended::Refused(error),
            Err(error) => return Ended::Lost(error.to_string()),
        };
        let info = client.server_info();
        let session = Session::new(&self.settings, self.desk.clone(), self.time.clone(), client).await;
        let mut session = match session {
            Ok(session) => session,
            Err(error) if first.is_some() => return Ended::Refused(error),
            Err(error) => return Ended::Lost(error.to_string()),
        };
        let to_the_same = self.server.as_ref() == Some(&info.server_id);
        self.server = Some(info.server_id.clone());
        self.desk.lock().connected(to_the_same);
        if let Some(first) = first.take() {
            let _ = first.send(Ok(info));
        } else {
            *self.replaced.lock() += 1;
            tracing::info!(server = %self.settings.shown(), "connected to NATS again");
        }
        match session.serve(&mut self.commands, &mut events).await {
            End::Closed => Ended::Closed,
            End::Lost(why) => {
                tracing::warn!(server = %self.settings.shown(), %why, "the connection to NATS is lost");
                Ended::Lost(format!("NATS at {}: {why}; it is being connected again", self.settings.shown()))
            }
        }
    }

    /// Refuses everything for so long; tells whether it is to end.
    fn pause(&mut self, pause: Duration) -> bool {
        let Ok(runtime) = runtime() else { return true };
        let (commands, desk) = (&mut self.commands, &self.desk);
        runtime.block_on(async {
            let sleep = tokio::time::sleep(pause);
            tokio::pin!(sleep);
            loop {
                tokio::select! {
                    () = &mut sleep => return false,
                    command = commands.recv() => match command {
                        Some(Command::Close) | None => return true,
                        Some(command) => {
                            let error = desk.lock().usable().err().unwrap_or(BrokerError::Closed);
                            refuse(command, &error);
                        }
                    },
                }
            }
        })
    }

    fn end(mut self, first: Option<First>, error: BrokerError) {
        self.down(Link::Closed);
        if let Some(first) = first {
            let _ = first.send(Err(error));
        }
    }

    fn down(&mut self, link: Link) {
        let closed = link == Link::Closed;
        {
            let mut desk = self.desk.lock();
            desk.link = link;
            desk.forget_requests();
            // Their leases bring them back.
            drop(desk.clear());
        }
        while closed && let Ok(command) = self.commands.try_recv() {
            refuse(command, &BrokerError::Closed);
        }
    }
}

enum Ended {
    Closed,
    Refused(BrokerError),
    Lost(String),
}

fn runtime() -> Result<Runtime, BrokerError> {
    let runtime = Builder::new_current_thread().enable_all().build();
    runtime.map_err(|error| BrokerError::Unavailable(format!("NATS: no event loop could be made: {error}")))
}

fn lost(why: &str) -> BrokerError {
    BrokerError::Unavailable(format!("NATS: {why}"))
}

/// Nothing was sent.
fn refuse(command: Command, error: &BrokerError) {
    if let Command::Exchange(Exchange { entries, answer, .. }) = command {
        let _ = answer.send(entries.iter().map(|_| Reply::NotSent(error.clone())).collect());
    }
}
