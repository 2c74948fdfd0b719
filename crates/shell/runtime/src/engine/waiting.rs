//! How a thread waits: it reads the sockets itself if nobody else does, else it sleeps until it is woken.
//!
//! Owns: who reads when. Does not own: what is waited for (`waits`), or what follows from a message (`perform`).

use std::cell::Cell;
use std::sync::atomic::Ordering;
use std::sync::{Arc, MutexGuard, TryLockError};
use std::thread;
use std::time::Duration;

use roles::worker::Event;
use types::limits::{LONG_WAIT, LONG_WAIT_AGAIN};
use types::{TaskId, Timestamp};

use super::guarded::{Core, Locked};
use super::handles::Handle;
use super::reading::Reader;
use super::waits::{Sleeper, Topic};
use super::{Caller, Engine, EngineError, Outcomes, Patience};
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

/// What is asked under the lock whenever something happened.
pub(super) type Check<'a, T> = &'a mut dyn FnMut(&mut Core) -> Option<T>;

/// One thread that waits, until it is over.
///
/// A signal breaks the sleep in the poller, so there is no need to ask for one all the time. Only a signal that comes
/// while the thread is awake is found late: within a tick, since the pauses grow only while nothing at all happens.
struct Vigil<'a, T> {
    wait: u64,
    sleeper: Arc<Sleeper>,
    check: Check<'a, T>,
    /// What it waits for, if that is objects.
    handles: &'a [&'a Handle],
    deadline: Option<Timestamp>,
    /// On behalf of which task, if it waits without a deadline, and when the role is told next that this lasts.
    lasting: Option<(TaskId, Timestamp)>,
    began: Timestamp,
    /// When it was last asked whether the thread was interrupted, and how long until it is asked again.
    asked: Timestamp,
    pause: Duration,
}

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

impl<T> Vigil<'_, T> {
    /// When the thread looks up even if nothing happened.
    fn end(&self) -> Timestamp {
        let end = self.asked + self.pause;
        self.deadline.map_or(end, |deadline| deadline.min(end))
    }

    /// When to ask if the thread is awake.
    fn soon(&self) -> Timestamp {
        self.asked + TICK
    }

    fn note_asked(&mut self, quiet: bool) {
        self.pause = if quiet { (self.pause * 2).min(PAUSE_MAX) } else { TICK };
        self.asked = clock::now();
    }

    /// Sleeps until `until`, or until it is woken or nudged.
    fn park(&self, until: Timestamp) -> Turn<T> {
        if !self.sleeper.is_woken() {
            thread::park_timeout(until.since(clock::now()));
        }
        Turn::Look
    }
}

impl Engine {
    /// Waits until `check` answers; `None` at the deadline.
    pub(super) fn await_topic<T>(
        &self,
        topic: Topic,
        patience: Patience<'_>,
        check: Check<'_, T>,
    ) -> Outcomes<Option<T>> {
        let mut locked = self.enter()?;
        if let Some(answer) = check(&mut locked) {
            return Ok(Some(answer));
        }
        let wait = self.begin_wait(&mut locked, topic);
        self.sleep(locked, wait, patience, &[], check)
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
        let Some(entry) = core.waits.end(wait) else {
            return;
        };
        if entry.topic.reads() {
            self.waiting.fetch_sub(1, Ordering::SeqCst);
        }
        if let Some(task) = entry.lends.or(entry.stuck).filter(|_| core.ended.is_none()) {
            core.step(Event::Unblocked(task));
        }
    }

    /// Waits until `check` answers, which it did not just now. A thread that runs a task says so meanwhile.
    pub(super) fn sleep<T>(
        &self,
        mut locked: Locked<'_>,
        wait: u64,
        patience: Patience<'_>,
        handles: &[&Handle],
        check: Check<'_, T>,
    ) -> Outcomes<Option<T>> {
        if let Caller::Task(task) = patience.caller
            && locked.waits.lend(wait, task)
        {
            locked.step(Event::Blocked(task));
        }
        locked.flush(true);
        let reads = locked.waits.reads(wait);
        let Patience { deadline, caller, interrupted } = patience;
        let (sleeper, began) = (Sleeper::current(), locked.now);
        let lasting = match caller {
            Caller::Call(task) | Caller::Task(task) if deadline.is_none() => {
                Some((task, began + LONG_WAIT))
            }
            Caller::Call(_) | Caller::Task(_) | Caller::Thread => None,
        };
        let (asked, pause) = (began, TICK);
        let mut vigil =
            Vigil { wait, sleeper, check, handles, deadline, lasting, began, asked, pause };
        // What woke this thread at the end of an earlier wait says nothing about this one.
        vigil.sleeper.take_woken();
        drop(locked);
        loop {
            let until = vigil.end();
            let turn = if reads { self.take_turn(&mut vigil, until) } else { vigil.park(until) };
            let broken = match turn {
                Turn::Done(answer) => return Ok(Some(answer)),
                Turn::Look => false,
                Turn::Broken => true,
            };
            let now = clock::now();
            let over = deadline.is_some_and(|deadline| deadline <= now);
            let woken = vigil.sleeper.take_woken();
            if (woken || over)
                && let Some(end) = self.look(&mut vigil, over)
            {
                return end;
            }
            if !broken && !woken && now < vigil.soon() {
                continue;
            }
            if interrupted() {
                self.end_wait(&mut self.lock(), wait);
                self.hand_over_reading(wait);
                return Err(EngineError::Interrupted);
            }
            vigil.note_asked(!broken && !woken && now >= vigil.end());
            self.tell_if_lasting(&mut vigil);
        }
    }

    /// Reads what comes within `limit`, for those who do not; nothing if somebody else reads.
    pub(super) fn read_in_background(&self, limit: Option<Duration>) {
        let Some(mut reader) = self.try_reader() else {
            return;
        };
        if self.poll_asleep(&mut reader, &Sleeper::current(), limit) {
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

    fn take_turn<T>(&self, vigil: &mut Vigil<'_, T>, until: Timestamp) -> Turn<T> {
        for _ in 0..PASSING_BY {
            if let Some(reader) = self.try_reader() {
                return self.lead(reader, vigil, until);
            }
            std::hint::spin_loop();
        }
        // No signal wakes a thread that is parked, and only the main thread has to do with signals.
        vigil.park(if vigil.sleeper.main { until.min(vigil.soon()) } else { until })
    }

    /// Reads for all until this thread has what it waits for, or must look elsewhere.
    fn lead<T>(
        &self,
        mut reader: MutexGuard<'_, Reader>,
        vigil: &mut Vigil<'_, T>,
        until: Timestamp,
    ) -> Turn<T> {
        let turn = loop {
            let heard = self.poll_for(&mut reader, &vigil.sleeper, until);
            if heard && let Some(answer) = self.take_heard_for(&mut reader, vigil) {
                break Turn::Done(answer);
            }
            let look = if heard { until.min(vigil.soon()) } else { until };
            if vigil.sleeper.is_woken() || clock::now() >= look {
                break Turn::Look;
            }
            if !heard {
                break Turn::Broken;
            }
        };
        drop(reader);
        if matches!(turn, Turn::Done(_)) || self.waiting.load(Ordering::SeqCst) > 1 {
            self.hand_over_reading(vigil.wait);
        }
        turn
    }

    /// Tells the role, each time after about twice as long, of a wait that may be one without end.
    fn tell_if_lasting<T>(&self, vigil: &mut Vigil<'_, T>) {
        let now = vigil.asked;
        let Some((task, at)) = &mut vigil.lasting else { return };
        if now < *at {
            return;
        }
        *at = now + now.since(vigil.began).min(LONG_WAIT_AGAIN);
        let mut locked = self.lock();
        let (task, wait) = (*task, vigil.wait);
        let awaited = (locked.identity.worker, vigil.handles);
        if let Some(refs) = locked.waits.stick(wait, task, awaited) {
            locked.step(Event::Stuck { task, wait, refs });
            locked.flush(true);
        }
    }

    /// Looks whether the wait is over.
    fn look<T>(&self, vigil: &mut Vigil<'_, T>, over: bool) -> Option<Outcomes<Option<T>>> {
        let mut locked = self.lock();
        let end = match ((vigil.check)(&mut locked), &locked.ended) {
            (Some(answer), _) => Ok(Some(answer)),
            (None, Some(ended)) => Err(ended.clone()),
            (None, None) if over => Ok(None),
            (None, None) => match locked.waits.broken(vigil.wait) {
                Some(failure) => Err(EngineError::Failed(failure)),
                None => {
                    locked.flush(true);
                    return None;
                }
            },
        };
        self.end_wait(&mut locked, vigil.wait);
        drop(locked);
        // If nobody waits any more, the background thread reads on.
        if !self.somebody_waits() {
            self.alarm.stir();
        }
        Some(end)
    }

    /// Waits for something to read: busily for a moment if that is faster, then asleep.
    fn poll_for(&self, reader: &mut Reader, sleeper: &Sleeper, until: Timestamp) -> bool {
        let moment = Duration::from_micros(self.identity.settings.poll_us);
        let mut habit = HABIT.get();
        let busy = habit.begin(moment);
        let began = clock::now();
        let mut heard = false;
        while busy && !heard && !sleeper.is_woken() && clock::now() < until.min(began + moment) {
            heard = reader.poll(Some(Duration::ZERO));
        }
        let heard = heard || self.poll_asleep(reader, sleeper, Some(until.since(clock::now())));
        if heard {
            habit.note(busy, clock::now().since(began), moment);
        }
        HABIT.set(habit);
        heard
    }

    /// Sleeps in the poller, where the alarm is heard.
    fn poll_asleep(&self, reader: &mut Reader, sleeper: &Sleeper, limit: Option<Duration>) -> bool {
        sleeper.polls.store(true, Ordering::SeqCst);
        self.alarm.polled.store(true, Ordering::SeqCst);
        let heard = reader.poll(if sleeper.is_woken() { Some(Duration::ZERO) } else { limit });
        self.alarm.polled.store(false, Ordering::SeqCst);
        sleeper.polls.store(false, Ordering::SeqCst);
        heard
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
    fn take_heard_for<T>(&self, reader: &mut Reader, vigil: &mut Vigil<'_, T>) -> Option<T> {
        let mut locked = self.take_heard(reader);
        let answer = (vigil.check)(&mut locked);
        match answer {
            Some(_) => self.end_wait(&mut locked, vigil.wait),
            None => locked.flush(true),
        }
        answer
    }

    fn try_reader(&self) -> Option<MutexGuard<'_, Reader>> {
        match self.reader.try_lock() {
            Ok(reader) => Some(reader),
            Err(TryLockError::Poisoned(reader)) => Some(reader.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        }
    }
}
