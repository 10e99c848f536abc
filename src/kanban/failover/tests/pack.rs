//! Whose a ticket or a dead letter is.

use proptest::prelude::*;

use crate::kanban::broker::Ticket;
use crate::kanban::failover::law::BrokerRole;
use crate::kanban::failover::pack::{after, hidden, pack, shown, unpack};

proptest! {
    #[test]
    fn a_ticket_comes_back_as_it_was(generation in any::<u64>(), number in any::<u64>(), first in any::<bool>()) {
        let role = BrokerRole::ALL[usize::from(first)];
        let ticket = Ticket::new(generation, number);
        match pack(role, &ticket) {
            Some(packed) => prop_assert_eq!(unpack(&packed), (role, ticket)),
            None => prop_assert!(generation >= 1 << 63, "there was room"),
        }
    }

    #[test]
    fn serial_numbers_rise_and_each_is_one_letter(serial in 1_u64..1 << 60, first in any::<bool>()) {
        let role = BrokerRole::ALL[usize::from(first)];
        prop_assert_eq!(hidden(shown(role, serial)), (role, serial));
        prop_assert!(shown(role, serial) < shown(role, serial + 1));
        prop_assert!(shown(role, serial) > 0);
    }

    #[test]
    fn what_is_asked_for_after_a_number_is_what_is_shown_after_it(shown_last in 0_u64..1000, first in any::<bool>()) {
        let role = BrokerRole::ALL[usize::from(first)];
        for serial in 1..600 {
            prop_assert_eq!(serial > after(role, shown_last), shown(role, serial) > shown_last);
        }
    }
}
