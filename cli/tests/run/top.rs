//! `heijunka top` on a terminal that somebody closes.

use std::process::{Command, Stdio};

use crate::service::{Home, eventually};

#[test]
fn top_ends_with_its_terminal() {
    let home = Home::new("true");
    let _service = home.start(&home.config(""));
    let top = format!(
        "stty rows 40 columns 120; echo $$ > top.pid; exec {} top --socket {}",
        env!("CARGO_BIN_EXE_heijunka"),
        home.text("s")
    );
    // Of util-linux: it holds the other end of a terminal of its own, and writes down what is shown on it.
    let mut terminal = Command::new("script")
        .args(["--quiet", "--flush", "--command", &top, &home.text("shown")])
        .current_dir(home.path("."))
        .env("TERM", "xterm")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .expect("script, of the package bsdutils, is there");
    let shown = || std::fs::read(home.path("shown")).unwrap_or_default();
    eventually("it shows something", || String::from_utf8_lossy(&shown()).contains("running").then_some(()));
    terminal.kill().unwrap();
    terminal.wait().unwrap();
    home.all_gone();
}
