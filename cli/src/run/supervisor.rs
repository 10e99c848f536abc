//! systemd's protocol: where `NOTIFY_SOCKET` names a socket, how the service fares is written there. Nothing happens without it.

use std::time::Duration;

/// Who started the service, if it wants to be told.
#[derive(Clone, Debug)]
pub(crate) struct Supervisor {
    listens: bool,
    patience: Option<Duration>,
}

#[cfg(unix)]
mod told {
    use std::time::Duration;

    use sd_notify::NotifyState;

    pub(super) fn listens() -> bool {
        std::env::var_os("NOTIFY_SOCKET").is_some()
    }

    pub(super) fn patience() -> Option<Duration> {
        sd_notify::watchdog_enabled()
    }

    fn tell(what: &[NotifyState<'_>]) {
        if let Err(error) = sd_notify::notify(what) {
            tracing::warn!(%error, "the supervisor cannot be told how the service fares");
        }
    }

    pub(super) fn ready() {
        tell(&[NotifyState::Ready, NotifyState::Status("serving")]);
    }

    pub(super) fn fares(how: &str, lives: bool) {
        let all = [NotifyState::Status(how), NotifyState::Watchdog];
        tell(if lives { &all } else { &all[..1] });
    }

    pub(super) fn stopping(how: &str) {
        tell(&[NotifyState::Stopping, NotifyState::Status(how)]);
    }
}

#[cfg(not(unix))]
mod told {
    use std::time::Duration;

    pub(super) fn listens() -> bool {
        false
    }

    pub(super) fn patience() -> Option<Duration> {
        None
    }

    pub(super) fn ready() {}

    pub(super) fn fares(_: &str, _: bool) {}

    pub(super) fn stopping(_: &str) {}
}

impl Supervisor {
    pub(crate) fn find() -> Self {
        let listens = told::listens();
        Self { listens, patience: if listens { told::patience() } else { None } }
    }

    /// Whether there is any.
    pub(crate) fn listens(&self) -> bool {
        self.listens
    }

    /// How long it waits for a sign of life, if it does.
    pub(crate) fn patience(&self) -> Option<Duration> {
        self.patience
    }

    /// The service serves.
    pub(crate) fn ready(&self) {
        if self.listens {
            told::ready();
        }
    }

    /// How the service fares in a line, and whether it lives.
    pub(crate) fn fares(&self, how: &str, lives: bool) {
        if self.listens {
            told::fares(how, lives);
        }
    }

    /// The service ends.
    pub(crate) fn stopping(&self, how: &str) {
        if self.listens {
            told::stopping(how);
        }
    }
}
