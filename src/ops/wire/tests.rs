//! What is written is read again, and what is wrong is said.

use std::time::Duration;

use bytes::Bytes;
use proptest::prelude::*;

use super::*;
use crate::kanban::{BrokerError, ItemId, PublishError};
use crate::time::{Clock, Timestamp};

fn item(json: &str) -> Result<crate::kanban::Item, String> {
    let item: NewItem = serde_json::from_str(json).map_err(|error| error.to_string())?;
    let spec = item.into_spec().map_err(|error| error.to_string())?;
    spec.build(Clock::manual().0.timestamp(), 100).map_err(|error| error.to_string())
}

#[test]
fn an_item_is_read_from_json() {
    let json = r#"{"domain": "mail", "priority": "high", "id": "7", "key": "k", "deadline": "10m",
        "headers": {"Trace": "é"}, "payload": "text"}"#;
    let read = item(json).unwrap();
    assert_eq!((read.lane.subject().as_str(), read.id.as_str()), ("kanban.high.mail", "7"));
    assert_eq!((read.routing_key(), read.payload.as_ref()), ("k", b"text".as_slice()));
    assert_eq!(read.headers["Trace"], "é");
    assert_eq!(read.deadline, Some(Clock::manual().0.timestamp().after(Duration::from_secs(600))));
    let read =
        item(r#"{"domain": "mail", "payload_base64": "/w==", "deadline": "2027-01-01T00:00:00Z"}"#).unwrap();
    assert_eq!(
        (read.payload.as_ref(), read.lane.subject().as_str()),
        (b"\xff".as_slice(), "kanban.normal.mail")
    );
    assert_eq!(read.deadline, Some(Timestamp::from_millis(1_798_761_600_000)));
    assert!(item(r#"{"domain": "mail"}"#).unwrap().payload.is_empty());
}

#[test]
fn what_is_wrong_with_an_item_is_said() {
    for (json, says) in [
        ("{}", "domain"),
        (r#"{"domain": "a", "payloda": "x"}"#, "payloda"),
        (r#"{"domain": "a", "priority": "urgent"}"#, "urgent"),
        (r#"{"domain": "a", "deadline": "soon"}"#, "soon"),
        (r#"{"domain": "a", "deadline": "1960-01-01T00:00:00Z"}"#, "1960"),
        (r#"{"domain": "a", "payload": "x", "payload_base64": "eA=="}"#, "give one"),
        (r#"{"domain": "a", "payload_base64": "%"}"#, "base64"),
        (r#"{"domain": "a b"}"#, "a b"),
        (r#"{"domain": "a"} x"#, "trailing"),
    ] {
        let error = item(json).unwrap_err();
        assert!(error.contains(says), "{json}: {error}");
    }
}

#[test]
fn every_end_of_a_publish_has_its_outcome_and_status() {
    let id = ItemId::new("7").unwrap();
    let broker = || BrokerError::Full("disk".into());
    for (result, outcome, status) in [
        (Ok((id.clone(), crate::kanban::Stored::New)), "stored", 200),
        (Ok((id, crate::kanban::Stored::Duplicate)), "duplicate", 200),
        (Err(PublishError::Invalid(crate::kanban::ItemError::Key)), "invalid", 422),
        (Err(PublishError::NotStored(broker())), "not_stored", 503),
        (Err(PublishError::Unknown(broker())), "unknown", 504),
    ] {
        let stored = result.is_ok();
        let receipt = Receipt::new(3, result);
        let json = serde_json::to_value(&receipt).unwrap();
        assert_eq!((json["outcome"].as_str(), json["line"].as_u64()), (Some(outcome), Some(3)));
        assert_eq!((json.get("id").is_some(), json.get("error").is_none()), (stored, stored));
        assert_eq!((receipt.status(), receipt.outcome.is_stored()), (status, stored));
        assert_eq!(serde_json::from_value::<Receipt>(json).unwrap(), receipt);
    }
}

proptest! {
    #[test]
    fn every_payload_survives(bytes in prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..100),
        "\\PC{0,30}".prop_map(String::into_bytes),
    ]) {
        let json = serde_json::to_string(&NewItem::new("mail", &bytes)).unwrap();
        prop_assert_eq!(item(&json).unwrap().payload, Bytes::from(bytes));
    }
}
