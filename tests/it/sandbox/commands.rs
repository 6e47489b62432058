//! Commands that misbehave.

use std::time::{Duration, Instant};

use wiz::sandbox::{Command, CommandEnd, SandboxError};

use super::{command, file, out, sh, spec, with_box, with_engine};

#[tokio::test]
async fn ends_are_told_apart() {
    with_box(|_, open| async move {
        assert_eq!(sh(&open, "exit 3").await.end, CommandEnd::Exited(3));
        assert_eq!(sh(&open, "kill -SEGV $$").await.end, CommandEnd::Signalled(11));
        assert_eq!(sh(&open, "no-such-program").await.end, CommandEnd::Exited(127));
        assert_eq!(sh(&open, "read line; echo \"got $line\"").await.output.head, b"got \n", "standard input is empty");
        let mixed = out(&open, "echo 1; echo 2 >&2; echo 3").await;
        assert_eq!(mixed, "1\n2\n3\n", "both streams, in order");
        let env = Command { env: vec![("A".into(), "b c".into())], ..command("echo $A") };
        assert_eq!(open.run(&env).await.unwrap().output.head, b"b c\n");
        let long = command(&format!(": {}", "x".repeat(300_000)));
        assert!(matches!(open.run(&long).await, Err(SandboxError::TooLarge { .. })));
    })
    .await;
}

#[tokio::test]
async fn a_command_that_will_not_end_is_killed_with_its_children() {
    with_box(|_, open| async move {
        let stubborn = "trap '' TERM; (trap '' TERM; sleep 77) & echo started; while :; do sleep 1; done";
        let start = Instant::now();
        let outcome = open.run(&Command { timeout: Duration::from_secs(3), ..command(stubborn) }).await.unwrap();
        assert_eq!(outcome.end, CommandEnd::TimedOut);
        assert_eq!(outcome.output.head, b"started\n", "what it said is kept");
        assert!(start.elapsed() < Duration::from_secs(15), "{:?}", start.elapsed());
        assert_eq!(out(&open, "pgrep -c sleep; true").await, "0\n");
        let polite = "trap 'echo bye; exit 0' TERM; while :; do sleep 0.1; done";
        let outcome = open.run(&Command { timeout: Duration::from_secs(3), ..command(polite) }).await.unwrap();
        assert!(outcome.end == CommandEnd::TimedOut && outcome.output.head.ends_with(b"bye\n"), "{outcome:?}");
    })
    .await;
}

#[tokio::test]
async fn a_command_nobody_waits_for_is_ended() {
    with_box(|_, open| async move {
        let waiting = tokio::time::timeout(Duration::from_millis(500), open.run(&command("sleep 55"))).await;
        assert!(waiting.is_err());
        let gone = "for i in $(seq 50); do pgrep sleep > /dev/null || exit 0; sleep 0.1 & wait; done; exit 1";
        // `pgrep` sees the command's own short sleeps only between its looks.
        out(&open, &gone.replace("sleep 0.1 & wait", "read -t 0.1 x < /dev/zero || true")).await;
    })
    .await;
}

#[tokio::test]
async fn background_processes_live_on_until_the_export() {
    with_box(|_, open| async move {
        let start = Instant::now();
        out(&open, "(while :; do date > beat; sleep 0.1; done) & echo $! > pid").await;
        assert!(start.elapsed() < Duration::from_secs(5), "the command ends although a process holds its output");
        out(
            &open,
            "setsid nohup sh -c 'trap \"\" TERM HUP; while :; do date >> beat2; sleep 0.1; done' > /dev/null 2>&1 &",
        )
        .await;
        out(&open, "kill -0 $(cat pid) && rm beat && until test -e beat; do :; done").await;
        open.export().await.unwrap();
        assert_eq!(
            out(&open, "kill -0 $(cat pid) 2>&1; pgrep -c sleep; rm -f beat beat2; true").await.lines().last(),
            Some("0")
        );
        assert_eq!(open.look().await.unwrap().processes, 2, "the keeper and the runner");
    })
    .await;
}

#[tokio::test]
async fn endless_output_is_cut_and_the_whole_is_in_a_file() {
    with_box(|_, open| async move {
        let flood = Command { timeout: Duration::from_secs(2), ..command("echo first; yes; ") };
        let outcome = open.run(&flood).await.unwrap();
        assert_eq!(outcome.end, CommandEnd::TimedOut);
        assert_eq!((outcome.output.head.len(), outcome.output.tail.len()), (64 * 1024, 64 * 1024));
        assert!(outcome.output.head.starts_with(b"first\ny\n") && outcome.output.cut_bytes > 1_000_000);
        let line = sh(&open, "head -c 100000000 /dev/zero").await;
        assert_eq!((line.end, line.output.total_bytes()), (CommandEnd::Exited(0), 100_000_000));
        let some = sh(&open, "seq 10000").await;
        let file = some.output.whole_in.clone().unwrap();
        assert_eq!(out(&open, &format!("tail -1 {file}; wc -l < {file}")).await, "10000\n10000\n");
        assert_eq!(sh(&open, "seq 10").await.output.whole_in, None);
        let end = some.output.text(200);
        assert!(end.starts_with("1\n2\n") && end.ends_with("10000\n") && end.contains(&file), "{end}");
    })
    .await;
}

#[tokio::test]
async fn a_fork_bomb_is_outlived() {
    with_box(|_, open| async move {
        // A load leaves nothing running either; the count at the end would show it.
        open.load(vec![file("a", "x")]).await.unwrap();
        let bomb =
            "python3 -c \"\nimport os\nos.setsid()\nwhile True:\n try: os.fork()\n except OSError: pass\n\" & sleep 4";
        let first = open.run(&Command { timeout: Duration::from_secs(10), ..command(bomb) }).await;
        let second = sh(&open, "echo alive").await;
        assert_eq!(second.output.head, b"alive\n", "{first:?}");
        assert!(second.cleared_processes, "the box was full: {first:?}");
        assert_eq!(open.look().await.unwrap().processes, 2, "the keeper and the runner");
    })
    .await;
}

#[tokio::test]
async fn a_memory_hog_is_named() {
    with_engine(|docker| async move {
        let mut small = spec("work");
        const MIB: u64 = 1024 * 1024;
        small.limits.memory_bytes = 512 * MIB;
        small.limits.workspace_bytes = 128 * MIB;
        small.limits.tmp_bytes = 64 * MIB;
        small.limits.home_bytes = 32 * MIB;
        let open = docker.create(&small).await.unwrap();
        let hog = sh(&open, "python3 -c \"x = b'x' * (1 << 30)\"").await;
        assert_eq!(hog.end, CommandEnd::OutOfMemory);
        // The control: an ordinary death by the same signal is not called that.
        assert_eq!(sh(&open, "sh -c 'kill -9 $$'; exit $?").await.end, CommandEnd::Exited(137));
        assert_eq!(out(&open, "echo alive").await, "alive\n");
    })
    .await;
}

#[tokio::test]
async fn full_disks_harm_nobody_else() {
    with_box(|_, open| async move {
        for place in ["/tmp", "/home/agent", "/dev/shm"] {
            let outcome = sh(&open, &format!("cat /dev/zero 2>&1 > {place}/full")).await;
            assert!(outcome.output.text(500).contains("No space left"), "{place}: {:?}", outcome.output.text(500));
        }
        assert_eq!(out(&open, "echo alive").await, "alive\n");
        out(&open, "rm /tmp/full /home/agent/full /dev/shm/full").await;
        let outcome = sh(&open, "for n in 1 2 3 4; do head -c 400M /dev/zero 2>&1 > full$n; done").await;
        assert!(outcome.output.text(500).contains("No space left"), "{outcome:?}");
        assert_eq!(
            open.write("one-more", &[b'x'; 100_000]).await,
            Err(SandboxError::Exhausted { what: "disk".into() })
        );
        assert_eq!(out(&open, "ls -A | sort").await, "full1\nfull2\nfull3\nfull4\n", "no half file is left");
        out(&open, "rm full*").await;
        open.write("one-more", b"x").await.unwrap();
        let many = "python3 -c \"\nimport os\nfor n in range(300000): os.close(os.open(f'f{n}', os.O_CREAT))\n\" 2>&1";
        assert!(sh(&open, many).await.output.text(9000).contains("No space left"), "names are counted, too");
    })
    .await;
}
