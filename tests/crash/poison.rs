//! Items that end their process each time.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::BufReader;
use std::os::unix::process::ExitStatusExt;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use heijunka::history::History;
use heijunka::{Clock, Durability, Embedded, EmbeddedSettings, Publisher};

use crate::folder::Folder;
use crate::kind::{self, Kind};
use crate::look;
use crate::plan::{Plan, Sync, Twin};

const SIGABRT: i32 = 6;

const MAX_DELIVERIES: u32 = 5;

/// Publishes these, and lets lives go by until one comes through; tells how many did not, and how many items died.
fn go_through(name: &str, ids: &[String]) -> (u32, Vec<(String, String)>) {
    let folder = Folder::new(name);
    let history = History::new();
    let clock = Clock::monotonic();
    let queue =
        Embedded::in_file(folder.queue(), EmbeddedSettings::default(), Durability::Process, clock.clone());
    let publisher = Publisher::new(Arc::new(queue.unwrap()), clock);
    for id in ids {
        history.attempted(id);
        publisher.publish(kind::spec(id)).unwrap();
        history.confirmed(id);
    }
    drop(publisher);
    let mut plan = Plan {
        folder: folder.0.clone(),
        life: 0,
        seed: 0,
        sync: Sync::Process,
        twin: Twin::None,
        publishes: false,
        drain_after: Some(Duration::ZERO),
        max_deliveries: MAX_DELIVERIES,
    };
    loop {
        let mut command = plan.command();
        let ended = command.stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap();
        history.merge(&History::read(BufReader::new(File::open(plan.history()).unwrap())).unwrap());
        if ended.success() {
            break;
        }
        assert_eq!(ended.signal(), Some(SIGABRT), "{ended}");
        history.crashed(u64::from(crate::life::SLOTS));
        plan.life += 1;
        assert!(plan.life < 100, "it ends somewhen");
    }
    let look = look::at(&folder.queue());
    assert_eq!(look.left, Vec::<String>::new());
    let dead: Vec<_> =
        look.dead.iter().map(|letter| (letter.item.id.as_str().to_owned(), letter.reason.clone())).collect();
    for (id, _) in &dead {
        history.dead_lettered(id);
    }
    let report = history.check();
    assert!(report.is_clean(), "{report}");
    println!("{name}: {} lives ended by their items\n{report}", plan.life);
    (u32::try_from(plan.life).unwrap(), dead)
}

fn killers_and_others(killers: usize, others: usize) -> Vec<String> {
    let killers = (0..killers).map(|n| Kind::Kills.id(&format!("k{n}")));
    killers.chain((0..others).map(|n| Kind::Quick.id(&format!("o{n}")))).collect()
}

#[test]
fn an_item_that_ends_its_process_is_poison_and_the_others_are_done() {
    let ids = killers_and_others(1, 40);
    let (crashes, dead) = go_through("poison", &ids);
    assert_eq!(dead, [(ids[0].clone(), "poison".to_owned())]);
    assert_eq!(crashes, MAX_DELIVERIES);
}

#[test]
fn several_items_that_end_their_process_are_poison_and_the_others_are_done() {
    let ids = killers_and_others(3, 40);
    let (_, dead) = go_through("poisons", &ids);
    let dead: BTreeSet<_> = dead.into_iter().collect();
    assert_eq!(dead, ids[..3].iter().map(|id| (id.clone(), "poison".to_owned())).collect());
}
