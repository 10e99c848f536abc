//! A server on a socket of its own, and a client that does exactly what it is told.

use std::fs;
use std::io::{self, Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use crate::ops::{
    HttpSettings, Lines, Method, Ops, OpsLimits, OpsSettings, Problem, Request, Response, Routes, Token,
};

/// A folder for sockets, gone after the test. Its path must be short.
#[derive(Debug)]
pub(super) struct Folder(PathBuf);

impl Folder {
    pub(super) fn new() -> Self {
        let folder = std::env::temp_dir().join(format!("hj-{}", ulid::Ulid::generate()));
        fs::create_dir(&folder).unwrap();
        Self(folder)
    }

    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Nothing in these tests takes this long unless it is broken.
pub(super) const LONG: Duration = Duration::from_secs(20);

pub(super) const SHORT: Duration = Duration::from_millis(30);

pub(super) struct Rig {
    pub(super) folder: Folder,
    pub(super) ops: Ops,
    pub(super) settings: OpsSettings,
    pub(super) socket: PathBuf,
}

/// A server on a port of its own, which asks for this token.
#[derive(Debug)]
pub(super) struct HttpRig {
    pub(super) address: SocketAddr,
    pub(super) ops: Ops,
}

pub(super) const TOKEN: &str = "correct-horse-battery-staple";

impl HttpRig {
    pub(super) fn new(change: impl FnOnce(&mut OpsLimits), routes: Routes) -> Self {
        let token = Some(Token::new(TOKEN).unwrap());
        let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let http = HttpSettings { listen, token, ..HttpSettings::default() };
        let mut settings = OpsSettings { http: Some(http), ..OpsSettings::nowhere() };
        change(&mut settings.limits);
        let claim = Ops::claim(settings).unwrap();
        let address = claim.http().expect("it listens on TCP");
        Self { address, ops: claim.serve(routes).unwrap() }
    }

    pub(super) fn client(&self) -> Client {
        let socket = TcpStream::connect(self.address).unwrap();
        socket.set_read_timeout(Some(LONG)).unwrap();
        socket.set_write_timeout(Some(LONG)).unwrap();
        Client { socket: Box::new(socket), read: Vec::new() }
    }

    /// The status and the body of this, asked as a browser or curl would.
    pub(super) fn get(&self, path: &str) -> (u16, String) {
        self.client().ask(format!("GET {path} HTTP/1.1\r\nhost: {}\r\n\r\n", self.address))
    }

    /// It still does what it should.
    #[track_caller]
    pub(super) fn is_well(&self) {
        assert_eq!(self.get("/open").0, 200);
    }
}

impl Rig {
    pub(super) fn new(change: impl FnOnce(&mut OpsLimits), routes: Routes) -> Self {
        let folder = Folder::new();
        let mut settings = OpsSettings::new(folder.file("ops.sock"));
        change(&mut settings.limits);
        let ops = Ops::start(&settings, routes).unwrap();
        let socket = folder.file("ops.sock");
        Self { folder, ops, settings, socket }
    }

    /// With the usual routes and limits.
    pub(super) fn usual() -> Self {
        Self::new(|_| (), routes())
    }

    pub(super) fn client(&self) -> Client {
        let socket = UnixStream::connect(&self.socket).unwrap();
        socket.set_read_timeout(Some(LONG)).unwrap();
        socket.set_write_timeout(Some(LONG)).unwrap();
        Client { socket: Box::new(socket), read: Vec::new() }
    }

    /// It still does what it should.
    #[track_caller]
    pub(super) fn is_well(&self) {
        assert_eq!(self.client().ask("GET /hello/you HTTP/1.1\r\n\r\n"), (200, "hello, you".to_owned()));
    }
}

/// `/open` to everybody, and `/ticks` from one on; for whoever may: `/hello/{name}` at once; `/length` of the body; `/slow`, `/panic`, `/never`; `/count?to=` line by line.
pub(super) fn routes() -> Routes {
    let hello = |request: &Request| Ok(Response::text(format!("hello, {}", request.parameter("name"))));
    let length = |request: &Request| Ok(Response::text(request.body().len().to_string()));
    let panic = |_: &Request| -> Result<Response, Problem> { panic!("on purpose") };
    let count = |request: &Request, lines: &mut Lines| {
        request.only(&["to"])?;
        (1..=request.query_as::<u64>("to")?.unwrap_or(0)).try_for_each(|number| lines.line(&number))
    };
    let ticks = |told: &mut u64| {
        *told += 1;
        format!("data: {told}\n\n").into_bytes()
    };
    Routes::new()
        .quick(Method::Get, "/open", |_| Ok(Response::text("open")))
        .open()
        .events("/ticks", Duration::from_millis(5), ticks)
        .open()
        .events("/floods", Duration::from_millis(1), |_| vec![b'x'; 1 << 20])
        .open()
        .quick(Method::Get, "/hello/{name}", hello)
        .quick(Method::Get, "/large", |_| Ok(Response::new("text/plain", vec![b'x'; 10 << 20])))
        .quick(Method::Post, "/length", length)
        .quick(Method::Post, "/panic", panic)
        .slow(Method::Post, "/slow", LONG, length)
        .slow(Method::Post, "/slow/panic", LONG, panic)
        .slow(Method::Post, "/sleep", Duration::from_millis(1), |_| {
            thread::sleep(Duration::from_millis(200));
            Ok(Response::text("late"))
        })
        .lines(Method::Post, "/count", LONG, count)
}

/// What both kinds of sockets can do.
pub(super) trait Stream: io::Read + io::Write + Send {
    fn shutdown(&self, how: Shutdown) -> io::Result<()>;
    fn set_nonblocking(&self, never_waits: bool) -> io::Result<()>;
}

macro_rules! stream {
    ($stream:ty) => {
        impl Stream for $stream {
            fn shutdown(&self, how: Shutdown) -> io::Result<()> {
                self.shutdown(how)
            }

            fn set_nonblocking(&self, never_waits: bool) -> io::Result<()> {
                self.set_nonblocking(never_waits)
            }
        }
    };
}

stream!(UnixStream);
stream!(TcpStream);

pub(super) struct Client {
    pub(super) socket: Box<dyn Stream>,
    read: Vec<u8>,
}

impl Client {
    pub(super) fn send(&mut self, text: impl AsRef<[u8]>) -> &mut Self {
        self.try_send(text).unwrap();
        self
    }

    pub(super) fn try_send(&mut self, text: impl AsRef<[u8]>) -> io::Result<()> {
        self.socket.write_all(text.as_ref())
    }

    /// Sends this and reads the answer.
    pub(super) fn ask(&mut self, text: impl AsRef<[u8]>) -> (u16, String) {
        self.send(text).answer()
    }

    pub(super) fn post(&mut self, path: &str, body: &str) -> (u16, String) {
        self.ask(format!("POST {path} HTTP/1.1\r\nContent-Length: {}\r\n\r\n{body}", body.len()))
    }

    /// The status and the body of the next answer.
    pub(super) fn answer(&mut self) -> (u16, String) {
        let (status, head) = self.head();
        let text = head.to_ascii_lowercase();
        let mut body = Vec::new();
        if let Some((_, rest)) = text.split_once("content-length: ") {
            body = self.take(rest.split("\r\n").next().unwrap().parse().unwrap());
        } else if text.contains("transfer-encoding: chunked") {
            while let Some(piece) = self.chunk() {
                body.extend(piece);
            }
        } else {
            self.socket.read_to_end(&mut self.read).unwrap();
            body.append(&mut self.read);
        }
        (status, String::from_utf8(body).unwrap())
    }

    /// The status and the whole head of the next answer.
    pub(super) fn head(&mut self) -> (u16, String) {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.extend(self.take(1));
        }
        let head = String::from_utf8(head).unwrap();
        (head.split(' ').nth(1).unwrap().parse().unwrap(), head)
    }

    pub(super) fn chunk(&mut self) -> Option<Vec<u8>> {
        let mut size = Vec::new();
        while !size.ends_with(b"\r\n") {
            size.extend(self.take(1));
        }
        let size = usize::from_str_radix(std::str::from_utf8(&size).unwrap().trim_end(), 16).unwrap();
        let piece = self.take(size);
        assert_eq!(self.take(2), b"\r\n");
        (size > 0).then_some(piece)
    }

    pub(super) fn take(&mut self, bytes: usize) -> Vec<u8> {
        let mut buffer = vec![0; 64 << 10];
        while self.read.len() < bytes {
            let read = self.socket.read(&mut buffer).unwrap();
            assert_ne!(read, 0, "closed after {:?}", String::from_utf8_lossy(&self.read));
            self.read.extend(&buffer[..read]);
        }
        let rest = self.read.split_off(bytes);
        std::mem::replace(&mut self.read, rest)
    }

    /// Whether the server has closed the connection, whatever it said before.
    pub(super) fn is_gone(&mut self) -> bool {
        let mut rest = Vec::new();
        match self.socket.read_to_end(&mut rest) {
            Ok(_) => true,
            Err(error) => !matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut),
        }
    }

    /// Whether the server has closed the connection, having said nothing more.
    pub(super) fn is_closed(&mut self) -> bool {
        match self.socket.read(&mut [0; 1]) {
            Ok(read) => read == 0 && self.read.is_empty(),
            Err(error) => matches!(error.kind(), io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe),
        }
    }
}
