//! What begins and ends: worker processes, and the daemon itself.
//!
//! Owns: the order in which it is told and cleaned up. Does not own: what follows from it (`roles::node`), or who takes
//! leave of ended processes (`aktis.cluster.supervisor`).

use std::io;
use std::os::fd::OwnedFd;

use roles::node;
use types::WorkerId;

use super::Daemon;
use crate::children::{self, Ended};
use crate::process::Report;

impl Daemon {
    /// Hears all that there is to hear of processes and signals.
    pub(super) fn on_processes(&mut self) -> io::Result<()> {
        while let Some(report) = self.fork_server.receive()? {
            match report {
                Report::Forked { worker, pid, descriptors } => {
                    self.on_forked(worker, pid, descriptors)?;
                }
                Report::Failed { worker, reason } => {
                    self.happened([node::Event::ForkFailed { worker, reason }]);
                }
                Report::Ended(ended) => self.on_ended(ended)?,
                Report::Restarted => {
                    self.workers.lost().into_iter().try_for_each(|lost| self.on_ended(lost))?;
                }
                Report::ToldToStop => self.stopping = true,
            }
        }
        Ok(())
    }

    /// A worker process was started. One that cannot be heard is ended, and counts as not started.
    fn on_forked(
        &mut self,
        worker: WorkerId,
        pid: u32,
        [control, output, error]: [OwnedFd; 3],
    ) -> io::Result<()> {
        let added = self.workers.add(&mut self.watch, worker, pid, [output, error]);
        let added =
            added.and_then(|()| self.peers.add_forked(&mut self.watch, control.into(), worker));
        let Err(error) = added else {
            self.happened([node::Event::Forked { worker, pid }]);
            return Ok(());
        };
        self.workers.forget(worker);
        let reason = format!("it cannot be heard: {error}");
        self.happened([node::Event::ForkFailed { worker, reason }]);
        children::kill_group(pid)
    }

    /// A process ended: what it still said and wrote comes first, then its end.
    fn on_ended(&mut self, ended: Ended) -> io::Result<()> {
        // Others end up as this process's children too: whatever a worker started and left behind.
        let Some(worker) = self.workers.worker_of(ended.pid) else {
            return Ok(());
        };
        self.hear_out(worker)?;
        if let Some(link) = self.peers.link_of(worker) {
            self.hang_up(link);
        }
        self.workers.on_ended(worker, ended, &mut self.inputs);
        self.settle()
    }

    /// Ends all worker processes. Those whose number is not known yet hear it by their connection's end.
    pub(super) fn end(mut self) {
        // Farewells to drivers; who does not take them is not waited for.
        drop(self.peers.flush(&self.watch));
        self.workers.kill_all();
    }
}
