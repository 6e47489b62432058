//! What the pages say about the program is what the program says of itself.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use wiz::event::command::{self, Verb};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn text(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Names of environment variables in a text, between `mark`s.
fn variables(text: &str, mark: char) -> BTreeSet<String> {
    let is_variable = |word: &&str| {
        word.contains('_') && word.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_')
    };
    text.split(mark).filter(is_variable).map(str::to_owned).collect()
}

#[test]
fn every_setting_is_in_the_operators_table_and_no_other() {
    let source = ["src/config.rs", "src/cli/mod.rs"].map(text).concat();
    // Tests at the end of a file name only what the code above them reads.
    let read = variables(&source, '"');
    let page = text("docs/OPERATIONS.md");
    let table: String = page.lines().filter(|line| line.starts_with("| `")).collect::<Vec<_>>().join("\n");
    let told: BTreeSet<String> =
        variables(&table, '`').into_iter().filter(|name| name.as_str() != "RUST_LOG").collect();
    let missing: Vec<_> = read.difference(&told).collect();
    let invented: Vec<_> = told.difference(&read).collect();
    assert!(missing.is_empty() && invented.is_empty(), "missing {missing:?}, invented {invented:?}");
    assert!(read.contains("WIZ_MODEL") && read.len() > 15, "the names were found: {read:?}");
}

#[test]
fn every_command_is_in_the_readme_as_help_shows_it() {
    let readme = text("README.md");
    let help = command::help();
    let rows: Vec<&str> = help.lines().filter(|line| line.starts_with("| `")).collect();
    assert!(rows.len() > Verb::listed().count(), "{help}");
    for row in rows {
        assert!(readme.contains(row), "README.md lacks {row}");
    }
}

#[test]
fn every_link_between_pages_leads_somewhere() {
    let pages = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "docs/ARCHITECTURE.md", "docs/SECURITY.md"];
    let mut followed = 0;
    for page in pages.into_iter().chain(["docs/OPERATIONS.md"]) {
        let folder = Path::new(page).parent().unwrap().to_owned();
        for target in text(page).split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            if target.starts_with("http") {
                continue;
            }
            let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
            let path = if file.is_empty() { page.into() } else { folder.join(file) };
            assert!(root().join(&path).exists(), "{page} links to {target}");
            if !anchor.is_empty() {
                let known = anchors(&text(&path.to_string_lossy()));
                assert!(known.contains(anchor), "{page} links to {target}; the page has {known:?}");
            }
            followed += 1;
        }
    }
    assert!(followed > 10, "the links were found");
}

/// The anchors GitHub gives to a page's headings: lower case, spaces to dashes, other signs dropped.
fn anchors(page: &str) -> BTreeSet<String> {
    let headings = page
        .lines()
        .filter_map(|line| line.trim_start_matches('#').strip_prefix(' ').filter(|_| line.starts_with('#')));
    headings
        .map(|heading| {
            let heading = heading.to_lowercase();
            let kept = heading.chars().filter(|c| c.is_alphanumeric() || *c == ' ' || *c == '-');
            kept.map(|c| if c == ' ' { '-' } else { c }).collect()
        })
        .collect()
}

#[test]
fn every_test_that_the_security_page_names_exists() {
    let page = text("docs/SECURITY.md");
    let code = |folder: &str| -> String {
        let mut folders = vec![root().join(folder)];
        let mut all = String::new();
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else if path.extension().is_some_and(|extension| extension == "rs") {
                    all += &std::fs::read_to_string(path).unwrap();
                }
            }
        }
        all
    };
    let tests = code("src") + &code("tests");
    let mut named = 0;
    for word in page.split('`').skip(1).step_by(2) {
        let is_path = word.starts_with("src/") || word.starts_with("tests/");
        if is_path {
            assert!(root().join(word).exists(), "docs/SECURITY.md names {word}");
            named += 1;
        } else if word.matches('_').count() >= 2 && word.chars().all(|c| c.is_ascii_lowercase() || c == '_') {
            assert!(tests.contains(&format!("fn {word}")), "docs/SECURITY.md names {word}");
            named += 1;
        }
    }
    assert!(named > 20, "the names were found: {named}");
}
