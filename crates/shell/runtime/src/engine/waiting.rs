//! How a thread waits: it reads the sockets itself if nobody else does, else it sleeps until it is woken.
//!
//! Owns: who reads when. Does not own: what is waited for (`waits`), or what follows from a message (`perform`).

use std::cell::Cell;
use std::sync::atomic::Ordering;
use std::sync::{MutexGuard, TryLockError};
use std::thread;
use std::time::Duration;

use types::Timestamp;

use super::reading::Reader;
use super::shared::{Core, Locked, Shared};
use super::waits::{Sleeper, Topic};
use super::{EngineError, Interrupted, Outcomes};
use crate::clock;

/// How long a thread that is awake, or was a moment ago, goes on without asking whether it was interrupted.
const TICK: Duration = Duration::from_millis(50);
/// The longest it sleeps without asking; a signal breaks the sleep of a thread that reads.
const PAUSE_MAX: Duration = Duration::from_secs(1);
/// How often it is tried to read before sleeping, in the hope that who reads now is only passing by.
const PASSING_BY: u32 = 100;
/// One wait of so many is made in the other way than the one that was faster lately.
const WAITS_PER_TRIAL: u32 = 64;
/// A wait weighs so much less than all before it in what is expected of the next.
const WAITS_REMEMBERED: u64 = 8;
/// Longer waits tell no more than this, in units of the time for which a thread may poll.
const MOMENTS_MAX: u64 = 16;

/// What a turn of waiting came to.
enum Turn<T> {
    /// What was waited for; the wait is over.
    Done(T),
    /// There may be news, or the time is up.
    Look,
    /// Something broke the sleep: perhaps a signal.
    Broken,
}

/// When a waiting thread asks whether it was interrupted.
///
/// A signal breaks the sleep in the poller, so there is no need to look for one all the time. Only a signal that comes
/// while the thread is awake is found late: within a tick, since the pauses grow only while nothing at all happens.
struct Patience {
    asked: Timestamp,
    pause: Duration,
}

/// What is asked under the lock whenever something happened.
type Check<'a, T> = &'a mut dyn FnMut(&mut Core) -> Option<T>;

/// How long waits took lately that began with polling, and those that slept at once.
///
/// Which is faster depends on the machine: with a core to spare polling is, while on few cores it keeps the very
/// process from running that is to answer. So both are measured.
#[derive(Debug, Clone, Copy)]
struct Habit {
    asleep_ns: u64,
    busy_ns: u64,
    waits: u32,
}

thread_local! {
    static HABIT: Cell<Habit> = const { Cell::new(Habit { asleep_ns: 0, busy_ns: 0, waits: 0 }) };
}

impl Habit {
    /// Whether the next wait begins with polling, for at most `moment`.
    fn begin(&mut self, moment: Duration) -> bool {
        self.waits = self.waits.wrapping_add(1);
        let helps = self.busy_ns < self.asleep_ns && self.busy_ns < moment.as_nanos() as u64;
        !moment.is_zero() && (helps != self.waits.is_multiple_of(WAITS_PER_TRIAL))
    }

    /// A wait of either kind took so long.
    fn note(&mut self, busy: bool, took: Duration, moment: Duration) {
        let took_ns = (took.as_nanos() as u64).min(moment.as_nanos() as u64 * MOMENTS_MAX);
        let kind = if busy { &mut self.busy_ns } else { &mut self.asleep_ns };
        *kind = (*kind * (WAITS_REMEMBERED - 1) + took_ns) / WAITS_REMEMBERED;
    }
}

impl Patience {
    const fn new(now: Timestamp) -> Self {
        Self { asked: now, pause: TICK }
    }

    /// When to ask even if nothing happened.
    fn end(&self) -> Timestamp {
        self.asked + self.pause
    }

    /// When to ask if the thread is awake.
    fn soon(&self) -> Timestamp {
        self.asked + TICK
    }

    fn asked(&mut self, quiet: bool) {
        self.pause = if quiet { (self.pause * 2).min(PAUSE_MAX) } else { TICK };
        self.asked = clock::now();
    }
}

impl Shared {
    /// Waits until `check` answers; `None` at the deadline.
    pub(super) fn await_topic<T>(
        &self,
        topic: Topic,
        deadline: Option<Timestamp>,
        interrupted: Interrupted<'_>,
        check: Check<'_, T>,
    ) -> Outcomes<Option<T>> {
        let mut locked = self.enter()?;
        if let Some(answer) = check(&mut locked) {
            return Ok(Some(answer));
        }
        let wait = self.begin_wait(&mut locked, topic);
        self.sleep(locked, wait, deadline, interrupted, check)
    }

    /// Begins a wait that [`Self::sleep`] or [`Self::end_wait`] ends.
    pub(super) fn begin_wait(&self, locked: &mut Locked<'_>, topic: Topic) -> u64 {
        let wait = self.new_number();
        if topic.reads() {
            self.waiting.fetch_add(1, Ordering::SeqCst);
        }
        locked.waits.begin(wait, topic);
        wait
    }

    pub(super) fn end_wait(&self, core: &mut Core, wait: u64) {
        if core.waits.end(wait) {
            self.waiting.fetch_sub(1, Ordering::SeqCst);
        }
    }

    /// Waits until `check` answers, which it did not just now; `None` at the deadline.
    pub(super) fn sleep<T>(
        &self,
        mut locked: Locked<'_>,
        wait: u64,
        deadline: Option<Timestamp>,
        interrupted: Interrupted<'_>,
        check: Check<'_, T>,
    ) -> Outcomes<Option<T>> {
        locked.flush(true);
        let reads = locked.waits.reads(wait);
        let mut patience = Patience::new(locked.now);
        let sleeper = Sleeper::current();
        // What woke this thread at the end of an earlier wait says nothing about this one.
        sleeper.take_woken();
        drop(locked);
        loop {
            let until = deadline.map_or(patience.end(), |deadline| deadline.min(patience.end()));
            let turn = match reads {
                true => self.take_turn(wait, &sleeper, &patience, until, check),
                false => park(&sleeper, until),
            };
            let broken = match turn {
                Turn::Done(answer) => return Ok(Some(answer)),
                Turn::Look => false,
                Turn::Broken => true,
            };
            let now = clock::now();
            let over = deadline.is_some_and(|deadline| deadline <= now);
            let woken = sleeper.take_woken();
            if (woken || over)
                && let Some(end) = self.look(wait, over, check)
            {
                self.leave_to_background();
                return end;
            }
            if !broken && !woken && now < patience.soon() {
                continue;
            }
            if interrupted() {
                self.end_wait(&mut self.lock(), wait);
                self.hand_over_reading(wait);
                return Err(EngineError::Interrupted);
            }
            patience.asked(!broken && !woken && now >= patience.end());
        }
    }

    /// Reads what comes within `limit`, for those who do not; nothing if somebody else reads.
    pub(super) fn read_in_background(&self, limit: Option<Duration>) {
        let Some(mut reader) = self.try_reader() else {
            return;
        };
        self.obey_requests(&mut reader);
        let heard = self.poll_asleep(&mut reader, limit, || false);
        if heard {
            drop(self.take_heard(&mut reader));
        }
        drop(reader);
        if self.somebody_waits() {
            self.hand_over_reading(0);
        }
    }

    /// Nobody reads any more: somebody else who waits is to, or the background thread.
    fn hand_over_reading(&self, except: u64) {
        let heir = if self.somebody_waits() { self.lock().waits.heir(except) } else { None };
        match heir {
            Some(heir) => heir.nudge(),
            None => self.alarm.stir(),
        }
    }

    /// If nobody waits any more, the background thread reads on.
    fn leave_to_background(&self) {
        if !self.somebody_waits() {
            self.alarm.stir();
        }
    }

    fn take_turn<T>(
        &self,
        wait: u64,
        sleeper: &Sleeper,
        patience: &Patience,
        until: Timestamp,
        check: Check<'_, T>,
    ) -> Turn<T> {
        for _ in 0..PASSING_BY {
            if let Some(reader) = self.try_reader() {
                return self.lead(reader, wait, sleeper, patience, until, check);
            }
            std::hint::spin_loop();
        }
        // No signal wakes a thread that is parked, and only the main thread has to do with signals.
        park(sleeper, if sleeper.is_main() { until.min(patience.soon()) } else { until })
    }

    /// Reads for all until this thread has what it waits for, or must look elsewhere.
    #[expect(clippy::too_many_arguments, reason = "who waits, how long, and for what")]
    fn lead<T>(
        &self,
        mut reader: MutexGuard<'_, Reader>,
        wait: u64,
        sleeper: &Sleeper,
        patience: &Patience,
        until: Timestamp,
        check: Check<'_, T>,
    ) -> Turn<T> {
        let turn = loop {
            self.obey_requests(&mut reader);
            if self.poll_for(&mut reader, sleeper, until) {
                match self.take_heard_for(&mut reader, wait, check) {
                    Some(answer) => break Turn::Done(answer),
                    None if sleeper.is_woken() => break Turn::Look,
                    None if clock::now() >= until.min(patience.soon()) => break Turn::Look,
                    None => continue,
                }
            } else if self.requested.load(Ordering::SeqCst) {
                continue;
            } else if !sleeper.is_woken() && clock::now() < until {
                break Turn::Broken;
            }
            if sleeper.is_woken() || clock::now() >= until {
                break Turn::Look;
            }
        };
        drop(reader);
        let others = usize::from(!matches!(turn, Turn::Done(_)));
        if self.waiting.load(Ordering::SeqCst) > others {
            self.hand_over_reading(wait);
        } else if others == 0 {
            self.alarm.stir();
        }
        turn
    }

    /// Looks whether the wait is over.
    fn look<T>(&self, wait: u64, over: bool, check: Check<'_, T>) -> Option<Outcomes<Option<T>>> {
        let mut locked = self.lock();
        let end = match (check(&mut locked), &locked.ended) {
            (Some(answer), _) => Ok(Some(answer)),
            (None, Some(ended)) => Err(ended.clone()),
            (None, None) if over => Ok(None),
            (None, None) => {
                locked.flush(true);
                return None;
            }
        };
        self.end_wait(&mut locked, wait);
        Some(end)
    }

    /// Waits for something to read: busily for a moment if that is faster, then asleep.
    fn poll_for(&self, reader: &mut Reader, sleeper: &Sleeper, until: Timestamp) -> bool {
        let moment = Duration::from_micros(self.identity.settings.poll_us);
        let mut habit = HABIT.get();
        let busy = habit.begin(moment);
        let began = clock::now();
        let heard = (busy && self.poll_busily(reader, sleeper, until.min(began + moment)))
            || self.poll_until(reader, sleeper, until);
        if heard {
            habit.note(busy, clock::now().since(began), moment);
        }
        HABIT.set(habit);
        heard
    }

    /// Polls until `end` without sleeping.
    fn poll_busily(&self, reader: &mut Reader, sleeper: &Sleeper, end: Timestamp) -> bool {
        while clock::now() < end && !sleeper.is_woken() {
            if self.poll_once(reader, Some(Duration::ZERO)) {
                return true;
            }
        }
        false
    }

    /// Sleeps in the poller until something is heard, it is woken, or `until`.
    fn poll_until(&self, reader: &mut Reader, sleeper: &Sleeper, until: Timestamp) -> bool {
        let limit = until.since(clock::now());
        sleeper.set_polls(true);
        let heard = self.poll_asleep(reader, Some(limit), || sleeper.is_woken());
        sleeper.set_polls(false);
        heard
    }

    /// Sleeps in the poller, where the alarm is heard.
    fn poll_asleep(
        &self,
        reader: &mut Reader,
        limit: Option<Duration>,
        called: impl Fn() -> bool,
    ) -> bool {
        self.alarm.set_polled(true);
        let at_once = called() || self.requested.load(Ordering::SeqCst);
        let heard = self.poll_once(reader, if at_once { Some(Duration::ZERO) } else { limit });
        self.alarm.set_polled(false);
        heard
    }

    fn poll_once(&self, reader: &mut Reader, limit: Option<Duration>) -> bool {
        match reader.poll(limit) {
            Ok(heard) => heard,
            Err(error) => {
                self.lock().node_lost(&error.to_string());
                false
            }
        }
    }

    /// Tells the role what was heard.
    fn take_heard(&self, reader: &mut Reader) -> Locked<'_> {
        let mut locked = self.lock();
        for heard in reader.take_heard() {
            locked.hear(heard);
        }
        locked.on_time();
        locked
    }

    /// Tells the role what was heard; ends the wait if that was what it waited for.
    fn take_heard_for<T>(&self, reader: &mut Reader, wait: u64, check: Check<'_, T>) -> Option<T> {
        let mut locked = self.take_heard(reader);
        let answer = check(&mut locked);
        match answer {
            Some(_) => self.end_wait(&mut locked, wait),
            None => locked.flush(true),
        }
        answer
    }

    fn obey_requests(&self, reader: &mut Reader) {
        if self.requested.swap(false, Ordering::SeqCst) {
            let requests = std::mem::take(&mut self.lock().links.requests);
            reader.obey(requests);
        }
    }

    fn try_reader(&self) -> Option<MutexGuard<'_, Reader>> {
        match self.reader.try_lock() {
            Ok(reader) => Some(reader),
            Err(TryLockError::Poisoned(reader)) => Some(reader.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        }
    }
}

/// Sleeps until `until`, or until it is woken or nudged.
fn park<T>(sleeper: &Sleeper, until: Timestamp) -> Turn<T> {
    if !sleeper.is_woken() {
        thread::park_timeout(until.since(clock::now()));
    }
    Turn::Look
}
