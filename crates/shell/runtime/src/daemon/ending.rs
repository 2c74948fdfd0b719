//! What ends: children, the fork server, the daemon itself.
//!
//! Owns: the order in which an end is told and cleaned up. Does not own: what follows from it (`roles::node`).

use std::io::{self, Read};

use roles::node;

use super::watch::FORK_SERVER;
use super::{Daemon, clock};
use crate::children::{self, Reaped};
use crate::poll::Interest;
use crate::process::Report;
use crate::sys;

/// So many are taken at once; more come at the next turn.
const SIGNALS_MAX: usize = 64;

impl Daemon {
    pub(super) fn on_signals(&mut self) -> io::Result<()> {
        // Many of one kind may be one.
        let mut numbers = [0; SIGNALS_MAX];
        let len = sys::attempt(|| self.signals.read(&mut numbers))?.unwrap_or(0);
        for &signal in &numbers[..len] {
            match i32::from(signal) {
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
            if self.fork_server.pid() == Some(reaped.pid) {
                self.on_fork_server_end()?;
            } else {
                self.on_ended(reaped)?;
            }
        }
        Ok(())
    }

    pub(super) fn watch_fork_server(&self) -> io::Result<()> {
        let socket = self.fork_server.socket();
        socket.map_or(Ok(()), |it| self.watch.poller.add(&it, FORK_SERVER, Interest::Read))
    }

    /// The fork server has something to say.
    pub(super) fn on_fork_server(&mut self) -> io::Result<()> {
        while let Some(report) = self.fork_server.receive()? {
            match report {
                Report::Forked { worker, pid, descriptors } => {
                    self.on_forked(worker, pid, descriptors)?;
                }
                Report::Failed { worker, reason } => {
                    self.happened([node::Event::ForkFailed { worker, reason }]);
                }
                Report::Ended(reaped) => self.on_ended(reaped)?,
            }
        }
        Ok(())
    }

    /// The fork server was reaped: another one goes on.
    fn on_fork_server_end(&mut self) -> io::Result<()> {
        self.on_fork_server()?;
        self.fork_server.on_end(clock::now())?;
        self.watch_fork_server()?;
        self.workers.lost().into_iter().try_for_each(|reaped| self.on_ended(reaped))
    }

    /// A process ended: what it still said and wrote comes first, then its end.
    pub(super) fn on_ended(&mut self, reaped: Reaped) -> io::Result<()> {
        // Others end up as this process's children too: whatever a worker started and left behind.
        let Some(worker) = self.workers.worker_of(reaped.pid) else {
            return Ok(());
        };
        self.hear_out(worker)?;
        if let Some(link) = self.peers.link_of(worker) {
            self.hang_up(link);
        }
        let mut events = Vec::new();
        self.workers.on_ended(worker, reaped, &mut events);
        self.happened(events);
        self.settle()
    }

    /// Ends all processes. Those whose number is not known yet hear it by their connection's end.
    pub(super) fn end(mut self) {
        // Farewells to drivers; who does not take them is not waited for.
        drop(self.peers.flush(&self.watch));
        // One that cannot be ended hears that the daemon is gone.
        drop(self.fork_server.pid().map(children::kill_group));
        self.workers.kill_all();
    }
}
