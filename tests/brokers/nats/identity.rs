//! Who we are: token, user and password, nkey, credentials; and encrypted connections.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use heijunka::{Broker, BrokerError, Clock, Nats, NatsAuth, NatsSettings, NatsTls};
use heijunka_servers::{Certificates, NatsServer};
use nkeys::KeyPair;

use super::rig::{WITHIN, connect, item, settings};

/// It is let in, and can do what it must; somebody else is not.
fn lets_in(server: &NatsServer, right: NatsSettings, wrong: NatsSettings) {
    let nats = connect(right);
    assert!(nats.publish(&[item("a")], WITHIN)[0].is_ok());
    server.kill();
    server.restart();
    super::rig::until("it is let in again", || nats.item_count(WITHIN) == Ok(1));
    let error = Nats::connect(wrong, Clock::monotonic()).expect_err("it has no right to");
    assert!(!matches!(error, BrokerError::TimedOut(_)), "{error:?}");
    assert!(error.to_string().contains("NATS"), "{error}");
}

fn with(server: &NatsServer, auth: NatsAuth) -> NatsSettings {
    NatsSettings { auth, ..settings(server) }
}

#[test]
fn a_token() {
    let server = NatsServer::start_with("authorization { token: right }");
    let token = |token: &str| with(&server, NatsAuth::Token(token.into()));
    lets_in(&server, token("right"), token("wrong"));
    let in_url = NatsSettings::at(format!("nats://right@127.0.0.1:{}", server.port()));
    assert_eq!(connect(NatsSettings { lease: settings(&server).lease, ..in_url }).item_count(WITHIN), Ok(1));
}

#[test]
fn a_user_and_password() {
    let server = NatsServer::start_with("authorization { user: heijunka, password: right }");
    let user = |password: &str| with(&server, NatsAuth::UserPassword("heijunka".into(), password.into()));
    lets_in(&server, user("right"), user("wrong"));
}

#[test]
fn an_nkey() {
    let (ours, other) = (KeyPair::new_user(), KeyPair::new_user());
    let server =
        NatsServer::start_with(&format!("authorization {{ users: [{{ nkey: {} }}] }}", ours.public_key()));
    let nkey = |pair: &KeyPair| with(&server, NatsAuth::NKey(pair.seed().expect("it has a seed")));
    lets_in(&server, nkey(&ours), nkey(&other));
    let error = Nats::connect(with(&server, NatsAuth::NKey("secret".into())), Clock::monotonic());
    let error = error.expect_err("it is no seed").to_string();
    assert!(error.contains("nkey") && !error.contains("secret"), "{error}");
}

/// A claim of `issuer` about `subject`, as NATS has them.
fn claim(issuer: &KeyPair, subject: &KeyPair, name: &str, nats: &str) -> String {
    let header = URL_SAFE_NO_PAD.encode(r#"{"typ":"JWT","alg":"ed25519-nkey"}"#);
    let (issuer_key, subject_key) = (issuer.public_key(), subject.public_key());
    let body = format!(
        r#"{{"jti":"{name}","iat":1700000000,"iss":"{issuer_key}","name":"{name}","sub":"{subject_key}","nats":{nats}}}"#
    );
    let text = format!("{header}.{}", URL_SAFE_NO_PAD.encode(body));
    let signature = issuer.sign(text.as_bytes()).expect("it has a seed");
    format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature))
}

#[test]
fn a_file_of_credentials() {
    const ACCOUNT: &str = r#"{"limits":{"subs":-1,"data":-1,"payload":-1,"imports":-1,"exports":-1,"wildcards":true,"conn":-1,"leaf":-1,"mem_storage":-1,"disk_storage":-1,"streams":-1,"consumer":-1},"default_permissions":{"pub":{},"sub":{}},"type":"account","version":2}"#;
    const SYSTEM: &str = r#"{"limits":{"subs":-1,"data":-1,"payload":-1,"imports":-1,"exports":-1,"wildcards":true,"conn":-1,"leaf":-1},"default_permissions":{"pub":{},"sub":{}},"type":"account","version":2}"#;
    const USER: &str = r#"{"pub":{},"sub":{},"subs":-1,"data":-1,"payload":-1,"type":"user","version":2}"#;
    let (operator, account, system) =
        (KeyPair::new_operator(), KeyPair::new_account(), KeyPair::new_account());
    let (account_key, system_key) = (account.public_key(), system.public_key());
    let conf = format!(
        "operator: {}\nresolver: MEMORY\nsystem_account: {system_key}\nresolver_preload: {{ {account_key}: {}, {system_key}: {} }}",
        claim(&operator, &operator, "o", r#"{"type":"operator","version":2}"#),
        claim(&operator, &account, "a", ACCOUNT),
        claim(&operator, &system, "s", SYSTEM),
    );
    let server = NatsServer::start_with(&conf);
    let file = |name: &str, signer: &KeyPair| {
        let user = KeyPair::new_user();
        let text = format!(
            "-----BEGIN NATS USER JWT-----\n{}\n------END NATS USER JWT------\n\n-----BEGIN USER NKEY SEED-----\n{}\n------END USER NKEY SEED------\n",
            claim(signer, &user, "u", USER),
            user.seed().expect("it has a seed"),
        );
        let path = server.folder().join(name);
        std::fs::write(&path, text).expect("the folder can be written to");
        with(&server, NatsAuth::Credentials(path))
    };
    lets_in(&server, file("ours.creds", &account), file("other.creds", &KeyPair::new_account()));
    let missing = with(&server, NatsAuth::Credentials("/nowhere/x.creds".into()));
    let error = Nats::connect(missing, Clock::monotonic()).expect_err("there is no such file");
    assert!(error.to_string().contains("/nowhere/x.creds"), "{error}");
}

#[test]
fn encrypted_connections_with_certificates_on_both_sides() {
    let certificates = Certificates::new();
    let at = |name: &str| certificates.file(name);
    let server = NatsServer::start_with(&format!(
        "tls {{ cert_file: \"{}\", key_file: \"{}\", ca_file: \"{}\", verify: true }}",
        at("server.pem").display(),
        at("server.key").display(),
        at("ca.pem").display()
    ));
    let tls = NatsTls {
        required: true,
        ca: Some(at("ca.pem")),
        cert: Some(at("client.pem")),
        key: Some(at("client.key")),
    };
    let right = NatsSettings { tls: tls.clone(), ..settings(&server) };
    // Without our certificate; and without knowing who vouches for the server's.
    let nobody = NatsTls { cert: None, key: None, ..tls.clone() };
    lets_in(&server, right, NatsSettings { tls: nobody, ..settings(&server) });
    let stranger = NatsTls { ca: None, ..tls };
    let error = Nats::connect(NatsSettings { tls: stranger, ..settings(&server) }, Clock::monotonic());
    let error = error.expect_err("nobody vouches for it").to_string();
    assert!(error.contains("tls.ca"), "{error}");
}
