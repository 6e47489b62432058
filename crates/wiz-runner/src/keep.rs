//! The first process of a box.

use std::{io, os::fd::AsFd, time::Instant};

use nix::{
    errno::Errno,
    poll::{PollFd, PollFlags, PollTimeout, poll},
    sys::{
        signal::{SigSet, Signal},
        signalfd::{SfdFlags, SignalFd},
        wait::{WaitPidFlag, WaitStatus, waitpid},
    },
};

/// How often the deadline is looked at.
const TICK_MS: u16 = 500;

/// Reaps orphaned processes, at once because each counts against the box's limit, until `seconds` are over; then
/// returns, which ends the box.
pub fn keep(seconds: &str) -> io::Result<()> {
    let seconds = seconds.parse().map_err(|_| io::Error::other("the time to keep a box must be whole seconds"))?;
    let start = Instant::now();
    let mut child_ended = SigSet::empty();
    child_ended.add(Signal::SIGCHLD);
    child_ended.thread_block()?;
    let ended = SignalFd::with_flags(&child_ended, SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC)?;
    while start.elapsed().as_secs() < seconds {
        reap();
        // An interrupted wait is as good as one that is over.
        poll(&mut [PollFd::new(ended.as_fd(), PollFlags::POLLIN)], PollTimeout::from(TICK_MS)).ok();
        while let Ok(Some(_)) = ended.read_signal() {}
    }
    Ok(())
}

fn reap() {
    loop {
        match waitpid(None, Some(WaitPidFlag::WNOHANG)) {
            Ok(WaitStatus::StillAlive) => return,
            Err(error) if error != Errno::EINTR => return,
            Ok(_) | Err(_) => {}
        }
    }
}
