//! The file tools do what they say and stay in the workspace.

use wiz::sandbox::{EditFault, FileMode, OpenBox, SandboxError};

use super::{file, out, source, with_box};

fn is_refused<T: std::fmt::Debug>(result: Result<T, SandboxError>, why: &str) {
    assert!(matches!(&result, Err(SandboxError::PathRefused { reason, .. }) if reason.contains(why)), "{result:?}");
}

#[tokio::test]
async fn files_are_read_by_lines() {
    with_box(|_, open| async move {
        open.load(vec![file("a", "1\n2\n3\n4"), source("bin", FileMode::Regular, b"\0\xff")]).await.unwrap();
        let part = open.read("/work/a", Some(1), Some(2)).await.unwrap();
        assert_eq!((part.text.as_str(), part.first_line, part.total_lines, part.cut), ("2\n3\n", 2, 4, false));
        let all = open.read("a", None, None).await.unwrap();
        assert_eq!((all.text.as_str(), all.total_lines), ("1\n2\n3\n4", 4));
        assert_eq!(open.read("a", Some(9), None).await.unwrap().text, "");
        assert_eq!(open.read("bin", None, None).await, Err(SandboxError::NotText { path: "bin".into() }));
        assert_eq!(open.read("no", None, None).await, Err(SandboxError::NotFound { path: "no".into() }));
        is_refused(open.read(".", None, None).await, "folder");
        out(&open, "mkdir d && yes | head -c 1000000 > long && truncate -s 1000M huge").await;
        is_refused(open.read("d", None, None).await, "folder");
        let long = open.read("long", None, None).await.unwrap();
        assert!(long.cut && long.text.len() == 256 * 1024 && long.total_lines == 500_000);
        assert!(matches!(open.read("huge", None, None).await, Err(SandboxError::TooLarge { .. })));
    })
    .await;
}

#[tokio::test]
async fn files_are_written_whole_and_keep_their_mode() {
    with_box(|_, open| async move {
        open.load(vec![source("run.sh", FileMode::Executable, b"#!/bin/sh\necho 1\n")]).await.unwrap();
        open.edit("run.sh", "1", "2", false).await.unwrap();
        assert_eq!(out(&open, "./run.sh; stat -c %a run.sh").await, "2\n755\n");
        open.write("new/deep/file", "ü\n".as_bytes()).await.unwrap();
        assert_eq!(out(&open, "cat new/deep/file; stat -c %a new/deep/file; ls -A new/deep").await, "ü\n644\nfile\n");
        let fault = open.edit("run.sh", "echo 3", "x", false).await.unwrap_err();
        assert!(
            matches!(&fault, SandboxError::Edit(EditFault::NotFound { nearest }) if nearest[0].line == 2),
            "{fault}"
        );
        let large = vec![b'x'; 17 * 1024 * 1024];
        assert!(matches!(open.write("large", &large).await, Err(SandboxError::TooLarge { .. })));
    })
    .await;
}

#[tokio::test]
async fn a_large_repository_file_arrives_whole() {
    with_box(|_, open| async move {
        let content: Vec<u8> = (0..9_000_000_u32).map(|n| u8::try_from(n % 251).unwrap()).collect();
        open.load(vec![file("empty", ""), source("large", FileMode::Regular, &content), file("last", "x")])
            .await
            .unwrap();
        assert_eq!(
            out(&open, "git hash-object large; wc -c < empty").await,
            format!("{}\n0\n", wiz_runner::manifest::blob_id(&content))
        );
        assert_eq!(open.export().await.unwrap(), []);
    })
    .await;
}

async fn escape(open: &OpenBox, path: &str, why: &str) {
    is_refused(open.read(path, None, None).await, why);
    is_refused(open.write(path, b"x").await, why);
    is_refused(open.edit(path, "root", "x", false).await, why);
}

#[tokio::test]
async fn no_tool_follows_a_path_out_of_the_workspace() {
    with_box(|_, open| async move {
        open.load(vec![file("inside", "root"), source("link", FileMode::Symlink, b"/etc/passwd")]).await.unwrap();
        out(&open, "ln -s / rootdir; ln -s inside near; ln -s loop loop; mkfifo pipe; mkdir real; ln -s real alias")
            .await;
        escape(&open, "link", "symlink to `/etc/passwd`").await;
        escape(&open, "rootdir/etc/passwd", "symlink to `/`").await;
        escape(&open, "alias/file", "symlink to `real`").await;
        escape(&open, "loop", "symlink").await;
        escape(&open, "near", "symlink to `inside`").await;
        escape(&open, "pipe", "no regular file").await;
        escape(&open, "../etc/passwd", "`..`").await;
        escape(&open, "/etc/passwd", "outside").await;
        escape(&open, "/proc/self/environ", "outside").await;
        escape(&open, "inside/x", "a part of it is a file").await;
        // The control: a command can go all these ways, so the tools were what refused.
        assert_eq!(out(&open, "grep -c ^root: link rootdir/etc/passwd").await, "link:1\nrootdir/etc/passwd:1\n");
        assert_eq!(open.read("inside", None, None).await.unwrap().text, "root");
        assert_eq!(out(&open, "cat inside; ls -A real").await, "root", "nothing was written through a symlink");
    })
    .await;
}
