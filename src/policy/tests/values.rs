use super::*;

#[test]
fn every_mistake_is_reported_with_its_line() {
    let yaml = "\
image: 'bad image'
buget_run: $3
checks:
  - name: tests
    run: make test
  - name: lint
    cmd: make lint
min_role: read
gate: sometimes
budget_day: a lot
protected_paths:
  - docs/
  - /etc/passwd
colour: red
allowed_paths: src
";
    insta::assert_snapshot!(faults(yaml), @r#"
    1: image: expected an image such as `python:3.13-slim`
    2: unknown field `buget_run`; did you mean `budget_run`?
    7: checks[1]: unknown field `cmd`; known are name, run, timeout_s
    8: min_role: expected triage, write, maintain or admin
    9: gate: unknown variant `sometimes`; known are autonomous, supervised, human-required
    10: budget_day: an amount is written like `$2` or `$0.50`, up to $1000
    12: protected_paths: a path pattern starts at the repository's root: no leading `/`, no `.`, `..` or empty part, no `\`
    14: unknown field `colour`; known are image, setup, checks, min_role, gate, budget_run, budget_day, protected_paths, unprotected_paths, allowed_paths, model, ci, schedules, triggers, locked
    15: allowed_paths: invalid type: string "src", expected a sequence
    "#);
}

#[test]
fn values_out_of_range_are_refused() {
    let all: Vec<String> = [
        "checks: [{name: a, run: b, timeout_s: 0}]",
        "checks: [{name: a, run: b}, {name: a, run: c}]",
        "checks: [{name: '', run: b}]",
        "checks: [{name: a, run: ' '}]",
        "checks: [{name: a}]",
        "setup: ['']",
        "budget_run: 0",
        "budget_run: -1",
        "budget_run: 5000",
        "budget_run: [1]",
        "allowed_paths: ['a/**b']",
        "allowed_paths: ['../x']",
        "- a list",
        "just text",
        "gate: [",
        "a: 1\na: 2",
        "image: x\nimage: y",
        "ci: on",
        "ci: { answer: sometimes }",
        "ci: { attempts: 0 }",
        "ci: { attempts: 11 }",
        "ci: { label: '' }",
        "ci: { default_branch: yes }",
        "ci: { atempts: 2 }",
        &format!("checks: [{}]", "{name: a, run: b}, ".repeat(21)),
        &format!("allowed_paths: [{}]", "a".repeat(201)),
        "image: '-x'",
        "model: sonnet",
    ]
    .iter()
    .map(|yaml| format!("{}  →  {}", yaml.chars().take(60).collect::<String>(), faults(yaml)))
    .collect();
    insta::assert_snapshot!(all.join("\n"), @r#"
    checks: [{name: a, run: b, timeout_s: 0}]  →  1: checks: timeout_s is 1 to 3600 seconds
    checks: [{name: a, run: b}, {name: a, run: c}]  →  1: checks: two checks have the same name
    checks: [{name: '', run: b}]  →  1: checks: a check's name is one line of at most 100 characters
    checks: [{name: a, run: ' '}]  →  1: checks: a check's command is not empty and has at most 2000 characters
    checks: [{name: a}]  →  1: checks[0]: missing field `run`
    setup: ['']  →  1: setup: expected at most 20 commands, none empty or longer than 2000 characters
    budget_run: 0  →  1: budget_run: an amount is written like `$2` or `$0.50`, up to $1000
    budget_run: -1  →  1: budget_run: an amount is written like `$2` or `$0.50`, up to $1000
    budget_run: 5000  →  1: budget_run: an amount is written like `$2` or `$0.50`, up to $1000
    budget_run: [1]  →  1: budget_run: an amount is written like `$2` or `$0.50`, up to $1000
    allowed_paths: ['a/**b']  →  1: allowed_paths: `**` in a path pattern must be a part of its own, as in `docs/**/*.md`
    allowed_paths: ['../x']  →  1: allowed_paths: a path pattern starts at the repository's root: no leading `/`, no `.`, `..` or empty part, no `\`
    - a list  →  1: invalid type: sequence, expected keys such as `checks` and `gate`
    just text  →  1: just text: invalid type: string "just text", expected keys such as `checks` and `gate`
    gate: [  →  1: gate: invalid type: sequence, expected autonomous, supervised, human-required, or a mapping with a default and rules
    a: 1
    a: 2  →  1: unknown field `a`; known are image, setup, checks, min_role, gate, budget_run, budget_day, protected_paths, unprotected_paths, allowed_paths, model, ci, schedules, triggers, locked
    2: unknown field `a`; known are image, setup, checks, min_role, gate, budget_run, budget_day, protected_paths, unprotected_paths, allowed_paths, model, ci, schedules, triggers, locked
    image: x
    image: y  →  1: duplicate field `image`
    ci: on  →  1: ci: invalid type: string "on", expected keys such as `answer` and `attempts`
    ci: { answer: sometimes }  →  1: ci.answer: unknown variant `sometimes`; known are none, own, all
    ci: { attempts: 0 }  →  1: ci: `attempts` is a number from 1 to 10
    ci: { attempts: 11 }  →  1: ci: `attempts` is a number from 1 to 10
    ci: { label: '' }  →  1: ci: `label` is a name of at most 50 characters
    ci: { default_branch: yes }  →  1: ci.default_branch: unknown variant `yes`; known are ignore, fix
    ci: { atempts: 2 }  →  1: ci: unknown field `atempts`; did you mean `attempts`?
    checks: [{name: a, run: b}, {name: a, run: b}, {name: a, run  →  1: checks: expected at most 20 checks
    allowed_paths: [aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa  →  1: allowed_paths: a path pattern has 1 to 200 characters
    image: '-x'  →  1: image: expected an image such as `python:3.13-slim`
    model: sonnet  →  1: model: expected a model as `provider/name`
    "#);
    let unread = parse_bytes(b"gate: \xff").unwrap_err().swap_remove(0).message;
    insta::assert_snapshot!([faults(&"#".repeat(70_000)), unread].join("\n"), @r"
    0: the file is larger than 65536 bytes
    the file is not UTF-8 text
    ");
}
