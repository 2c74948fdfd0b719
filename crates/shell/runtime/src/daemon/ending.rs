//! What ends: children, the fork server, the daemon itself.
//!
//! Owns: the order in which an end is told and cleaned up. Does not own: what follows from it (`roles::node`).

use std::io;
use std::time::Duration;

use types::Payload;

use super::peers::{Peers, State};
use super::{AsFd, Daemon, clock};
use crate::children::{self, Reaped};
use crate::poll::{Interest, Poller};
use crate::sys;

/// How long killed processes may take to be gone: the kernel tears down large mappings in this time.
const END_PATIENCE: Duration = Duration::from_secs(2);

/// How often it is looked whether children are left: a grandchild's adoption raises no signal.
const RECHECK: Duration = Duration::from_millis(20);

impl Daemon {
    fn forget_signals(&self) -> io::Result<()> {
        while sys::next_signal(self.signals.as_fd())?.is_some() {}
        Ok(())
    }

    pub(super) fn on_signals(&mut self) -> io::Result<()> {
        while let Some(signal) = sys::next_signal(self.signals.as_fd())? {
            match signal {
                libc::SIGCHLD => self.reap()?,
                _ => {
                    self.stopping = Some(format!("the daemon was told to stop by signal {signal}"))
                }
            }
        }
        Ok(())
    }

    /// Takes leave of children: the fork server, and workers whose fork server went before them.
    fn reap(&mut self) -> io::Result<()> {
        while let Some(reaped) = children::reap_one()? {
            if self.workers.is_server(reaped.pid) {
                self.on_fork_server_end()?;
            } else {
                self.on_ended(reaped)?;
            }
        }
        Ok(())
    }

    fn on_fork_server_end(&mut self) -> io::Result<()> {
        while let Some(report) = self.workers.next_report(&self.watch)? {
            self.on_report(report)?;
        }
        let orphans = self.workers.on_server_end(&self.watch, clock::now())?;
        for (worker, environment) in orphans.again {
            if let Some(link) = self.peers.link_of(worker) {
                self.peers.remove(link);
            }
            self.fork(worker, environment)?;
        }
        for reaped in orphans.lost {
            self.on_ended(reaped)?;
        }
        self.settle()
    }

    /// A process ended: what it still said and wrote comes first, then its end.
    pub(super) fn on_ended(&mut self, reaped: Reaped) -> io::Result<()> {
        // Others end up as this process's children too: whatever a worker started and left behind.
        let Some(worker) = self.workers.worker_of(reaped.pid) else {
            return Ok(());
        };
        if let Some(link) = self.peers.link_of(worker) {
            while self.peers.receive(&self.watch, link, clock::now()) == State::More {
                self.hear(link)?;
            }
            self.hear(link)?;
            self.hang_up(link)?;
        }
        let mut events = Vec::new();
        self.workers.on_ended(worker, reaped, &mut events);
        self.take_node_events(events)
    }

    /// Ends all processes and waits until they are gone.
    pub(super) fn end(mut self) -> io::Result<()> {
        // Farewells to drivers; who does not take them is not waited for.
        drop(self.peers.flush(&self.watch));
        self.workers.kill_all();
        // A process whose number is not known yet hears by its connection's end.
        self.peers = Peers::new(Payload::EMPTY);
        let mut poller = Poller::new()?;
        poller.add(&self.signals, 0, Interest::Read)?;
        let deadline = clock::now() + END_PATIENCE;
        while children::has_children() {
            // Each signal may stand for several ends, and a reaped parent leaves its children to this process.
            while children::reap_one()?.is_some() {}
            let now = clock::now();
            if now >= deadline {
                break;
            }
            poller.wait(Some(RECHECK.min(deadline.since(now))), &mut Vec::new())?;
            self.forget_signals()?;
        }
        Ok(())
    }
}
