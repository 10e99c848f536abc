//! What a network does, on purpose.

mod state;
mod wire;

use std::io;
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::port::Port;
use state::State;
pub use wire::Direction;

/// What a server said on one connection, in the pieces in which it came.
pub type Said = Vec<Vec<u8>>;

/// A TCP proxy on 127.0.0.1 that breaks in the ways that networks break, when told to. Threads of its own: one to accept, four for each
/// connection; dropped, it closes everything.
///
/// Faults add up until [`heal`](Self::heal). They hold for connections that are there and for new ones, unless it says otherwise.
#[derive(Debug)]
pub struct Proxy {
    port: Port,
    state: Arc<State>,
    accepting: Option<JoinHandle<()>>,
}

impl Proxy {
    /// Passes everything on to this port of 127.0.0.1, for now.
    ///
    /// # Panics
    ///
    /// When there is no port to listen on.
    #[must_use]
    pub fn to(server: u16) -> Self {
        let port = Port::free();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port.number())).expect("the port is free");
        // So that the thread can end.
        listener.set_nonblocking(true).expect("a listener can be asked without waiting");
        let state = Arc::new(State::to(server));
        let shared = state.clone();
        let accept = move || accept(&listener, &shared);
        let accepting =
            thread::Builder::new().name("hj-test-proxy".to_owned()).spawn(accept).expect("a thread starts");
        Self { port, state, accepting: Some(accepting) }
    }

    /// Where it listens, on 127.0.0.1.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port.number()
    }

    /// Closes every connection on both sides, and every new one at once.
    pub fn cut(&self) {
        self.state.change(|faults| faults.cut = true);
        self.state.close_all();
    }

    /// Closes the connections that are there, and passes new ones on to this port.
    pub fn redirect(&self, server: u16) {
        self.state.redirect(server);
        self.state.close_all();
    }

    /// Closes the connections that are there; new ones are fine.
    pub fn drop_connections(&self) {
        self.state.close_all();
    }

    /// Passes nothing on in this direction: the sender's data stays where it is, until its buffers are full and it waits.
    pub fn stall(&self, direction: Direction) {
        self.state.change(|faults| faults.stalled[direction as usize] = true);
    }

    /// Closes the server's side of the connections that are there, and does not tell the client, whose data goes nowhere: as when a router
    /// forgot them. New ones are fine.
    pub fn half_open(&self) {
        self.state.forget_all();
    }

    /// Passes everything on so much later, in either direction, without making it any slower.
    pub fn delay(&self, by: Duration) {
        self.state.change(|faults| faults.delay = by);
    }

    /// Passes on no more than this, each connection in each direction.
    pub fn limit(&self, bytes_per_second: u64) {
        self.state.change(|faults| faults.limit = Some(bytes_per_second.max(1)));
    }

    /// Ends all faults. What was delayed or waits is passed on; connections that were half open are closed.
    pub fn heal(&self) {
        self.state.heal();
    }

    /// Connections it has passed on until now.
    #[must_use]
    pub fn connections(&self) -> u64 {
        self.state.connections()
    }

    /// What the server said until now, a [`Said`] for each connection, its first 64 KiB: material for a [`FakeServer`](crate::FakeServer).
    #[must_use]
    pub fn heard(&self) -> Vec<Said> {
        self.state.heard()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.state.close();
        if let Some(accepting) = self.accepting.take() {
            let _ = accepting.join();
        }
    }
}

fn accept(listener: &TcpListener, state: &Arc<State>) {
    while !state.is_closed() {
        match listener.accept() {
            Ok((client, _)) => {
                // One that is not passed on is closed, which is all that there is to tell.
                let _ = pass_on(client, state);
            }
            Err(_) => thread::sleep(Duration::from_millis(2)),
        }
    }
    state.close_all();
}

fn pass_on(client: TcpStream, state: &Arc<State>) -> io::Result<()> {
    client.set_nonblocking(false)?;
    if state.faults().cut {
        return client.shutdown(Shutdown::Both);
    }
    let server = TcpStream::connect((Ipv4Addr::LOCALHOST, state.server()))?;
    for stream in [&client, &server] {
        stream.set_nodelay(true)?;
        // So that their threads can end, and notice what changes.
        stream.set_read_timeout(Some(Duration::from_millis(20)))?;
        stream.set_write_timeout(Some(Duration::from_millis(20)))?;
    }
    let link = state.connect(client.try_clone()?, server.try_clone()?);
    wire::run(Direction::ToServer, client.try_clone()?, server.try_clone()?, state, &link);
    wire::run(Direction::ToClient, server, client, state, &link);
    Ok(())
}
