//! Runs one shell command: a fresh process group, output through one pipe so that it stays in order, an end within its
//! time.

use std::{
    io::{self, PipeReader, Read},
    os::{fd::AsFd, unix::process::CommandExt, unix::process::ExitStatusExt},
    process::{Child, Command, ExitStatus, Stdio},
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

use nix::{
    poll::{PollFd, PollFlags, PollTimeout, poll},
    sys::signal::{Signal, killpg},
    unistd::Pid,
};
use wiz_runner::protocol::{CutShort, Fault, Ran, RanEnd, RunRequest, WORKSPACE};

use crate::{processes, spool::Spool};

/// Time between TERM and KILL, and again between KILL and giving up.
const KILL_GRACE: Duration = Duration::from_secs(2);

/// Longest time any command gets; no box lives longer.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// How often the child and the clock are looked at while there is no output.
const TICK_MS: u16 = 10;

/// How long output is still awaited after the shell has ended while a background process holds the pipe.
const LINGER: Duration = Duration::from_millis(100);

/// What a command left behind: its output so far, and the pipe if a background process still holds it.
pub struct Finished {
    pub ran: Ran,
    pub output: Vec<u8>,
    pub lingering: Option<(PipeReader, Spool)>,
}

/// Runs the command and waits for its end, or ends it when its time is over or `stop` is set.
pub fn run(id: u64, request: &RunRequest, stop: &AtomicBool) -> Result<Finished, Fault> {
    let start = Instant::now();
    let oom_kills_before = processes::oom_kills();
    let (started, cleared_processes) = start_command(request)?;
    let (mut child, pipe) = started;
    prefer_for_oom_kill(&child);
    let mut watch = Watch {
        pipe,
        pipe_open: true,
        spool: Spool::new(id, request.keep_bytes, request.spool_bytes),
        deadline: start + Duration::from_millis(request.timeout_ms).min(LONGEST),
    };
    let (end, cut_short) = watch.until_end(&mut child, stop).map_err(|error| io_fault("watch a command", &error))?;
    let total_bytes = watch.spool.total_bytes();
    let spool_path = watch.spool.path();
    let (head_bytes, output) = watch.spool.take();
    let ran = Ran {
        end,
        cut_short,
        oom_kills: processes::oom_kills().saturating_sub(oom_kills_before),
        cleared_processes,
        head_bytes,
        total_bytes,
        spool: spool_path,
        duration_ms: u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX),
    };
    Ok(Finished { ran, output, lingering: watch.pipe_open.then_some((watch.pipe, watch.spool)) })
}

/// Reads on until the last background process lets go of the pipe, so that none of them is ended by a closed pipe.
pub fn drain((mut pipe, mut spool): (PipeReader, Spool)) {
    let mut buffer = [0; 4096];
    while let Ok(read @ 1..) = pipe.read(&mut buffer) {
        spool.push(buffer.get(..read).unwrap_or_default());
    }
}

type Started = (Child, PipeReader);

fn start_command(request: &RunRequest) -> Result<(Started, bool), Fault> {
    match spawn(request) {
        Ok(started) => Ok((started, false)),
        // Out of processes: background processes of earlier commands are in the way, and nobody can even look at them.
        Err(error) if error.raw_os_error() == Some(nix::libc::EAGAIN) => {
            processes::kill_all();
            match spawn(request) {
                Ok(started) => Ok((started, true)),
                Err(error) => Err(Fault::Exhausted { what: format!("processes ({error})") }),
            }
        }
        Err(error) if error.kind() == io::ErrorKind::ArgumentListTooLong => {
            Err(Fault::TooLarge { what: format!("the command ({} bytes)", request.script.len()) })
        }
        Err(error) if error.kind() == io::ErrorKind::OutOfMemory => Err(Fault::Exhausted { what: "memory".into() }),
        Err(error) => Err(io_fault("start /bin/sh", &error)),
    }
}

fn spawn(request: &RunRequest) -> io::Result<Started> {
    let (reader, writer) = io::pipe()?;
    let child = Command::new("/bin/sh")
        .arg("-c")
        .arg(&request.script)
        .envs(request.env.iter().map(|(name, value)| (name, value)))
        .current_dir(WORKSPACE)
        .stdin(Stdio::null())
        .stdout(writer.try_clone()?)
        .stderr(writer)
        .process_group(0)
        .spawn()?;
    Ok((child, reader))
}

/// Makes the kernel kill commands before the runner and the keeper when the box is out of memory.
fn prefer_for_oom_kill(child: &Child) {
    // A command may already be gone; and if this fails the wrong process may die, which wiz survives.
    drop(std::fs::write(format!("/proc/{}/oom_score_adj", child.id()), "1000"));
}

struct Watch {
    pipe: PipeReader,
    pipe_open: bool,
    spool: Spool,
    deadline: Instant,
}

impl Watch {
    fn until_end(&mut self, child: &mut Child, stop: &AtomicBool) -> io::Result<(RanEnd, Option<CutShort>)> {
        let mut cut_short = None;
        let mut kill_at = None;
        loop {
            self.take_output(TICK_MS)?;
            if let Some(status) = child.try_wait()? {
                self.take_rest()?;
                return Ok((end_of(status), cut_short));
            }
            let now = Instant::now();
            match (cut_short, kill_at) {
                (None, _) if now >= self.deadline || stop.load(Ordering::Relaxed) => {
                    cut_short = Some(if now >= self.deadline { CutShort::TimedOut } else { CutShort::Stopped });
                    signal_group(child, Signal::SIGTERM);
                    kill_at = Some(now + KILL_GRACE);
                }
                (Some(_), Some(at)) if now >= at + KILL_GRACE => return Ok((RanEnd::Stuck, cut_short)),
                (Some(_), Some(at)) if now >= at => signal_group(child, Signal::SIGKILL),
                _ => {}
            }
        }
    }

    /// Reads what is there, waiting at most `wait_ms` for it. Says whether anything came.
    fn take_output(&mut self, wait_ms: u16) -> io::Result<bool> {
        if !self.pipe_open {
            processes::pause(wait_ms.min(1));
            return Ok(false);
        }
        let mut fds = [PollFd::new(self.pipe.as_fd(), PollFlags::POLLIN)];
        match poll(&mut fds, PollTimeout::from(wait_ms)) {
            Ok(0) | Err(nix::errno::Errno::EINTR) => return Ok(false),
            Ok(_) => {}
            Err(error) => return Err(error.into()),
        }
        let mut buffer = [0; 64 * 1024];
        let read = self.pipe.read(&mut buffer)?;
        self.pipe_open = read > 0;
        self.spool.push(buffer.get(..read).unwrap_or_default());
        Ok(read > 0)
    }

    fn take_rest(&mut self) -> io::Result<()> {
        let end = Instant::now() + LINGER;
        while self.pipe_open && Instant::now() < end {
            if !self.take_output(TICK_MS)? && self.pipe_open {
                break;
            }
        }
        Ok(())
    }
}

fn signal_group(child: &Child, signal: Signal) {
    if let Ok(pid) = i32::try_from(child.id()) {
        // The group may be gone already.
        killpg(Pid::from_raw(pid), signal).ok();
    }
}

fn end_of(status: ExitStatus) -> RanEnd {
    match (status.code(), status.signal()) {
        (Some(code), _) => RanEnd::Exited(code),
        (None, Some(signal)) => RanEnd::Signalled(signal),
        (None, None) => RanEnd::Stuck,
    }
}

fn io_fault(doing: &str, error: &io::Error) -> Fault {
    Fault::Io { what: format!("cannot {doing}: {error}") }
}
