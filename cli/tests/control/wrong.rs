//! A service that is not there, or is none.

use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixListener;
use std::path::PathBuf;
use std::process::Stdio;
use std::thread;

use crate::common::{heijunka, run};

fn socket(name: &str) -> PathBuf {
    std::env::temp_dir().join(format!("hj-wrong-{}-{name}", std::process::id()))
}

#[test]
fn a_service_that_is_not_there_is_said_with_its_path() {
    let path = socket("gone");
    let text = path.to_str().unwrap();
    for args in [
        ["status", "--socket", text].as_slice(),
        &["publish", "mail", "x", "--socket", text],
        &["publish", "--batch", file!(), "--socket", text],
        &["dlq", "replay", "--all", "--socket", text],
        &["schedule", "list", "--socket", text],
        &["drain", "--socket", text],
    ] {
        let ran = run(args.iter().copied());
        if !args.contains(&"--batch") {
            let refusal = ran.refusal();
            assert!(refusal.contains(text) && refusal.contains("no such socket"), "{refusal}");
        }
        assert_eq!(ran.code, Some(2));
    }
    drop(UnixListener::bind(&path).unwrap());
    assert!(run(["status", "--socket", text]).refusal().contains("nobody listens"));
    std::fs::remove_file(&path).unwrap();
}

#[test]
fn the_path_comes_from_the_environment_unless_it_is_told() {
    let ask = |name: &str, value: &str| {
        let mut command = heijunka(["status"]);
        let ran =
            command.env_remove("HEIJUNKA_SOCKET").env(name, value).stderr(Stdio::piped()).output().unwrap();
        String::from_utf8(ran.stderr).unwrap()
    };
    assert!(ask("HEIJUNKA_SOCKET", "/nonexistent/a.sock").contains("/nonexistent/a.sock"));
    assert!(ask("XDG_RUNTIME_DIR", "/nonexistent").contains("/nonexistent/heijunka.sock"));
}

/// Whoever answers like this is no heijunka, or one that died.
#[test]
fn an_answer_that_is_none_is_an_error() {
    let length = "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{";
    let chunks = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
    for (number, (answer, args)) in [
        ("", "status"),
        ("SSH-2.0-OpenSSH\r\n", "status"),
        ("HTTP/1.1 200 OK\r\n", "status"),
        ("HTTP/1.1 200 OK\r\n\r\n", "status"),
        ("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n[]", "status"),
        ("HTTP/1.1 500 No\r\ncontent-length: 2\r\n\r\nno", "status"),
        (length, "status"),
        (&format!("{chunks}zz\r\n"), "drain"),
        (&format!("{chunks}2\r\n{{}}\r\n"), "drain"),
        (&format!("{chunks}0\r\n\r\n"), "drain"),
        (&format!("{chunks}0\r\n\r\n"), "dlq replay --all"),
    ]
    .into_iter()
    .enumerate()
    {
        let path = socket(&number.to_string());
        let listener = UnixListener::bind(&path).unwrap();
        let answer = answer.to_owned();
        let serve = move || {
            let (mut stream, _) = listener.accept().unwrap();
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(answer.as_bytes());
        };
        let served = thread::Builder::new().spawn(serve).unwrap();
        let args = args.split(' ').chain(["--socket", path.to_str().unwrap()]);
        let ran = run(args);
        assert!(!ran.refusal().is_empty());
        served.join().unwrap();
        std::fs::remove_file(&path).unwrap();
    }
}
