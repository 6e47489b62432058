use std::collections::BTreeSet;

use super::*;

fn layered(server: &str, organisation: &str, repository: &str) -> Effective {
    let outer = OuterLayers {
        server: parse_layer(Layer::Server, server.as_bytes()).unwrap(),
        organisation: parse_layer(Layer::Organisation, organisation.as_bytes()).unwrap(),
    };
    combine(&outer, parse_layer(Layer::Repository, repository.as_bytes()).unwrap())
}

#[test]
fn the_nearest_file_wins_and_each_value_says_where_it_comes_from() {
    let effective = layered(
        "image: server:1\nbudget_run: $1\nsetup: [a]\nprotected_paths: [secret/]\ngate: supervised\n",
        "image: org:1\nmin_role: maintain\nsetup: [b]\nprotected_paths: [legal/, secret/]\n\
         gate: {rules: [{level: human-required, labels: [x]}]}\nunprotected_paths: [Cargo.lock]\n",
        "image: own:1\nsetup: [c]\nprotected_paths: [src/crypto/]\ngate: autonomous\nunprotected_paths: []\n",
    );
    let policy = &effective.policy;
    assert_eq!(policy.image.as_deref(), Some("own:1"));
    assert_eq!(policy.setup, ["c"]);
    assert_eq!(policy.min_role, Role::Maintain);
    assert_eq!((policy.gate, policy.gate_rules.len()), (GateLevel::Autonomous, 1));
    assert_eq!(policy.unprotected_paths, []);
    let protected: Vec<String> = policy.protected_paths.iter().map(ToString::to_string).collect();
    assert_eq!(protected, ["secret/", "legal/", "src/crypto/"]);
    use Layer::{BuiltIn, Organisation, Repository, Server};
    for (key, layers) in [
        (Key::Image, &[Repository][..]),
        (Key::Setup, &[Repository]),
        (Key::MinRole, &[Organisation]),
        (Key::BudgetRun, &[Server]),
        (Key::BudgetDay, &[BuiltIn]),
        (Key::Gate, &[Organisation, Repository]),
        (Key::ProtectedPaths, &[Server, Organisation, Repository]),
    ] {
        assert_eq!(effective.origins_of(key), layers, "{key:?}");
    }
    assert_eq!(effective.overruled, []);
    let effective = layered(
        "allowed_paths: [src/, docs/]\nchecks: [{name: t, run: make}]\n",
        "gate: {rules: [{name: big, level: human-required, labels: [x]}, {level: supervised, paths: [a/]}]}\n",
        "allowed_paths: [src/lib/]\nci: {answer: all, attempts: 1}\nmodel: a/b\n",
    );
    let values = Key::ALL.iter().map(|key| format!("{}: {}", key.name(), effective.value(*key)));
    insta::assert_snapshot!(values.collect::<Vec<_>>().join("\n"), @r"
    image: 
    setup: 
    checks: t: make
    min_role: write
    gate: supervised; rule big: human-required; rule 2: supervised
    budget_run: $3.00
    budget_day: $20.00
    protected_paths: 
    unprotected_paths: 
    allowed_paths: src/lib/
    model: a/b
    ci: answer all; 1 attempt; label wiz:ci; default branch ignore
    ");
}

#[test]
fn what_is_locked_can_be_made_stricter_and_not_laxer() {
    let organisation = "\
gate: supervised
min_role: write
budget_run: $2
image: org:1
unprotected_paths: [Cargo.lock]
allowed_paths: [src/]
checks: [{name: tests, run: make test}]
locked: [gate, min_role, budget_run, image, unprotected_paths, allowed_paths, checks]
";
    let laxer = layered(
        "",
        organisation,
        "gate: autonomous\nmin_role: triage\nbudget_run: $3\nimage: own:1\nunprotected_paths: [Cargo.lock, Cargo.toml]\n\
         allowed_paths: []\nchecks: [{name: tests, run: 'true'}]\n",
    );
    let outer = layered("", organisation, "");
    assert_eq!(laxer.policy, outer.policy);
    let overruled: Vec<&str> = laxer.overruled.iter().map(|overruled| overruled.key.name()).collect();
    let locked = ["image", "min_role", "budget_run", "gate", "checks", "unprotected_paths", "allowed_paths"];
    assert_eq!(overruled, locked);
    assert!(laxer.overruled.iter().all(|overruled| overruled.locked_by == Layer::Organisation));

    let stricter = layered(
        "",
        organisation,
        "gate: human-required\nmin_role: admin\nbudget_run: $1\nunprotected_paths: []\nallowed_paths: ['**/*.rs']\n\
         checks: [{name: lint, run: make lint}]\n",
    );
    assert_eq!(stricter.overruled, []);
    let policy = &stricter.policy;
    assert_eq!((policy.gate, policy.min_role), (GateLevel::HumanRequired, Role::Admin));
    assert_eq!(policy.checks.iter().map(|check| check.name.as_str()).collect::<Vec<_>>(), ["tests", "lint"]);
    for (path, allowed) in [("src/a.rs", true), ("src/a.md", false), ("tests/a.rs", false)] {
        let refused =
            judge_changes(&[changed(path)], policy, &plan(&[])).contains(&Violation::NotAllowed { path: path.into() });
        assert_eq!(!refused, allowed, "{path}");
    }
}

#[test]
fn each_layer_has_keys_of_its_own() {
    let said = [
        (Layer::Repository, "gate: supervised\nlocked: [gate]\n"),
        (Layer::Organisation, "locked: [gates]"),
        (Layer::Organisation, "gate: supervised\nschedules: []"),
        (Layer::Server, "triggers: {}"),
    ]
    .map(|(layer, file)| parse_layer(layer, file.as_bytes()).unwrap_err().swap_remove(0))
    .map(|fault| format!("{}: {}", fault.line, fault.message));
    insta::assert_snapshot!(said.join("\n"), @r"
    2: locked: only an organisation's or a server's file may lock keys
    1: locked[0]: unknown variant `gates`; did you mean `gate`?
    2: schedules: only a repository's own file may have schedules
    1: triggers: only a repository's own file may have triggers
    ");
}

fn some_file() -> impl Strategy<Value = PolicyFile> {
    let gates = ["gate: autonomous", "gate: supervised", "gate: {rules: [{level: human-required, labels: [x]}]}", ""];
    let roles = ["min_role: triage", "min_role: write", "min_role: admin", ""];
    let budgets = ["budget_run: $1", "budget_run: $5", "budget_day: $1", "budget_day: $90", ""];
    let paths =
        ["protected_paths: [a/]", "unprotected_paths: [Cargo.lock]", "allowed_paths: [src/]", "allowed_paths: []", ""];
    (
        prop::sample::select(gates.to_vec()),
        prop::sample::select(roles.to_vec()),
        prop::sample::select(budgets.to_vec()),
        prop::sample::select(paths.to_vec()),
    )
        .prop_map(|(gate, role, budget, path)| {
            let yaml = [gate, role, budget, path].join("\n");
            parse_layer(Layer::Repository, yaml.as_bytes()).unwrap()
        })
}

proptest! {
    /// Whatever a repository writes under a lock, nothing that the organisation forbids becomes possible.
    #[test]
    fn no_file_loosens_what_is_locked(organisation in some_file(), repository in some_file()) {
        let outer = OuterLayers {
            organisation: PolicyFile { locked: Some(Key::ALL.to_vec()), ..organisation },
            ..OuterLayers::default()
        };
        let (before, after) = (combine(&outer, PolicyFile::default()).policy, combine(&outer, repository).policy);
        prop_assert!(after.gate >= before.gate && after.min_role >= before.min_role);
        prop_assert!(after.budget_run <= before.budget_run && after.budget_day <= before.budget_day);
        prop_assert!(before.gate_rules.iter().all(|rule| after.gate_rules.contains(rule)));
        for path in ["src/a.rs", "a/b", "Cargo.lock", "docs/x"] {
            let forbidden = |policy: &RepositoryPolicy| -> BTreeSet<String> {
                judge_changes(&[changed(path)], policy, &plan(&[])).iter().map(|one| format!("{:?}", one.verdict())).collect()
            };
            let (before, after) = (forbidden(&before), forbidden(&after));
            prop_assert!(before.is_empty() || !after.is_empty(), "{path}: {before:?} → {after:?}");
        }
    }
}
