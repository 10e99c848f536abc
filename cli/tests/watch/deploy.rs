//! What `deploy/` and the runbook tell to type, typed.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::common::run;
use crate::http;
use crate::service::{Home, Service};

fn text(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The lines of a block of YAML that begins with this line, without their indentation.
fn block(yaml: &str, begin: &str) -> String {
    let mut lines = yaml.lines().skip_while(|line| line.trim() != begin).skip(1).peekable();
    let depth = lines.peek().map_or(0, |line| line.len() - line.trim_start().len());
    let inside = lines.take_while(|line| line.is_empty() || line.starts_with(&" ".repeat(depth)));
    let inside: Vec<&str> = inside.map(|line| line.get(depth..).unwrap_or_default()).collect();
    assert!(!inside.is_empty(), "{begin}");
    inside.join("\n")
}

#[test]
fn the_configurations_are_valid() {
    let home = Home::new("exit 0");
    let in_cluster = block(&text("deploy/kubernetes/heijunka.yaml"), "heijunka.toml: |");
    for config in [text("deploy/heijunka.toml"), in_cluster] {
        let file = home.write("config.toml", config.as_bytes());
        let ran = run(["check", &file]);
        assert_eq!(ran.code, Some(0), "{config}\n{}", ran.err);
        assert_eq!(ran.err, "", "{config}");
    }
}

#[test]
fn the_commands_of_the_runbook_are_understood() {
    let runbook = text("docs/operations.md");
    // In a line of a listing, up to its comment, or within a sentence.
    let listed = runbook.lines().filter(|line| line.starts_with("heijunka "));
    let listed = listed.map(|line| line.split(" #").next().unwrap());
    let told = runbook.split('`').filter(|told| told.starts_with("heijunka ") && !told.contains('\n'));
    let mut commands = 0;
    for command in listed.chain(told) {
        // Help is given for what is understood up to there.
        let ran = run(command.split_whitespace().skip(1).chain(["--help"]));
        assert_eq!(ran.code, Some(0), "{command}: {}", ran.err);
        commands += 1;
    }
    assert!(commands >= 15, "{commands}");
}

#[test]
fn the_job_of_the_cluster_publishes_once_however_often_it_runs() {
    const TOKEN: &str = "0123456789abcdef0123456789abcdef";
    let home = Home::new("cat >> out; echo >> out");
    let token = home.write("token", TOKEN.as_bytes());
    let config = home.config(&format!("[service.http]\nlisten = \"127.0.0.1:0\"\ntoken = \"file:{token}\""));
    let mut command = crate::common::heijunka(["run", &config]);
    command.env_remove("HEIJUNKA_SERVICE__HTTP__LISTEN");
    let service = Service::spawn(command, &home);
    let address = http::address(&service);
    let script = block(&text("deploy/kubernetes/heijunka.yaml"), "- >-").replace('\n', " ");
    let script = script.replace("/run/secrets/heijunka/token", &token).replace("heijunka:9090", &address);
    for _ in 0..2 {
        let ran = Command::new("/bin/sh").args(["-ec", &script]).output().unwrap();
        let said = [ran.stdout, ran.stderr].map(|said| String::from_utf8_lossy(&said).into_owned()).concat();
        assert!(ran.status.success(), "{script}: {said}");
    }
    home.counted("done", 1);
    home.done(&["drain"]);
    assert_eq!(fs::read_to_string(home.path("out")).unwrap(), "{\"report\": \"nightly\"}\n");
}
