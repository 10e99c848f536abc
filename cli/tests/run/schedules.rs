//! `schedule`: what is published again and again.

use crate::service::{Home, Service};

fn stop(home: &Home, service: Service) {
    assert_eq!(home.done(&["stop"]), "stopping\n");
    let (code, told) = service.end();
    assert_eq!(code, Some(0), "{told}");
}

#[test]
fn they_survive_a_restart_in_a_file() {
    let home = Home::new("cat >> out; echo >> out");
    let config = home.durable("");
    let service = home.start(&config);
    assert_eq!(home.done(&["schedule", "list"]), "no schedules\n");
    let zone = ["--cron", "0 0 3 1 1 *", "--zone", "Europe/Berlin", "--payload", "tick"];
    home.done(&[["schedule", "add", "yearly", "--domain", "mail"].as_slice(), &zone].concat());
    home.done(&["schedule", "add", "other", "--domain", "mail", "--every", "300h"]);
    assert_eq!(home.done(&["schedule", "pause", "other"]), "paused other\n");
    stop(&home, service);

    let service = home.start(&config);
    let schedules = home.json(&["schedule", "list", "--json"])["schedules"].clone();
    assert_eq!((&schedules[0]["schedule"]["name"], &schedules[0]["paused"]), (&"other".into(), &true.into()));
    assert_eq!(schedules[1]["schedule"]["when"]["cron"]["zone"], "Europe/Berlin");
    assert!(home.done(&["schedule", "run", "yearly"]).starts_with("publishes yearly:"));
    home.counted("done", 1);
    assert_eq!(home.line("out"), "tick");
    for name in ["yearly", "other"] {
        assert_eq!(home.done(&["schedule", "cancel", name]), format!("cancelled {name}\n"));
    }
    stop(&home, service);

    let _service = home.start(&config);
    assert_eq!(home.done(&["schedule", "list"]), "no schedules\n");
    assert!(home.ask(&["schedule", "cancel", "other"]).refusal().contains("there is no schedule"));
}

#[test]
fn one_of_the_configuration_publishes() {
    let home = Home::new("cat >> out; echo >> out");
    let _service =
        home.start(&home.config("[schedules.often]\nevery = \"1s\"\ndomain = \"mail\"\npayload = \"tick\""));
    home.counted("done", 1);
    assert!(home.done(&["schedule", "list"]).contains("every 1s"));
    let never = ["schedule", "add", "never", "--domain", "mail", "--cron", "0 0 30 2 *"];
    assert!(home.ask(&never).refusal().contains("never"));
}
