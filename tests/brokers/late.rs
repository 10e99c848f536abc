//! A broker that is away when the service starts.

use std::sync::Arc;
use std::time::Duration;

use heijunka::{Config, Priority, Runtime, Work};
use heijunka_servers::{NatsServer, Port, RabbitServer};
use parking_lot::Mutex;

use crate::common::{GENEROUS, eventually};
use crate::rig::{item, items, publish};

/// NATS first, RabbitMQ as the fallback, with waits that a test can wait for.
fn config(nats: &NatsServer, port: u16, vhost: &str) -> Config {
    let text = format!(
        "[broker]\nkind = 'failover'\n\
         [broker.nats]\nurls = ['{}']\n\
         [broker.amqp]\nport = {port}\nvhost = '{vhost}'\n\
         [broker.failover]\nprobe_every = '50ms'\nprobe_within = '500ms'\nhold = '100ms'\nhold_most = '200ms'\n\
         [pools.mail]\nmin_workers = 1\nmax_workers = 1\npin = false\n",
        nats.url()
    );
    Config::from_toml("heijunka.toml", &text).unwrap_or_else(|error| panic!("{error}"))
}

/// What publishing goes to now.
fn active(runtime: &Runtime) -> String {
    runtime.kanban().unwrap().status().failover.unwrap().active().name.to_string()
}

#[test]
fn a_primary_that_is_away_at_the_start_is_used_once_it_is_there() {
    let (nats, rabbit) = (NatsServer::start(), RabbitServer::shared().vhost());
    nats.kill();
    let done = Arc::new(Mutex::new(Vec::new()));
    let ran = done.clone();
    let handler = move |work: &Work<'_>| ran.lock().push(work.item().id.to_string());
    let runtime = Runtime::builder()
        .config(config(&nats, rabbit.port(), rabbit.name()))
        .handler("mail", handler)
        .start()
        .unwrap();
    // Nobody has to wait for the primary.
    eventually("publishing goes to the fallback", || active(&runtime) == "amqp");
    publish(&runtime, items("before", 20, Priority::Normal));
    eventually("it works without the primary", || done.lock().len() == 20);

    nats.restart();
    // Whatever is published next tries the primary, once probes of it were good.
    let mut published = 20;
    eventually("publishing goes to the primary", || {
        published += publish(&runtime, [item(published)]);
        active(&runtime) == "nats"
    });
    published += publish(&runtime, items("after", 20, Priority::Normal));
    eventually("what is in the primary runs", || done.lock().len() == published);
    assert!(runtime.stop(GENEROUS).is_clean());
}

#[test]
fn a_fallback_that_is_away_at_the_start_costs_nobody_anything() {
    let (nats, nobody) = (NatsServer::start(), Port::free());
    let done = Arc::new(Mutex::new(0_u32));
    let count = done.clone();
    let runtime = Runtime::builder()
        .config(config(&nats, nobody.number(), "/"))
        .handler("mail", move |_: &Work<'_>| *count.lock() += 1)
        .start()
        .unwrap();
    publish(&runtime, items("it", 20, Priority::Normal));
    eventually("it works without the fallback", || *done.lock() == 20);
    // The thread that goes on trying does not hold up the end.
    assert!(runtime.stop(Duration::from_secs(20)).is_clean());
}

#[test]
fn two_brokers_that_are_away_are_an_error_that_names_both() {
    let (nats, nobody) = (NatsServer::start(), Port::free());
    nats.kill();
    let config = config(&nats, nobody.number(), "/");
    let error = Runtime::builder().config(config).handler("mail", |_: &Work<'_>| ()).start().unwrap_err();
    let text = error.to_string();
    assert!(text.contains("nats") && text.contains("amqp"), "{text}");
}
