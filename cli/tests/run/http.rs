//! HTTP on TCP: what everybody sees, what takes the token, and what outlives the process.

use std::io::{BufRead as _, BufReader};
use std::net::{TcpListener, TcpStream};

use serde_json::Value;

use crate::client;
use crate::common::heijunka;
use crate::service::{Home, Service, eventually};

const TOKEN: &str = "correct-horse-battery-staple";

/// A running service, and where it serves HTTP.
pub(crate) struct Web {
    service: Service,
    pub(crate) address: String,
}

impl Web {
    pub(crate) fn start(home: &Home, more: &str) -> Self {
        let token = home.write("token", TOKEN.as_bytes());
        let config = home.config(&format!("{more}\n[service.http]\ntoken = \"file:{token}\""));
        let service = Service::spawn(heijunka(["run", &config, "--listen", "127.0.0.1:0"]), home);
        service.wait_for("INFO ready ");
        let address = client::address(&service);
        Self { service, address }
    }

    pub(crate) fn process(&self) -> u32 {
        self.service.child.id()
    }

    fn send(&self, request: &str, headers: &str, body: &str) -> TcpStream {
        client::send(&self.address, request, headers, body)
    }

    /// The status, the head and the body of an answer.
    fn ask(&self, request: &str, headers: &str, body: &str) -> (u16, String, String) {
        client::answer(self.send(request, headers, body))
    }

    pub(crate) fn get(&self, path: &str) -> String {
        client::get(&self.address, path)
    }

    /// With the token; the status and what was answered.
    pub(crate) fn act(&self, request: &str, body: &str) -> (u16, Value) {
        let (status, head, body) = self.ask(request, &client::bearer(TOKEN), body);
        (status, serde_json::from_str(&body).unwrap_or_else(|_| panic!("{request}: {head}: {body}")))
    }

    /// The value of a series of `/metrics`.
    fn metric(&self, series: &str) -> Option<f64> {
        let text = self.get("/metrics");
        let value = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
        value.map(|value| value.parse().unwrap())
    }

    pub(crate) fn wait_for(&self, series: &str, value: f64) {
        eventually(series, || self.metric(series).filter(|seen| *seen >= value));
    }

    pub(crate) fn stop(mut self) -> String {
        assert_eq!(self.act("POST /stop", "").0, 200);
        assert_eq!(self.service.wait().code(), Some(0), "{}", self.service.told());
        self.service.told()
    }
}

#[test]
fn everybody_looks_and_whoever_has_the_token_acts() {
    let home = Home::new("cat >> out");
    let web = Web::start(&home, "");
    let (_, head, text) = web.ask("GET /metrics", "", "");
    assert!(head.contains("text/plain; version=0.0.4"), "{head}");
    assert!(text.contains("# TYPE heijunka_refused_total counter") && !text.contains("# EOF"), "{text}");
    let (_, head, text) =
        web.ask("GET /metrics", "accept: application/openmetrics-text;version=1.0.0\r\n", "");
    assert!(head.contains("application/openmetrics-text; version=1.0.0"), "{head}");
    assert!(text.contains("# TYPE heijunka_refused counter") && text.ends_with("# EOF\n"), "{text}");

    let (refused, _, why) = web.ask("POST /publish/high/mail", "", "hello\n");
    assert!(refused == 401 && why.contains("takes a token"), "{refused} {why}");
    assert_eq!(web.ask("GET /dlq", "", "").0, 401, "payloads are not for everybody");
    assert_eq!(web.act("POST /publish/high/mail", "hello\n").0, 200);
    web.wait_for("heijunka_items_settled_total{outcome=\"acked\"}", 1.0);
    assert_eq!(home.line("out"), "hello");
    let told = web.stop();
    assert!(!told.contains(TOKEN), "{told}");
}

#[test]
fn who_listens_is_told_the_status_and_what_was_decided() {
    let home = Home::new("true");
    let web = Web::start(&home, "");
    let mut lines = BufReader::new(web.send("GET /events", "", "")).lines().map(Result::unwrap);
    let mut next = |event: &str| -> Value {
        lines.find(|line| line.ends_with(&format!("event: {event}"))).expect("an event");
        let data = lines.next().expect("its data");
        serde_json::from_str(data.strip_prefix("data: ").expect("data")).unwrap()
    };
    assert_eq!(next("status")["state"], "running");
    let entries = next("journal")["entries"].as_array().unwrap().len();
    assert_eq!(web.act("POST /limits", r#"{"soft": 7}"#).0, 200);
    let told = loop {
        let journal = next("journal");
        if journal["entries"].as_array().unwrap().len() > entries {
            break journal;
        }
    };
    assert!(told.to_string().contains("the configuration changed: admission"), "{told}");
    while next("status")["admission"]["soft"] != 7 {}
    web.stop();
}

#[test]
fn limits_and_bursts_are_steered_and_nonsense_changes_nothing() {
    let home = Home::new("true");
    let web = Web::start(&home, "[admission.sub_limits]\nbackground = 5");
    let (status, limits) = web
        .act("POST /limits", r#"{"soft": 50, "hard": 60, "reserve": 0.5, "sub_limits": {"background": 9}}"#);
    assert_eq!(status, 200, "{limits}");
    assert_eq!(
        (&limits["soft"], &limits["hard"], &limits["sub_limits"]["background"]),
        (&50.into(), &60.into(), &9.into())
    );
    let told: Value = serde_json::from_str(&web.get("/status")).unwrap();
    assert_eq!((&told["admission"]["hard"], &told["admission"]["effective"]), (&60.into(), &30.into()));
    for (body, status, why) in [
        ("", 400, "no limit is given"),
        (r#"{"soft": 70}"#, 422, "admission.soft is 70"),
        (r#"{"sub_limits": {"backgruond": 1}}"#, 400, "there is no sub-limit"),
        (r#"{"sofd": 70}"#, 400, "unknown field"),
        (r#"{"soft": -1}"#, 400, "body"),
    ] {
        let (said, problem) = web.act("POST /limits", body);
        assert_eq!(said, status, "{body}: {problem}");
        assert!(problem["error"].as_str().unwrap().contains(why), "{body}: {problem}");
    }
    assert_eq!(web.act("GET /limits", "").1["hard"], 60);
    assert_eq!(web.act("POST /surge?enabled=false", "").0, 200);
    assert_eq!(web.metric("heijunka_burst_enabled"), Some(0.0));
    assert_eq!(web.act("POST /surge", "").0, 400);
    assert_eq!(web.act("POST /rebalance", "").0, 200);
    web.stop();
}

#[test]
fn counters_go_on_after_a_restart() {
    let home = Home::new("true");
    let more = format!("state = \"{}\"", home.text("counters.json"));
    let acked = "heijunka_items_settled_total{outcome=\"acked\"}";
    let ran = "heijunka_job_latency_seconds_count{pool=\"mail\",domain=\"mail\"}";
    for run in 1..=3 {
        let web = Web::start(&home, &more);
        assert_eq!(web.metric(acked), Some(f64::from(run - 1)));
        assert_eq!(web.act("POST /publish/normal/mail", "x").0, 200);
        web.wait_for(acked, f64::from(run));
        web.wait_for(ran, f64::from(run));
        // A level is no counter.
        assert_eq!(web.metric("heijunka_pool_workers_max{pool=\"mail\",domain=\"mail\"}"), Some(3.0));
        web.stop();
    }
    home.write("counters.json", b"{\"a\": \"b\"}");
    let config = home.config(&more);
    let refused = home.refused(&["run", &config]);
    assert!(
        refused.refusal().contains("holds no counters") && refused.err.contains("move it away"),
        "{}",
        refused.err
    );
}

#[test]
fn an_address_that_is_taken_is_said_and_nobody_is_kept_from_working_by_the_default() {
    let home = Home::new("cat >> out");
    let config = home.config("");
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let refused = home.refused(&["run", &config, "--listen", &address]);
    assert!(refused.refusal().contains(&format!("another process listens on {address}")), "{}", refused.err);
    let nonsense = home.refused(&["run", &config, "--listen", "localhost"]);
    assert_eq!(nonsense.code, Some(2));
    assert!(nonsense.err.contains("an address with a port"), "{}", nonsense.err);

    // Somebody may have the default; this test, or another program.
    let _holder = TcpListener::bind("127.0.0.1:9090");
    let mut command = heijunka(["run", &config]);
    let service = Service::spawn(
        {
            command.env_remove("HEIJUNKA_SERVICE__HTTP__LISTEN");
            command
        },
        &home,
    );
    service.wait_for("INFO ready ");
    assert!(service.told().contains("somebody else listens on 127.0.0.1:9090"), "{}", service.told());
    home.done(&["publish", "mail", "x\n"]);
    home.counted("done", 1);
}

#[test]
fn a_token_that_is_none_is_refused_before_anything_begins() {
    let home = Home::new("true");
    let start = |token: &str| {
        let config = home.config(&format!("[service.http]\ntoken = \"{token}\""));
        let ran = home.refused(&["run", &config, "--listen", "127.0.0.1:0"]);
        ran.refusal().to_owned()
    };
    let short = start("short");
    assert!(
        short.contains("service.http.token: the token has 5 characters") && short.contains("openssl"),
        "{short}"
    );
    assert!(start("env:HEIJUNKA_NO_SUCH_TOKEN").contains("HEIJUNKA_NO_SUCH_TOKEN"));
    assert!(start("file:/nonexistent/token").contains("/nonexistent/token"));
}
