//! What comes out of a box.

use std::time::Duration;

use wiz::sandbox::{Change, Command, FileMode, OpenBox, Record, SandboxError};

use super::{command, file, out, sh, source, with_box};

/// One line for each record: how, mode, size, path.
async fn exported(open: &OpenBox) -> Vec<String> {
    open.export().await.unwrap().iter().map(line).collect()
}

fn line(record: &Record) -> String {
    let how = match record.change {
        Change::Written => "written",
        Change::Deleted => "deleted",
    };
    format!("{how} {:o} {} {}", record.mode, record.size, record.path.escape_ascii())
}

#[tokio::test]
async fn every_kind_of_change_is_reported_and_nothing_else() {
    with_box(|_, open| async move {
        open.load(vec![
            file("same", "same\n"),
            file("touched", "same\n"),
            file("changed", "old"),
            file("gone", "x"),
            file("dir/gone", "x"),
            file("made-executable", "x"),
            file("became-a-folder", "x"),
            source("script", FileMode::Executable, b"#!"),
            source("link", FileMode::Symlink, b"same"),
            source("relinked", FileMode::Symlink, b"same"),
        ])
        .await
        .unwrap();
        assert_eq!(exported(&open).await, Vec::<String>::new());
        out(
            &open,
            "touch touched; printf new > changed; rm gone; rm -r dir; chmod +x made-executable; \
             rm became-a-folder; mkdir -p became-a-folder/x empty; printf 1 > became-a-folder/x/y; \
             ln -sfn /etc/passwd relinked; printf '\\0\\377' > binary; printf a > \"$(printf 'new\\nline')\"; \
             printf b > \"$(printf 'b\\377')\"; git init -q . ; echo evil > .git/hooks/pre-commit; mkfifo pipe; \
             git init -q sub; printf c > sub/c",
        )
        .await;
        insta::assert_snapshot!(exported(&open).await.join("\n"), @r"
        deleted 0 0 became-a-folder
        written 100644 1 became-a-folder/x/y
        written 100644 2 binary
        written 100644 1 b\xff
        written 100644 3 changed
        deleted 0 0 dir/gone
        deleted 0 0 gone
        written 100755 1 made-executable
        written 100644 1 new\nline
        written 10644 0 pipe
        written 120000 11 relinked
        written 100644 1 sub/c
        ");
        let records = open.export().await.unwrap();
        let content = |path: &[u8]| records.iter().find(|record| record.path == path).unwrap().content.clone();
        assert_eq!(content(b"binary"), b"\0\xff");
        assert_eq!(content(b"relinked"), b"/etc/passwd", "a symlink is its target's name, never its target");
        assert_eq!(content(b"changed"), b"new");
    })
    .await;
}

#[tokio::test]
async fn what_a_repository_ignores_stays_but_tracked_files_do_not_hide() {
    with_box(|_, open| async move {
        open.load(vec![file(".gitignore", "*.log\n/out/\n!keep.log\n"), file("tracked.log", "old"), file("out/tracked", "old")])
            .await
            .unwrap();
        out(
            &open,
            "mkdir -p out/deep __pycache__ node_modules/x a; for f in x.log keep.log out/new out/deep/new \
             __pycache__/m.pyc node_modules/x/i.js a/new; do echo new > $f; done; echo new > tracked.log; echo new > out/tracked",
        )
        .await;
        insta::assert_snapshot!(exported(&open).await.join("\n"), @r"
        written 100644 4 a/new
        written 100644 4 keep.log
        written 100644 4 out/tracked
        written 100644 4 tracked.log
        ");
        // A command may widen what is ignored, but never hide a change to a tracked file.
        out(&open, "echo '*' > .gitignore; echo '*' > out/.gitignore").await;
        insta::assert_snapshot!(exported(&open).await.join("\n"), @r"
        written 100644 2 .gitignore
        written 100644 4 out/tracked
        written 100644 4 tracked.log
        ");
    })
    .await;
}

#[tokio::test]
async fn caps_hold_while_reading() {
    with_box(|_, open| async move {
        let too_large = |result: Result<Vec<Record>, SandboxError>, what: &str| {
            assert!(
                matches!(&result, Err(SandboxError::TooLarge { what: named }) if named.contains(what)),
                "{result:?}"
            );
        };
        out(&open, "truncate -s 1000M sparse").await;
        too_large(open.export().await, "sparse has 1048576000 bytes");
        out(&open, "rm sparse; head -c 9000000 /dev/zero > big").await;
        too_large(open.export().await, "big has 9000000 bytes");
        out(&open, "rm big; for n in 1 2 3 4 5; do head -c 8000000 /dev/zero > part$n; done").await;
        too_large(open.export().await, "over 33554432 bytes");
        out(&open, "rm part*; python3 -c \"for n in range(2500): open(f'f{n}', 'w')\"").await;
        too_large(open.export().await, "more than 2000 files");
        out(
            &open,
            "rm f*; python3 -c \"\nimport os\nfor n in range(150): os.mkdir('d'); os.chdir('d')\nopen('f', 'w')\"",
        )
        .await;
        too_large(open.export().await, "folders nested");
        // The control: what is within the caps comes out, and the box still works.
        out(&open, "rm -r d; head -c 8000000 /dev/zero > fits; mkfifo pipe").await;
        assert_eq!(exported(&open).await.len(), 2);
    })
    .await;
}

#[tokio::test]
async fn as_many_names_as_a_workspace_holds_are_listed_in_time() {
    with_box(|_, open| async move {
        let many = "mkdir many && cd many && python3 -c \"for n in range(190000): open(f'f{n}', 'w')\"";
        let slow = Command { timeout: Duration::from_secs(60), ..command(many) };
        assert!(open.run(&slow).await.unwrap().end.is_success());
        let result = open.export().await;
        assert!(matches!(&result, Err(SandboxError::TooLarge { .. })), "{result:?}");
    })
    .await;
}

#[tokio::test]
async fn nothing_changes_while_it_is_read() {
    with_box(|_, open| async move {
        open.load((0..500).map(|n| file(&format!("f{n:03}"), "same")).collect()).await.unwrap();
        // Daemons that swap each file between two contents, as fast as they can, deaf to polite signals.
        let swap = "setsid python3 -c \"\nimport signal, itertools\nsignal.signal(15, signal.SIG_IGN)\n\
                    for n in itertools.count():\n open(f'f{n % 500:03}', 'w').write('AAAA' if n % 1000 < 500 else 'BBBB')\n\" > /dev/null 2>&1 &";
        out(&open, &format!("{swap} {swap}")).await;
        out(&open, "until grep -q BBBB f000; do :; done").await;
        let records = open.export().await.unwrap();
        for record in &records {
            let whole = [b"AAAA".as_slice(), b"BBBB", b"same", b""].contains(&record.content.as_slice());
            assert!(whole, "{}: {:?}", line(record), record.content.escape_ascii().to_string());
        }
        // What was exported is what is there: nobody has written since.
        let after = out(&open, "cat f*").await;
        let mut expected = String::new();
        for n in 0..500 {
            let path = format!("f{n:03}").into_bytes();
            let record = records.iter().find(|record| record.path == path);
            expected += &record.map_or("same".into(), |record| String::from_utf8_lossy(&record.content).into_owned());
        }
        assert_eq!(after, expected);
    })
    .await;
}

#[tokio::test]
async fn an_unreadable_file_is_an_error_not_a_deletion() {
    with_box(|_, open| async move {
        open.load(vec![file("a", "x"), file("d/b", "x")]).await.unwrap();
        out(&open, "chmod 000 d").await;
        let result = open.export().await;
        assert!(matches!(&result, Err(SandboxError::Runner { what }) if what.starts_with("d: ")), "{result:?}");
        out(&open, "chmod 755 d").await;
        assert_eq!(sh(&open, "true").await.end, wiz::sandbox::CommandEnd::Exited(0));
        assert_eq!(exported(&open).await, Vec::<String>::new());
    })
    .await;
}
