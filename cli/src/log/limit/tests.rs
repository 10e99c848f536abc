use std::io;

use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::{fmt as lines, registry};

use super::*;

/// What was written, by whoever writes.
#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl io::Write for Written {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Written {
    /// The lines since the last time that say this.
    fn take(&self, what: &str) -> Vec<String> {
        let text = String::from_utf8(std::mem::take(&mut *self.0.lock())).unwrap();
        text.lines().filter(|line| line.contains(what)).map(str::to_owned).collect()
    }
}

/// Runs with a log that goes to memory and a clock that is moved by hand.
fn logged(test: impl FnOnce(&Limit, &Written, &heijunka::ManualTime)) {
    let (clock, time) = Clock::manual();
    let (limit, written) = (Limit::new(clock), Written::default());
    let to = written.clone();
    let layer = lines::layer().with_ansi(false).without_time().with_writer(move || to.clone());
    let log = registry().with(layer).with(limit.clone());
    tracing::subscriber::with_default(log, || test(&limit, &written, &time));
}

fn full(times: u32) {
    for number in 0..times {
        tracing::warn!(number, "the disk is full");
    }
}

#[test]
fn what_repeats_itself_is_told_so_often_and_then_counted() {
    logged(|limit, written, time| {
        full(MOST + 7);
        tracing::warn!("something else");
        assert_eq!(written.take("").len(), MOST as usize + 1, "one place does not silence another");
        limit.tell();
        assert_eq!(written.take(""), [""; 0], "its time is not over");
        time.advance(WITHIN);
        limit.tell();
        let told = written.take("");
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(told[0].contains("held back lines=7 like=\"the disk is full\""), "{told:?}");
        limit.tell_all();
        assert_eq!(written.take(""), [""; 0], "it is told once");
    });
}

#[test]
fn after_its_time_a_place_is_heard_again() {
    logged(|limit, written, time| {
        full(MOST + 1);
        time.advance(WITHIN);
        full(MOST + 2);
        assert_eq!(written.take("disk").len(), 2 * MOST as usize);
        // Of both times together: nobody asked in between.
        limit.tell_all();
        assert_eq!(written.take("lines=3 ").len(), 1);
    });
}

#[test]
fn what_was_asked_for_is_all_told() {
    logged(|limit, written, _| {
        for _ in 0..=MOST {
            tracing::debug!("a step");
        }
        assert_eq!(written.take("a step").len(), MOST as usize + 1);
        limit.tell_all();
        assert_eq!(written.take(""), [""; 0]);
    });
}
