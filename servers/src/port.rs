//! Ports that stay ours while their server is down.

use std::net::{Ipv4Addr, TcpListener, UdpSocket};

/// A TCP port on loopback that nobody else who asks here gets, in this process or another, until it is dropped.
///
/// The kernel gives ports from 32768 on to whoever connects, so that a server killed there may not get its port back: these are
/// below. The UDP port of the same number is the reservation: it ends with the process, whatever ends it.
#[derive(Debug)]
pub struct Port {
    number: u16,
    _reserved: UdpSocket,
}

impl Port {
    /// One that nobody has.
    ///
    /// # Panics
    ///
    /// When there is none.
    #[must_use]
    pub fn free() -> Self {
        for _ in 0..10_000 {
            let number = fastrand::u16(12_000..32_000);
            let Ok(reserved) = UdpSocket::bind((Ipv4Addr::LOCALHOST, number)) else { continue };
            if TcpListener::bind((Ipv4Addr::LOCALHOST, number)).is_ok() {
                return Self { number, _reserved: reserved };
            }
        }
        panic!("no free port between 12000 and 32000 on 127.0.0.1");
    }

    /// Its number.
    #[must_use]
    pub fn number(&self) -> u16 {
        self.number
    }
}
