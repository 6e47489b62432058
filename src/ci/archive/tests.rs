use std::io::Write;

use flate2::{Compression, write::DeflateEncoder};
use proptest::prelude::*;
use rawzip::{ZipArchiveWriter, path::EntryPath};

use super::*;

/// Names and contents.
type Files<'a> = &'a [(&'a str, &'a str)];

/// An archive as GitHub streams it: packed, with the sizes behind each file.
fn zip(files: Files<'_>) -> Vec<u8> {
    packed(files, CompressionMethod::DEFLATE)
}

fn packed(files: Files<'_>, method: CompressionMethod) -> Vec<u8> {
    let mut archive = ZipArchiveWriter::new(Vec::new());
    for (name, text) in files {
        let file = archive.new_file(EntryPath::verbatim(name.as_bytes())).compression_method(method);
        let (mut entry, config) = file.start().unwrap();
        let output = if method == CompressionMethod::DEFLATE {
            let mut writer = config.wrap(DeflateEncoder::new(&mut entry, Compression::default()));
            writer.write_all(text.as_bytes()).unwrap();
            let (encoder, output) = writer.finish().unwrap();
            encoder.finish().unwrap();
            output
        } else {
            let mut writer = config.wrap(&mut entry);
            writer.write_all(text.as_bytes()).unwrap();
            writer.finish().unwrap().1
        };
        entry.finish(output).unwrap();
    }
    archive.finish().unwrap()
}

#[test]
fn the_log_of_a_job_is_found_by_its_name() {
    let long = format!("{} end", "matrix, ".repeat(20));
    let cut = format!("0_{}.txt", &long[..90].trim());
    let wide = format!("{}😅 and more", "x".repeat(89));
    let cut_wide = format!("0_{}\u{fffd}.txt", "x".repeat(89));
    let table: [(&str, Files<'_>, Result<&str, NoLog>); 15] = [
        ("test", &[("0_lint.txt", "a"), ("1_test.txt", "b"), ("test/1_Set up job.txt", "c")], Ok("b")),
        ("test", &[("-2147483648_test.txt", "old")], Ok("old")),
        ("call / test: \"a\"", &[("0_call  test a.txt", "b")], Ok("b")),
        ("call / test", &[("0_call _ test.txt", "b"), ("1_call _ test 2.txt", "c")], Ok("b")),
        ("a/b", &[("0_a_b.txt", "1"), ("1_a-b.txt", "2")], Err(NoLog::Absent)),
        (&long, &[(&cut, "cut")], Ok("cut")),
        (&wide, &[(&cut_wide, "cut")], Ok("cut")),
        ("test", &[("test/10_x.txt", "c"), ("test/2_x.txt", "b"), ("test/1_Set up.txt", "a")], Ok("abc")),
        ("test", &[("0_test.txt", "\u{feff}\n"), ("test/1_x.txt", "said")], Ok("said")),
        ("test", &[("0_test.txt", "ok"), ("2_test.txt", "##[error]no")], Ok("##[error]no")),
        ("test", &[("0_test.txt", "ok"), ("2_test.txt", "fine")], Ok("ok")),
        ("test", &[("0_test.txt", " "), ("test/system.txt", "no step")], Err(NoLog::Absent)),
        ("test", &[("test.txt", "x"), ("a/0_test.txt", "x"), ("x_test.txt", "x")], Err(NoLog::Absent)),
        ("test", &[("../0_test.txt", "x"), ("/0_test.txt", "x"), ("0_test.txt/", "x")], Err(NoLog::Absent)),
        ("🙂", &[("0_.txt", "x"), ("1_🙂.txt", "y")], Ok("y")),
    ];
    for (job, files, expected) in table {
        for method in [CompressionMethod::DEFLATE, CompressionMethod::STORE] {
            let found = log_in_archive(&packed(files, method), job);
            assert_eq!(found, expected.clone().map(str::to_owned), "{job} in {files:?}");
        }
    }
}

#[test]
fn broken_archives_have_no_log() {
    let good = packed(&[("0_test.txt", "said"), ("1_lint.txt", "x")], CompressionMethod::STORE);
    let central = good.windows(4).position(|bytes| bytes == b"PK\x01\x02").unwrap();
    let changed = |at: usize, bytes: &[u8]| {
        let mut changed = good.clone();
        changed[at..at + bytes.len()].copy_from_slice(bytes);
        changed
    };
    let table = [
        ("nothing", vec![]),
        ("no archive", b"<html>Not Found</html>".to_vec()),
        ("cut off", good[..good.len() - 30].to_vec()),
        ("a directory of something else", changed(central, b"PK\x05\x06")),
        ("a file beyond the end", changed(central + 42, &u32::MAX.to_le_bytes()[..3])),
        ("a file longer than the archive", changed(central + 20, &1_000_000_u32.to_le_bytes())),
        ("packed in an unknown way", changed(central + 10, &99_u16.to_le_bytes())),
        ("said to be packed", changed(central + 10, &8_u16.to_le_bytes())),
    ];
    for (what, archive) in table {
        assert!(matches!(log_in_archive(&archive, "test"), Err(NoLog::Broken(_))), "{what}");
    }
    assert_eq!(log_in_archive(&good, "test").as_deref(), Ok("said"));
}

#[test]
fn bombs_are_read_to_a_fixed_length() {
    let zeros = "0".repeat(3 * limits::LOG_TAIL_BYTES);
    let large = zip(&[("0_test.txt", &format!("{zeros}\nthe end"))]);
    assert!(large.len() < zeros.len() / 100, "it is a bomb");
    let log = log_in_archive(&large, "test").unwrap();
    assert_eq!(log.len(), limits::LOG_TAIL_BYTES);
    assert!(log.ends_with("0\nthe end"));
    // All files together, however many there are.
    let names: Vec<String> = (1..200).map(|number| format!("test/{number}_x.txt")).collect();
    let page = "1234567\n".repeat(1_000);
    let many: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), page.as_str())).collect();
    let caps = Caps { bytes: 100_000, ..CAPS };
    assert_eq!(log_within(caps, &zip(&many), "test").unwrap().len(), 100_000);
    let caps = Caps { entries: 198, ..CAPS };
    assert_eq!(log_within(caps, &zip(&many), "test"), Err(NoLog::Crowded));
}

proptest! {
    #[test]
    fn no_archive_does_harm(
        flips in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..12),
        keep in any::<prop::sample::Index>(),
        is_cut in any::<bool>(),
    ) {
        let mut archive = zip(&[("0_test.txt", "one\ntwo"), ("test/1_Set up job.txt", "three")]);
        for (at, byte) in flips {
            let at = at.index(archive.len());
            archive[at] = byte;
        }
        if is_cut {
            archive.truncate(keep.index(archive.len()));
        }
        let log = log_within(Caps { bytes: 10_000, ..CAPS }, &archive, "test");
        prop_assert!(log.is_err() || log.is_ok_and(|log| log.len() <= 30_000));
    }
}
