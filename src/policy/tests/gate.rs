use super::*;

const RULES: &str = "\
gate:
  default: autonomous
  rules:
    - name: security
      labels: [Security, crypto]
      level: human-required
    - verbs: [plan]
      paths: [src/api/, '**/*.proto']
      level: supervised
    - name: large
      files_over: 10
      lines_over: 200
      level: supervised
    - authors: [first-time-contributor, none]
      level: supervised
    - name: dear
      cost_over: $2
      level: human-required
";

fn facts(change: impl FnOnce(&mut GateFacts)) -> GateFacts {
    let mut facts = GateFacts::of(Verb::Fix);
    change(&mut facts);
    facts
}

fn size(files: u32, lines: u32) -> Option<EstimatedSize> {
    Some(EstimatedSize { files, lines: Some(lines) })
}

fn strings(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

#[test]
fn the_strictest_rule_that_matches_wins() {
    let policy = parse(RULES).unwrap();
    let table = [
        facts(|_| ()),
        facts(|facts| facts.labels = strings(&["bug", "SECURITY"])),
        facts(|facts| facts.labels = strings(&["security-theatre"])),
        facts(|facts| facts.paths = strings(&["src/api/v1.rs"])),
        facts(|facts| (facts.verb, facts.paths) = (Verb::Plan, strings(&["src/lib.rs", "src/api/v1.rs"]))),
        facts(|facts| (facts.verb, facts.paths) = (Verb::Plan, strings(&["src/"]))),
        facts(|facts| (facts.verb, facts.paths) = (Verb::Plan, strings(&["SRC/API/v1.rs"]))),
        facts(|facts| facts.size = size(11, 200)),
        facts(|facts| facts.size = size(11, 201)),
        facts(|facts| facts.author = Some(AuthorAssociation::None)),
        facts(|facts| facts.author = Some(AuthorAssociation::Member)),
        facts(|facts| facts.cost = Some(MicroDollars::from_dollars(2))),
        facts(|facts| facts.cost = Some(MicroDollars::from_cents(201))),
        facts(|facts| {
            facts.cost = Some(MicroDollars::from_cents(201));
            facts.size = size(50, 900);
            facts.labels = strings(&["crypto"]);
        }),
    ];
    let decided = table.iter().map(|facts| {
        let GateDecision { level, reasons } = gate(&policy, facts);
        let reasons: Vec<String> = reasons.iter().map(ToString::to_string).collect();
        format!("{level}: {}", reasons.join("; "))
    });
    insta::assert_snapshot!(decided.collect::<Vec<_>>().join("\n"), @r#"
    autonomous: the default here is autonomous
    human-required: rule “security”: the label SECURITY
    autonomous: the default here is autonomous
    autonomous: the default here is autonomous
    supervised: rule 2 of the gate: the command is plan, the path src/api/v1.rs
    supervised: rule 2 of the gate: the command is plan, the path src/
    supervised: rule 2 of the gate: the command is plan, the path SRC/API/v1.rs
    autonomous: the default here is autonomous
    supervised: rule “large”: 11 files are expected, over 10, 201 lines are expected, over 200
    supervised: rule 4 of the gate: the author is none
    autonomous: the default here is autonomous
    autonomous: the default here is autonomous
    human-required: rule “dear”: $2.01 are quoted, over $2.00
    human-required: rule “security”: the label crypto; rule “dear”: $2.01 are quoted, over $2.00
    "#);
}

/// Nothing that a policy can say frees these.
#[test]
fn a_person_always_looks_at_what_guards_the_project() {
    let policy = parse("gate: autonomous\nunprotected_paths: ['**', '.*', '.*/', '**/Cargo.lock']\n").unwrap();
    let decided = [
        "src/lib.rs",
        "Cargo.lock",
        ".github/wiz.yml",
        ".GitHub/WIZ.yml",
        "wiz.yml",
        ".github/workflows/ci.yml",
        ".github/workflows/",
        ".gitlab-ci.yml",
        "Jenkinsfile",
        "docs/CODEOWNERS",
        "SECURITY.md",
        "server/.env.production",
        "db/migrations/0007_drop.sql",
        "migrations/",
        "app/db/migrate/20260101_add.rb",
        "deploy/prod.sh",
        "infra/main.tf",
        "fly.toml",
    ]
    .map(|path| {
        let GateDecision { level, reasons } = gate(&policy, &facts(|facts| facts.paths = strings(&[path])));
        format!("{level}: {}", reasons[0])
    });
    insta::assert_snapshot!(decided.join("\n"), @r#"
    autonomous: the default here is autonomous
    autonomous: the default here is autonomous
    human-required: .github/wiz.yml is wiz's own configuration, which always needs a person
    human-required: .GitHub/WIZ.yml is wiz's own configuration, which always needs a person
    human-required: wiz.yml is wiz's own configuration, which always needs a person
    human-required: .github/workflows/ci.yml is a CI file, which always needs a person
    human-required: .github/workflows/ is a CI file, which always needs a person
    human-required: .gitlab-ci.yml is a CI file, which always needs a person
    human-required: Jenkinsfile is a CI file, which always needs a person
    human-required: docs/CODEOWNERS is a security file, which always needs a person
    human-required: SECURITY.md is a security file, which always needs a person
    human-required: server/.env.production is a security file, which always needs a person
    human-required: db/migrations/0007_drop.sql is a migration, which always needs a person
    human-required: migrations/ is a migration, which always needs a person
    human-required: app/db/migrate/20260101_add.rb is a migration, which always needs a person
    human-required: deploy/prod.sh is a deployment file, which always needs a person
    human-required: infra/main.tf is a deployment file, which always needs a person
    human-required: fly.toml is a deployment file, which always needs a person
    "#);
}

#[test]
fn protected_paths_need_a_person_and_a_planned_folder_counts_for_what_is_below() {
    let policy = parse("gate: autonomous\nprotected_paths: [src/crypto/]\nunprotected_paths: [Cargo.lock]\n").unwrap();
    let level = |path: &str| gate(&policy, &facts(|facts| facts.paths = strings(&[path]))).level;
    assert_eq!(level("Cargo.lock"), GateLevel::Autonomous);
    assert_eq!(level("tests/"), GateLevel::Autonomous);
    for path in ["Cargo.toml", "src/crypto/key.rs", "src/crypto/", "src/", "SRC/Crypto/key.rs"] {
        assert_eq!(level(path), GateLevel::HumanRequired, "{path}");
    }
    let many: Vec<String> = (0..100).map(|n| format!("src/crypto/{n}.rs")).collect();
    let decision = gate(&policy, &facts(|facts| facts.paths = many));
    assert_eq!(decision.reasons.len(), REASONS);
}

#[test]
fn a_rule_that_cannot_be_meant_is_a_mistake() {
    let all: Vec<String> = [
        "gate: {rules: [{level: supervised}]}",
        "gate:\n  rules:\n    - {level: supervised, labels: [a]}\n    - {level: autonomous, labels: [docs]}",
        "gate:\n  rules:\n    - level: supervised\n      verbs: [fixx]",
        "gate:\n  rules:\n    - level: supervised\n      authors: [friends]",
        "gate:\n  rules:\n    - level: supervised\n      label: [a]",
        "gate:\n  rules:\n    - labels: [a]",
        "gate:\n  default: never",
        "gate:\n  defaults: supervised",
        "gate:\n  rules:\n    - level: supervised\n      paths: [/etc]",
        "gate:\n  rules:\n    - level: supervised\n      cost_over: much",
        "gate:\n  rules:\n    - level: supervised\n      files_over: -1",
        "gate: 3",
    ]
    .iter()
    .map(|yaml| faults(yaml))
    .chain([
        faults(&format!("gate:\n  rules:\n{}", "    - {level: supervised, labels: [a]}\n".repeat(51))),
        faults(&format!("gate: {{rules: [{{level: supervised, labels: [{}]}}]}}", "a, ".repeat(101))),
        faults("gate: {rules: [{level: supervised, labels: ['']}]}"),
        faults("gate: {rules: [supervised]}"),
    ])
    .collect();
    insta::assert_snapshot!(all.join("\n"), @r#"
    1: gate.rules: a rule needs a condition: verbs, labels, paths, files_over, lines_over, authors or cost_over
    3: gate.rules: a rule only makes the gate stricter; `autonomous` can only be the default
    3: gate.rules[0]: `fixx` starts no work; did you mean `fix`?
    4: gate.rules[0].authors[0]: unknown variant `friends`; known are owner, member, collaborator, contributor, first-time-contributor, first-timer, mannequin, none
    4: gate.rules[0]: unknown field `label`; did you mean `labels`?
    3: gate.rules[0]: missing field `level`
    2: gate.default: unknown variant `never`; known are autonomous, supervised, human-required
    2: gate: unknown field `defaults`; did you mean `default`?
    4: gate.rules[0].paths: a path pattern starts at the repository's root: no leading `/`, no `.`, `..` or empty part, no `\`
    3: gate.rules[0]: an amount is written like `$2` or `$0.50`, up to $1000
    4: gate.rules[0].files_over: invalid type: integer `-1`, expected u32
    1: gate: invalid type: integer `3`, expected autonomous, supervised, human-required, or a mapping with a default and rules
    2: gate: a gate has at most 50 rules
    1: gate.rules: a list of a rule has at most 100 entries
    1: gate.rules: a rule's name and a label are one line of at most 100 characters
    1: gate.rules[0]: invalid type: string "supervised", expected a rule such as `{ paths: [src/crypto/], level: human-required }`
    "#);
}

#[test]
fn githubs_word_for_an_author_is_read() {
    for (word, association) in [
        ("OWNER", AuthorAssociation::Owner),
        ("FIRST_TIME_CONTRIBUTOR", AuthorAssociation::FirstTimeContributor),
        ("NONE", AuthorAssociation::None),
        ("SOMETHING_NEW", AuthorAssociation::None),
        ("", AuthorAssociation::None),
    ] {
        assert_eq!(AuthorAssociation::from_github(word), association, "{word}");
    }
}

fn some_facts() -> impl Strategy<Value = GateFacts> {
    let verb = prop::sample::select(Verb::ALL.to_vec());
    let words =
        |from: &'static [&'static str]| prop::collection::vec(prop::sample::select(from).prop_map(str::to_owned), 0..4);
    let labels = words(&["security", "crypto", "docs", "bug"]);
    let paths = words(&["src/api/a.rs", "src/", "docs/a.md", "Cargo.toml", "migrations/1.sql", ".github/wiz.yml"]);
    let associations = [AuthorAssociation::Owner, AuthorAssociation::None, AuthorAssociation::FirstTimeContributor];
    let author = prop::option::of(prop::sample::select(associations.to_vec()));
    let size = prop::option::of((0_u32..30, 0_u32..400));
    let cost = prop::option::of((0_i64..4_000_000).prop_map(MicroDollars::new));
    (verb, labels, author, paths, size, cost).prop_map(|(verb, labels, author, paths, size, cost)| GateFacts {
        verb,
        labels,
        author,
        paths,
        size: size.map(|(files, lines)| EstimatedSize { files, lines: Some(lines) }),
        cost,
    })
}

proptest! {
    /// Whatever more becomes known: labels, paths, an author, a size, a larger size or price.
    #[test]
    fn more_facts_never_make_the_gate_laxer(known in some_facts(), more in some_facts(), level in 0_usize..3) {
        let mut policy = parse(RULES).unwrap();
        policy.gate = [GateLevel::Autonomous, GateLevel::Supervised, GateLevel::HumanRequired][level];
        let larger = |a: Option<EstimatedSize>, b: Option<EstimatedSize>| match (a, b) {
            (Some(a), Some(b)) => size(a.files.max(b.files), a.lines.unwrap().max(b.lines.unwrap())),
            (a, b) => a.or(b),
        };
        let together = GateFacts {
            verb: known.verb,
            labels: [known.labels.clone(), more.labels].concat(),
            author: known.author.or(more.author),
            paths: [known.paths.clone(), more.paths].concat(),
            size: larger(known.size, more.size),
            cost: known.cost.max(more.cost),
        };
        let (before, after) = (gate(&policy, &known), gate(&policy, &together));
        prop_assert!(after.level >= before.level, "{:?} → {:?}", before, after);
        prop_assert!(before.level >= policy.gate && !before.reasons.is_empty());
    }

    /// Neither does one more rule.
    #[test]
    fn more_rules_never_make_the_gate_laxer(known in some_facts(), kept: [bool; 5]) {
        let all = parse(RULES).unwrap();
        let mut keep = kept.iter();
        let mut fewer = all.clone();
        fewer.gate_rules.retain(|_| keep.next().copied().unwrap_or_default());
        prop_assert!(gate(&all, &known).level >= gate(&fewer, &known).level);
    }
}
