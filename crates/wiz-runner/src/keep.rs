//! The first process of a box.

use std::{io, time::Instant};

use nix::{
    errno::Errno,
    sys::wait::{WaitPidFlag, WaitStatus, waitpid},
};

use crate::processes::pause;

/// How often orphans are reaped and the deadline is looked at.
const TICK_MS: u16 = 200;

/// Reaps orphaned processes until `seconds` are over, then returns, which ends the box.
pub fn keep(seconds: &str) -> io::Result<()> {
    let seconds = seconds.parse().map_err(|_| io::Error::other("the time to keep a box must be whole seconds"))?;
    let start = Instant::now();
    while start.elapsed().as_secs() < seconds {
        reap();
        pause(TICK_MS);
    }
    Ok(())
}

fn reap() {
    loop {
        match waitpid(None, Some(WaitPidFlag::WNOHANG)) {
            Ok(WaitStatus::StillAlive) | Err(Errno::ECHILD) => return,
            Ok(_) | Err(Errno::EINTR) => {}
            Err(_) => return,
        }
    }
}
