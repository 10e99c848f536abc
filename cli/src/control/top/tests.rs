//! What is on the screen, at every size, and what a key does.

use std::collections::BTreeMap;
use std::time::Duration;

use heijunka::ops::wire::{
    Admission, Burst, Entry, Failover, FailoverBroker, Journal, Latency, Percentiles, Pool, Queue, Queues,
    Readiness, Status, Stray, SubLimit,
};
use heijunka::{Moment, Timestamp};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::style::{Color, Modifier};

use super::draw::{Keys, draw};
use super::poll::Told;
use super::press;
use super::theme::{Level, Theme};
use super::troubles::troubles;
use super::view::View;
use crate::control::error::ControlError;

const NOW: Timestamp = Timestamp::from_millis(1_000_000_000);

fn pool(name: &str, health: &str) -> Pool {
    let percentiles = Percentiles { count: 9, p50_us: 120.0, p99_us: 35_000.0, ..Percentiles::default() };
    Pool {
        name: name.to_owned(),
        health: health.to_owned(),
        workers: 4,
        min_workers: 2,
        max_workers: 8,
        utilisation: 0.52,
        queued: 7,
        latency: Latency { window_ms: 5000, queue: percentiles, service: percentiles, total: percentiles },
        ..Pool::default()
    }
}

fn queue(domain: &str, breaker: &str) -> Queue {
    Queue {
        domain: domain.to_owned(),
        breaker: breaker.to_owned(),
        ready: [Some(1), Some(22), None],
        oldest: Some(Timestamp::from_millis(NOW.as_millis() - 5_000)),
        held: 3,
        running: 2,
        workers: 4,
        target_workers: 6,
        ..Queue::default()
    }
}

/// A service that is well.
fn well() -> Status {
    Status {
        version: "0.1.0".to_owned(),
        pid: 42,
        at: NOW,
        state: "running".to_owned(),
        uptime_ms: 11_000_000,
        readiness: Readiness { ok: true, reasons: Vec::new() },
        admission: Admission {
            in_flight: 412,
            soft: 800,
            effective: 960,
            hard: 1200,
            refused: BTreeMap::from([("hard_limit".to_owned(), 10), ("reserve".to_owned(), 0)]),
            sub_limits: vec![SubLimit { name: "batch".to_owned(), in_flight: 3, limit: 50 }],
            ..Admission::default()
        },
        balance: 0.93,
        burst: Burst {
            phase: "watching".to_owned(),
            baseline: 100.0,
            current: 120.0,
            ratio: 1.2,
            threshold: 3.0,
            ..Burst::default()
        },
        pools: vec![pool("payment", "healthy"), pool("mail", "healthy")],
        kanban: Some(Queues {
            broker: "nats".to_owned(),
            durable: true,
            slots_used: 5,
            slots: 64,
            dead_letters: Some(0),
            strays: Some(Vec::new()),
            queues: vec![queue("mail", "closed")],
            ..Queues::default()
        }),
    }
}

/// One with everything wrong that can be.
fn unwell() -> Status {
    let mut status = well();
    status.readiness = Readiness { ok: false, reasons: vec!["most pools are critical".to_owned()] };
    status.admission.in_flight = 960;
    status.admission.refused.insert("hard_limit".to_owned(), 60);
    status.balance = 0.3;
    status.burst = Burst {
        phase: "surging".to_owned(),
        ratio: 4.5,
        extra_workers: 2,
        lease_left_ms: Some(90_000),
        surges: 1,
        granted_seconds: 12.0,
        busy_seconds: 8.0,
        cost_seconds: 18.0,
        ..status.burst
    };
    status.pools.push(pool("zebra", "critical"));
    let queues = status.kanban.as_mut().unwrap();
    queues.fault = Some("timed out".to_owned());
    queues.dead_letters = Some(3);
    queues.strays = Some(vec![Stray { domain: "old".to_owned(), priority: "low".to_owned(), items: 4 }]);
    queues.queues.push(queue("push", "open"));
    queues.failover = Some(Failover {
        state: "fallback".to_owned(),
        reason: "three failures".to_owned(),
        brokers: vec![
            FailoverBroker {
                role: "primary".to_owned(),
                name: "nats".to_owned(),
                fault: Some("away".into()),
                ..Default::default()
            },
            FailoverBroker {
                role: "fallback".to_owned(),
                name: "embedded".to_owned(),
                active: true,
                ..Default::default()
            },
        ],
        ..Failover::default()
    });
    status
}

fn journal(entries: u64) -> Journal {
    let entry = |number| Entry {
        number,
        ago_ms: (entries - number) * 1000,
        author: "control".to_owned(),
        subject: Some("payment".to_owned()),
        decision: format!("decision {number}"),
        inputs: "load 0.9".to_owned(),
        ..Entry::default()
    };
    Journal { entries: (1..=entries).map(entry).collect() }
}

fn told(second: u64, status: Status) -> Told {
    Told { at: Moment::from_nanos(second * 1_000_000_000), answer: Ok((status, journal(30))) }
}

fn view(status: Status) -> View {
    let mut view = View::new("http://localhost:9090".to_owned());
    view.take(told(1, status));
    view
}

fn away(view: &mut View) {
    let answer = Err(ControlError::Invalid("nobody listens there".to_owned()));
    view.take(Told { at: Moment::from_nanos(9_000_000_000), answer });
}

fn screen(view: &View, keys: &mut Keys, size: (u16, u16)) -> (String, ratatui::buffer::Buffer) {
    let mut terminal = Terminal::new(TestBackend::new(size.0, size.1)).unwrap();
    terminal.draw(|frame| draw(frame, view, keys, Moment::from_nanos(13_000_000_000))).unwrap();
    let buffer = terminal.backend().buffer().clone();
    let rows = buffer.content.chunks(size.0.into());
    let text = rows.map(|row| row.iter().map(ratatui::buffer::Cell::symbol).collect::<String>() + "\n");
    (text.collect(), buffer)
}

fn text(view: &View, size: (u16, u16)) -> String {
    screen(view, &mut Keys::default(), size).0
}

#[track_caller]
fn has(text: &str, all: &[&str]) {
    for part in all {
        assert!(text.contains(part), "no {part:?} in\n{text}");
    }
}

#[test]
fn a_service_that_is_well_is_told_so_with_all_its_figures() {
    let shown = text(&view(well()), (120, 40));
    has(
        &shown,
        &[
            "all is well",
            "running  ready  up 3h",
            "broker nats",
            "412 of 1 200",
            "S soft 800",
            "E but priority 960",
        ],
    );
    has(
        &shown,
        &["batch 3 of 50", "nothing now, 10 since the start", "watching  120/s, usually 100/s: 1.2 of 3.0"],
    );
    has(
        &shown,
        &[
            "balance 0.93  burst watching",
            "wait p50",
            "all p99",
            "payment",
            "healthy",
            "4 2..8",
            "█████···  52%",
            "120 µs",
            "35.0 ms",
        ],
    );
    has(&shown, &["nats, durable, 5 of 64 slots, no dead letters", "queues", "closed", "5s", "4 of 6", "?"]);
    has(&shown, &["journal, the newest first", "0s control   payment: decision 30 (load 0.9)", "q quit"]);
    let [first, second] = ["decision 30", "decision 29"].map(|entry| shown.find(entry).unwrap());
    assert!(first < second, "the newest first");
}

#[test]
fn what_is_wrong_comes_first_in_words_and_in_red() {
    let mut view = view(well());
    view.take(told(11, unwell()));
    let mut keys = Keys { theme: Theme { colours: true, dim: false }, ..Keys::default() };
    let (shown, buffer) = screen(&view, &mut keys, (100, 80));
    let second = shown.lines().nth(1).unwrap();
    assert!(second.starts_with("! not ready: most pools are critical"), "{shown}");
    has(&shown, &["NOT READY", "! pool zebra: critical, 7 jobs waiting", "! broker nats: timed out"]);
    has(
        &shown,
        &[
            "! primary broker nats: away",
            "! queue push: its breaker is open",
            "! work is refused: 5.0/s hard_limit",
        ],
    );
    has(
        &shown,
        &[
            "~ publishing to the fallback: three failures",
            "~ 3 dead letters",
            "~ nobody consumes old low: 4 items",
        ],
    );
    has(
        &shown,
        &[
            "~ nearly full: 960 of 960",
            "~ load is uneven",
            "~ a burst: 4.5 times",
            "+2 workers for 90s",
            "granted 12 s, busy 8 s, cost 18 s",
        ],
    );
    let cell = &buffer[(0, 1)];
    assert_eq!((cell.fg, cell.modifier.contains(Modifier::BOLD)), (Color::Red, true));
    let (zebra, payment) = (shown.find("\nzebra").unwrap(), shown.find("\npayment").unwrap());
    assert!(zebra < payment, "the unwell pool first:\n{shown}");
    assert!(shown.find("! work").unwrap() < shown.find("~ publishing").unwrap());
}

#[test]
fn without_colours_nothing_is_coloured_and_everything_is_told() {
    let (shown, buffer) = screen(&view(unwell()), &mut Keys::default(), (80, 24));
    assert!(buffer.content.iter().all(|cell| cell.fg == Color::Reset && cell.bg == Color::Reset));
    has(&shown, &["! not ready", "NOT READY"]);
}

#[test]
fn a_narrow_screen_shows_what_matters_most() {
    let shown = text(&view(unwell()), (60, 20));
    has(
        &shown,
        &["! not ready", "more", "in flight [", "960 of 1 200", "zebra", "critical", "journal", "q quit"],
    );
    assert!(!shown.contains("wait p50"), "{shown}");
    let shown = text(&view(well()), (80, 24));
    has(&shown, &["all is well", "payment", "mail", "all p99", "queues", "closed", "decision 30"]);
    let mut many = well();
    many.pools = (0..40).map(|n| pool(&format!("p{n:02}"), "healthy")).collect();
    has(&text(&view(many), (80, 24)), &["p00", "more rows", "queues", "journal"]);
}

#[test]
fn no_size_panics_and_too_small_a_one_says_so() {
    let states = [view(well()), view(unwell()), View::default()];
    for (width, height) in
        (1..130).step_by(7).flat_map(|width| (1..50).step_by(3).map(move |height| (width, height)))
    {
        for state in &states {
            let mut keys = Keys { help: true, scroll: 1000, ..Keys::default() };
            screen(state, &mut keys, (width, height));
        }
    }
    has(&text(&states[0], (39, 30)), &["top needs 40 by 12; this is 39 by 30"]);
}

#[test]
fn old_figures_stay_and_are_told_to_be_old() {
    let mut view = view(well());
    away(&mut view);
    let (shown, buffer) = screen(&view, &mut Keys::default(), (80, 24));
    has(&shown, &["! no answer, the figures are 12s old: nobody listens there", "412 of 1 200"]);
    let gauge = shown.lines().position(|line| line.starts_with("in flight")).unwrap();
    assert!(buffer[(0, u16::try_from(gauge).unwrap())].modifier.contains(Modifier::DIM));
    view.take(told(14, well()));
    has(&text(&view, (80, 24)), &["all is well"]);
    let mut never = View::new("/run/x.sock".to_owned());
    has(&text(&never, (80, 24)), &["asking /run/x.sock"]);
    away(&mut never);
    has(&text(&never, (80, 24)), &["! no answer yet: nobody listens there"]);
}

#[test]
fn another_process_is_not_compared_with_the_one_before() {
    let mut view = view(unwell());
    assert_eq!(troubles(view.last.as_ref().unwrap())[0].level, Level::Bad);
    view.take(told(2, Status { pid: 43, ..well() }));
    assert!(view.last.as_ref().unwrap().refusals.is_empty());
    assert_eq!(troubles(view.last.as_ref().unwrap()), []);
}

#[test]
fn text_from_elsewhere_commands_no_terminal() {
    let mut status = well();
    status.pools[0].name = "evil\u{1b}[2J".to_owned();
    status.kanban.as_mut().unwrap().fault = Some("\u{1b}]0;x\u{7}".to_owned());
    let shown = text(&view(status), (100, 30));
    assert!(!shown.contains('\u{1b}') && !shown.contains('\u{7}'), "{shown}");
}

#[test]
fn keys_scroll_pause_and_quit() {
    let mut keys = Keys::default();
    let view = view(well());
    let key = |code| KeyEvent::new(code, KeyModifiers::NONE);
    screen(&view, &mut keys, (80, 24));
    assert!(keys.page > 0 && !press(key(KeyCode::PageDown), &mut keys));
    assert_eq!(keys.scroll, keys.page);
    has(&screen(&view, &mut keys, (80, 24)).0, &["newer above"]);
    press(key(KeyCode::End), &mut keys);
    let (shown, _) = screen(&view, &mut keys, (80, 24));
    has(&shown, &["decision 1 "]);
    press(key(KeyCode::Up), &mut keys);
    assert_eq!(keys.scroll, 30 - keys.page - 1, "it had stopped at the oldest");
    press(key(KeyCode::Home), &mut keys);
    press(key(KeyCode::Char('p')), &mut keys);
    has(&screen(&view, &mut keys, (80, 24)).0, &["PAUSED", "decision 30"]);
    press(key(KeyCode::Char('?')), &mut keys);
    has(&screen(&view, &mut keys, (80, 24)).0, &["keys", "Space", "soft limit"]);
    assert!(!press(key(KeyCode::Esc), &mut keys), "it closes the help first");
    assert!(press(key(KeyCode::Esc), &mut keys) && press(key(KeyCode::Char('q')), &mut keys));
    assert!(press(KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL), &mut keys));
    assert!(!press(key(KeyCode::Char('c')), &mut keys));
}

#[test]
fn the_age_is_that_of_the_last_answer() {
    let mut view = view(well());
    let at = |second: u64| Moment::from_nanos(second * 1_000_000_000);
    assert_eq!(view.age(at(5)), None);
    away(&mut view);
    assert_eq!(view.age(at(13)), Some(Duration::from_secs(12)));
}
