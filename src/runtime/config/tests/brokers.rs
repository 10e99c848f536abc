//! Brokers elsewhere: what is refused, that no secret is shown, and where secrets are found.

use super::super::{BrokerKind, Loader, Secret};
use super::queue::{POOL, line};
use super::{read, refusal};

#[test]
fn a_kind_that_is_not_compiled_is_refused() {
    for kind in ["nats", "amqp"] {
        let text = format!("{POOL}[broker]\nkind = '{kind}'\n");
        let compiled = if kind == "nats" { BrokerKind::Nats } else { BrokerKind::Amqp };
        if compiled.is_compiled() {
            assert!(read(&text).is_ok());
        } else {
            let cure = format!("build heijunka with the feature {kind}, or choose another kind");
            let said = format!("3:8: broker.kind is \"{kind}\", which is not part of this build; {cure}");
            assert_eq!(refusal(&text), said);
        }
    }
}

#[test]
fn mistyped_keys() {
    line("[broker.nats]\nurl = 'x'", "3:1: broker.nats.url is not a known key; did you mean urls?");
    line(
        "[broker.nats.tls]\ncert_ = 'x'",
        "3:1: broker.nats.tls.cert_ is not a known key; did you mean cert?",
    );
    line(
        "[broker.amqp]\npasword = 'x'",
        "3:1: broker.amqp.pasword is not a known key; did you mean password?",
    );
    line(
        "[broker.failover]\nfalback = 'nats'",
        "3:1: broker.failover.falback is not a known key; did you mean fallback?",
    );
    line(
        "[broker.amqp]\nqueues = 'fast'",
        "3:10: broker.amqp.queues is \"fast\"; set it to one of \"quorum\", \"classic\"",
    );
    line(
        "[broker.amqp]\nmax_frame = '1KiB'",
        "3:13: broker.amqp.max_frame is 1KiB; set it to 8KiB at least and 16MiB at most",
    );
}

#[test]
fn a_failover_needs_two_different_brokers() {
    let pair = |primary: &str, fallback: &str| {
        format!(
            "[broker]\nkind = 'failover'\nfailover = {{ primary = '{primary}', fallback = '{fallback}' }}"
        )
    };
    line(
        &pair("file", "file"),
        "4:43: broker.failover.fallback is \"file\", as is the primary; choose another kind",
    );
    line(
        &pair("failover", "file"),
        "4:24: broker.failover.primary is \"failover\", which is no single broker; \
         set it to one of \"nats\", \"amqp\", \"file\", \"memory\"",
    );
    let broker = read(&format!("{POOL}{}", pair("file", "memory"))).unwrap().broker.unwrap();
    assert_eq!(broker.kinds(), [BrokerKind::File, BrokerKind::Memory]);
    assert!(broker.is_volatile());
    line(
        "[broker.failover]\nhold = '6min'",
        "3:8: broker.failover.hold is 6m, above broker.failover.hold_most (5m); set it to at most 5m",
    );
    line(
        "[broker.failover]\nhold_most = '1s'",
        "3:13: broker.failover.hold is 30s (the default), above broker.failover.hold_most (1s); set it to at most 1s",
    );
    // What a part of it needs is checked as well.
    let text = format!("{}\npath = ''", pair("memory", "file"));
    line(&text, "5:8: broker.path is empty; give a path");
}

#[test]
fn what_nats_cannot_be_reached_with() {
    if !BrokerKind::Nats.is_compiled() {
        return;
    }
    let refused = |keys: &str, said: &str| {
        let text = format!("{POOL}[broker]\nkind = 'nats'\n[broker.nats]\n{keys}\n");
        assert_eq!(refusal(&text), said);
    };
    refused(
        "urls = []",
        "5:8: broker.nats.urls is empty; name a server, such as [\"nats://127.0.0.1:4222\"]",
    );
    refused(
        "urls = ['http://x']",
        "5:9: broker.nats.urls[0] is \"http://x\"; write nats://host:port or tls://host:port",
    );
    refused(
        "urls = ['nats://me:secret@x']",
        "5:9: broker.nats.urls[0] has a user or a token in it; set user and password, or token, instead",
    );
    refused(
        "user = 'u'",
        "5:8: broker.nats.password is missing, and broker.nats.user is there; set both or neither",
    );
    refused(
        "token = 't'\nnkey = 'n'",
        "6:1: broker.nats.nkey says who we are, as broker.nats.token does; keep one of the two",
    );
    refused("token = ''", "5:9: broker.nats.token is empty; give the secret, env:NAME or file:PATH");
    refused(
        "stream = 'A B'",
        "5:10: broker.nats.stream is \"A B\"; a name is 1 to 64 letters, digits, '-' or '_'",
    );
    refused(
        "stream = 'KANBAN_DLQ'",
        "5:10: broker.nats.dead_letter_stream is \"KANBAN_DLQ\", as is broker.nats.stream; give each a stream of its own",
    );
    refused(
        "tls.key = 'k'",
        "5:11: broker.nats.tls.cert is missing, and broker.nats.tls.key is there; set both or neither",
    );
    refused("credentials = ''", "5:15: broker.nats.credentials is empty; give a path");
    refused(
        "inbox = 'a..b'",
        "5:9: broker.nats.inbox is \"a..b\"; use names of letters, digits, - or _, joined by dots",
    );
}

#[test]
fn what_rabbitmq_cannot_be_reached_with() {
    if !BrokerKind::Amqp.is_compiled() {
        return;
    }
    let refused = |keys: &str, said: &str| {
        let text = format!("{POOL}[broker]\nkind = 'amqp'\n[broker.amqp]\n{keys}\n");
        assert_eq!(refusal(&text), said);
    };
    refused(
        "host = 'amqp://x'",
        "5:8: broker.amqp.host is \"amqp://x\"; give the name or the address of the server alone",
    );
    refused("user = ''", "5:8: broker.amqp.user has 0 bytes; set it to 1 bytes at least and 255 at most");
    refused(
        "prefix = 'a b'",
        "5:10: broker.amqp.prefix is \"a b\"; use 1 to 64 letters, digits, '-', '_' or '.'",
    );
    if cfg!(feature = "amqp-tls") {
        refused(
            "tls.key = 'k'",
            "5:11: broker.amqp.tls.cert is missing, and broker.amqp.tls.key is there; set both or neither",
        );
        refused("tls.ca = ''", "5:10: broker.amqp.tls.ca is empty; give a path");
    } else {
        refused(
            "tls = {}",
            "5:1: broker.amqp.tls is not part of this build; build heijunka with the feature amqp-tls, or remove the table",
        );
    }
}

#[test]
fn secrets_are_not_shown() {
    let text = "[broker.nats]\nuser = 'u'\npassword = 'hunter2'\ntoken = 'hunter2'\nnkey = 'hunter2'\n\
                urls = ['nats://a:hunter2@b']\n[broker.amqp]\npassword = 'hunter2'";
    let config = read(&format!("{POOL}{text}")).unwrap();
    assert!(!format!("{config:?}").contains("hunter2"), "{config:?}");
    // Neither are those that are wrong.
    for value in ["424242", "true", "[424242]", "{ a = 424242 }", "4242.42", "1979-05-27"] {
        for table in ["broker.nats", "broker.amqp"] {
            let said = refusal(&format!("{POOL}[{table}]\npassword = {value}"));
            assert!(!said.contains("4242") && said.contains("env:NAME"), "{said}");
        }
    }
    let error = Loader::new().set("broker.amqp.pasword=hunter2").parse("f", POOL).unwrap_err();
    assert!(!error.to_string().contains("hunter2"), "{error}");
    let error =
        Loader::new().set("broker.nats.token=hunter2=x").set("broker.x=1").parse("f", POOL).unwrap_err();
    assert!(!error.to_string().contains("hunter2"), "{error}");
}

#[test]
fn secrets_are_looked_up_where_they_say() {
    assert_eq!(Secret::new("hunter2").look_up().unwrap(), "hunter2");
    assert_eq!(Secret::new("env:PATH").look_up().ok(), std::env::var("PATH").ok());
    let missing = Secret::new("env:HEIJUNKA_NO_SUCH_VARIABLE").look_up().unwrap_err();
    assert_eq!(missing, "there is no variable HEIJUNKA_NO_SUCH_VARIABLE in the environment: set it");
    let path = std::env::temp_dir().join(format!("heijunka-secret-{}", std::process::id()));
    let secret = Secret::new(format!("file:{}", path.display()));
    assert!(secret.look_up().unwrap_err().contains("cannot be read"));
    for (written, found) in
        [("hunter2\n", "hunter2"), ("hunter2\r\n", "hunter2"), ("a\nb\n\n", "a\nb\n"), ("", "")]
    {
        std::fs::write(&path, written).unwrap();
        assert_eq!(secret.look_up().unwrap(), found);
    }
    std::fs::write(&path, "x".repeat(70_000)).unwrap();
    assert!(secret.look_up().unwrap_err().contains("larger"));
    std::fs::write(&path, [0xff, 0xfe]).unwrap();
    assert!(secret.look_up().is_err());
    std::fs::remove_file(&path).unwrap();
}
