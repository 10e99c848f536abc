//! The table of what can be asked: method and path, to a handler.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::gate::Access;
use super::lines::Lines;
use super::problem::Problem;
use super::request::{Method, Request};
use super::response::Response;

type Quick = dyn Fn(&Request) -> Result<Response, Problem> + Send + Sync;
type Begin = dyn Fn(&Request) -> Result<(), Problem> + Send + Sync;
type Tell = dyn Fn(&mut u64) -> Vec<u8> + Send + Sync;
type Streaming = dyn Fn(&Request, &mut Lines) -> Result<(), Problem> + Send + Sync;

/// What can be asked of a control plane.
#[derive(Default)]
pub struct Routes(Vec<Arc<Route>>);

/// An entry of the table.
pub(super) struct Route {
    method: Method,
    pattern: &'static str,
    pub(super) access: Access,
    pub(super) run: Run,
}

/// How a route is served.
pub(super) enum Run {
    /// On the thread that serves all: must not block.
    Quick(Box<Quick>),
    /// On a helper thread, within this time.
    Slow(Duration, Box<Quick>),
    /// On a helper thread, line by line, within this time; what comes first, on the thread that serves all: must not block.
    Lines(Duration, Box<Begin>, Box<Streaming>),
    /// On the thread that serves all, again and again after this time, for as long as the client listens: must not block.
    Events(Duration, Box<Tell>),
}

impl Routes {
    /// An empty table.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds what is answered at once. It runs on the one thread that serves everybody, and must not block.
    ///
    /// Parts of `pattern` in braces, such as `/dlq/{serial}`, stand for any one part of a path; where several patterns fit,
    /// the one with the longest literal beginning is taken. The same method and pattern again replace what was there.
    #[must_use]
    pub fn quick(
        self,
        method: Method,
        pattern: &'static str,
        run: impl Fn(&Request) -> Result<Response, Problem> + Send + Sync + 'static,
    ) -> Self {
        self.add(method, pattern, Run::Quick(Box::new(run)))
    }

    /// Adds what may block, for up to `within`: then the client is answered 504, and what runs is left to end.
    #[must_use]
    pub fn slow(
        self,
        method: Method,
        pattern: &'static str,
        within: Duration,
        run: impl Fn(&Request) -> Result<Response, Problem> + Send + Sync + 'static,
    ) -> Self {
        self.add(method, pattern, Run::Slow(within, Box::new(run)))
    }

    /// Adds what tells line by line how it goes, as NDJSON, for up to `within`.
    ///
    /// A problem before the first line is answered with its status; a later one is the last line.
    #[must_use]
    pub fn lines(
        self,
        method: Method,
        pattern: &'static str,
        within: Duration,
        run: impl Fn(&Request, &mut Lines) -> Result<(), Problem> + Send + Sync + 'static,
    ) -> Self {
        self.begun_lines(method, pattern, within, |_| Ok(()), run)
    }

    /// As [`lines`](Self::lines), after `begin` was run at once, as [`quick`](Self::quick) is, however busy the helper threads are:
    /// for what must not wait for its turn. What it has begun stays so, even if there turns out to be no turn for the lines.
    #[must_use]
    pub fn begun_lines(
        self,
        method: Method,
        pattern: &'static str,
        within: Duration,
        begin: impl Fn(&Request) -> Result<(), Problem> + Send + Sync + 'static,
        run: impl Fn(&Request, &mut Lines) -> Result<(), Problem> + Send + Sync + 'static,
    ) -> Self {
        self.add(method, pattern, Run::Lines(within, Box::new(begin), Box::new(run)))
    }

    /// Adds a stream of server-sent events. `tell` writes what is told: once when a client begins to listen, then `every` so often. It runs on
    /// the one thread that serves everybody, and must not block. What it is given is the client's own, zero at the beginning: how far
    /// it was told. A client that has not read what it was told before is told nothing new until it has.
    #[must_use]
    pub fn events(
        self,
        pattern: &'static str,
        every: Duration,
        tell: impl Fn(&mut u64) -> Vec<u8> + Send + Sync + 'static,
    ) -> Self {
        self.add(Method::Get, pattern, Run::Events(every, Box::new(tell)))
    }

    /// Lets everybody who reaches the control plane have what was added last, without a token.
    #[must_use]
    pub fn open(mut self) -> Self {
        if let Some(route) = self.0.last_mut().and_then(Arc::get_mut) {
            route.access = Access::Open;
        }
        self
    }

    fn add(mut self, method: Method, pattern: &'static str, run: Run) -> Self {
        self.0.retain(|route| (route.method, route.pattern) != (method, pattern));
        self.0.push(Arc::new(Route { method, pattern, access: Access::default(), run }));
        self
    }

    /// The route of a request, to which it adds the parameters of its path.
    pub(super) fn find(&self, request: &mut Request) -> Result<Arc<Route>, Problem> {
        let route = self.of(request)?.clone();
        request.parameters = fit(route.pattern, &path(request)).unwrap_or_default();
        Ok(route)
    }

    /// The route of a request.
    pub(super) fn of(&self, request: &Request) -> Result<&Arc<Route>, Problem> {
        let path = path(request);
        let fitting = self.0.iter().filter(|route| fit(route.pattern, &path).is_some());
        let Some(best) = fitting.map(|route| route.pattern).min_by_key(|pattern| rank(pattern)) else {
            return Err(self.unknown(&path));
        };
        let mut same = self.0.iter().filter(|route| route.pattern == best);
        if let Some(route) = same.clone().find(|route| route.method == request.method) {
            return Ok(route);
        }
        // The pattern that fits best is the one that was meant.
        let mut methods: Vec<String> = same.by_ref().map(|route| route.method.to_string()).collect();
        methods.sort();
        let allowed = methods.join(", ");
        let error = format!("{} is not possible for {best}", request.method);
        Err(Problem::new(405, error).hint(format!("it takes {allowed}")).allow(allowed))
    }

    /// Names the paths that begin alike, or all of them.
    fn unknown(&self, path: &[&str]) -> Problem {
        let known: BTreeSet<&'static str> = self.0.iter().map(|route| route.pattern).collect();
        let alike = |pattern: &&&'static str| parts(pattern).next() == path.first().copied();
        let mut near: Vec<&str> = known.iter().filter(alike).copied().collect();
        if near.is_empty() {
            near = known.into_iter().collect();
        }
        let shown: String = path.join("/").chars().take(100).collect();
        Problem::new(404, format!("there is no /{shown}")).hint(format!("there is {}", near.join(", ")))
    }
}

fn path(request: &Request) -> Vec<&str> {
    request.path.iter().map(String::as_str).collect()
}

fn parts(pattern: &'static str) -> impl Iterator<Item = &'static str> {
    pattern.split('/').filter(|part| !part.is_empty())
}

fn name_of(part: &'static str) -> Option<&'static str> {
    part.strip_prefix('{')?.strip_suffix('}')
}

/// The lower, the more of its beginning is literal.
fn rank(pattern: &'static str) -> Vec<bool> {
    parts(pattern).map(|part| name_of(part).is_some()).collect()
}

/// The parameters of a path, if it fits.
fn fit(pattern: &'static str, path: &[&str]) -> Option<BTreeMap<&'static str, String>> {
    let mut parameters = BTreeMap::new();
    let mut path = path.iter();
    for part in parts(pattern) {
        let given = path.next()?;
        match name_of(part) {
            Some(_) if given.is_empty() => return None,
            Some(name) => _ = parameters.insert(name, (*given).to_owned()),
            None if part == *given => {}
            None => return None,
        }
    }
    path.next().is_none().then_some(parameters)
}

impl fmt::Debug for Routes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&self.0).finish()
    }
}

impl fmt::Debug for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method, self.pattern)
    }
}

#[cfg(test)]
mod tests {
    use super::super::incoming::{Incoming, Step};
    use super::super::settings::OpsLimits;
    use super::*;

    fn request(line: &str) -> Request {
        let mut incoming = Incoming::default();
        incoming.feed(format!("{line} HTTP/1.1\r\n\r\n").as_bytes());
        match incoming.step(&OpsLimits::default(), &|_| Ok(usize::MAX)) {
            Step::Done(request) => *request,
            other => panic!("{other:?}"),
        }
    }

    fn table() -> Routes {
        let entries = [
            (Method::Get, "/dlq"),
            (Method::Get, "/dlq/{serial}"),
            (Method::Delete, "/dlq/{serial}"),
            (Method::Post, "/dlq/replay"),
            (Method::Post, "/dlq/{serial}/replay"),
            (Method::Get, "/"),
            (Method::Get, "/status"),
        ];
        entries.into_iter().fold(Routes::new(), |routes, (method, pattern)| {
            routes.quick(method, pattern, |_| Ok(Response::text("")))
        })
    }

    fn found(line: &str) -> Result<(String, String), Problem> {
        let mut request = request(line);
        let route = table().find(&mut request)?;
        Ok((format!("{route:?}"), request.parameter("serial").to_owned()))
    }

    #[test]
    fn literal_parts_go_before_parameters() {
        let entry = |route: &str, serial: &str| Ok((route.to_owned(), serial.to_owned()));
        assert_eq!(found("POST /dlq/replay"), entry("POST /dlq/replay", ""));
        assert_eq!(found("DELETE /dlq/7"), entry("DELETE /dlq/{serial}", "7"));
        assert_eq!(found("POST /dlq/a%2Fb/replay"), entry("POST /dlq/{serial}/replay", "a/b"));
        assert_eq!(found("HEAD /dlq/"), entry("GET /dlq", ""));
        assert_eq!(found("GET /"), entry("GET /", ""));
    }

    #[test]
    fn a_refusal_says_what_there_is() {
        let problem = found("PUT /dlq/7").unwrap_err();
        assert_eq!(problem.status(), 405);
        assert!(problem.to_string().contains("DELETE, GET"), "{problem}");
        assert_eq!(found("GET /dlq/replay").unwrap_err().status(), 405);
        let problem = found("GET /dlq/7/replay/now").unwrap_err();
        assert_eq!(problem.status(), 404);
        assert!(problem.to_string().contains("/dlq/{serial}/replay"), "{problem}");
        assert!(!problem.to_string().contains("/status"), "{problem}");
        assert!(found("GET /stats").unwrap_err().to_string().contains("/status"));
        assert_eq!(found("DELETE //7").unwrap_err().status(), 404);
    }

    #[test]
    fn a_later_entry_replaces_an_earlier_one() {
        let routes = table().quick(Method::Get, "/status", |_| Err(Problem::new(503, "gone")));
        let route = routes.find(&mut request("GET /status")).unwrap();
        let Run::Quick(run) = &route.run else { panic!("{route:?}") };
        assert_eq!(run(&request("GET /status")).unwrap_err().status(), 503);
    }
}
