use super::*;
use crate::kanban::item::ItemSpec;

#[test]
fn debug_shows_no_payloads_and_no_notes() {
    let clock = Clock::monotonic();
    let file = std::env::temp_dir().join(format!("heijunka-debug-{}.redb", std::process::id()));
    let settings = EmbeddedSettings::default;
    let in_file = Embedded::in_file(&file, settings(), Durability::Process, clock.clone()).unwrap();
    for broker in [Embedded::in_memory(settings(), clock.clone()), in_file] {
        let within = Duration::from_secs(30);
        let item = ItemSpec::new("mail").id("secret").payload("secret").header("a", "secret").key("secret");
        let item = Arc::new(item.build(clock.timestamp(), 100).unwrap());
        assert_eq!(broker.publish(&[item], within), [Ok(Stored::New)]);
        broker.put_note("n", Some(b"secret"), within).unwrap();
        let shown = format!("{broker:?}");
        assert!(shown.contains("items: 1") && shown.contains("notes: 1"), "{shown}");
        assert!(!shown.contains("secret"), "{shown}");
    }
    let _ = std::fs::remove_file(&file);
    let mut log = Vec::new();
    State::new(settings()).put_note("n", Some(b"secret"), &mut log).unwrap();
    assert_eq!(format!("{log:?}"), "[Noted(n)]");
}
