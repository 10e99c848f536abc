//! Three NATS servers.
#![cfg(unix)]

use heijunka_servers::NatsCluster;

#[test]
fn a_cluster_finds_a_new_leader_when_it_loses_one() {
    let cluster = NatsCluster::start(3);
    let stream = br#"{"name":"S","subjects":["s.>"],"storage":"file","num_replicas":3}"#;
    let made = cluster.servers()[0].request("$JS.API.STREAM.CREATE.S", stream).unwrap();
    assert!(!String::from_utf8_lossy(&made).contains("error"), "{}", String::from_utf8_lossy(&made));
    let first = cluster.leader_of("S").unwrap();
    cluster.kill(first);
    cluster.wait_until_agreed();
    let second = (0..100).find_map(|_| {
        std::thread::sleep(std::time::Duration::from_millis(100));
        cluster.leader_of("S").filter(|leader| *leader != first)
    });
    assert!(second.is_some());
    cluster.restart(first);
    cluster.wait_until_agreed();
    assert_eq!(cluster.leader_of("NONE"), None);
}
