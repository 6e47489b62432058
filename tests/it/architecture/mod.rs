//! The rules of `docs/ARCHITECTURE.md`, checked against the source.
//!
//! The tables in that page are the only copy of the rules: [`table`] reads them, [`paths`] reads which paths a source
//! file names, and this file compares the two. Each check has a control that must find a made-up offence, so that a
//! check which sees nothing cannot pass for a clean house.

mod paths;
mod table;

use std::{collections::BTreeSet, path::Path};

use table::Rules;

/// Longest source file, in lines. Beyond it a reader loses the thread; split by behaviour.
const MAX_LINES: usize = 500;

/// How many `//!` lines the head of a room may have: enough to say what it must never do, short enough to be read.
const HEAD_LINES: std::ops::RangeInclusive<usize> = 5..=15;

/// Names that say nothing about what is inside.
const EMPTY_NAMES: [&str; 5] = ["utils", "common", "helpers", "manager", "types"];

/// One source file; `path` is relative to `src/`.
struct Source {
    path: String,
    text: String,
}

/// Every offence against the tables, as `file: what`.
fn import_offences(rules: &Rules, sources: &[Source]) -> Vec<String> {
    let mut offences = vec![];
    for Source { path, text } in sources {
        let Some(room) = rules.room_of_file(path) else {
            offences.push(format!("{path}: belongs to no room of the table"));
            continue;
        };
        for named in paths::named_in(path, text) {
            match named.strip_prefix("crate::") {
                Some(inner) => match rules.room_of_path(inner) {
                    Some(other) if room.may_import(other) => {}
                    Some(other) => offences.push(format!("{path}: {} may not import {}", room.name, other.name)),
                    None => offences.push(format!("{path}: {named} names no room of the table")),
                },
                None => offences.extend(rules.crate_offence(room, path, &named)),
            }
        }
    }
    offences.sort();
    offences.dedup();
    offences
}

/// Every offence against the shape of files: length, names, and the head of a room.
fn shape_offences(sources: &[Source]) -> Vec<String> {
    let mut offences = vec![];
    for Source { path, text } in sources {
        let lines = text.lines().count();
        if lines > MAX_LINES {
            offences.push(format!("{path}: {lines} lines, more than {MAX_LINES}"));
        }
        let empty = |part: &str| EMPTY_NAMES.contains(&part.trim_end_matches(".rs"));
        if path.split('/').any(empty) {
            offences.push(format!("{path}: a name that says nothing"));
        }
        let is_front_door = path.ends_with("/mod.rs") && path.matches('/').count() == 1;
        let head = text.lines().take_while(|line| line.starts_with("//!")).count();
        if is_front_door && !HEAD_LINES.contains(&head) {
            offences.push(format!("{path}: a head of {head} lines"));
        }
    }
    offences
}

/// All Rust files below `folder` of the repository.
fn sources(folder: &str) -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let mut folders = vec![root.clone()];
    let mut found = vec![];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("a source folder can be listed") {
            let path = entry.expect("a folder's entry can be read").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = std::fs::read_to_string(&path).expect("a source file can be read");
                let relative = path.strip_prefix(&root).expect("it lies below the root");
                found.push(Source { path: relative.to_string_lossy().replace('\\', "/"), text });
            }
        }
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

fn rules() -> Rules {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/ARCHITECTURE.md");
    Rules::parse(&std::fs::read_to_string(page).expect("docs/ARCHITECTURE.md can be read"))
}

#[test]
fn rooms_import_only_what_the_architecture_allows() {
    let (rules, sources) = (rules(), sources("src"));
    let offences = import_offences(&rules, &sources);
    assert!(offences.is_empty(), "see the tables in docs/ARCHITECTURE.md:\n{}", offences.join("\n"));
    for room in &rules.rooms {
        let has_files = sources.iter().any(|source| rules.room_of_file(&source.path).is_some_and(|of| of == room));
        assert!(has_files, "the table names {}, but there is no such room", room.name);
    }
}

#[test]
fn every_import_in_the_table_is_in_use() {
    let (rules, sources) = (rules(), sources("src"));
    let mut unused: BTreeSet<(&str, &str)> = BTreeSet::new();
    for room in &rules.rooms {
        unused.extend(room.imports.iter().map(|import| (room.name.as_str(), import.as_str())));
    }
    for Source { path, text } in &sources {
        for named in paths::named_in(path, text) {
            let other = named.strip_prefix("crate::").and_then(|inner| rules.room_of_path(inner));
            if let (Some(room), Some(other)) = (rules.room_of_file(path), other) {
                unused.remove(&(room.name.as_str(), other.name.as_str()));
            }
        }
    }
    unused.retain(|(_, import)| *import != table::EVERYTHING);
    assert!(unused.is_empty(), "take these out of the table in docs/ARCHITECTURE.md: {unused:?}");
}

#[test]
fn arrows_point_one_way() {
    let rules = rules();
    for (place, room) in rules.rooms.iter().enumerate() {
        for import in room.imports.iter().filter(|import| *import != table::EVERYTHING) {
            let above = rules.rooms.iter().take(place).find(|other| other.name == *import);
            assert!(above.is_some(), "{} names {import}, which must stand above it", room.name);
            let both_pure = above.is_some_and(|above| above.pure);
            assert!(both_pure || !room.pure, "{} is pure and may not import {import}", room.name);
        }
    }
}

#[test]
fn files_are_short_and_rooms_say_what_they_are() {
    let mut all = sources("src");
    for member in ["github-stand-in", "scripted-model", "wiz-runner"] {
        all.extend(sources(&format!("crates/{member}/src")).into_iter().map(|mut source| {
            source.path = format!("crates/{member}/src/{}", source.path);
            source
        }));
    }
    let offences = shape_offences(&all);
    assert!(offences.is_empty(), "{}", offences.join("\n"));
}

#[test]
fn a_made_up_offence_is_found() {
    let rules = Rules::parse(
        "| room | pure | may import |\n|---|---|---|\n| `ids` | yes | – |\n| `run/machine` | yes | `ids` |\n\
         | `github` | no | `ids` |\n| `run` | no | `github` `ids` `run/machine` |\n| `lib` | no | everything |\n\n\
         | path | only in |\n|---|---|\n| `sqlx::Type` | everywhere |\n| `sqlx::query*` | `*/store*` |\n\
         | `octocrab` | `github/*` |\n| `tokio` | rooms that are not pure |\n",
    );
    let offences_of =
        |path: &str, text: &str| import_offences(&rules, &[Source { path: path.to_owned(), text: text.to_owned() }]);
    let clean = [
        (
            "ids.rs",
            "#[derive(sqlx::Type)] struct Id; // crate::run is only named here\nconst S: &str = \"crate::run\";",
        ),
        ("github/mod.rs", "use octocrab::Octocrab; use crate::ids::RunId; use tokio::time;"),
        ("run/store/mod.rs", "use super::machine; fn f() { sqlx::query!(\"select 1\"); }"),
        ("run/machine/mod.rs", "mod tests { use super::*; use super::super::machine::advance; }"),
        ("lib.rs", "pub use crate::run::machine;"),
    ];
    for (path, text) in clean {
        assert_eq!(offences_of(path, text), Vec::<String>::new(), "{path}");
    }
    let foul = [
        ("ids.rs", "use crate::run::Store;", "ids.rs: ids may not import run"),
        (
            "ids.rs",
            "use {std::fmt, tokio::{fs, time as clock}};",
            "ids.rs: tokio::fs belongs in rooms that are not pure",
        ),
        ("github/mod.rs", "fn f() { crate::run::machine::go() }", "github/mod.rs: github may not import run/machine"),
        ("run/machine/mod.rs", "use super::jobs;", "run/machine/mod.rs: run/machine may not import run"),
        (
            "run/machine/x.rs",
            "mod deep { use super::super::super::jobs; }",
            "run/machine/x.rs: run/machine may not import run",
        ),
        ("run/jobs.rs", "use sqlx::query_as;", "run/jobs.rs: sqlx::query_as belongs in `*/store*`"),
        ("run/jobs.rs", "fn f() -> ::octocrab::Page {}", "run/jobs.rs: octocrab::Page belongs in `github/*`"),
        ("run/jobs.rs", "use crate::attic;", "run/jobs.rs: crate::attic names no room of the table"),
        ("attic.rs", "", "attic.rs: belongs to no room of the table"),
    ];
    for (path, text, offence) in foul {
        let found = offences_of(path, text);
        assert!(found.iter().any(|found| found == offence), "{offence} is missing in {found:?}");
    }
}

#[test]
fn a_made_up_misshape_is_found() {
    let head = "//! What it is for.\n".repeat(5);
    let table = [
        ("queue/mod.rs", head.clone(), 0),
        ("queue/mod.rs", "//! Short.\n".to_owned(), 1),
        ("queue/mod.rs", "//! Long.\n".repeat(16), 1),
        ("queue/inner/mod.rs", String::new(), 0),
        ("queue/utils.rs", String::new(), 1),
        ("helpers/queue.rs", String::new(), 1),
        ("queue/claim.rs", "\n".repeat(MAX_LINES + 1), 1),
    ];
    for (path, text, offences) in table {
        let found = shape_offences(&[Source { path: path.to_owned(), text }]);
        assert_eq!(found.len(), offences, "{path}: {found:?}");
    }
}
