use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;

use super::*;

fn any_item() -> impl Strategy<Value = Item> {
    let lane = (0_usize..3, "[A-Za-z0-9_-]{1,64}").prop_map(|(priority, domain)| Lane {
        priority: Priority::ALL[priority],
        domain: Name::new(&domain).unwrap(),
    });
    let texts = ("[!-~]{1,128}", option::of(".{0,20}"), btree_map("[a-z]{1,9}", ".{0,20}", 0..4));
    let rest = (vec(any::<u8>(), 0..200), option::of(any::<u64>()), any::<u64>());
    (lane, texts, rest).prop_map(|(lane, (id, key, headers), (payload, deadline, published))| Item {
        id: ItemId::new(&id).unwrap(),
        lane,
        key: key.map(Into::into),
        payload: payload.into(),
        headers,
        deadline: deadline.map(Timestamp::from_millis),
        published: Timestamp::from_millis(published),
    })
}

proptest! {
    #[test]
    fn an_item_is_read_as_it_was_written(item in any_item()) {
        prop_assert_eq!(decode_item(1, &encode_item(&item)), Decoded::Whole(item));
    }

    #[test]
    fn a_dead_letter_is_read_as_it_was_written(item in any_item(), reason in ".{0,9}", error in ".{0,30}",
        attempts: u32, at: u64) {
        let at = Timestamp::from_millis(at);
        let letter = DeadLetter { serial: 7, item: Arc::new(item), reason, error, attempts, at };
        prop_assert_eq!(decode_letter(7, &encode_letter(&letter)), letter);
    }

    #[test]
    fn what_is_cut_short_or_too_long_has_a_fault_and_loses_nothing(item in any_item(), at: prop::sample::Index) {
        let whole = encode_item(&item);
        let cut = &whole[..at.index(whole.len())];
        let longer = [&whole[..], b"x"].concat();
        for record in [cut, &longer] {
            match decode_item(5, record) {
                Decoded::Whole(_) => prop_assert!(false, "it is not whole"),
                Decoded::Faulty(stand_in, why) => {
                    prop_assert_eq!(stand_in.lane, item.lane.clone());
                    prop_assert_eq!(&stand_in.payload[..], record);
                    prop_assert!(why.contains("item 5"), "{}", why);
                }
                Decoded::Homeless(stand_in, _) => prop_assert_eq!(&stand_in.payload[..], record),
            }
        }
    }

    #[test]
    fn nothing_that_is_read_panics(record in vec(any::<u8>(), 0..100)) {
        decode_item(1, &record);
        decode_letter(1, &record);
    }
}

#[test]
fn a_record_of_a_later_version_says_so() {
    assert!(matches!(decode_item(1, &[2, 0]), Decoded::Homeless(_, why) if why.contains("version")));
}
