//! An answer on its way from a helper thread to the thread that writes it: whole, or line by line within a bound.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Condvar, Mutex};
use serde::Serialize;

use super::problem::Problem;
use super::response::Response;
use crate::time::Deadline;

/// Bytes of lines that wait to be written; the one that goes beyond is still taken.
const BOUND: usize = 64 << 10;

/// Where a handler writes its lines.
#[derive(Debug)]
pub struct Lines {
    pipe: Arc<Pipe>,
    /// How long a client may leave what it is told unread.
    patience: Duration,
}

impl Lines {
    pub(super) fn new(pipe: Arc<Pipe>, patience: Duration) -> Self {
        Self { pipe, patience }
    }

    /// Sends this as one line of JSON. Waits while the client has 64 KiB to read.
    ///
    /// # Errors
    /// The client is gone, or does not read: nobody will see further lines.
    pub fn line<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Problem> {
        let mut line = serde_json::to_vec(value)
            .map_err(|error| Problem::new(500, format!("a line that is no JSON: {error}")))?;
        line.push(b'\n');
        self.pipe.push(&line, self.patience)
    }

    /// Whether the client is known to be gone.
    #[must_use]
    pub fn is_gone(&self) -> bool {
        self.pipe.state.lock().gone
    }
}

/// Between a handler and its connection.
pub(super) struct Pipe {
    state: Mutex<State>,
    room: Condvar,
    /// Tells the connection that there is something to fetch.
    stir: Box<dyn Fn() + Send + Sync>,
}

#[derive(Debug, Default)]
struct State {
    lines: Vec<u8>,
    /// A line was sent, so the answer cannot be another one any more.
    begun: bool,
    whole: Option<Response>,
    ended: bool,
    /// Nobody fetches any more, or nobody reads.
    gone: bool,
}

/// What there is to fetch.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Fetched {
    /// Nothing yet.
    Nothing,
    /// The whole answer.
    Whole(Response),
    /// Lines.
    Piece(Vec<u8>),
    /// There are no more lines.
    End,
    /// The handler gave up on the client.
    Gone,
}

impl Pipe {
    pub(super) fn new(stir: impl Fn() + Send + Sync + 'static) -> Arc<Self> {
        Arc::new(Self { state: Mutex::default(), room: Condvar::new(), stir: Box::new(stir) })
    }

    fn push(&self, line: &[u8], patience: Duration) -> Result<(), Problem> {
        let mut state = self.state.lock();
        if state.lines.len() >= BOUND && !state.gone {
            let deadline = Deadline::after(patience);
            while state.lines.len() >= BOUND && !state.gone && !deadline.passed() {
                self.room.wait_for(&mut state, deadline.left());
            }
            // A client that does not read is as good as gone.
            state.gone |= state.lines.len() >= BOUND;
        }
        let gone = state.gone;
        let first = state.lines.is_empty();
        if !gone {
            state.begun = true;
            state.lines.extend_from_slice(line);
        }
        drop(state);
        if gone || first {
            (self.stir)();
        }
        if gone { Err(Problem::new(500, "the client is gone, or does not read")) } else { Ok(()) }
    }

    /// The handler has ended: with an answer, with a problem, or having written lines.
    pub(super) fn end(&self, result: Result<Option<Response>, Problem>) {
        let mut state = self.state.lock();
        match result {
            Ok(whole) => state.whole = whole,
            Err(problem) if state.begun => {
                let line = serde_json::to_vec(&problem).unwrap_or_default();
                state.lines.extend_from_slice(&line);
                state.lines.push(b'\n');
            }
            Err(problem) => state.whole = Some(problem.response()),
        }
        state.ended = true;
        drop(state);
        (self.stir)();
    }

    /// Takes what is there.
    pub(super) fn fetch(&self) -> Fetched {
        let mut state = self.state.lock();
        if state.gone {
            return Fetched::Gone;
        }
        if let Some(whole) = state.whole.take() {
            return Fetched::Whole(whole);
        }
        if state.lines.is_empty() {
            return if state.ended { Fetched::End } else { Fetched::Nothing };
        }
        let piece = std::mem::take(&mut state.lines);
        drop(state);
        self.room.notify_all();
        Fetched::Piece(piece)
    }

    /// Nobody fetches any more.
    pub(super) fn hang_up(&self) {
        let mut state = self.state.lock();
        state.gone = true;
        // What nobody will read need not be kept until the handler has noticed.
        state.lines = Vec::new();
        state.whole = None;
        drop(state);
        self.room.notify_all();
    }

    pub(super) fn is_gone(&self) -> bool {
        self.state.lock().gone
    }
}

impl fmt::Debug for Pipe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pipe").finish_non_exhaustive()
    }
}

#[cfg(all(test, not(heijunka_loom)))]
mod tests {
    use std::thread;

    use super::*;

    fn pipe() -> (Arc<Pipe>, Lines) {
        let pipe = Pipe::new(|| ());
        let lines = Lines::new(pipe.clone(), Duration::from_millis(5));
        (pipe, lines)
    }

    #[test]
    fn lines_come_in_pieces_and_end() {
        let (pipe, mut lines) = pipe();
        assert_eq!(pipe.fetch(), Fetched::Nothing);
        lines.line(&1).unwrap();
        lines.line("two").unwrap();
        assert_eq!(pipe.fetch(), Fetched::Piece(b"1\n\"two\"\n".to_vec()));
        assert_eq!(pipe.fetch(), Fetched::Nothing);
        pipe.end(Err(Problem::new(503, "late").hint("wait")));
        assert_eq!(pipe.fetch(), Fetched::Piece(b"{\"error\":\"late\",\"hint\":\"wait\"}\n".to_vec()));
        assert_eq!(pipe.fetch(), Fetched::End);
    }

    #[test]
    fn a_problem_before_the_first_line_is_the_whole_answer() {
        let (pipe, _) = pipe();
        let problem = Problem::new(503, "early");
        pipe.end(Err(problem.clone()));
        assert_eq!(pipe.fetch(), Fetched::Whole(problem.response()));
        assert_eq!(pipe.fetch(), Fetched::End);
    }

    #[test]
    fn what_waits_is_bounded_and_a_client_that_does_not_read_is_given_up() {
        let (pipe, mut lines) = pipe();
        let line = "x".repeat(1000);
        let written = (0..1000).take_while(|_| lines.line(&line).is_ok()).count();
        assert!((BOUND / 1003..=BOUND / 1003 + 1).contains(&written), "{written}");
        assert!(lines.is_gone());
        assert_eq!(pipe.fetch(), Fetched::Gone);
    }

    #[test]
    fn a_handler_that_waits_for_room_gets_it_or_is_told() {
        for reads in [true, false] {
            let pipe = Pipe::new(|| ());
            let mut lines = Lines::new(pipe.clone(), Duration::from_secs(60));
            let writer = thread::Builder::new().spawn(move || {
                let line = "x".repeat(BOUND);
                lines.line(&line).and_then(|()| lines.line(&line)).is_ok()
            });
            if reads {
                while !matches!(pipe.fetch(), Fetched::Piece(_)) {
                    thread::yield_now();
                }
            } else {
                pipe.hang_up();
            }
            assert_eq!(writer.unwrap().join().unwrap(), reads);
        }
    }
}
