//! What lies in `deploy/`, as far as it can be checked without a container engine.
#![cfg(unix)]

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use heijunka_servers::RabbitServer;
use saphyr::{LoadableYamlNode, Yaml};

fn deploy(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../deploy").join(name)
}

fn read(name: &str) -> String {
    fs::read_to_string(deploy(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn words<'a>(yaml: &'a Yaml<'a>) -> Vec<&'a str> {
    yaml.as_vec().into_iter().flatten().map(|word| word.as_str().expect("a word")).collect()
}

fn keys<'a>(yaml: &'a Yaml<'a>) -> Vec<&'a str> {
    yaml.as_mapping().into_iter().flatten().filter_map(|(key, _)| key.as_str()).collect()
}

#[test]
fn the_server_accepts_nats_conf() {
    // As found by the servers of the other tests.
    let server = ["/usr/sbin/nats-server", "/usr/local/bin/nats-server", "/usr/bin/nats-server"];
    let server = server.into_iter().find(|path| PathBuf::from(path).exists()).unwrap_or("nats-server");
    let mut command = Command::new(server);
    command.arg("-t").arg("-c").arg(deploy("nats.conf")).env("NATS_PASSWORD", "secret");
    let told = command.output().expect("there is no nats-server: install it with `ci/brokers`");
    assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
}

#[test]
fn the_server_accepts_rabbitmq_conf() {
    // Its own port and its log stay as the test has them.
    let kept = |line: &&str| !line.starts_with("listeners.") && !line.starts_with("log.");
    let text = read("rabbitmq.conf");
    let conf: Vec<&str> = text.lines().filter(kept).collect();
    let server = RabbitServer::start_with(&conf.join("\n"));
    let heartbeat = server.ctl(&["eval", "application:get_env(rabbit, heartbeat)."]);
    assert_eq!(heartbeat.trim(), "{ok,10}");
    let timeout = server.ctl(&["eval", "application:get_env(rabbit, consumer_timeout)."]);
    assert_eq!(timeout.trim(), "{ok,1800000}");
}

#[test]
fn compose_is_whole() {
    let text = read("compose.yaml");
    let documents = Yaml::load_from_str(&text).unwrap_or_else(|error| panic!("{error}"));
    let [compose] = documents.as_slice() else { panic!("one document") };
    let services = &compose["services"];
    assert_eq!(keys(services), ["nats", "rabbitmq", "heijunka", "prometheus", "alertmanager"]);
    let volumes = keys(&compose["volumes"]);
    let secrets = &compose["secrets"];
    for name in keys(services) {
        let service = &services[name];
        let known = [
            "image",
            "build",
            "command",
            "environment",
            "volumes",
            "secrets",
            "healthcheck",
            "depends_on",
            "ports",
            "hostname",
            "stop_grace_period",
            "restart",
        ];
        for key in keys(service) {
            assert!(known.contains(&key), "{name}: {key}");
        }
        let has = |key: &str| service.as_mapping_get(key).is_some();
        assert!(has("image") != has("build"), "{name} is either built or fetched");
        if has("build") {
            let dockerfile = service["build"]["dockerfile"].as_str().unwrap();
            let context = deploy(service["build"]["context"].as_str().unwrap());
            assert!(context.join(dockerfile).is_file(), "{dockerfile}");
        }
        if has("volumes") {
            for volume in words(&service["volumes"]) {
                let from = volume.split(':').next().unwrap();
                match from.strip_prefix("./") {
                    Some(file) => assert!(deploy(file).is_file(), "{name}: {file}"),
                    None => assert!(volumes.contains(&from), "{name}: {from} is declared"),
                }
            }
        }
        if has("secrets") {
            for secret in words(&service["secrets"]) {
                assert!(keys(secrets).contains(&secret), "{name}: {secret} is declared");
            }
        }
        if has("depends_on") {
            for other in keys(&service["depends_on"]) {
                let health = services[other].as_mapping_get("healthcheck");
                assert!(health.is_some(), "{name} waits for the health of {other}");
            }
        }
    }
    // Everything that must be set has its line in the example.
    let example = read("env.example");
    let variables = text.split("${").skip(1).map(|wanted| wanted.split([':', '}']).next().unwrap());
    let variables =
        variables.chain(keys(secrets).into_iter().map(|name| secrets[name]["environment"].as_str().unwrap()));
    for name in variables {
        assert!(example.lines().any(|line| line.starts_with(&format!("{name}="))), "{name}");
    }
}

#[test]
fn prometheus_asks_services_that_are_there() {
    let (prometheus, compose) = (read("prometheus/prometheus.yml"), read("compose.yaml"));
    let prometheus = Yaml::load_from_str(&prometheus).unwrap();
    let compose = Yaml::load_from_str(&compose).unwrap();
    let services = keys(&compose[0]["services"]);
    let (scraped, alerted) = (&prometheus[0]["scrape_configs"], &prometheus[0]["alerting"]["alertmanagers"]);
    for job in [scraped, alerted].into_iter().flat_map(|some| some.as_vec().unwrap()) {
        let targets = &job["static_configs"];
        for target in targets.as_vec().unwrap().iter().flat_map(|some| words(&some["targets"])) {
            let (host, _port) = target.split_once(':').unwrap();
            assert!(services.contains(&host), "{target}");
        }
    }
    for file in words(&prometheus[0]["rule_files"]) {
        let mounted = format!("./prometheus/{file}:/etc/prometheus/{file}:ro");
        let volumes = words(&compose[0]["services"]["prometheus"]["volumes"]);
        assert!(volumes.contains(&mounted.as_str()), "{mounted}");
    }
}
