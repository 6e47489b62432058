//! What a process in the box sees of the walls. It only reports; wiz judges.

use std::{
    fs::{self, OpenOptions},
    io,
    net::{SocketAddr, TcpStream, UdpSocket},
    path::Path,
    time::Duration,
};

use wiz_runner::protocol::Surroundings;

use crate::processes::{oom_kills, process_ids};

/// Addresses that must be out of reach: a cloud's metadata, a public host and resolver, Docker's usual gateway.
const OUTSIDE: [&str; 5] =
    ["169.254.169.254:80", "1.1.1.1:443", "8.8.8.8:53", "172.17.0.1:2375", "[2606:4700::1111]:443"];

/// How long a connection is tried; without a network the kernel refuses at once.
const CONNECT_WAIT: Duration = Duration::from_millis(200);

/// Folders of the image and the kernel where nothing may be written.
const NOT_WRITABLE: [&str; 12] = [
    "/",
    "/bin",
    "/etc",
    "/usr",
    "/usr/bin",
    "/var",
    "/var/tmp",
    "/root",
    "/opt/wiz",
    "/run",
    "/sys/fs/cgroup",
    "/proc/sys",
];

/// Mounts that every container has; the rest is reported.
const KERNEL_MOUNTS: [&str; 5] = ["/proc", "/sys", "/dev/pts", "/dev/mqueue", "/dev/console"];

/// Looks around.
pub fn look() -> Surroundings {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let field = |name: &str| status.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default().trim();
    let numbers =
        |name: &str| -> Vec<u32> { field(name).split_whitespace().filter_map(|id| id.parse().ok()).collect() };
    Surroundings {
        uid: nix::unistd::geteuid().as_raw(),
        gid: nix::unistd::getegid().as_raw(),
        groups: numbers("Groups:"),
        capabilities: capabilities(&status),
        no_new_privileges: field("NoNewPrivs:") == "1",
        seccomp: field("Seccomp:") == "2",
        interfaces: interfaces(),
        routes: routes(),
        ways_out: OUTSIDE.iter().filter(|address| is_way_out(address)).map(ToString::to_string).collect(),
        writable: NOT_WRITABLE.iter().filter(|folder| is_writable(folder)).map(ToString::to_string).collect(),
        mounts: mounts(),
        runner_exposed: nix::sys::prctl::get_dumpable().unwrap_or(true),
        processes: u32::try_from(process_ids().count()).unwrap_or(u32::MAX),
        oom_kills: oom_kills(),
    }
}

/// A status without its capability lines is reported as a fault of its own, so that silence is not taken for safety.
fn capabilities(status: &str) -> Vec<String> {
    let lines: Vec<&str> = status.lines().filter(|line| line.starts_with("Cap")).collect();
    if lines.len() < 5 {
        return vec!["unknown".into()];
    }
    lines
        .into_iter()
        .filter(|line| line.split_whitespace().nth(1).is_none_or(|bits| bits.bytes().any(|digit| digit != b'0')))
        .map(|line| line.replace('\t', " "))
        .collect()
}

fn interfaces() -> Vec<String> {
    match fs::read_to_string("/proc/net/dev") {
        Ok(text) => text.lines().filter_map(|line| Some(line.split_once(':')?.0.trim().to_owned())).collect(),
        Err(_) => vec!["unknown".into()],
    }
}

fn routes() -> Vec<String> {
    let table = |path: &str, skipped: usize| -> Vec<String> {
        let text = fs::read_to_string(path).unwrap_or_default();
        let lines = text.lines().skip(skipped).map(str::trim).filter(|line| !line.is_empty());
        lines.filter(|line| !line.ends_with(" lo") && !line.starts_with("lo\t")).map(str::to_owned).collect()
    };
    [table("/proc/net/route", 1), table("/proc/net/ipv6_route", 0)].concat()
}

fn is_way_out(address: &str) -> bool {
    let Ok(address) = address.parse::<SocketAddr>() else { return true };
    let local = if address.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
    let unreachable = |error: &io::Error| {
        matches!(error.kind(), io::ErrorKind::NetworkUnreachable | io::ErrorKind::AddrNotAvailable)
            || error.raw_os_error() == Some(nix::libc::EAFNOSUPPORT)
    };
    let tcp = TcpStream::connect_timeout(&address, CONNECT_WAIT);
    let udp = UdpSocket::bind(local).and_then(|socket| socket.connect(address));
    !tcp.is_err_and(|error| unreachable(&error)) || !udp.is_err_and(|error| unreachable(&error))
}

fn is_writable(folder: &str) -> bool {
    let path = Path::new(folder).join(".wiz-look");
    let made = OpenOptions::new().write(true).create_new(true).open(&path).is_ok();
    if made {
        // The wall is broken anyway and the box will be thrown away.
        drop(fs::remove_file(&path));
    }
    made
}

/// `target kind options` of each mount that is not the kernel's own.
fn mounts() -> Vec<String> {
    let Ok(text) = fs::read_to_string("/proc/self/mountinfo") else { return vec!["unknown".into()] };
    text.lines()
        .filter_map(|line| {
            let (mount, filesystem) = line.split_once(" - ")?;
            let mut mount = mount.split(' ').skip(4);
            let (target, options) = (mount.next()?, mount.next()?);
            let kind = filesystem.split(' ').next()?;
            let kernels = KERNEL_MOUNTS.iter().any(|own| target == *own || target.starts_with(&format!("{own}/")));
            (!kernels).then(|| format!("{target} {kind} {options}"))
        })
        .collect()
}
