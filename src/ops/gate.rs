//! Law: who may ask for what. Over the Unix socket its owner may ask for everything; over TCP it is looked at more closely.

use std::net::{IpAddr, SocketAddr};

use super::problem::Problem;
use super::request::{Method, Request};
use super::settings::HttpSettings;
use super::token::Token;

/// Who may have a route.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Access {
    /// Whoever knows the token.
    #[default]
    Guarded,
    /// Everybody who reaches it.
    Open,
}

/// What a request must pass before any of its body is read.
#[derive(Clone, Debug)]
pub(super) enum Gate {
    /// There is none: who could connect may do everything.
    Owner,
    /// TCP.
    Http(HttpGate),
}

#[derive(Clone, Debug)]
pub(super) struct HttpGate {
    /// It can be reached from this machine alone, so also by every page in a browser on it.
    loopback: bool,
    token: Option<Token>,
    hosts: Vec<String>,
}

impl Gate {
    pub(super) fn http(settings: &HttpSettings, address: SocketAddr) -> Self {
        let hosts = settings.hosts.iter().map(|host| host.to_ascii_lowercase()).collect();
        Gate::Http(HttpGate { loopback: address.ip().is_loopback(), token: settings.token.clone(), hosts })
    }

    /// Whether bodies are wanted of those who need no token.
    pub(super) fn is_owner(&self) -> bool {
        matches!(self, Gate::Owner)
    }

    pub(super) fn judge(&self, request: &Request, access: Access) -> Result<(), Problem> {
        let Gate::Http(gate) = self else { return Ok(()) };
        let host = gate.host(request)?;
        if access == Access::Open && request.method == Method::Get {
            return Ok(());
        }
        own_origin(request, host)?;
        if access == Access::Open { Ok(()) } else { gate.token(request) }
    }
}

impl HttpGate {
    /// The name it is called by. A page whose name was made to point here is known by its own name.
    fn host<'r>(&self, request: &'r Request) -> Result<&'r str, Problem> {
        let mut hosts = request.headers().filter(|(name, _)| *name == "host").map(|(_, value)| value);
        let host = match (hosts.next(), hosts.next()) {
            (Some(host), None) => host,
            (None, _) if request.old => "",
            _ => return Err(Problem::bad("say once which host is meant, in the header host")),
        };
        let name = name_of(host);
        let known = name.is_empty()
            || name == "localhost"
            || name.trim_matches(['[', ']']).parse::<IpAddr>().is_ok()
            || self.hosts.contains(&name);
        if self.loopback && !known {
            let shown: String = name.chars().take(100).collect();
            return Err(Problem::new(421, format!("this is not {shown:?}"))
                .hint("ask for it as localhost or by its address, or add the name to service.http.hosts"));
        }
        Ok(host)
    }

    fn token(&self, request: &Request) -> Result<(), Problem> {
        let Some(token) = &self.token else {
            return Err(Problem::new(403, "this takes a token, and none is configured here")
                .hint("set service.http.token, or use the Unix socket"));
        };
        let mut given =
            request.headers().filter(|(name, _)| *name == "authorization").map(|(_, value)| value);
        let (first, more) = (given.next(), given.next());
        let bearer = first
            .and_then(|value| value.split_once(' '))
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
        match (bearer, more) {
            (Some((_, given)), None) if token.is(given.trim()) => Ok(()),
            (None, None) if first.is_none() => Err(Problem::new(401, "this takes a token")
                .hint("send it as: Authorization: Bearer TOKEN")
                .authenticate()),
            _ => Err(Problem::new(401, "this is not the token").authenticate()),
        }
    }
}

/// Refuses what a page of another origin has a browser send.
fn own_origin(request: &Request, host: &str) -> Result<(), Problem> {
    let site = request.header("sec-fetch-site").unwrap_or("none");
    let origin =
        request.header("origin").map(|origin| origin.split_once("://").map_or(origin, |(_, rest)| rest));
    let foreign = !matches!(site, "none" | "same-origin")
        || origin.is_some_and(|origin| !origin.eq_ignore_ascii_case(host));
    if foreign {
        return Err(Problem::new(403, "a page of another origin may not have this done"));
    }
    Ok(())
}

/// Without the port, in lower case.
fn name_of(host: &str) -> String {
    let name = match host.rsplit_once(':') {
        // The colons of an IPv6 address stand in brackets.
        Some((name, port)) if !port.contains(']') => name,
        _ => host,
    };
    name.to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::super::incoming::{Incoming, Step};
    use super::super::settings::OpsLimits;
    use super::*;

    const TOKEN: &str = "correct-horse-battery";

    fn gate(listen: &str, token: Option<&str>) -> Gate {
        let listen = listen.parse().unwrap();
        let token = token.map(|text| Token::new(text).unwrap());
        Gate::http(&HttpSettings { listen, token, hosts: vec!["Kanban.Example".into()] }, listen)
    }

    /// 200 if it passes.
    fn judged(gate: &Gate, access: Access, method: &str, headers: &str) -> u16 {
        let mut incoming = Incoming::default();
        incoming.feed(format!("{method} /x HTTP/1.1\r\n{headers}\r\n").as_bytes());
        let Step::Done(request) = incoming.step(&OpsLimits::default(), &|_| Ok(usize::MAX)) else {
            panic!("{headers}")
        };
        gate.judge(&request, access).map_or_else(|problem| problem.status(), |()| 200)
    }

    #[test]
    fn only_the_token_itself_lets_through() {
        let gate = gate("127.0.0.1:9090", Some(TOKEN));
        let post = |headers: &str| {
            judged(&gate, Access::Guarded, "POST", &format!("host: localhost:9090\r\n{headers}"))
        };
        assert_eq!(post(&format!("authorization: Bearer {TOKEN}\r\n")), 200);
        assert_eq!(post(&format!("Authorization: bearer  {TOKEN}\r\n")), 200);
        for wrong in [
            String::new(),
            "authorization: Bearer\r\n".to_owned(),
            "authorization: Bearer \r\n".to_owned(),
            format!("authorization: {TOKEN}\r\n"),
            format!("authorization: Basic {TOKEN}\r\n"),
            format!("authorization: Bearer {TOKEN}x\r\n"),
            format!("authorization: Bearer {}\r\n", &TOKEN[1..]),
            format!("authorization: Bearer wrong\r\nauthorization: Bearer {TOKEN}\r\n"),
            format!("cookie: token={TOKEN}\r\n"),
        ] {
            assert_eq!(post(&wrong), 401, "{wrong}");
        }
    }

    #[test]
    fn without_a_token_there_is_only_looking() {
        let gate = gate("127.0.0.1:9090", None);
        let host = "host: 127.0.0.1:9090\r\n";
        assert_eq!(judged(&gate, Access::Open, "GET", host), 200);
        assert_eq!(judged(&gate, Access::Guarded, "GET", host), 403);
        assert_eq!(judged(&gate, Access::Guarded, "POST", &format!("{host}authorization: Bearer \r\n")), 403);
        assert_eq!(judged(&Gate::Owner, Access::Guarded, "POST", ""), 200);
    }

    #[test]
    fn a_page_whose_name_points_here_is_not_answered() {
        let local = gate("127.0.0.1:9090", None);
        let get = |gate: &Gate, host: &str| judged(gate, Access::Open, "GET", &format!("host: {host}\r\n"));
        for own in
            ["localhost", "LOCALHOST:9090", "127.0.0.1:9090", "[::1]:9090", "[::1]", "kanban.example:80"]
        {
            assert_eq!(get(&local, own), 200, "{own}");
        }
        for foreign in
            ["evil.example", "evil.example:9090", "localhost.evil.example", "127.0.0.1.evil.example"]
        {
            assert_eq!(get(&local, foreign), 421, "{foreign}");
        }
        assert_eq!(get(&gate("0.0.0.0:9090", None), "heijunka.svc:9090"), 200);
        assert_eq!(judged(&local, Access::Open, "GET", ""), 400);
        assert_eq!(judged(&local, Access::Open, "GET", "host: localhost\r\nhost: evil.example\r\n"), 400);
    }

    #[test]
    fn a_page_of_another_origin_has_nothing_done_even_with_the_token() {
        let gate = gate("127.0.0.1:9090", Some(TOKEN));
        let post = |headers: &str| {
            judged(
                &gate,
                Access::Guarded,
                "POST",
                &format!("host: localhost:9090\r\nauthorization: Bearer {TOKEN}\r\n{headers}"),
            )
        };
        assert_eq!(post("origin: http://localhost:9090\r\nsec-fetch-site: same-origin\r\n"), 200);
        for foreign in [
            "origin: https://evil.example\r\n",
            "origin: http://localhost:8080\r\n",
            "origin: null\r\n",
            "sec-fetch-site: cross-site\r\n",
            "sec-fetch-site: same-site\r\n",
        ] {
            assert_eq!(post(foreign), 403, "{foreign}");
        }
    }
}
