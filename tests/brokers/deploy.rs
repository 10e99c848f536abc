//! `deploy/` against what the adapters do.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use heijunka::{Config, Outcome, PoolConfig, Runtime, Work};
use heijunka_servers::{RabbitServer, Vhost};
use serde_json::Value;

use crate::chaos::place::Server;

fn deploy(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("deploy").join(name)
}

/// What a virtual host has: exchanges, queues and bindings, as `rabbitmqctl export_definitions` tells, without the name of the host.
fn topology(definitions: &Value, vhost: &str) -> Vec<String> {
    let mut all = Vec::new();
    for part in ["exchanges", "queues", "bindings"] {
        let things = definitions[part].as_array().unwrap_or_else(|| panic!("there are no {part}"));
        for thing in things.iter().filter(|thing| thing["vhost"] == vhost) {
            let mut thing = thing.as_object().unwrap().clone();
            thing.remove("vhost");
            all.push(format!("{part} {}", Value::Object(thing)));
        }
    }
    all.sort();
    all
}

fn export(server: &RabbitServer) -> Value {
    let file = std::env::temp_dir().join(format!("heijunka-definitions-{}.json", std::process::id()));
    let _ = fs::remove_file(&file);
    server.ctl(&["export_definitions", file.to_str().unwrap()]);
    let definitions = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    fs::remove_file(&file).unwrap();
    definitions
}

/// Has everything declared for the domain `mail`.
fn declare(vhost: &Vhost) {
    let pool = PoolConfig { min_workers: 1, max_workers: 1, pin: false, ..PoolConfig::default() };
    let runtime = Runtime::builder()
        .pool("mail", pool)
        .on_broker(vhost.connect())
        .handler("mail", |_: &Work<'_>| Outcome::Done)
        .start()
        .unwrap_or_else(|error| panic!("{error}"));
    let report = runtime.drain(Duration::from_secs(30));
    assert!(report.is_clean(), "{report:?}");
}

#[test]
fn definitions_are_what_the_adapter_declares() {
    let server = RabbitServer::start();
    let vhost = server.vhost();
    declare(&vhost);
    let declared = topology(&export(&server), vhost.name());
    assert!(declared.len() > 20, "{declared:#?}");
    server.ctl(&["import_definitions", deploy("definitions.json").to_str().unwrap()]);
    let imported = topology(&export(&server), "/");
    assert!(imported == declared, "deploy/definitions.json should be\n{declared:#?}\nand is\n{imported:#?}");
}

#[test]
fn the_service_of_compose_is_accepted() {
    Config::load(deploy("heijunka.toml")).unwrap_or_else(|error| panic!("{error}"));
}
