//! A control plane with a service of closures behind it.

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use heijunka::ops::wire::{
    Counted, Done, DrainLine, Drained, Fate, Filter, Letter, LetterLine, Letters, NewItem, Progress, Queue,
    Queues, Readiness, Receipt, Replay, Schedules, Status, Stored,
};
use heijunka::ops::{
    HttpSettings, Lines, Method, Ops, OpsSettings, Problem, Request, Response, Routes, Token, publish_lines,
};
use heijunka::{ItemId, PublishError, Schedule, Timestamp};

use crate::common::{Ran, pipe};

const LONG: Duration = Duration::from_secs(20);

/// What whoever acts over TCP has to know.
pub(crate) const TOKEN: &str = "nobody-would-guess-this";

pub(crate) struct World {
    folder: PathBuf,
    socket: String,
    /// Where it listens on TCP, for whoever knows [`TOKEN`].
    pub(crate) url: String,
    _ops: Ops,
}

impl World {
    pub(crate) fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        // Relaxed: only a number.
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("hj-cli-{}-{number}", std::process::id()));
        fs::create_dir(&folder).unwrap();
        let socket = folder.join("s");
        let listen = SocketAddr::from(([127, 0, 0, 1], 0));
        let token = Some(Token::new(TOKEN).unwrap());
        let http = Some(HttpSettings { listen, token, ..HttpSettings::default() });
        let claim = Ops::claim(OpsSettings { http, ..OpsSettings::new(&socket) }).unwrap();
        let url = format!("http://{}", claim.http().unwrap());
        let ops = claim.serve(routes()).unwrap();
        Self { socket: socket.to_str().unwrap().to_owned(), url, folder, _ops: ops }
    }

    pub(crate) fn file(&self, name: &str, content: &[u8]) -> String {
        let file = self.folder.join(name);
        fs::write(&file, content).unwrap();
        file.to_str().unwrap().to_owned()
    }

    #[track_caller]
    pub(crate) fn run(&self, args: &[&str]) -> Ran {
        self.pipe(args, b"")
    }

    #[track_caller]
    pub(crate) fn pipe(&self, args: &[&str], input: &[u8]) -> Ran {
        pipe(args.iter().copied().chain(["--socket", self.socket.as_str()]), input)
    }
}

impl Drop for World {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn routes() -> Routes {
    Routes::new()
        .slow(Method::Post, "/publish/{priority}/{domain}", LONG, publish)
        .lines(Method::Post, "/publish", LONG, |request, lines| {
            publish_lines(request.body(), lines, |specs| {
                specs.iter().map(|spec| by_debug(&format!("{spec:?}"))).collect()
            })
        })
        .quick(Method::Get, "/dlq", |request| {
            request.only(&["domain", "reason", "after", "most"])?;
            let told = (request.query("domain"), request.query_as::<u64>("after")?);
            let letters =
                if told == (Some("mail"), Some(2)) { vec![letter(3)] } else { vec![letter(1), letter(3)] };
            Ok(Response::json(&Letters { letters, count: 7, next: Some(3) }))
        })
        .quick(Method::Get, "/dlq/{serial}", |request| match request.parameter_as("serial")? {
            serial @ 1..=3 => Ok(Response::json(&letter(serial))),
            serial => Err(Problem::new(404, format!("there is no dead letter {serial}"))),
        })
        .quick(Method::Delete, "/dlq/{serial}", |request| match request.parameter_as("serial")? {
            1..=3_u64 => Ok(done("gone")),
            serial => Err(Problem::new(404, format!("there is no dead letter {serial}"))),
        })
        .lines(Method::Post, "/dlq/replay", LONG, replay)
        .lines(Method::Post, "/dlq/{serial}/replay", LONG, replay)
        .lines(Method::Post, "/dlq/drop", LONG, |_, lines| tell(lines, &[1, 3], &[]))
        .quick(Method::Get, "/schedules", |_| Ok(Response::json(&Schedules::default())))
        .quick(Method::Put, "/schedules/{name}", |request| {
            let schedule: Schedule = request.json()?;
            assert_eq!(schedule.name.as_str(), request.parameter("name"));
            Ok(done(&serde_json::to_string(&schedule).unwrap()))
        })
        .quick(Method::Post, "/schedules/{name}/pause", |request| Ok(done(request.parameter("name"))))
        .quick(Method::Delete, "/schedules/{name}", |request| {
            let error = format!("there is no schedule {:?}", request.parameter("name"));
            Err(Problem::new(404, error).hint("there is nightly"))
        })
        .quick(Method::Get, "/status", |_| Ok(Response::json(&status())))
        .lines(Method::Post, "/drain", LONG, |request, lines| {
            lines.line(&DrainLine::Progress(Progress { ready: 5, delayed: 1, running: 2 }))?;
            let left = u64::from(request.query("within").is_none());
            let given_back = if left > 0 { vec!["item-7".to_owned()] } else { Vec::new() };
            lines.line(&DrainLine::Done(Drained {
                clean: left == 0,
                left: Some(left),
                lost: left,
                given_back,
                abandoned: Vec::new(),
            }))
        })
        .quick(Method::Post, "/stop", |_| Ok(done("stopping")))
}

fn done(text: &str) -> Response {
    Response::json(&Done { done: text.to_owned() })
}

/// Tells in its id what arrived.
fn publish(request: &Request) -> Result<Response, Problem> {
    let spec = NewItem::from_request(request)?;
    let told = format!("{spec:?} {:?}", request.queries().collect::<Vec<_>>());
    let receipt = match request.parameter("domain") {
        "full" => Receipt {
            line: 1,
            outcome: Stored::NotStored,
            id: None,
            error: Some("not stored: the broker is full: of it".into()),
        },
        _ => Receipt { line: 1, outcome: Stored::Stored, id: Some(told), error: None },
    };
    Ok(Response::json(&receipt).status(receipt.status()))
}

fn by_debug(spec: &str) -> Result<(ItemId, heijunka::Stored), PublishError> {
    if spec.contains("\"bad\"") {
        Err(PublishError::Invalid(heijunka::ItemError::Key))
    } else if spec.contains("\"again\"") {
        Ok((ItemId::unique(), heijunka::Stored::Duplicate))
    } else {
        Ok((ItemId::unique(), heijunka::Stored::New))
    }
}

fn letter(serial: u64) -> Letter {
    Letter {
        serial,
        domain: "mail".into(),
        priority: "high".into(),
        id: format!("item-{serial}"),
        reason: "attempts".into(),
        error: "\u{1b}[31mno route\nmore".into(),
        attempts: 5,
        at: Timestamp::from_millis(1_767_225_600_000),
        size: 5,
        payload: Some("hello".into()),
        ..Letter::default()
    }
}

fn replay(request: &Request, lines: &mut Lines) -> Result<(), Problem> {
    let wanted: Replay = request.json()?;
    match request.parameter("serial") {
        "" if wanted.filter == Filter::default() => tell(lines, &[1, 3], &[2]),
        "" => {
            assert!(wanted.dry_run && wanted.force && wanted.per_second == Some(2.5));
            assert_eq!(wanted.filter.domain.as_deref(), Some("mail"));
            tell(lines, &[1], &[])
        }
        "1" | "3" => tell(lines, &[1], &[]),
        serial => Err(Problem::new(404, format!("there is no dead letter {serial}"))),
    }
}

fn tell(lines: &mut Lines, done: &[u64], skipped: &[u64]) -> Result<(), Problem> {
    for serial in done.iter().chain(skipped) {
        let fate = Fate {
            serial: *serial,
            domain: "mail".into(),
            id: format!("item-{serial}"),
            done: done.contains(serial),
            told: "told".into(),
        };
        lines.line(&LetterLine::Letter(fate))?;
    }
    let counted = Counted { done: done.len() as u64, skipped: skipped.len() as u64, failed: 0 };
    lines.line(&LetterLine::Done(counted))
}

fn status() -> Status {
    let queue = Queue {
        domain: "mail".into(),
        breaker: "open".into(),
        ready: [Some(0), Some(1234), None],
        workers: 2,
        target_workers: 4,
        ..Queue::default()
    };
    let kanban = Queues {
        broker: "file".into(),
        durable: true,
        dead_letters: Some(7),
        queues: vec![queue],
        ..Queues::default()
    };
    Status {
        version: "0.1.0".into(),
        pid: 42,
        state: "running".into(),
        uptime_ms: 61_000,
        readiness: Readiness { ok: false, reasons: vec!["the broker does not answer".into()] },
        kanban: Some(kanban),
        ..Status::default()
    }
}
