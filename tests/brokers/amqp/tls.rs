//! Encrypted connections.

use std::collections::HashSet;

use heijunka::{Amqp, AmqpSettings, AmqpTls, Broker, BrokerError, Clock, Settled, Settlement, Verdict, Want};
use heijunka_servers::{Certificates, Port, RabbitServer};

use super::rig::{WITHIN, connect, item, lane, open, pull, settings, settle, sized, take_one, until};

/// A server with a listener for encrypted connections beside the other.
struct Server {
    rabbit: RabbitServer,
    port: Port,
    certificates: Certificates,
}

impl Server {
    fn start(extra_conf: &str) -> Self {
        let (port, certificates) = (Port::free(), Certificates::new());
        let file = |name: &str| certificates.file(name).display().to_string();
        let rabbit = RabbitServer::start_with(&format!(
            "listeners.ssl.1 = 127.0.0.1:{}\nssl_options.cacertfile = {}\nssl_options.certfile = {}\nssl_options.keyfile = {}\n{extra_conf}",
            port.number(),
            file("ca.pem"),
            file("server.pem"),
            file("server.key"),
        ));
        // It listens there a little later than on the other, which is waited for.
        until("it listens", || std::net::TcpStream::connect(("127.0.0.1", port.number())).is_ok());
        Self { rabbit, port, certificates }
    }

    /// Trusting it, and saying nothing of ourselves.
    fn tls(&self) -> AmqpTls {
        AmqpTls { ca: Some(self.certificates.file("ca.pem")), ..AmqpTls::default() }
    }

    fn settings(&self, tls: AmqpTls) -> AmqpSettings {
        AmqpSettings { tls: Some(tls), ..settings(self.port.number(), "/") }
    }

    fn refuses(&self, tls: AmqpTls) -> BrokerError {
        refused(self.settings(tls))
    }
}

fn refused(settings: AmqpSettings) -> BrokerError {
    let place = format!("{}:{}", settings.host, settings.port);
    let error = Amqp::connect(settings, Clock::monotonic()).expect_err("it cannot be connected to");
    assert!(error.to_string().contains(&place), "{error}");
    error
}

fn with(certificates: &Certificates, tls: AmqpTls) -> AmqpTls {
    let file = |name| Some(certificates.file(name));
    AmqpTls { cert: file("client.pem"), key: file("client.key"), ..tls }
}

#[test]
fn items_small_and_large_go_through_it() {
    let server = Server::start("");
    let broker = open(server.settings(server.tls()));
    // More than the sockets and the client keep for one another.
    let size = |n: usize| if n.is_multiple_of(10) { 1 << 20 } else { n };
    let items: Vec<_> = (0..400).map(|n| sized(&format!("i{n}"), size(n))).collect();
    for some in items.chunks(50) {
        let answers = broker.publish(some, WITHIN);
        assert!(answers.iter().all(Result::is_ok), "{answers:?}");
    }
    let mut missing: HashSet<_> = items.iter().map(|item| (item.id.clone(), item.payload.len())).collect();
    until("all of them came", || {
        let taken = pull(&broker, 20);
        let settlements = taken.into_iter().map(|delivery| {
            let payload = &delivery.item.payload;
            assert!(payload.iter().all(|byte| *byte == b'x'), "it came as it was");
            missing.remove(&(delivery.item.id.clone(), payload.len()));
            Settlement { ticket: delivery.ticket, verdict: Verdict::Ack }
        });
        let settlements: Vec<_> = settlements.collect();
        if !settlements.is_empty() {
            let settled = broker.settle(settlements, WITHIN);
            assert!(settled.iter().all(|settled| matches!(settled, Settled::Done)), "{settled:?}");
        }
        missing.is_empty()
    });
    assert_eq!(broker.reconnects().0, 0, "the connections lasted");
    // And after the server was away.
    server.rabbit.restart();
    until("it is connected to again", || broker.publish(&[item("again")], WITHIN)[0].is_ok());
    // Each of the two connections comes back by itself, and says at once what fails meanwhile. Acknowledgements that died with the
    // server are lost, and their items come again.
    let lane = lane();
    until("it comes", || {
        let taken = broker.pull(&[Want { lane: &lane, most: 1 }], WITHIN).unwrap_or_default();
        taken.into_iter().any(|delivery| {
            let is_it = delivery.item.id.as_str() == "again";
            settle(&broker, delivery, Verdict::Ack);
            is_it
        })
    });
    broker.close(WITHIN);

    a_server_that_is_not_trusted_is_refused(&server);
    what_speaks_something_else_is_named(&server);
    // By name as well, and where nobody is asked for a certificate, one does no harm.
    let own = with(&server.certificates, server.tls());
    connect(AmqpSettings { host: "localhost".to_owned(), ..server.settings(own) }).close(WITHIN);
}

fn a_server_that_is_not_trusted_is_refused(server: &Server) {
    let stranger = Certificates::new();
    for ca in [Some(stranger.file("ca.pem")), None] {
        let error = server.refuses(AmqpTls { ca, ..AmqpTls::default() });
        assert!(matches!(&error, BrokerError::Unusable(why) if why.contains("set tls.ca")), "{error:?}");
    }
    let elsewhere = AmqpTls { server_name: Some("rabbit.example.com".to_owned()), ..server.tls() };
    let error = server.refuses(elsewhere);
    assert!(
        matches!(&error, BrokerError::Unusable(why) if why.contains("rabbit.example.com") && why.contains("set tls.server_name")),
        "{error:?}"
    );
    let error = server.refuses(AmqpTls { ca: Some("/nowhere/ca.pem".into()), ..AmqpTls::default() });
    assert!(matches!(&error, BrokerError::Unusable(why) if why.contains("/nowhere/ca.pem")), "{error:?}");
    let error = server.refuses(AmqpTls { server_name: Some("no name".to_owned()), ..server.tls() });
    assert!(matches!(&error, BrokerError::Unusable(why) if why.contains("server_name")), "{error:?}");
    let half = AmqpTls { cert: Some(stranger.file("client.pem")), ..server.tls() };
    let error = server.refuses(half);
    assert!(matches!(&error, BrokerError::Unusable(why) if why.contains("go together")), "{error:?}");
}

fn what_speaks_something_else_is_named(server: &Server) {
    let plain = AmqpSettings { port: server.rabbit.port(), ..server.settings(server.tls()) };
    let error = refused(plain);
    assert!(matches!(&error, BrokerError::Unusable(why) if why.contains("5671")), "{error:?}");
    let error = refused(settings(server.port.number(), "/"));
    assert!(error.to_string().contains("set tls"), "{error:?}");
    // Somebody who listens and says nothing.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").expect("there is a port");
    let port = silent.local_addr().expect("it has one").port();
    let patience = std::time::Duration::from_millis(500);
    let error = refused(AmqpSettings { port, connect_timeout: patience, ..server.settings(server.tls()) });
    assert!(matches!(&error, BrokerError::Unavailable(why) if why.contains("500ms")), "{error:?}");
}

#[test]
fn a_server_that_asks_who_we_are() {
    let server = Server::start("ssl_options.verify = verify_peer\nssl_options.fail_if_no_peer_cert = true");
    let broker = open(server.settings(with(&server.certificates, server.tls())));
    assert!(broker.publish(&[item("a")], WITHIN)[0].is_ok());
    assert_eq!(take_one(&broker).item.id.as_str(), "a");
    let stranger = Certificates::new();
    // It may say so before the handshake is over or after it.
    for _ in 0..5 {
        let error = server.refuses(server.tls());
        assert!(matches!(&error, BrokerError::Refused(why) if why.contains("set tls.cert")), "{error:?}");
        let error = server.refuses(with(&stranger, server.tls()));
        assert!(matches!(&error, BrokerError::Refused(why) if why.contains("check tls.cert")), "{error:?}");
    }
    let shown = format!("{:?}", server.settings(with(&stranger, server.tls())));
    let key = std::fs::read_to_string(stranger.file("client.key")).expect("it is there");
    let line = key.lines().nth(1).expect("it has a line");
    assert!(shown.contains("client.key") && !shown.contains(line), "{shown}");
}

#[test]
fn an_older_tls() {
    let extra = "ssl_options.versions.1 = tlsv1.2\nssl_options.verify = verify_peer\nssl_options.fail_if_no_peer_cert = true";
    let server = Server::start(extra);
    let broker = open(server.settings(with(&server.certificates, server.tls())));
    assert!(broker.publish(&[sized("large", 1 << 20)], WITHIN)[0].is_ok());
    assert_eq!(take_one(&broker).item.payload.len(), 1 << 20);
    let error = server.refuses(server.tls());
    assert!(matches!(&error, BrokerError::Refused(why) if why.contains("set tls.cert")), "{error:?}");
}
