//! No room on the disk.

use super::*;

/// From now on no file of this process may grow beyond so much; tells whether this system can do that.
fn limit_files_to(bytes: &str) -> bool {
    let limit = format!("--fsize={bytes}:");
    let status = Command::new("prlimit").args(["--pid", &std::process::id().to_string(), &limit]).status();
    status.is_ok_and(|status| status.success())
}

/// In a process of its own, as the limit holds for all of it.
#[test]
#[ignore = "is started by another test"]
fn run_out_of_room() {
    let Some(file) = given_file() else { return };
    let broker = open(&file);
    publish(&broker, "first").unwrap();
    let delivered = pull(&broker, 1).remove(0);
    if !limit_files_to("2000000") {
        return;
    }
    let mut confirmed = vec!["first".to_owned()];
    let mut refused = 0;
    for n in 0..400 {
        let id = format!("i{n}");
        match broker.publish(&[item(&id, 20_000)], WITHIN).remove(0) {
            Ok(stored) => {
                assert_eq!(stored, Stored::New);
                confirmed.push(id);
            }
            Err(PublishError::NotStored(BrokerError::Full(why))) => {
                assert!(why.contains("make room") && why.contains("queue.redb"), "{why}");
                refused += 1;
            }
            Err(error) => panic!("{error}"),
        }
    }
    assert!(confirmed.len() > 10 && refused > 10, "{} confirmed, {refused} refused", confirmed.len());
    let depth = broker.depth(&lane(), WITHIN).unwrap();
    assert_eq!(
        (depth.ready, depth.unsettled),
        (confirmed.len() as u64 - 1, 1),
        "what was refused is not there"
    );
    // A delivery of before is worth what it was.
    let mut answer = settle(&broker, delivered.ticket, Verdict::Ack);
    assert!(limit_files_to("unlimited"));
    while let Settled::Failed(settlement, error) = answer {
        assert!(matches!(error, BrokerError::Full(_)), "{error}");
        answer = broker.settle(vec![settlement], WITHIN).remove(0);
    }
    assert!(matches!(answer, Settled::Done), "{answer:?}");
    confirmed.remove(0);
    // There is room again.
    while publish(&broker, "last").is_err() {
        std::thread::sleep(Duration::from_millis(50));
    }
    confirmed.push("last".to_owned());
    drop(broker);
    let broker = open(&file);
    let left: Vec<_> = pull(&broker, 1000).iter().map(|d| d.item.id.as_str().to_owned()).collect();
    assert_eq!(left, confirmed);
    println!("\nran out of room");
}

#[test]
fn a_full_disk_refuses_and_loses_nothing() {
    let folder = Folder::new("full");
    let output = again("full::run_out_of_room", &folder.file()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    if Command::new("prlimit").arg("--version").output().is_ok() {
        assert!(String::from_utf8_lossy(&output.stdout).contains("ran out of room"), "{output:?}");
    }
}
