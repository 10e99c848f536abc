//! What is written through sockets that are too small, and files that are of no use.

use std::collections::VecDeque;
use std::io::{self, ErrorKind, Read, Write};
use std::sync::Arc;

use heijunka_servers::Certificates;
use parking_lot::Mutex;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConnection, ServerConfig, ServerConnection};

use super::handshake::config;
use super::stream::Encrypted;
use crate::kanban::AmqpTls;

/// The two directions of a socket: what was written and not yet taken, how much more there is room for, and what may be read.
#[derive(Debug, Default)]
struct Wire {
    sent: Vec<u8>,
    room: usize,
    coming: VecDeque<u8>,
}

#[derive(Clone, Debug, Default)]
struct Narrow(Arc<Mutex<Wire>>);

impl Read for Narrow {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let wire = &mut *self.0.lock();
        if wire.coming.is_empty() { Err(ErrorKind::WouldBlock.into()) } else { wire.coming.read(buffer) }
    }
}

impl Write for Narrow {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        let wire = &mut *self.0.lock();
        let count = buffer.len().min(wire.room);
        if count == 0 {
            return Err(ErrorKind::WouldBlock.into());
        }
        wire.room -= count;
        wire.sent.extend_from_slice(&buffer[..count]);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn server(certificates: &Certificates) -> ServerConnection {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let chain = CertificateDer::pem_file_iter(certificates.file("server.pem")).unwrap();
    let key = PrivateKeyDer::from_pem_file(certificates.file("server.key")).unwrap();
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain.map(Result::unwrap).collect(), key);
    ServerConnection::new(Arc::new(config.unwrap())).unwrap()
}

/// Both ends, after their handshake.
fn pair() -> (Encrypted<Narrow>, Narrow, ServerConnection) {
    let certificates = Certificates::new();
    let tls = AmqpTls { ca: Some(certificates.file("ca.pem")), ..AmqpTls::default() };
    let name = ServerName::try_from("localhost").unwrap();
    let mut client = ClientConnection::new(Arc::new(config(&tls).unwrap()), name).unwrap();
    let mut server = server(&certificates);
    while client.is_handshaking() || server.is_handshaking() {
        let mut bytes = Vec::new();
        while client.wants_write() {
            client.write_tls(&mut bytes).unwrap();
        }
        give(&mut server, &bytes);
        bytes.clear();
        while server.wants_write() {
            server.write_tls(&mut bytes).unwrap();
        }
        client.read_tls(&mut &bytes[..]).unwrap();
        client.process_new_packets().unwrap();
    }
    let socket = Narrow::default();
    (Encrypted::new(client, socket.clone()), socket, server)
}

fn give(server: &mut ServerConnection, mut bytes: &[u8]) -> Vec<u8> {
    let mut plain = Vec::new();
    while !bytes.is_empty() {
        server.read_tls(&mut bytes).unwrap();
        server.process_new_packets().unwrap();
        match server.reader().read_to_end(&mut plain) {
            Err(error) if error.kind() != ErrorKind::WouldBlock => panic!("{error}"),
            _ => {}
        }
    }
    plain
}

#[test]
fn what_counts_as_written_is_in_the_socket_however_small_that_is() {
    for step in [1, 7, 1000, 20_000, 1 << 20] {
        let (mut stream, socket, mut server) = pair();
        // With a room of one byte it takes its time.
        let size = if step < 1000 { 5_000 } else { 300_000 };
        let all: Vec<u8> = (0..size).map(|at: u32| at.to_le_bytes()[1]).collect();
        let (mut written, mut arrived) = (0, Vec::new());
        while written < all.len() {
            // What is new comes behind: what was there stays first.
            let ready = (written + 70_000).min(all.len());
            match stream.write(&all[written..ready]) {
                Ok(count) => {
                    written += count;
                    let sent = std::mem::take(&mut socket.0.lock().sent);
                    arrived.extend(give(&mut server, &sent));
                    assert_eq!(arrived.len(), written, "nothing waits that counts as written");
                }
                Err(error) => {
                    assert_eq!(error.kind(), ErrorKind::WouldBlock);
                    socket.0.lock().room += step;
                }
            }
        }
        assert!(arrived == all, "nothing is lost, and nothing is there twice");
    }
}

#[test]
fn reading_sends_what_did_not_fit() {
    let (mut stream, socket, mut server) = pair();
    assert_eq!(stream.write(b"hello").unwrap_err().kind(), ErrorKind::WouldBlock);
    socket.0.lock().room = 1000;
    assert_eq!(stream.read(&mut [0; 10]).unwrap_err().kind(), ErrorKind::WouldBlock);
    let sent = std::mem::take(&mut socket.0.lock().sent);
    assert_eq!(give(&mut server, &sent), b"hello");
    assert_eq!(stream.write(b"hello, again").unwrap(), 5, "it is not sent twice");
}

#[test]
fn what_comes_in_pieces_is_read_to_its_end() {
    let (mut stream, socket, mut server) = pair();
    server.writer().write_all(b"a message").unwrap();
    let mut bytes = Vec::new();
    while server.wants_write() {
        server.write_tls(&mut bytes).unwrap();
    }
    let mut buffer = [0; 100];
    for byte in bytes.drain(..bytes.len() - 1).collect::<Vec<_>>() {
        socket.0.lock().coming.push_back(byte);
        assert_eq!(stream.read(&mut buffer).unwrap_err().kind(), ErrorKind::WouldBlock);
    }
    socket.0.lock().coming.extend(bytes);
    assert_eq!(stream.read(&mut buffer).unwrap(), 9);
    assert_eq!(&buffer[..9], b"a message");
    socket.0.lock().coming.extend(b"this is no TLS");
    assert_eq!(stream.read(&mut buffer).unwrap_err().kind(), ErrorKind::InvalidData);
}

#[test]
fn files_of_no_use_are_named() {
    let certificates = Certificates::new();
    let file = |name: &str| Some(certificates.file(name));
    let (ca, cert, key) = (file("ca.pem"), file("client.pem"), file("client.key"));
    let good = AmqpTls { ca, cert, key, server_name: None };
    config(&good).expect("they are good");
    let wrong = [
        (AmqpTls { ca: file("nowhere"), ..good.clone() }, "tls.ca"),
        (AmqpTls { ca: file("client.key"), ..good.clone() }, "tls.ca"),
        (AmqpTls { cert: file("names"), ..good.clone() }, "tls.cert"),
        (AmqpTls { key: file("client.pem"), ..good.clone() }, "tls.key"),
        (AmqpTls { key: file("server.key"), ..good }, "tls.key"),
    ];
    for (tls, named) in wrong {
        let why = config(&tls).expect_err("it is of no use");
        assert!(why.contains(named) && why.contains("certificates"), "{why}");
    }
}
