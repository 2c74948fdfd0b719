//! The one table of limits, each with the reason for its value.

use std::time::Duration;

/// The largest frame: an inline value with its message, many times over; what is larger goes through shared memory.
pub const FRAME_BYTES_MAX: usize = 256 << 20;
/// A value up to this size travels inside messages; copying it costs less than two messages to the node.
pub const INLINE_BYTES_MAX: usize = 100 << 10;
/// How many templates two processes remember for each other; the oldest is forgotten first, on both sides.
pub const TEMPLATES_MAX: usize = 1024;
/// How much work one burst to a worker should be: long enough to hide a wake-up, short enough to be taken back.
pub const BURST: Duration = Duration::from_millis(2);
/// The most tasks in one burst, whatever their length.
pub const BURST_TASKS_MAX: usize = 512;
/// After so long, the tasks queued behind a running one go back to their owner.
pub const STUCK_BEHIND: Duration = Duration::from_millis(5);
/// A wait inside a task is looked into after this long: few last so long, and people wait longer before they ask why.
pub const LONG_WAIT: Duration = Duration::from_millis(500);
/// At the latest after this long a wait that lasts is looked into again.
pub const LONG_WAIT_AGAIN: Duration = Duration::from_secs(30);
/// So many refs of one wait are looked into: one that cannot come is enough.
pub const PROBED_REFS_MAX: usize = 64;
/// A probe goes to so many places; circles of waiting actors are smaller by far.
pub const PROBED_PLACES_MAX: usize = 256;
/// How long an owner keeps an idle lease in the hope of more work.
pub const LEASE_LINGER: Duration = Duration::from_millis(50);
/// How many leases an owner asks for at once for one shape.
pub const LEASES_WANTED_MAX: u32 = 64;
/// After this long a cancelled or timed-out task that ignores its interrupt costs its worker the life.
pub const INTERRUPT_GRACE: Duration = Duration::from_secs(2);
/// An outbox is written at the latest this long after its last write, while its process is busy.
pub const OUTBOX_DELAY: Duration = Duration::from_micros(200);
/// An outbox this full is written at once.
pub const OUTBOX_BYTES: usize = 64 << 10;
/// An outbox never holds more: a peer that does not read for so long is treated as lost.
pub const OUTBOX_BYTES_MAX: usize = 1 << 30;
/// Alignment of buffers in shared memory: a cache line, and what Arrow asks for.
pub const BUFFER_ALIGNMENT: u64 = 64;
/// How many spans of finished tasks a process keeps for the timeline.
pub const SPANS_MAX: usize = 10_000;
/// How many tasks and objects a process tells when it is asked, of each: more than people read.
pub const ACCOUNT_ROWS_MAX: usize = 10_000;
/// How many tasks and objects of all processes an answer holds, of each, and how many spans: what fits into one frame.
pub const SURVEY_ROWS_MAX: usize = 50_000;
/// How much of the text of a failure is told in lists, where many stand: its end, which says what was raised.
pub const BRIEF_BYTES_MAX: usize = 2 << 10;
/// How many failed attempts of its tasks an owner remembers for those who ask why.
pub const FAILURES_MAX: usize = 1_000;
/// How many last lines of its output the end of a worker is told with.
pub const LAST_LINES_MAX: usize = 10;
/// Arena alignment and smallest range: one page, so that neighbours never share one.
pub const ARENA_GRAIN_BYTES: u64 = 4096;
/// Above this share of the arena, objects go to disk.
pub const SPILL_AT_PERCENT: u64 = 80;
/// Workers of a node for each of its CPUs, blocked ones included: memory, not cores, is what they use up.
pub const WORKERS_PER_CPU_MAX: u32 = 8;
/// A node may have at least so many workers, however few its CPUs.
pub const WORKERS_MIN_CAP: u32 = 16;
/// An idle worker beyond the number of cores ends after this long.
pub const IDLE_WORKER_LIFE: Duration = Duration::from_secs(1);
/// How long a stranger may take to prove that it belongs to the cluster: many scheduler delays, few seconds of a socket.
pub const HANDSHAKE_PATIENCE: Duration = Duration::from_secs(5);
/// How many strangers may be in the middle of their proof at once; further ones wait in the socket's backlog.
pub const HANDSHAKES_MAX: usize = 256;
/// How much is read from a stream at once: what a pipe or socket of default size can hold.
pub const READ_BYTES: usize = 64 << 10;
/// A buffer that grew beyond this gives its memory back once it is empty.
pub const BUFFER_KEPT_BYTES: usize = 1 << 20;
/// The longest line of a worker's output; what is longer is cut into several.
pub const LINE_BYTES_MAX: usize = 32 << 10;
/// A line without an end is shown after this long: prompts and progress bars have none.
pub const LINE_PATIENCE: Duration = Duration::from_millis(100);
/// How far beyond the used part of the arena memory is made ready: what a fast writer fills in a quarter of a second.
pub const TOUCH_AHEAD_BYTES: u64 = 256 << 20;
/// The largest message from or to the fork server: a runtime environment with many variables.
pub const FORK_MESSAGE_BYTES_MAX: usize = 192 << 10;
/// How many actors, groups, jobs and nodes that are gone the head remembers, of each: enough for people to ask why.
pub const GONE_REMEMBERED_MAX: usize = 10_000;
/// The key-value table of the head holds at most so many bytes: what is larger is data, and belongs into `put`.
pub const TABLE_BYTES_MAX: usize = 1 << 30;
/// The longest search for nodes of a placement group, in steps; a longer one would hold up the head for milliseconds.
pub const PLACEMENT_STEPS_MAX: usize = 2_000;
