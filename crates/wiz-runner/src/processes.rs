//! The other processes of the box.

use std::{fs, time::Instant};

use nix::{
    poll::{PollTimeout, poll},
    sys::signal::{Signal, kill},
    unistd::Pid,
};

/// How long killed processes get to go away.
const KILL_WAIT_MS: u128 = 2000;

/// Lets `ms` milliseconds pass, or less when a signal comes.
pub fn pause(ms: u16) {
    // The only failure is an interrupting signal, which ends the pause as well.
    poll(&mut [], PollTimeout::from(ms)).ok();
}

/// Kills every process this one may signal, again and again until none is left, and says how many are.
///
/// One `kill(-1)` cannot be outrun by forking: the kernel walks all processes under the lock that a fork needs.
/// The loop is for those that take a moment to die.
pub fn kill_all() -> u32 {
    let start = Instant::now();
    loop {
        // ESRCH means that nobody was there to be killed, and EPERM that only the keeper was.
        kill(Pid::from_raw(-1), Signal::SIGKILL).ok();
        let left = others();
        if left == 0 || start.elapsed().as_millis() > KILL_WAIT_MS {
            return left;
        }
        pause(10);
    }
}

/// Processes of this process's uid, itself not counted. Dead ones that nobody has reaped count: until somebody does,
/// they take a place in the box's limit.
fn others() -> u32 {
    let own_pid = std::process::id();
    let own_uid = nix::unistd::getuid();
    let others = process_ids().filter(|pid| *pid != own_pid && belongs_to(*pid, own_uid.as_raw())).count();
    u32::try_from(others).unwrap_or(u32::MAX)
}

fn belongs_to(pid: u32, uid: u32) -> bool {
    // A process that is gone by now has no status and does not count.
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let owner = status.lines().find_map(|line| line.strip_prefix("Uid:")).and_then(|ids| ids.split_whitespace().next());
    owner == Some(&uid.to_string())
}

/// All process ids that `/proc` shows.
pub fn process_ids() -> impl Iterator<Item = u32> {
    fs::read_dir("/proc").into_iter().flatten().flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

/// How many processes the kernel has killed in this box for want of memory; 0 when the kernel does not say.
pub fn oom_kills() -> u64 {
    ["/sys/fs/cgroup/memory.events", "/sys/fs/cgroup/memory/memory.oom_control"]
        .iter()
        .find_map(|path| {
            let text = fs::read_to_string(path).ok()?;
            text.lines().find_map(|line| line.strip_prefix("oom_kill "))?.trim().parse().ok()
        })
        .unwrap_or(0)
}
