//! One connection: a request is read, answered, written, and then the next one.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use super::events::Listening;
use super::helpers::{Errand, guarded};
use super::incoming::{Incoming, Step};
use super::lines::{Fetched, Pipe};
use super::problem::Problem;
use super::request::Request;
use super::response::{Framing, Response, write_piece, write_stream_head};
use super::routes::{Route, Run};
use super::settings::OpsLimits;
use super::socket::Socket;
use super::turn::{Next, Service};
use crate::time::Moment;

/// Bytes read before others have their turn.
const TURN: usize = 256 << 10;

/// Who has not read an answer by then may have to go for another.
const DEAF: Duration = Duration::from_secs(2);

/// What is still read of a client that was refused in the middle of its request: closed at once, it might never see why.
const LINGER: (usize, Duration) = (1 << 20, Duration::from_secs(2));

#[derive(Debug)]
pub(super) struct Connection {
    pub(super) socket: Box<dyn Socket>,
    /// The number of the door it came in by.
    pub(super) door: usize,
    incoming: Incoming,
    state: State,
    output: Vec<u8>,
    written: usize,
    /// When it came into its state, or last got on in it.
    since: Moment,
    /// It counts for nothing: it is only told that there are too many.
    pub(super) surplus: bool,
}

#[derive(Debug)]
enum State {
    /// Nothing of a request has arrived, for the first time or again.
    Idle {
        fresh: bool,
    },
    Reading,
    Waiting(Waiting),
    Writing {
        keep: bool,
    },
    Listening(Listening),
    Lingering {
        left: usize,
    },
}

#[derive(Debug)]
struct Waiting {
    pipe: Arc<Pipe>,
    until: Moment,
    keep: bool,
    head_only: bool,
    framing: Framing,
    /// The answer's first lines are on their way.
    begun: bool,
    /// Bytes of the request's body, which the handler may still hold.
    held: usize,
}

impl Connection {
    pub(super) fn new(socket: Box<dyn Socket>, door: usize, now: Moment) -> Self {
        Self {
            socket,
            door,
            incoming: Incoming::default(),
            state: State::Idle { fresh: true },
            output: Vec::new(),
            written: 0,
            since: now,
            surplus: false,
        }
    }

    /// One that is only told that there are too many.
    pub(super) fn surplus(socket: Box<dyn Socket>, door: usize, now: Moment) -> Self {
        let mut connection = Self::new(socket, door, now);
        connection.surplus = true;
        let problem = Problem::new(503, "too many connections").hint("try again in a moment");
        connection.refuse(&problem, now);
        connection
    }

    /// Bytes that it holds.
    pub(super) fn held(&self) -> usize {
        let body = if let State::Waiting(waiting) = &self.state { waiting.held } else { 0 };
        self.incoming.held() + body + self.output.len()
    }

    pub(super) fn is_idle(&self) -> bool {
        matches!(self.state, State::Idle { .. })
    }

    pub(super) fn is_listening(&self) -> bool {
        matches!(self.state, State::Listening(_))
    }

    /// Since when it has said nothing whole and is owed nothing, or does not read what it is told, if so: it may have to go for another.
    pub(super) fn silent_since(&self, now: Moment) -> Option<Moment> {
        let silent = match self.state {
            State::Idle { .. } | State::Reading | State::Lingering { .. } => true,
            State::Writing { .. } => now.since(self.since) > DEAF,
            State::Waiting(_) | State::Listening(_) => false,
        };
        (silent && !self.surplus).then_some(self.since)
    }

    /// When something must have happened.
    pub(super) fn due(&self, limits: &OpsLimits) -> Moment {
        let patience = match &self.state {
            State::Idle { fresh: false } => limits.idle,
            State::Listening(listening) if self.output.is_empty() => return listening.due(),
            State::Idle { fresh: true } | State::Reading | State::Writing { .. } | State::Listening(_) => {
                limits.request
            }
            State::Waiting(waiting) if self.output.is_empty() => return waiting.until,
            State::Waiting(waiting) => return waiting.until.min(self.since.after(limits.request)),
            State::Lingering { .. } => LINGER.1,
        };
        self.since.after(patience)
    }

    /// It is due: nothing has happened in time.
    pub(super) fn expire(&mut self, service: &Service<'_>, scratch: &mut [u8]) -> Next {
        match &self.state {
            State::Reading => {
                self.refuse(&Problem::new(408, "the request took too long to arrive"), service.now);
            }
            State::Waiting(waiting) if !waiting.begun => {
                waiting.pipe.hang_up();
                let problem =
                    Problem::new(504, "this takes longer than it may; it is not known what becomes of it");
                self.refuse(&problem, service.now);
            }
            State::Listening(_) if self.output.is_empty() => self.tell(service.now),
            _ => return Next::Close,
        }
        self.advance(service, scratch)
    }

    /// Goes as far as it can without waiting.
    pub(super) fn advance(&mut self, service: &Service<'_>, scratch: &mut [u8]) -> Next {
        self.try_advance(service, scratch).unwrap_or(Next::Close)
    }

    fn try_advance(&mut self, service: &Service<'_>, scratch: &mut [u8]) -> io::Result<Next> {
        let (mut read, mut answered) = (0, false);
        loop {
            if !self.flush(service.now)? {
                return Ok(Next::Wait);
            }
            match &mut self.state {
                State::Idle { .. } | State::Reading => {
                    match self.incoming.step(service.limits, &|request| service.judge(request)) {
                        Step::Continue => self.output.extend_from_slice(b"HTTP/1.1 100 Continue\r\n\r\n"),
                        // However many it has sent at once, others have their turn after each.
                        Step::Done(request) => {
                            self.begin(request, service);
                            answered = true;
                        }
                        Step::Refuse(problem) => self.refuse(&problem, service.now),
                        Step::More if read >= TURN => return Ok(Next::Again),
                        Step::More => match self.read(scratch)? {
                            None => return Ok(Next::Wait),
                            Some(0) => return Ok(Next::Close),
                            Some(bytes) => {
                                read += bytes;
                                self.incoming.feed(&scratch[..bytes]);
                                self.took(service);
                            }
                        },
                    }
                }
                State::Waiting(waiting) => match waiting.pipe.fetch() {
                    Fetched::Nothing => return Ok(Next::Wait),
                    Fetched::Gone => return Ok(Next::Close),
                    Fetched::Whole(response) => {
                        let (keep, head_only) = (waiting.keep && !service.ending, waiting.head_only);
                        self.answer(&response, keep, head_only, service.now);
                    }
                    Fetched::Piece(lines) => {
                        waiting.begin(&mut self.output);
                        write_piece(&mut self.output, waiting.framing, &lines);
                    }
                    Fetched::End => {
                        waiting.begin(&mut self.output);
                        write_piece(&mut self.output, waiting.framing, b"");
                        self.state = State::Writing { keep: waiting.keep };
                        self.since = service.now;
                    }
                },
                State::Writing { keep: true } if !service.ending => {
                    self.state = State::Idle { fresh: false };
                    self.since = service.now;
                    self.begun(service.now);
                    if answered && !self.is_idle() {
                        return Ok(Next::Again);
                    }
                }
                State::Writing { .. } => {
                    self.socket.end()?;
                    self.state = State::Lingering { left: LINGER.0 };
                    self.incoming = Incoming::default();
                    self.since = service.now;
                }
                // It has nothing to say any more; what it says all the same is passed over.
                State::Listening(_) if read >= TURN => return Ok(Next::Again),
                State::Listening(_) => match self.read(scratch)? {
                    None => return Ok(Next::Wait),
                    Some(0) => return Ok(Next::Close),
                    Some(bytes) => read += bytes,
                },
                State::Lingering { left: 0 } => return Ok(Next::Close),
                State::Lingering { left } => {
                    let left = *left;
                    match self.read(scratch)? {
                        None => return Ok(Next::Wait),
                        Some(0) => return Ok(Next::Close),
                        Some(bytes) => self.state = State::Lingering { left: left.saturating_sub(bytes) },
                    }
                }
            }
        }
    }

    /// Writes what is to be written; tells whether that was all.
    fn flush(&mut self, now: Moment) -> io::Result<bool> {
        while self.written < self.output.len() {
            match self.socket.write(&self.output[self.written..]) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(bytes) => {
                    self.written += bytes;
                    // A whole answer has its time as a whole, lines and events each have their own.
                    if matches!(self.state, State::Waiting(_) | State::Listening(_)) {
                        self.since = now;
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        // An answer may have been large; what is idle holds nothing.
        self.output = Vec::new();
        self.written = 0;
        Ok(true)
    }

    /// Reads some; `None` if there is nothing now.
    fn read(&mut self, scratch: &mut [u8]) -> io::Result<Option<usize>> {
        loop {
            match self.socket.read(scratch) {
                Ok(bytes) => return Ok(Some(bytes)),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(None),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Something has arrived.
    fn took(&mut self, service: &Service<'_>) {
        self.begun(service.now);
        if self.incoming.held() > service.room {
            let problem = Problem::new(503, "too much is being sent at once by all clients together");
            self.refuse(&problem.hint("try again in a moment"), service.now);
        }
    }

    /// The time of a request begins with its first byte.
    fn begun(&mut self, now: Moment) {
        if self.is_idle() && !self.incoming.is_empty() {
            self.state = State::Reading;
            self.since = now;
        }
    }

    /// Has a request worked on.
    fn begin(&mut self, mut request: Box<Request>, service: &Service<'_>) {
        let (keep, head_only) = (request.keep && !service.ending, request.head_only);
        let answer = service.routes.find(&mut request).and_then(|route| {
            let within = match &route.run {
                Run::Quick(run) => return guarded(&request, || run(&request)).map(Some),
                Run::Slow(within, _) => *within,
                Run::Lines(within, begin, _) => {
                    guarded(&request, || begin(&request))?;
                    *within
                }
                Run::Events(..) => return self.listen(&request, route.clone(), service).map(|()| None),
            };
            let pipe = Pipe::new((service.stir)());
            let framing = Framing::of(&request);
            let waiting = Waiting {
                pipe: pipe.clone(),
                until: service.now.after(within),
                keep: keep && framing == Framing::Chunked,
                head_only,
                framing,
                begun: false,
                held: request.body.len(),
            };
            service.helpers.send(Errand { request, route, pipe })?;
            self.state = State::Waiting(waiting);
            self.since = service.now;
            Ok(None)
        });
        match answer {
            Ok(None) => {}
            Ok(Some(response)) => self.answer(&response, keep, head_only, service.now),
            Err(problem) => self.answer(&problem.response(), keep, head_only, service.now),
        }
    }

    /// Tells it events from now on.
    fn listen(&mut self, request: &Request, route: Arc<Route>, service: &Service<'_>) -> Result<(), Problem> {
        if !service.may_listen {
            return Err(Problem::new(503, "too many listen to events").hint("close some pages"));
        }
        let listening = Listening::begin(route, request, service.now, &mut self.output);
        self.incoming = Incoming::default();
        self.since = service.now;
        self.state =
            if request.head_only { State::Writing { keep: false } } else { State::Listening(listening) };
        self.tell(service.now);
        Ok(())
    }

    /// Writes what there is to be told now.
    fn tell(&mut self, now: Moment) {
        if let State::Listening(listening) = &mut self.state {
            listening.tell(now, &mut self.output);
            self.since = now;
        }
    }

    fn answer(&mut self, response: &Response, keep: bool, head_only: bool, now: Moment) {
        response.write(&mut self.output, keep, head_only);
        self.state = State::Writing { keep };
        self.since = now;
    }

    /// Answers what was no request, or will not be answered otherwise: there is no going on after it.
    fn refuse(&mut self, problem: &Problem, now: Moment) {
        self.answer(&problem.response(), false, false, now);
        self.incoming = Incoming::default();
    }
}

impl Waiting {
    fn begin(&mut self, output: &mut Vec<u8>) {
        if !self.begun {
            self.begun = true;
            write_stream_head(output, "application/x-ndjson", self.framing, self.keep);
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        if let State::Waiting(waiting) = &self.state {
            waiting.pipe.hang_up();
        }
    }
}
