mod gate;
mod layers;
mod schedule;
mod values;

use proptest::prelude::*;

use super::*;
use crate::{
    event::command::Verb,
    limits::{PATCH_BYTES, PATCH_FILE_BYTES, PATCH_FILES},
    plan::{Criterion, Plan, Proof, Step},
};

fn faults(yaml: &str) -> String {
    let faults = parse(yaml).unwrap_err();
    faults.iter().map(|fault| format!("{}: {}", fault.line, fault.message)).collect::<Vec<_>>().join("\n")
}

#[test]
fn nothing_written_means_the_defaults() {
    for yaml in ["", "\n\n", "# only a comment\n", "---\n", "{}"] {
        assert_eq!(parse(yaml), Ok(RepositoryPolicy::default()), "{yaml:?}");
    }
}

#[test]
fn everything_can_be_set() {
    let policy = parse(
        "image: ghcr.io/acme/box:1\nsetup: [make deps]\nchecks:\n  - name: tests\n    run: make test\n    timeout_s: 60\n  \
         - { name: lint, run: make lint }\nmin_role: maintain\ngate: human-required\nbudget_run: $1.50\nbudget_day: 5\n\
         protected_paths: [docs/legal/]\nunprotected_paths: ['**/Cargo.lock']\nallowed_paths: ['src/**']\nmodel: local/tiny\n\
         ci: { answer: all, attempts: 5, label: 'please mend', default_branch: fix }\n",
    )
    .unwrap();
    let pattern = |text: &str| vec![text.parse::<Pattern>().unwrap()];
    assert_eq!(
        policy,
        RepositoryPolicy {
            image: Some("ghcr.io/acme/box:1".into()),
            setup: vec!["make deps".into()],
            checks: vec![
                CheckCommand { name: "tests".into(), run: "make test".into(), timeout_s: 60 },
                CheckCommand { name: "lint".into(), run: "make lint".into(), timeout_s: DEFAULT_CHECK_TIMEOUT_S },
            ],
            min_role: Role::Maintain,
            gate: GateLevel::HumanRequired,
            gate_rules: vec![],
            budget_run: "1.5".parse().unwrap(),
            budget_day: "5".parse().unwrap(),
            protected_paths: pattern("docs/legal/"),
            unprotected_paths: pattern("**/Cargo.lock"),
            allowed_paths: pattern("src/**"),
            allowed_within: vec![],
            model: Some("local/tiny".into()),
            ci: CiRules {
                answer: CiAnswer::All,
                attempts: 5,
                label: "please mend".into(),
                default_branch: CiDefaultBranch::Fix,
            },
            schedules: vec![],
            triggers: Triggers::default(),
        }
    );
}

/// Editors complete the file by it. After a change: `cargo run -- config schema > docs/wiz.schema.json`.
#[test]
fn the_committed_schema_is_the_one_that_is_served() {
    let committed = include_str!("../../../docs/wiz.schema.json");
    assert!(committed == schema(), "run `cargo run -- config schema > docs/wiz.schema.json`");
    let parsed: serde_json::Value = serde_json::from_str(committed).unwrap();
    let mut keys: Vec<&String> = parsed["properties"].as_object().unwrap().keys().collect();
    keys.sort();
    for key in Key::ALL {
        assert!(keys.iter().any(|name| *name == key.name()), "{key:?}");
    }
}

/// The reference page shows one whole file; it must stay true.
#[test]
fn the_documented_example_is_valid_and_names_every_key() {
    let page = include_str!("../../../docs/wiz.yml.md");
    let example = page.split("```yaml\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let policy = parse(example).unwrap_or_else(|faults| panic!("{faults:?}"));
    assert_ne!(policy, RepositoryPolicy::default());
    let debug = format!("{policy:?}");
    for key in ["image", "setup", "checks", "min_role", "gate", "budget_run", "budget_day", "protected_paths"] {
        assert!(debug.contains(key) && example.contains(&format!("{key}:")), "{key}");
    }
    for key in ["unprotected_paths", "allowed_paths", "model", "schedules", "triggers"] {
        assert!(debug.contains(key) && example.contains(&format!("{key}:")), "{key}");
    }
}

#[test]
fn roles_come_from_githubs_answer() {
    for (role_name, permission, role) in [
        ("admin", "admin", Role::Admin),
        ("maintain", "write", Role::Maintain),
        ("triage", "read", Role::Triage),
        ("read", "read", Role::Read),
        ("", "none", Role::None),
        ("security-team", "write", Role::Write),
        ("Admin", "read", Role::Read),
        ("owner", "owner", Role::None),
    ] {
        assert_eq!(Role::from_github(role_name, permission), role, "{role_name} {permission}");
    }
}

#[test]
fn who_may_command_what() {
    let roles = [Role::None, Role::Read, Role::Triage, Role::Write, Role::Maintain, Role::Admin];
    let mut table = String::from("min_role: triage, write, admin\n");
    for verb in Verb::ALL {
        let needed = [Role::Triage, Role::Write, Role::Admin].map(|min_role| {
            let policy = RepositoryPolicy { min_role, ..RepositoryPolicy::default() };
            let allowed = roles.iter().filter(|role| may(**role, verb, &policy) == Permission::Allowed);
            allowed.map(|role| role.name()).next().unwrap_or("nobody")
        });
        table += &format!("{}: {}\n", verb.name(), needed.join(", "));
    }
    insta::assert_snapshot!(table, @r#"
    min_role: triage, write, admin
    fix: triage, write, admin
    feature: triage, write, admin
    test: triage, write, admin
    docs: triage, write, admin
    refactor: triage, write, admin
    review: triage, write, admin
    plan: triage, write, admin
    ask: triage, write, admin
    approve: write, write, admin
    revise: triage, write, admin
    answer: triage, write, admin
    reject: triage, write, admin
    retry: triage, write, admin
    cancel: triage, write, admin
    pause: triage, write, admin
    resume: triage, write, admin
    status: read, read, read
    budget: read, read, read
    config: read, read, read
    ci: triage, write, admin
    allow: write, write, admin
    remember: write, write, admin
    forget: write, write, admin
    undo: write, write, admin
    selftest: triage, write, admin
    help: read, read, read
    "#);
    let denied = may(Role::Read, Verb::Fix, &RepositoryPolicy::default());
    assert_eq!(denied, Permission::Denied { needs: Role::Write });
}

#[test]
fn patterns_match_whole_paths() {
    for (pattern, matching, others) in [
        ("README.md", &["README.md"][..], &["docs/README.md", "README.mdx", "readme.md"][..]),
        ("*.md", &["a.md", ".md"], &["docs/a.md", "a.md/b"]),
        ("**/*.md", &["a.md", "docs/a.md", "a/b/c.md"], &["a.txt"]),
        ("docs/", &["docs/a", "docs/a/b", "docs/.hidden"], &["docs", "docsx/a", "a/docs/b"]),
        ("docs/**", &["docs/a", "docs/a/b", "docs"], &["doc/a"]),
        ("a/**/z", &["a/z", "a/b/z", "a/b/c/z"], &["a/b", "az"]),
        ("**", &["a", "a/b"], &[]),
        ("*", &["a", ".git"], &["a/b"]),
        (".*/", &[".github/x", ".a/b/c"], &["a/.github/x", ".env"]),
        ("a?c", &["abc", "aéc"], &["ac", "a/c", "abbc"]),
        ("a*b*c", &["abc", "aXbXc", "abcbc"], &["ab", "acb"]),
        ("src/*/mod.rs", &["src/a/mod.rs"], &["src/mod.rs", "src/a/b/mod.rs"]),
    ] {
        let parsed: Pattern = pattern.parse().unwrap();
        for path in matching {
            assert!(parsed.matches(path), "{pattern} should match {path}");
        }
        for path in others {
            assert!(!parsed.matches(path), "{pattern} should not match {path}");
        }
    }
    for bad in ["", "/a", "a//b", "./a", "a/../b", "a\\b", "a**", "a/**b/c", "a\nb", "/"] {
        assert!(bad.parse::<Pattern>().is_err(), "{bad:?}");
    }
    assert!("a".repeat(201).parse::<Pattern>().is_err());
}

fn detected(files: &[(&str, &str)]) -> Vec<String> {
    let paths: Vec<&str> = files.iter().map(|(path, _)| *path).collect();
    let read = |path: &str| files.iter().find(|(name, _)| *name == path).map(|(_, text)| (*text).to_owned());
    detect_project(&paths, &read).checks.into_iter().map(|check| check.run).collect()
}

#[test]
fn projects_are_recognised() {
    for (files, commands) in [
        (&[("pyproject.toml", "[tool.pytest]")][..], &["python3 -m pytest -q"][..]),
        (
            &[("pyproject.toml", ""), ("src/dates/__init__.py", ""), ("tests/test_a.py", "import pytest")],
            &["PYTHONPATH=src python3 -m pytest -q"],
        ),
        (&[("test_a.py", "import unittest\n")], &["python3 -m unittest discover"]),
        (&[("tests/test_a.py", "def test_a(): pass\n")], &["python3 -m pytest -q"]),
        (&[("package.json", r#"{"scripts": {"test": "vitest run"}}"#)], &["npm test --silent"]),
        (&[("package.json", r#"{"scripts": {"test": "echo \"Error: no test specified\""}}"#)], &["node --test"]),
        (&[("package.json", "{}"), ("Makefile", "test:\n")], &["node --test"]),
        (&[("package.json", "not json")], &[]),
        (&[("Cargo.toml", ""), ("go.mod", "")], &["cargo test --offline", "GOPROXY=off go test ./..."]),
        (&[("Makefile", "VAR:=1\nbuild test: x\n\ttrue\n")], &["make test"]),
        (&[("Makefile", "test := 1\ntests:\n")], &[]),
        (&[("README.md", "")], &[]),
        (&[("vendor/Cargo.toml", "")], &[]),
    ] {
        assert_eq!(detected(files), commands, "{files:?}");
    }
}

#[test]
fn tests_are_told_from_code() {
    for path in ["tests/a.py", "pkg/test_a.py", "a_test.go", "src/a.test.ts", "src/__tests__/a.js", "conftest.py"] {
        assert!(is_test_path(path), "{path}");
    }
    for path in ["src/a.py", "src/testing.rs", "contest.py", "latest/a.rs", "src/attest.go", "test", ""] {
        assert!(!is_test_path(path), "{path}");
    }
}

fn plan(files: &[&str]) -> Plan {
    Plan {
        summary: "Summary".into(),
        steps: vec![Step { id: "fix".parse().unwrap(), title: "Fix".into(), detail: "Fix".into(), depends_on: vec![] }],
        definition_of_done: vec![Criterion { name: "tests".into(), command: "make test".into(), proof: Proof::Passes }],
        risks: vec![],
        files: files.iter().map(|file| (*file).to_owned()).collect(),
    }
}

fn changed(path: &str) -> ChangedPath {
    ChangedPath { path: path.into(), deleted: false, bytes: 10 }
}

#[test]
fn paths_of_a_result_are_judged() {
    let policy = RepositoryPolicy {
        protected_paths: vec!["src/crypto/".parse().unwrap()],
        unprotected_paths: vec!["Cargo.toml".parse().unwrap(), ".github/**".parse().unwrap()],
        ..RepositoryPolicy::default()
    };
    let plan = plan(&["src/a.rs", "tests/", "Cargo.toml", "src/crypto/"]);
    let judged: Vec<String> = [
        "src/a.rs",
        "src/b.rs",
        "tests/deep/a.rs",
        "Cargo.toml",
        "sub/Cargo.toml",
        "src/crypto/key.rs",
        "SRC/Crypto/key.rs",
        ".github/wiz.yml",
        ".GitHub/WIZ.yml",
        ".github/workflows/ci.yml",
        ".git\u{200c}hub/workflows/ci.yml",
        ".github/dependabot.yml",
        ".gitlab-ci.yml",
        ".husky/pre-commit",
        "sub/AGENTS.md",
        "sub/agents.MD",
        "docs/CODEOWNERS",
        "sub/Dockerfile.dev",
        "package-lock.json",
        "deploy/prod.sh",
    ]
    .iter()
    .map(|path| {
        let violations = judge_changes(&[changed(path)], &policy, &plan);
        let said = violations.iter().map(|violation| format!("{:?}: {violation}", violation.verdict()));
        format!("{path}  →  {}", said.collect::<Vec<_>>().join("; "))
    })
    .collect();
    insta::assert_snapshot!(judged.join("\n").replace('\u{200c}', "␣"), @r#"
    src/a.rs  →  
    src/b.rs  →  AskHuman: src/b.rs is not in the approved plan
    tests/deep/a.rs  →  
    Cargo.toml  →  
    sub/Cargo.toml  →  AskHuman: sub/Cargo.toml is protected by **/Cargo.toml
    src/crypto/key.rs  →  AskHuman: src/crypto/key.rs is protected by src/crypto/
    SRC/Crypto/key.rs  →  AskHuman: SRC/Crypto/key.rs is protected by src/crypto/
    .github/wiz.yml  →  Block: .github/wiz.yml is never changed by a run
    .GitHub/WIZ.yml  →  Block: .GitHub/WIZ.yml is never changed by a run
    .github/workflows/ci.yml  →  Block: .github/workflows/ci.yml is never changed by a run
    .git␣hub/workflows/ci.yml  →  Block: .git␣hub/workflows/ci.yml is never changed by a run
    .github/dependabot.yml  →  AskHuman: .github/dependabot.yml is protected by .github/dependabot.y*ml
    .gitlab-ci.yml  →  AskHuman: .gitlab-ci.yml is protected by .gitlab-ci.yml
    .husky/pre-commit  →  AskHuman: .husky/pre-commit is protected by .*/
    sub/AGENTS.md  →  AskHuman: sub/AGENTS.md is protected by **/AGENTS.md
    sub/agents.MD  →  AskHuman: sub/agents.MD is protected by **/AGENTS.md
    docs/CODEOWNERS  →  AskHuman: docs/CODEOWNERS is protected by **/CODEOWNERS
    sub/Dockerfile.dev  →  AskHuman: sub/Dockerfile.dev is protected by **/Dockerfile*
    package-lock.json  →  AskHuman: package-lock.json is protected by **/package-lock.json
    deploy/prod.sh  →  AskHuman: deploy/prod.sh is protected by deploy/
    "#);
}

#[test]
fn sizes_and_counts_are_judged() {
    let policy = RepositoryPolicy { allowed_paths: vec!["src/".parse().unwrap()], ..RepositoryPolicy::default() };
    let judge = |changes: &[ChangedPath]| judge_changes(changes, &policy, &plan(&[]));
    assert_eq!(judge(&[]), [Violation::NoChange]);
    assert_eq!(judge(&[changed("lib/a")]), [Violation::NotAllowed { path: "lib/a".into() }]);
    let many: Vec<ChangedPath> = (0..=PATCH_FILES).map(|n| changed(&format!("src/{n}"))).collect();
    assert_eq!(judge(&many[1..]), []);
    assert_eq!(judge(&many), [Violation::TooManyFiles { files: PATCH_FILES + 1 }]);
    let sized = |path: &str, bytes: usize| ChangedPath { path: path.into(), deleted: false, bytes: bytes as u64 };
    assert_eq!(judge(&[sized("src/a", PATCH_FILE_BYTES)]), []);
    let large = PATCH_FILE_BYTES as u64 + 1;
    assert_eq!(
        judge(&[sized("src/a", PATCH_FILE_BYTES + 1)]),
        [Violation::FileTooLarge { path: "src/a".into(), bytes: large }]
    );
    let heavy: Vec<ChangedPath> =
        (0..=PATCH_BYTES / PATCH_FILE_BYTES).map(|n| sized(&format!("src/{n}"), PATCH_FILE_BYTES)).collect();
    let bytes = heavy.iter().map(|change| change.bytes).sum();
    assert_eq!(judge(&heavy), [Violation::TooManyBytes { bytes }]);
    let outside = changed("lib/a");
    let said = [vec![], vec![outside], many, vec![sized("src/a", PATCH_FILE_BYTES + 1)], heavy];
    let said = said.map(|changes| judge(&changes).iter().map(ToString::to_string).collect::<Vec<_>>().join("; "));
    insta::assert_snapshot!(said.join("\n"), @r"
    nothing was changed
    lib/a is not among the repository's allowed_paths
    101 files are changed; the most is 100
    src/a holds 1048577 bytes; the most is 1048576
    the changes hold 5242880 bytes; the most is 4194304
    ");
}

proptest! {
    #[test]
    fn any_file_is_read_without_panic(yaml in "[a-z_:\\[\\]{}'\"\\n #&*!|>$0-9-]{0,120}") {
        drop(parse(&yaml));
    }

    #[test]
    fn a_literal_pattern_matches_only_itself(path in "[a-c]{1,3}(/[a-c]{1,3}){0,3}", other in "[a-c]{1,3}(/[a-c]{1,3}){0,3}") {
        let pattern: Pattern = path.parse().unwrap();
        prop_assert!(pattern.matches(&path));
        prop_assert_eq!(pattern.matches(&other), path == other);
    }

    /// The walk agrees with the definition, written as a recursion.
    #[test]
    fn matching_agrees_with_its_definition(pattern in "[ab*?]{1,4}(/([ab*?]{1,3}|\\*\\*)){0,3}/?", path in "[ab]{1,3}(/[ab]{1,3}){0,4}") {
        let Ok(parsed) = pattern.parse::<Pattern>() else { return Ok(()) };
        prop_assert_eq!(parsed.matches(&path), defined(&pattern, &path), "{} {}", pattern, path);
    }

    #[test]
    fn no_spelling_of_wizs_own_rules_gets_through(upper: [bool; 15], hidden in 0_usize..15) {
        let mut path = String::new();
        for (index, (c, upper)) in POLICY_PATH.chars().zip(upper).enumerate() {
            if index == hidden {
                path.push('\u{200d}');
            }
            path.push(if upper { c.to_ascii_uppercase() } else { c });
        }
        let verdicts = judge_changes(&[changed(&path)], &RepositoryPolicy::default(), &plan(&[]));
        prop_assert_eq!(verdicts, vec![Violation::Blocked { path }]);
    }
}

fn defined(pattern: &str, path: &str) -> bool {
    fn parts(pattern: &[&str], path: &[&str]) -> bool {
        match (pattern, path) {
            ([], []) => true,
            ([], _) => false,
            (["**", rest @ ..], _) => parts(rest, path) || (!path.is_empty() && parts(pattern, &path[1..])),
            ([_, ..], []) => false,
            ([first, rest @ ..], [name, below @ ..]) => part(first.as_bytes(), name.as_bytes()) && parts(rest, below),
        }
    }
    fn part(pattern: &[u8], name: &[u8]) -> bool {
        match (pattern, name) {
            ([], []) => true,
            ([b'*', rest @ ..], _) => part(rest, name) || (!name.is_empty() && part(pattern, &name[1..])),
            ([b'?', rest @ ..], [_, below @ ..]) => part(rest, below),
            ([first, rest @ ..], [c, below @ ..]) => first == c && part(rest, below),
            ([], _) | (_, []) => false,
        }
    }
    let path: Vec<&str> = path.split('/').collect();
    match pattern.strip_suffix('/') {
        Some(folder) => {
            let folder: Vec<&str> = folder.split('/').collect();
            (0..path.len()).any(|depth| parts(&folder, &path[..depth]))
        }
        None => parts(&pattern.split('/').collect::<Vec<_>>(), &path),
    }
}
