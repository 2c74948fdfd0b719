//! What is said between processes: how a conversation begins, goes on and ends.
//!
//! Owns: the bytes. Does not own: sockets (`runtime`), or what a message leads to (`roles`).
//!
//! A conversation begins with a [`preamble`] of fixed size, goes on with both sides proving that they know the
//! cluster's token, and from then on is a sequence of [`frame`]s, each one message. It ends when the stream does.

pub mod version;
pub mod preamble;
pub mod frame;
pub mod codec;
pub mod to_worker;
pub mod to_node;
pub mod to_head;

pub use codec::{DecodeError, decode, encode};
pub use frame::{FrameError, Frames};
pub use to_head::{Answer, Question, ToHead};
pub use to_node::{HeadToNode, Peer, ToDaemon, ToNode};
pub use to_worker::{FromHead, FromNode, FromPeer, ToWorker};
