//! What is a URL of a service, and to whom a token is told.

use std::net::TcpListener;
use std::path::PathBuf;
use std::time::Duration;

use super::{Place, Token, authority};
use crate::control::args::Whereabouts;

fn place(token: Option<Token>, listener: &TcpListener) -> Place {
    Place::Http { authority: listener.local_addr().unwrap().to_string(), token }
}

fn token(given: bool) -> Token {
    Token { text: "hush".to_owned(), given }
}

#[test]
fn a_url_names_host_and_port_and_nothing_else() {
    for good in ["127.0.0.1:9090", "localhost:1", "[::1]:80", "host.example:65535"] {
        assert_eq!(authority(&format!("http://{good}")).unwrap(), good);
        assert_eq!(authority(&format!("http://{good}/")).unwrap(), good);
    }
    let https = authority("https://host:9090").unwrap_err().to_string();
    assert!(https.contains("https is not spoken"), "{https}");
    let wrong = [
        "host:9090",
        "http://",
        "http://host",
        "http://[::1]",
        "http://host:0",
        "http://host:x",
        "http://:80",
        "http://user@host:80",
        "http://host:80/status",
        "http://host:80?x",
        "http://ho st:80",
        "ftp://host:80",
        "http://host:80\r\nx:",
    ];
    for wrong in wrong {
        assert!(authority(wrong).is_err(), "{wrong:?}");
    }
}

#[test]
fn a_token_that_nobody_named_stays_on_this_machine() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    for given in [true, false] {
        let place = place(Some(token(given)), &listener);
        assert_eq!(place.connect(Duration::from_secs(5)).unwrap().1, Some("hush"), "loopback");
        assert!(!format!("{place:?}").contains("hush"));
    }
    assert_eq!(place(None, &listener).connect(Duration::from_secs(5)).unwrap().1, None);
}

#[test]
fn a_token_is_one_line_of_a_file() {
    let folder = std::env::temp_dir().join(format!("hj-token-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let read = |text: &str| {
        let file = folder.join("token");
        std::fs::write(&file, text).unwrap();
        Token::read(&file, true).map(|token| token.text).map_err(|error| error.to_string())
    };
    assert_eq!(read("abc\n"), Ok("abc".to_owned()));
    for wrong in ["", "\n", "a b", "a\nb", "ä"] {
        let error = read(wrong).unwrap_err();
        assert!(error.contains("holds no token") && !error.contains("a b"), "{error}");
    }
    let missing = Whereabouts {
        url: Some("http://localhost:1".into()),
        token_file: Some(PathBuf::from("/nowhere")),
        socket: None,
    };
    assert!(Place::of(&missing).is_err());
    std::fs::remove_dir_all(&folder).unwrap();
}
