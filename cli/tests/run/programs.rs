//! What programs do, and what becomes of their items.

use crate::common::heijunka;
use crate::service::{Home, Service, eventually};

/// What a dead letter says.
fn letter(letters: &[serde_json::Value], id: &str) -> (String, u64, String) {
    let letter =
        letters.iter().find(|letter| letter["id"] == id).unwrap_or_else(|| panic!("{id}: {letters:?}"));
    let text = |name: &str| letter[name].as_str().unwrap().to_owned();
    (text("reason"), letter["attempts"].as_u64().unwrap(), text("error"))
}

#[test]
fn the_exit_code_decides() {
    let home = Home::new(
        "case \"$(cat)\" in\n done) exit 0;;\n again) exit 75;;\n wrong) echo 'no such customer' >&2; exit 65;;\n \
         killed) kill -9 $$;;\n *) exit 3;;\nesac",
    );
    let _service = home.start(&home.config(""));
    for payload in ["done", "again", "wrong", "killed", "other"] {
        home.done(&["publish", "mail", payload, "--id", payload]);
    }
    let letters = home.dead(4);
    let cases = [
        ("again", "attempts", 2, "exited with 75, to be tried again"),
        ("wrong", "permanent", 1, "exited with 65, the item is wrong; it wrote: no such customer"),
        ("killed", "attempts", 2, "was killed by signal 9"),
        ("other", "attempts", 2, "exited with 3; it wrote nothing"),
    ];
    for (id, reason, attempts, error) in cases {
        let (told, made, text) = letter(&letters, id);
        assert_eq!((told.as_str(), made), (reason, attempts), "{id}: {text}");
        assert!(text.contains(error), "{id}: {text}");
    }
    home.counted("done", 1);
    assert_eq!(home.count("retried"), 3);
}

#[test]
fn a_program_is_told_its_item_and_nothing_secret() {
    let home = Home::new("cat > payload\nenv > env.part && mv env.part env");
    let mut command = heijunka(["run", &home.config("[domains.mail.exec.environment]\nTZ = \"UTC\"")]);
    command.env("HJ_SECRET", "hush");
    let service = Service::spawn(command, &home);
    service.wait_for("INFO ready ");
    let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let (parent, state) = (format!("traceparent={trace}"), "tracestate=a=1");
    let told = ["--key", "k", "--header", "lang=en", "--deadline", "1h", "--priority", "high"];
    let told = [told.as_slice(), &["--header", &parent, "--header", state]].concat();
    home.done(&[["publish", "mail", "hello", "--id", "7"].as_slice(), &told].concat());
    let text = home.line("env");
    for line in [
        "HEIJUNKA_ID=7",
        "HEIJUNKA_DOMAIN=mail",
        "HEIJUNKA_PRIORITY=high",
        "HEIJUNKA_KEY=k",
        "HEIJUNKA_ATTEMPT=1",
        "HEIJUNKA_HEADER_LANG=en",
        &format!("TRACEPARENT={trace}"),
        "TRACESTATE=a=1",
        "TZ=UTC",
    ] {
        assert!(text.lines().any(|told| told == line), "{line}: {text}");
    }
    for name in ["HEIJUNKA_DEADLINE=20", "HEIJUNKA_TIMEOUT_MS=", "PATH="] {
        assert!(text.lines().any(|told| told.starts_with(name)), "{name}: {text}");
    }
    assert!(!text.contains("HJ_SECRET"), "{text}");
    assert_eq!(std::fs::read_to_string(home.path("payload")).unwrap(), "hello");
}

#[test]
fn one_that_hangs_is_killed_at_its_time_with_all_it_started() {
    let home = Home::new("sleep 1000 &\necho $! > child.pid\necho $$ > own.pid\necho half done\nwait");
    let retry = "[domains.mail.retry]\nmax_attempts = 1\ntimeout = \"500ms\"";
    let _service = home.start(&home.config(retry));
    home.done(&["publish", "mail", "x", "--id", "x"]);
    let (reason, _, error) = letter(&home.dead(1), "x");
    assert!(reason == "attempts" && error.contains("timed out and was killed"), "{reason}: {error}");
    assert!(error.contains("half done"), "{error}");
    assert_eq!(home.processes().len(), 2);
    home.all_gone();
}

#[test]
fn one_that_leaves_children_is_done_and_they_are_killed() {
    let home = Home::new("sleep 1000 &\necho $! > child.pid\nexit 0");
    let _service = home.start(&home.config(""));
    home.done(&["publish", "mail", "x"]);
    home.counted("done", 1);
    assert_eq!(home.processes().len(), 1);
    home.all_gone();
}

#[test]
fn one_that_writes_a_gigabyte_is_read_and_only_the_end_is_kept() {
    let home = Home::new("yes | head -c 1073741824\necho the end\nexit 65");
    let service = home.start(&home.config(""));
    home.done(&["publish", "mail", "x", "--id", "x"]);
    let (_, _, error) = letter(&home.dead(1), "x");
    assert!(error.contains("bytes before this are cut") && error.ends_with("the end"), "{error}");
    assert!(error.len() < 4096, "{}", error.len());
    if cfg!(target_os = "linux") {
        let status = std::fs::read_to_string(format!("/proc/{}/status", service.child.id())).unwrap();
        let most = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        let most: u64 = most.trim().trim_end_matches(" kB").parse().unwrap();
        assert!(most < 256 * 1024, "{most} kB");
    }
}

#[test]
fn one_that_does_not_read_its_input_decides_all_the_same() {
    let home = Home::new("exit 0");
    let _service = home.start(&home.config(""));
    let large = home.write("large", &vec![b'x'; 1 << 20]);
    home.done(&["publish", "mail", "--file", &large]);
    home.counted("done", 1);
}

#[test]
fn one_that_is_taken_away_while_the_service_runs_fails_and_says_so() {
    let home = Home::new("exit 0");
    let _service = home.start(&home.config(""));
    std::fs::remove_file(home.path("work")).unwrap();
    home.done(&["publish", "mail", "x", "--id", "x"]);
    let (_, _, error) = letter(&home.dead(1), "x");
    assert!(error.contains("it is gone, install it again"), "{error}");
    eventually("a settled item", || (home.count("dead_lettered") == 1).then_some(()));
}
