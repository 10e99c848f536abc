//! Another process that does nothing but use a given share of the processor.

use std::io;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use crate::clock;

/// Says to a copy of this program that it is the burner, and how much it burns.
const VARIABLE: &str = "HEIJUNKA_BURN";

/// Threads it burns with: as many as the load it is compared with keeps busy, a client's and the one that answers it.
const THREADS: u32 = 2;

/// Of each of these a thread burns its part, and sleeps the rest.
const PERIOD: Duration = Duration::from_millis(1);

/// A burning process. It ends when this is dropped.
#[derive(Debug)]
pub struct Burner(Child);

impl Burner {
    /// Starts one that uses so many cores, 1.5 for one and a half.
    ///
    /// # Errors
    /// No process can be started.
    pub fn start(cores: f64) -> io::Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command.env(VARIABLE, cores.to_string()).stdin(Stdio::null());
        command.spawn().map(Self)
    }
}

impl Drop for Burner {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Burns for ever, if this process was started to. To be called first.
pub fn burn_if_told() {
    let Some(cores) = std::env::var(VARIABLE).ok().and_then(|text| text.parse::<f64>().ok()) else { return };
    let share = (cores / f64::from(THREADS)).clamp(0.0, 1.0);
    let threads: Vec<_> = (0..THREADS).map(|_| thread::Builder::new().spawn(move || burn(share))).collect();
    for thread in threads.into_iter().flatten() {
        let _ = thread.join();
    }
}

fn burn(share: f64) {
    let busy = PERIOD.mul_f64(share);
    loop {
        clock::spin_until(clock::raw(), u64::try_from(busy.as_nanos()).unwrap_or(u64::MAX));
        thread::sleep(PERIOD.saturating_sub(busy));
    }
}
