//! A subscriber that writes down every span of heijunka, from all threads of the process.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};
use std::thread::{self, ThreadId};

use parking_lot::Mutex;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

/// What all spans are filtered by.
pub(crate) const TARGET: &str = "heijunka::spans";

/// A span as it was told.
#[derive(Clone, Debug)]
pub(crate) struct Span {
    pub(crate) id: u64,
    pub(crate) name: &'static str,
    pub(crate) parent: Option<u64>,
    pub(crate) fields: BTreeMap<&'static str, String>,
    /// Where it was entered last.
    pub(crate) thread: Option<ThreadId>,
    pub(crate) closed: bool,
    handles: u64,
}

impl Span {
    pub(crate) fn field(&self, name: &str) -> &str {
        self.fields.get(name).map_or("", String::as_str)
    }
}

/// All spans so far.
#[derive(Clone, Default)]
pub(crate) struct Recorder(Arc<Mutex<BTreeMap<u64, Span>>>);

static RECORDER: LazyLock<Recorder> = LazyLock::new(|| {
    let recorder = Recorder::default();
    tracing::subscriber::set_global_default(recorder.clone()).expect("nobody else has set one");
    recorder
});

thread_local! {
    static ENTERED: RefCell<Vec<u64>> = const { RefCell::new(Vec::new()) };
}

impl Recorder {
    /// The one of this process.
    pub(crate) fn of_process() -> Self {
        RECORDER.clone()
    }

    /// Those of this name whose field has this value, the oldest first.
    pub(crate) fn find(&self, name: &str, field: &str, value: &str) -> Vec<Span> {
        let spans = self.0.lock();
        spans.values().filter(|span| span.name == name && span.field(field) == value).cloned().collect()
    }

    /// Any, of whatever name, whose field has this value.
    pub(crate) fn any(&self, field: &str, value: &str) -> bool {
        self.0.lock().values().any(|span| span.field(field) == value)
    }
}

impl Subscriber for Recorder {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.is_span() && metadata.target() == TARGET
    }

    fn new_span(&self, attributes: &Attributes<'_>) -> Id {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let id = NEXT.fetch_add(1, Ordering::Relaxed);
        let around = || ENTERED.with_borrow(|entered| entered.last().copied());
        let parent = match attributes.parent() {
            Some(parent) => Some(parent.into_u64()),
            None if attributes.is_contextual() => around(),
            None => None,
        };
        let mut span = Span {
            id,
            name: attributes.metadata().name(),
            parent,
            fields: BTreeMap::new(),
            thread: None,
            closed: false,
            handles: 1,
        };
        attributes.record(&mut span);
        self.0.lock().insert(id, span);
        Id::from_u64(id)
    }

    fn record(&self, id: &Id, values: &Record<'_>) {
        if let Some(span) = self.0.lock().get_mut(&id.into_u64()) {
            values.record(span);
        }
    }

    fn record_follows_from(&self, _id: &Id, _follows: &Id) {}

    fn event(&self, _event: &Event<'_>) {}

    fn enter(&self, id: &Id) {
        ENTERED.with_borrow_mut(|entered| entered.push(id.into_u64()));
        if let Some(span) = self.0.lock().get_mut(&id.into_u64()) {
            span.thread = Some(thread::current().id());
        }
    }

    fn exit(&self, _id: &Id) {
        ENTERED.with_borrow_mut(Vec::pop);
    }

    fn clone_span(&self, id: &Id) -> Id {
        if let Some(span) = self.0.lock().get_mut(&id.into_u64()) {
            span.handles += 1;
        }
        id.clone()
    }

    fn try_close(&self, id: Id) -> bool {
        let mut spans = self.0.lock();
        let Some(span) = spans.get_mut(&id.into_u64()) else { return false };
        span.handles -= 1;
        span.closed = span.handles == 0;
        span.closed
    }
}

impl Visit for Span {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.fields.insert(field.name(), value.to_owned());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.fields.insert(field.name(), format!("{value:?}"));
    }
}
