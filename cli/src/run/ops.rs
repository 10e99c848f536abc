//! Where the service is controlled, and what outlives it of its counts.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use heijunka::ops::{
    Claim, Counters, HttpSettings, Keeping, Ops, OpsError, OpsSettings, Token, default_socket,
};
use heijunka::{Listen, Runtime, ServiceConfig};

use super::args::Run;
use super::ending::{Ending, How};
use crate::error::Error;

/// A socket and a port that are this service's, before any work begins: another one may have them.
#[derive(Debug)]
pub(super) struct Claimed {
    claim: Option<Claim>,
    counters: Option<Arc<Counters>>,
    pub(super) socket: Option<PathBuf>,
    pub(super) http: Option<SocketAddr>,
}

/// What serves.
#[derive(Debug)]
pub(super) struct Serving {
    pub(super) ops: Option<Ops>,
    _keeping: Option<Keeping>,
}

pub(super) fn claim(args: &Run, config: &ServiceConfig) -> Result<Claimed, Error> {
    let socket = match (&args.socket, args.stdin) {
        (Some(socket), _) => Some(socket.clone()),
        (None, true) => None,
        (None, false) => Some(config.socket.clone().unwrap_or_else(default_socket)),
    };
    let wanted = if args.stdin { args.listen } else { args.listen.or(config.http.listen) };
    let http = match wanted {
        None if args.stdin => None,
        None => Some(HttpSettings::default().listen),
        Some(Listen::Off) => None,
        Some(Listen::At(address)) => Some(address),
    };
    let http = http.map(|listen| settings(listen, config)).transpose()?;
    // Opened last, by whoever has the rest: the file may be that of a service that runs.
    let counters = || config.state.as_ref().map(Counters::open).transpose().map_err(Error::Counters);
    if socket.is_none() && http.is_none() {
        return Ok(Claimed { claim: None, counters: counters()?, socket, http: None });
    }
    let settings = OpsSettings { socket: socket.clone(), http, ..OpsSettings::nowhere() };
    let claim = match Ops::claim(settings.clone()) {
        // Nobody asked for this one: the work matters more than being watched.
        Err(OpsError::Listen(address, error)) if wanted.is_none() && error.kind() == ErrorKind::AddrInUse => {
            tracing::warn!("somebody else listens on {address}: no metrics and no dashboard there. Set service.http.listen, or switch it off");
            Ops::claim(OpsSettings { http: None, ..settings })
        }
        claim => claim,
    }
    .map_err(Error::Ops)?;
    Ok(Claimed { http: claim.http(), claim: Some(claim), counters: counters()?, socket })
}

fn settings(listen: SocketAddr, config: &ServiceConfig) -> Result<HttpSettings, Error> {
    let token = config.http.token.as_ref().map(|secret| {
        let token = secret.look_up()?;
        Token::new(token).map_err(|error| error.to_string())
    });
    let token = token.transpose().map_err(Error::Token)?;
    Ok(HttpSettings { listen, token, hosts: config.http.hosts.clone() })
}

impl Claimed {
    pub(super) fn serve(self, runtime: &Arc<Runtime>, ending: &Ending) -> Result<Serving, Error> {
        let ending = ending.clone();
        let end = move |drains: bool, within| ending.ask(if drains { How::Drain } else { How::Stop }, within);
        let keeping = self.counters.as_ref().map(|counters| counters.keep(runtime));
        let keeping = keeping.transpose().map_err(|error| Error::Ops(OpsError::Start(error)))?;
        let routes = heijunka::ops::routes(runtime, self.counters, end);
        let ops = self.claim.map(|claim| claim.serve(routes)).transpose().map_err(Error::Ops)?;
        Ok(Serving { ops, _keeping: keeping })
    }
}
