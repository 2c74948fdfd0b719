//! Knows in a forked child that it is one.
//!
//! Owns: the count of forks. Does not own: what a child may do (nothing but connect anew).
#![expect(unsafe_code, reason = "the standard library has no door to pthread_atfork")]

use std::sync::Once;
use std::sync::atomic::{AtomicU64, Ordering};

static FORKS: AtomicU64 = AtomicU64::new(0);

/// How often the process was forked on the way to the one that runs this, of the times since this was first asked.
pub(super) fn count() -> u64 {
    static WATCHED: Once = Once::new();
    WATCHED.call_once(|| {
        // SAFETY: `on_fork` only counts, which is allowed in a forked child.
        // It fails only without memory; then forks go unnoticed, as they would without this.
        unsafe { libc::pthread_atfork(None, None, Some(on_fork)) };
    });
    FORKS.load(Ordering::Relaxed)
}

extern "C" fn on_fork() {
    FORKS.fetch_add(1, Ordering::Relaxed);
}
