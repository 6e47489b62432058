//! Finds a project's checks when its policy names none. Boxes have no network, so every command works offline.

use super::{CheckCommand, DEFAULT_CHECK_TIMEOUT_S};

/// What was found in a repository.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Detected {
    /// Shell commands that prepare a fresh box.
    pub setup: Vec<String>,
    /// The checks, one for each language; empty when nothing was recognised.
    pub checks: Vec<CheckCommand>,
}

/// Recognises Python, Node, Rust, Go and make projects by the files at the repository's root. `read` yields a file's text,
/// or nothing when it is missing or not text. A `test` target of a Makefile is used only when nothing else is found,
/// because it usually calls the same tests.
pub fn detect_project(paths: &[&str], read: &dyn Fn(&str) -> Option<String>) -> Detected {
    let found = [python(paths, read), node(paths, read), rust(paths), go(paths)];
    let mut checks: Vec<CheckCommand> = found.into_iter().flatten().collect();
    if checks.is_empty() {
        checks.extend(make(paths, read));
    }
    Detected { setup: Vec::new(), checks }
}

fn check(name: &str, run: impl Into<String>) -> CheckCommand {
    CheckCommand { name: name.to_owned(), run: run.into(), timeout_s: DEFAULT_CHECK_TIMEOUT_S }
}

fn python(paths: &[&str], read: &dyn Fn(&str) -> Option<String>) -> Option<CheckCommand> {
    let configured = ["pyproject.toml", "setup.py", "setup.cfg", "pytest.ini", "tox.ini", "requirements.txt"];
    let is_test = |path: &&str| {
        let name = path.rsplit('/').next().unwrap_or(path);
        name.ends_with(".py") && (name.starts_with("test_") || name.ends_with("_test.py"))
    };
    let tests: Vec<&str> = paths.iter().copied().filter(is_test).collect();
    if tests.is_empty() && !configured.iter().any(|name| paths.contains(name)) {
        return None;
    }
    // With a src layout the package is importable only when installed, which would need the network.
    let src_layout = paths.iter().any(|path| path.starts_with("src/") && path.ends_with(".py"));
    let path = if src_layout { "PYTHONPATH=src " } else { "" };
    let imports = |module: &str| tests.iter().filter_map(|test| read(test)).any(|text| text.contains(module));
    let mentions_pytest = configured
        .iter()
        .filter(|name| paths.contains(name))
        .filter_map(|name| read(name))
        .any(|t| t.contains("pytest"));
    if !mentions_pytest && imports("import unittest") && !imports("import pytest") {
        return Some(check("unittest", format!("{path}python3 -m unittest discover")));
    }
    // Debian has no `python`; images of other makers have both names.
    Some(check("pytest", format!("{path}python3 -m pytest -q")))
}

fn node(paths: &[&str], read: &dyn Fn(&str) -> Option<String>) -> Option<CheckCommand> {
    if !paths.contains(&"package.json") {
        return None;
    }
    let package: serde_json::Value = serde_json::from_str(&read("package.json")?).ok()?;
    let script = package.get("scripts").and_then(|scripts| scripts.get("test")).and_then(|test| test.as_str());
    match script {
        // What `npm init` writes when there are no tests.
        Some(script) if !script.contains("no test specified") => Some(check("npm test", "npm test --silent")),
        Some(_) | None => Some(check("node tests", "node --test")),
    }
}

fn rust(paths: &[&str]) -> Option<CheckCommand> {
    paths.contains(&"Cargo.toml").then(|| check("cargo test", "cargo test --offline"))
}

fn go(paths: &[&str]) -> Option<CheckCommand> {
    paths.contains(&"go.mod").then(|| check("go test", "GOPROXY=off go test ./..."))
}

fn make(paths: &[&str], read: &dyn Fn(&str) -> Option<String>) -> Option<CheckCommand> {
    let makefile = ["GNUmakefile", "makefile", "Makefile"].into_iter().find(|name| paths.contains(name))?;
    let has_target = |line: &str| {
        let targets = line.split_once(':').filter(|(_, rest)| !rest.starts_with('='));
        targets.is_some_and(|(names, _)| names.split_whitespace().any(|name| name == "test"))
    };
    read(makefile)?.lines().any(has_target).then(|| check("make test", "make test"))
}
