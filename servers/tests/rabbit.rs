//! RabbitMQ, of one's own and shared.
#![cfg(unix)]

use heijunka_servers::RabbitServer;

#[test]
fn a_server_is_killed_and_comes_back_with_what_it_had() {
    let server = RabbitServer::start();
    let vhost = server.vhost();
    assert!(server.ctl(&["list_vhosts", "--silent"]).contains(vhost.name()));
    server.kill();
    server.restart();
    assert!(server.ctl(&["list_vhosts", "--silent"]).contains(vhost.name()));
    server.stop();
    server.restart();
    server.pause();
    server.resume();
    assert!(server.ctl(&["list_vhosts", "--silent"]).contains(vhost.name()));
}

#[test]
fn the_shared_server_gives_everybody_a_host_of_their_own() {
    let shared = RabbitServer::shared();
    let (one, other) = (shared.vhost(), shared.vhost());
    assert_ne!(one.name(), other.name());
    let name = one.name().to_owned();
    drop(one);
    let _third = shared.vhost();
    let hosts = shared.ctl(&["list_vhosts", "--silent"]);
    assert!(hosts.contains(other.name()) && !hosts.lines().any(|host| host == name), "{hosts}");
}

#[test]
fn another_test_uses_the_same_server() {
    let vhost = RabbitServer::shared().vhost();
    assert!(vhost.url().contains(&vhost.port().to_string()));
}

#[test]
#[should_panic(expected = "start one of your own")]
fn the_shared_server_is_left_alone() {
    RabbitServer::shared().kill();
}
