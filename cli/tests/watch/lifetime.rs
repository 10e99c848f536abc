//! A service from its beginning to its end, as a supervisor and a client see it.

use crate::common::heijunka;
use crate::http;
use crate::metrics::samples;
use crate::notify::Told;
use crate::service::{Home, Service, eventually};

const TOKEN: &str = "0123456789abcdef0123456789abcdef";

#[test]
fn a_service_is_started_used_and_drained_by_nothing_but_its_protocols() {
    let home = Home::new("cat >> out");
    let mut told = Told::new(&home);
    let token = home.write("token", format!("{TOKEN}\n").as_bytes());
    let config = home.config(&format!("[service.http]\nlisten = \"127.0.0.1:0\"\ntoken = \"file:{token}\""));
    // As the unit starts it.
    let unit = include_str!("../../../deploy/systemd/heijunka.service");
    let start =
        unit.lines().find_map(|line| line.strip_prefix("ExecStart=/usr/local/bin/heijunka ")).unwrap();
    let start = start.replace("/etc/heijunka/heijunka.toml", &config);
    let start = start.replace("/run/heijunka/heijunka.sock", &home.text("s"));
    let mut command = heijunka(start.split(' '));
    // Only the configuration says where.
    command.env_remove("HEIJUNKA_SERVICE__HTTP__LISTEN").env("NOTIFY_SOCKET", home.path("notify"));
    let service = Service::spawn(command, &home);
    told.wait_for("it serves", |line| line == "READY=1");
    let address = http::address(&service);

    assert_eq!(http::ask(&address, "POST", "/publish/high/mail", None, "hello\n").0, 401);
    for number in 1..=3 {
        let target = format!("/publish/high/mail?id=item-{number}");
        let (status, answer) = http::ask(&address, "POST", &target, Some(TOKEN), "hello\n");
        assert_eq!(status, 200, "{answer}");
        assert!(answer.contains("stored"), "{answer}");
    }
    eventually("the items are done", || {
        let samples = samples(&http::get(&address, "/metrics"));
        (samples["heijunka_items_processed_total{outcome=\"done\"}"] > 2.5).then_some(())
    });
    assert_eq!(home.lines("out"), 3);
    assert!(http::get(&address, "/readyz").contains("true"));

    assert_eq!(http::ask(&address, "POST", "/drain", None, "").0, 401);
    let (status, answer) = http::ask(&address, "POST", "/drain", Some(TOKEN), "");
    assert_eq!(status, 200, "{answer}");
    assert!(answer.lines().last().is_some_and(|line| line.contains("\"clean\":true")), "{answer}");
    told.wait_for("it ends", |line| line == "STOPPING=1");
    let (code, said) = service.end();
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("3 items done"), "{said}");
}
