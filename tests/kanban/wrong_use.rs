//! What cannot work is refused at the start, with what would.

use heijunka::{
    Builder, Config, DomainConfig, ExecConfig, Outcome, Runtime, ScheduleConfig, StartError, Work,
};

use crate::common::workers;
use crate::rig::{Folder, InFile, Setup};

fn builder() -> Builder {
    Runtime::builder().pool("mail", workers(1))
}

fn handler(_: &Work<'_>) -> Outcome {
    Outcome::Done
}

fn refused(builder: Builder) -> String {
    builder.start().unwrap_err().to_string()
}

fn exec(argv: &[&str]) -> DomainConfig {
    let argv = argv.iter().map(|word| (*word).to_owned()).collect();
    DomainConfig { exec: Some(ExecConfig { argv, ..ExecConfig::default() }), ..DomainConfig::default() }
}

#[test]
fn a_handler_for_a_domain_that_is_not_there() {
    assert_eq!(
        refused(builder().handler("mial", handler)),
        "domains.mial: there is no such domain: every pool brings its own"
    );
}

#[test]
fn a_domain_to_be_consumed_by_nobody() {
    let domain = DomainConfig { consume: Some(true), ..DomainConfig::default() };
    assert_eq!(
        refused(builder().domain("mail", domain.clone())),
        "domains.mail: is to be consumed and has no handler: give one in code, or exec"
    );
    assert!(builder().domain("mail", domain).handler("mail", handler).start().is_ok());
}

#[test]
fn two_handlers_for_one_domain() {
    assert_eq!(
        refused(builder().domain("mail", exec(&["/bin/true"])).handler("mail", handler)),
        "domains.mail: has a handler in code and an exec: keep one of the two"
    );
}

#[test]
fn a_program_that_does_not_exist() {
    let text = refused(builder().domain("mail", exec(&["/no/such/program"])));
    assert!(text.starts_with("domains.mail: exec: ") && text.contains("/no/such/program"), "{text}");
    let text = refused(builder().domain("mail", exec(&["no-such-program-anywhere"])));
    assert!(text.contains("no-such-program-anywhere") && text.contains("PATH"), "{text}");
    let text = refused(builder().domain("mail", exec(&[])));
    assert!(text.contains("domains.mail.exec.argv") || text.contains("domains.mail: exec: "), "{text}");
}

#[test]
fn a_name_that_no_broker_takes() {
    let long = "x".repeat(65);
    for name in ["mail.urgent", "mail urgent", "", long.as_str()] {
        let builder = Runtime::builder().pool("any", workers(1)).domain(name, DomainConfig::default());
        let error = builder.handler(name, handler).start().unwrap_err();
        assert!(matches!(error, StartError::Handler { .. } | StartError::Config(_)), "{error:?}");
        assert!(error.to_string().contains("domains"), "{error}");
    }
}

#[test]
fn a_schedule_that_is_none() {
    let cron = |cron: &str, domain: &str| ScheduleConfig {
        cron: Some(cron.to_owned()),
        domain: domain.to_owned(),
        ..ScheduleConfig::default()
    };
    let text = refused(builder().handler("mail", handler).schedule("nightly", cron("0 0 25 * * *", "mail")));
    assert!(text.contains("nightly"), "{text}");
    let text = refused(builder().handler("mail", handler).schedule("never", cron("0 0 0 30 2 *", "mail")));
    assert!(text.contains("never"), "{text}");
}

#[test]
fn a_file_that_cannot_be_the_queue() {
    let folder = Folder::new();
    std::fs::write(folder.file(), "this is a letter, and no queue").unwrap();
    let toml = |path: &std::path::Path| {
        let text =
            format!("[broker]\nkind = 'file'\npath = '{}'\n[pools.mail]\nmin_workers = 1\n", path.display());
        Config::from_toml("heijunka.toml", &text).unwrap()
    };
    let error = Runtime::start(toml(&folder.file())).unwrap_err();
    assert!(matches!(error, StartError::Broker(_)), "{error:?}");
    assert!(error.to_string().contains("queue.redb"), "{error}");
    assert_eq!(
        std::fs::read(folder.file()).unwrap(),
        b"this is a letter, and no queue",
        "it is left as it is"
    );
    let missing = folder.file().join("below").join("queue.redb");
    assert!(Runtime::start(toml(&missing)).unwrap_err().to_string().contains("queue.redb"));
    // One that is open elsewhere.
    let setup = InFile::default();
    let broker = setup.open(std::time::Duration::from_secs(30));
    let error = Runtime::start(toml(&setup.path())).unwrap_err();
    assert!(error.to_string().contains("open"), "{error}");
    drop(broker);
    assert!(Runtime::start(toml(&setup.path())).is_ok());
}

#[test]
fn nothing_that_was_started_is_left_behind() {
    for _ in 0..3 {
        let _ = refused(builder().handler("mial", handler));
    }
    #[cfg(target_os = "linux")]
    crate::common::eventually("all threads have ended", || crate::common::threads("hj-").is_empty());
}
