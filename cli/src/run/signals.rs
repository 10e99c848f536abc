//! SIGTERM and SIGINT: the first asks the service to end, the second ends it at once.

use std::io;

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use super::ending::{Ending, How};
use crate::output;

/// From now on the signals are caught, by a thread of their own.
pub(crate) fn listen(ending: &Ending) -> io::Result<()> {
    let mut signals = Signals::new([SIGTERM, SIGINT])?;
    let ending = ending.clone();
    let listen = move || {
        let mut came = signals.forever();
        came.next();
        ending.ask(How::Signal, None);
        if let Some(second) = came.next() {
            heijunka::kill_programs();
            output::note("heijunka: ended at once by a second signal");
            std::process::exit(128 + second);
        }
    };
    std::thread::Builder::new().name("signals".to_owned()).spawn(listen)?;
    Ok(())
}
