//! `nats-server`, started and ended.
#![cfg(unix)]

use heijunka_servers::NatsServer;

#[test]
fn a_server_answers_is_killed_and_comes_back_with_what_it_had() {
    let server = NatsServer::start();
    let stream = r#"{"name":"S","subjects":["s.>"],"storage":"file"}"#;
    let made = server.request("$JS.API.STREAM.CREATE.S", stream.as_bytes()).unwrap();
    assert!(!String::from_utf8_lossy(&made).contains("error"), "{}", String::from_utf8_lossy(&made));
    assert!(server.request("s.x", b"a message").is_some());
    server.kill();
    assert_eq!(server.request("$JS.API.INFO", b""), None);
    server.restart();
    let info = server.request("$JS.API.STREAM.INFO.S", b"").unwrap();
    let info: serde_json::Value = serde_json::from_slice(&info).unwrap();
    assert_eq!(info["state"]["messages"], 1);
}

#[test]
fn a_paused_server_says_nothing_until_it_is_resumed() {
    let server = NatsServer::start_with("max_payload: 4KB");
    server.pause();
    assert_eq!(server.request("$JS.API.INFO", b""), None);
    server.resume();
    assert!(server.request("$JS.API.INFO", b"").is_some());
}

#[test]
fn a_dropped_server_leaves_nothing() {
    let server = NatsServer::start();
    let (folder, pid) = (server.folder().to_owned(), server.pid().unwrap());
    drop(server);
    assert!(!folder.exists());
    assert!(!std::path::Path::new(&format!("/proc/{pid}")).exists());
}

#[test]
#[should_panic(expected = "nats-server ended")]
fn a_configuration_that_is_refused_is_told() {
    let _ = NatsServer::start_with("no such key {{{");
}
