//! Performs what the roles want done: sockets, clock, processes, files.
//!
//! Owns: everything that waits, fails or guesses. Does not own: any decision (`roles`), or Python (`python`).
//!
//! Reading order: what the system offers (`sys`, `children`, `clock`, `entropy`, `poll`), how two processes talk (`conn`,
//! `handshake`, `meeting`, `listen`), and the daemon, which plays the roles Node and Head in one loop.

mod sys;
mod children;
pub mod clock;
mod entropy;
mod signals;
mod poll;
mod conn;
mod handshake;
mod meeting;
mod listen;
mod output;
mod spill;
mod process;
pub mod daemon;
pub mod engine;
