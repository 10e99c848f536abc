//! Three NATS servers, of which one is lost, then a second.

use std::sync::Arc;
use std::thread::sleep;
use std::time::Duration;

use heijunka::{Broker, Clock, Nats, NatsSettings};
use heijunka_servers::{NatsCluster, NatsServer};

use super::flow::Flow;
use super::place::{items_in, nats_settings};
use super::plan::Plan;

#[test]
fn nats_cluster_loses_its_leader_and_then_a_second_node() {
    let name = "nats cluster";
    let (plan, cluster) = (Plan::new(name), NatsCluster::start(3));
    let open = || -> Arc<dyn Broker> {
        let urls = cluster.servers().iter().map(NatsServer::url).collect();
        let settings = NatsSettings { replicas: 3, ..nats_settings(urls) };
        // Four streams of three copies each, on a machine that has much else to do: whoever does not start is started again.
        let mut attempts = 1..=20;
        loop {
            match Nats::connect(settings.clone(), Clock::monotonic()) {
                Ok(nats) => return Arc::new(nats),
                Err(error) if attempts.next().is_none() => panic!("{error}"),
                Err(error) => println!("{name}: not connected: {error}"),
            }
        }
    };
    let mut random = plan.random();
    let mut flow = Flow::start(name, plan, open());
    for _ in 0..plan.pick(3, 1) {
        flow.wait_for_more(random.u64(20..60));
        let leader = loop {
            match cluster.leader_of("KANBAN") {
                Some(leader) => break leader,
                None => sleep(Duration::from_millis(100)),
            }
        };
        cluster.kill(leader);
        flow.flows_again("the leader was killed");
        flow.wait_for_more(random.u64(10..40));
        // One of three knows nothing for certain, and takes nothing.
        let second = (leader + 1) % 3;
        cluster.kill(second);
        sleep(Duration::from_secs(plan.pick(10, 4)));
        cluster.restart(second);
        flow.flows_again("a second node was killed and came back");
        cluster.restart(leader);
        flow.flows_again("the first came back");
    }
    flow.finish(|| {
        cluster.wait_until_agreed();
        (open(), items_in(&cluster.servers()[0]))
    });
}
