//! What the fuzzer calls, and what must hold whatever it comes up with. Built for it alone.

use super::gate::{Access, Gate};
use super::incoming::{Incoming, Step};
use super::request::Request;
use super::settings::{HttpSettings, OpsLimits};

/// Reads `bytes` as the requests of one connection: at once, and in pieces of the size that the first byte says. Both must come to the
/// same, hold no more than the limits allow, and end after a refusal.
pub fn requests(bytes: &[u8]) {
    let Some((&cut, bytes)) = bytes.split_first() else { return };
    let whole = read(bytes, usize::MAX);
    let cut = read(bytes, usize::from(cut).max(1));
    assert_eq!(whole, cut);
}

/// The requests, and the status of the refusal that ended them.
fn read(bytes: &[u8], piece: usize) -> (Vec<Request>, Option<u16>) {
    let limits = OpsLimits { head: 512, body: 512, ..OpsLimits::default() };
    let settings = HttpSettings::default();
    let gate = Gate::http(&settings, settings.listen);
    let (mut incoming, mut requests) = (Incoming::default(), Vec::new());
    let mut pieces = bytes.chunks(piece.min(bytes.len().max(1)));
    loop {
        match incoming.step(&limits, &|_| Ok(usize::MAX)) {
            Step::Done(request) => {
                assert!(request.body().len() <= limits.body);
                // Whatever it says, it is judged, and nobody comes in without a token.
                assert!(gate.judge(&request, Access::Guarded).is_err());
                requests.push(*request);
            }
            Step::Refuse(problem) => return (requests, Some(problem.status())),
            Step::Continue => {}
            Step::More => match pieces.next() {
                Some(piece) => incoming.feed(piece),
                None => return (requests, None),
            },
        }
    }
}
