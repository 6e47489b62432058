//! Attacks on the walls from within.

use std::{io::Read, net::TcpListener, time::Duration};

use wiz::sandbox::{CommandEnd, SandboxError};

use super::{command, file, out, sh, with_box};

/// Each probe tries one way out and says `OUT` when it got anywhere.
const NETWORK_PROBES: [&str; 7] = [
    "import socket; socket.create_connection(('1.1.1.1', 443), 10)",
    "import socket; socket.create_connection(('169.254.169.254', 80), 10)",
    "import socket; socket.getaddrinfo('example.com', 80)",
    "import socket; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.sendto(b'x', ('8.8.8.8', 53))",
    "import socket; socket.create_connection(('2606:4700::1111', 443), 10)",
    "import socket; socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)",
    "import socket; socket.socket(socket.AF_PACKET, socket.SOCK_RAW)",
];

#[tokio::test]
async fn there_is_no_way_out() {
    with_box(|_, open| async move {
        for probe in NETWORK_PROBES {
            let outcome = sh(&open, &format!("python3 -c \"{probe}; print('OUT')\" 2>&1")).await;
            assert_eq!(outcome.end, CommandEnd::Exited(1), "{probe}: {}", outcome.output.text(2000));
            assert!(outcome.duration < Duration::from_secs(10), "{probe} hung, so something was there to wait for");
        }
        assert_eq!(out(&open, "ls /sys/class/net; cat /proc/net/route | wc -l").await, "lo\n1\n");
        // The control: the same kind of probe works where a network may be, on the box's own loopback.
        let own = "import socket; s = socket.create_server(('127.0.0.1', 0)); \
                   socket.create_connection(s.getsockname(), 3); print('OUT')";
        assert_eq!(out(&open, &format!("python3 -c \"{own}\"")).await, "OUT\n");
    })
    .await;
}

#[tokio::test]
async fn the_host_is_out_of_reach() {
    let listener = TcpListener::bind("0.0.0.0:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    with_box(|_, open| async move {
        let hosts = ["127.0.0.1", "172.17.0.1", "host.docker.internal"];
        for host in hosts {
            let probe = format!("python3 -c \"import socket; socket.create_connection(('{host}', {port}), 3)\" 2>&1");
            assert_eq!(sh(&open, &probe).await.end, CommandEnd::Exited(1), "{host}");
        }
        let sockets = "find / -xdev -type s 2>/dev/null; ls /var/run/docker.sock /run/docker.sock 2>/dev/null; true";
        assert_eq!(out(&open, sockets).await, "");
    })
    .await;
    // The control: the port was open on the host all the while.
    let mut stream = std::net::TcpStream::connect(("127.0.0.1", port)).unwrap();
    drop(listener.accept().unwrap());
    assert_eq!(stream.read(&mut [0]).unwrap(), 0);
}

#[tokio::test]
async fn nothing_of_the_image_or_the_kernel_can_be_changed() {
    with_box(|_, open| async move {
        for place in ["/", "/etc", "/usr/bin", "/opt/wiz", "/var/tmp", "/root", "/run", "/sys/fs/cgroup", "/dev/net"] {
            let outcome = sh(&open, &format!("touch {place}/x 2>&1")).await;
            assert_eq!(outcome.end, CommandEnd::Exited(1), "{place}: {}", outcome.output.text(500));
        }
        for attack in [
            "echo x > /opt/wiz/wiz-runner",
            "rm /opt/wiz/wiz-runner",
            "cat /opt/wiz/wiz-runner > /tmp/stolen",
            "echo 127.0.0.1 example.com >> /etc/hosts",
            "echo nameserver 1.1.1.1 > /etc/resolv.conf",
            "echo /x > /etc/ld.so.preload",
            "echo 1 > /proc/sys/kernel/core_pattern",
            "echo b > /proc/sysrq-trigger",
            "ls /run/wiz",
            "mount -t tmpfs none /tmp",
            "unshare -Ur true",
            "mknod /tmp/null c 1 3",
            "chown 0 /tmp",
            "chroot / true",
            "dmesg",
            "kill -9 1",
        ] {
            let outcome = sh(&open, &format!("{{ {attack}; }} 2>&1")).await;
            assert!(matches!(outcome.end, CommandEnd::Exited(code) if code != 0), "{attack}: {:?}", outcome.end);
        }
        // The control: where a command may write, it can.
        out(&open, "touch /work/x /tmp/x /home/agent/x /dev/shm/x").await;
    })
    .await;
}

#[tokio::test]
async fn a_command_has_no_privilege_and_gains_none() {
    with_box(|_, open| async move {
        let status = out(&open, "grep -E '^(Uid|Gid|Groups|Cap|NoNewPrivs|Seccomp:)' /proc/self/status; id -u").await;
        let zero = "0000000000000000";
        for line in ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"] {
            assert!(status.contains(&format!("{line}:\t{zero}")), "{status}");
        }
        assert!(status.contains("NoNewPrivs:\t1") && status.contains("Seccomp:\t2"), "{status}");
        assert!(status.ends_with("\n65534\n"), "{status}");
        // A set-user-id program of root in the image, so that the bit would count anywhere else.
        let outcome =
            sh(&open, "test -u /usr/bin/su && su -c id root < /dev/null 2>&1; passwd -S root 2>&1; id -u").await;
        assert!(outcome.output.text(2000).ends_with("65534\n"), "{}", outcome.output.text(2000));
        out(&open, "cp /bin/sh /tmp/sh && chmod 4755 /tmp/sh && test \"$(/tmp/sh -c 'id -u')\" = 65534").await;
    })
    .await;
}

#[tokio::test]
async fn a_command_finds_no_secret_and_no_trace_of_the_host() {
    with_box(|_, open| async move {
        let seen = out(
            &open,
            "env; cat /proc/*/environ 2>/dev/null | tr '\\0' '\\n'; cat /proc/*/cmdline 2>/dev/null | tr '\\0' ' '; cat /proc/self/mountinfo",
        )
        .await;
        for word in ["DATABASE_URL", "TOKEN", "SECRET", "PASSWORD", "API_KEY", "PRIVATE", "GITHUB"] {
            assert!(!seen.to_uppercase().contains(word), "{word} in {seen}");
        }
        let own = env!("CARGO_MANIFEST_DIR");
        assert!(!seen.contains(own), "a path of the host in {seen}");
        assert!(seen.contains("HOME=/home/agent"), "the control: the environment was read");
    })
    .await;
}

#[tokio::test]
async fn a_command_cannot_speak_in_the_runners_name() {
    with_box(|_, open| async move {
        // The runner is the only other process of this uid; its id is its parent's.
        let forge = r#"printf '\0\0\0\36\0\0\0\0{"id":1,"answer":"killed","left":0}' "#;
        for attack in [
            "> /proc/$PPID/fd/1",
            "> /proc/$PPID/fd/2",
            "> /proc/1/fd/1",
            "| dd of=/proc/$PPID/mem 2>&1",
            ">> /proc/$PPID/comm",
        ] {
            let outcome = sh(&open, &format!("{forge} {attack}")).await;
            assert!(!outcome.end.is_success(), "{attack}");
        }
        let listing = sh(&open, "ls /proc/$PPID/fd /proc/$PPID/cwd/ 2>&1").await;
        assert!(listing.output.text(500).contains("Permission denied"), "{listing:?}");
        let traced = "import ctypes,os,sys; l = ctypes.CDLL(None, use_errno=True); \
                      sys.exit(0 if l.ptrace(16, int(sys.argv[1]), 0, 0) == 0 else 3)";
        assert_eq!(sh(&open, &format!("python3 -c \"{traced}\" $PPID")).await.end, CommandEnd::Exited(3));
        // The controls: a process that is not the runner can be traced and written to like this.
        assert_eq!(out(&open, &format!("sleep 5 & python3 -c \"{traced}\" $!; kill -9 $!")).await, "");
        assert_eq!(out(&open, "sleep 5 > /tmp/o & until test \"$(readlink /proc/$!/fd/1)\" = /tmp/o; do :; done; echo hi > /proc/$!/fd/1; cat /tmp/o; kill -9 $!").await, "hi\n");
        // What a command prints is only ever its output.
        let printed = sh(&open, &format!("{forge}; exit 7")).await;
        assert_eq!(printed.end, CommandEnd::Exited(7));
        assert!(printed.output.head.ends_with(b"\"left\":0}"));
    })
    .await;
}

#[tokio::test]
async fn killing_everything_does_not_kill_the_box() {
    with_box(|_, open| async move {
        open.load(vec![file("a", "kept")]).await.unwrap();
        let outcome = sh(&open, "kill -9 -1; sleep 30").await;
        assert_eq!(outcome.end, CommandEnd::RunnerKilled);
        assert_eq!(out(&open, "cat a").await, "kept", "the next command finds a new runner and the old files");
        // The same for file tools, and for an export right afterwards.
        sh(&open, "kill -9 -1").await;
        assert_eq!(open.read("a", None, None).await.unwrap().text, "kept");
        sh(&open, "echo more >> a; kill -9 -1").await;
        assert_eq!(open.export().await.unwrap().len(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_box_whose_runner_is_killed_for_ever_is_given_up() {
    with_box(|_, open| async move {
        let mut ends = Vec::new();
        for _ in 0..12 {
            ends.push(open.run(&command("kill -9 -1; sleep 5")).await);
        }
        assert!(matches!(ends.last(), Some(Err(SandboxError::BoxDied { .. }))), "{ends:?}");
    })
    .await;
}

#[tokio::test]
async fn a_stopped_runner_is_replaced() {
    with_box(|_, open| async move {
        let quick = wiz::sandbox::Command { timeout: Duration::from_secs(1), ..command("kill -STOP $PPID; sleep 60") };
        assert_eq!(open.run(&quick).await.unwrap().end, CommandEnd::RunnerKilled);
        assert_eq!(out(&open, "pgrep -c sleep; true").await, "0\n");
    })
    .await;
}
