//! Performs what the roles want done: sockets, clock, processes, files.
//!
//! Owns: everything that waits, fails or guesses. Does not own: any decision (`roles`), or Python (`python`).
//!
//! Reading order: what the system offers (`sys`, `children`, `clock`, `entropy`, `poll`), how two processes talk (`conn`,
//! `handshake`, `meeting`, `listen`, `dial`), and the daemon, which plays the roles Node and Head in one loop.

pub mod sys;
pub mod children;
pub mod clock;
pub mod entropy;
pub mod poll;
pub mod conn;
pub mod handshake;
pub mod meeting;
pub mod listen;
pub mod dial;
pub mod title;
pub mod output;
pub mod spill;
pub mod process;
pub mod daemon;
pub mod engine;
