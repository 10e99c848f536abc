//! A thread that asks the service again and again, so that the keys never wait for it.

use std::io;
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;
use std::time::Duration;

use heijunka::ops::wire::{Journal, Status};
use heijunka::{Clock, Moment};

use crate::control::client::{Service, with_query};
use crate::control::error::ControlError;

/// Entries of the journal that are asked for.
const ENTRIES: usize = 200;

/// What came back, and when.
#[derive(Debug)]
pub(super) struct Told {
    pub(super) at: Moment,
    pub(super) answer: Result<(Status, Journal), ControlError>,
}

/// Asks until nobody wants to hear it any more.
pub(super) fn start(service: Service, every: Duration, clock: Clock) -> io::Result<Receiver<Told>> {
    // A place to lay one down while the one before is looked at.
    let (tell, hear) = sync_channel(1);
    let ask = move || {
        loop {
            let answer = look(&service);
            if tell.send(Told { at: clock.now(), answer }).is_err() {
                return;
            }
            thread::sleep(every);
        }
    };
    // It ends with the process: what it waits for may take its time.
    thread::Builder::new().name("poll".to_owned()).spawn(ask)?;
    Ok(hear)
}

fn look(service: &Service) -> Result<(Status, Journal), ControlError> {
    let status = service.json("GET", "/status", b"")?;
    let journal = with_query("/journal", [("most", Some(ENTRIES.to_string()))]);
    Ok((status, service.json("GET", &journal, b"")?))
}
