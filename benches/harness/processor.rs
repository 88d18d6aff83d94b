//! Which core a process keeps to, and how long it was on one.

use std::{io, time::Duration};

use nix::{
    sched::{CpuSet, sched_getaffinity, sched_setaffinity},
    sys::resource::{UsageWho, getrusage},
    time::{ClockId, clock_gettime},
    unistd::Pid,
};

/// The core of the server.
pub(crate) const SERVER: &[usize] = &[0];
/// The core of a client with one thread.
pub(crate) const CLIENT: &[usize] = &[1];
/// The cores of a client with two: one of them is the server's too.
pub(crate) const BOTH: &[usize] = &[0, 1];

/// Keeps this thread, and those that it will start, to these cores. A machine that has fewer is
/// told of, and not pinned to.
pub(crate) fn pin(cores: &[usize]) -> io::Result<()> {
    let mut set = CpuSet::new();
    for core in cores {
        set.set(*core)?;
    }
    if let Err(error) = sched_setaffinity(Pid::from_raw(0), &set) {
        eprintln!("not pinned to {cores:?}: {error}");
    }
    Ok(())
}

/// Whether client and server can have a core each.
pub(crate) fn are_two() -> bool {
    let set = sched_getaffinity(Pid::from_raw(0));
    set.is_ok_and(|set| BOTH.iter().all(|core| set.is_set(*core) == Ok(true)))
}

/// How long all threads of this process have been on a processor, user and system.
pub(crate) fn own_time() -> io::Result<Duration> {
    Ok(clock_gettime(ClockId::CLOCK_PROCESS_CPUTIME_ID)?.into())
}

/// Likewise of another process.
pub(crate) fn time_of(process: u32) -> io::Result<Duration> {
    let process = Pid::from_raw(process.try_into().map_err(io::Error::other)?);
    Ok(clock_gettime(ClockId::pid_cpu_clock_id(process)?)?.into())
}

/// Likewise of all children that have ended and were waited for.
pub(crate) fn time_of_children() -> io::Result<Duration> {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN)?;
    let micros = [usage.user_time(), usage.system_time()]
        .map(|time| time.tv_sec() * 1_000_000 + time.tv_usec());
    let micros = micros.into_iter().sum::<i64>();
    Ok(Duration::from_micros(micros.unsigned_abs()))
}
