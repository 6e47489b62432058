use proptest::prelude::*;
use pulldown_cmark::{Event, Options, Parser, Tag};

use super::{example, *};
use crate::limits::{CHECK_ACTIONS, CHECK_ANNOTATIONS_PER_CALL, CHECK_FIELD_CHARS, COMMENT_CHARS};

#[test]
fn status_of_a_waiting_run() {
    let mut view = example::run_in(RunState::Queued);
    view.queue = Some(QueuePlace { ahead: 2, wait: Some(Duration::from_secs(190)) });
    insta::assert_snapshot!(status_comment(&view), @r#"
    ### Waiting: 2 runs ahead, about 3 min 10 s

    `/wiz fix` by alice · Dates before 1970 crash · cap $3.00

    **Next:** `/wiz cancel` (stop)

    <sub>[run 12](https://wiz.example/runs/12) · model `claude-sonnet-4-5`</sub>
    "#);
}

#[test]
fn status_of_a_planned_run() {
    insta::assert_snapshot!(status_comment(&example::planned()), @r#"
    ### The plan is ready for approval

    `/wiz fix` by alice · Dates before 1970 crash · about $0.04, cap $3.00

    `parse_date` treats the year as unsigned, so dates before 1970 wrap around.

    **Plan** `20a475dc`

    - [ ] **test** Write a failing test
    - [ ] **fix** Use a signed year

    **Done means**

    | | check | before | after |
    | --- | --- | --- | --- |
    | ⏳ | dates before 1970<br>`pytest tests/test_dates.py` | must fail | must pass |
    | ⏳ | all tests<br>`pytest \| tee log` |  | must pass |

    **Next:** `/wiz approve 20a475dc` (go on), `/wiz revise …` (say what to change), `/wiz reject` (end the run)

    <details><summary>Steps in detail</summary>

    **test**

    Add a test for 1969-12-31 to `tests/test_dates.py`.

    **fix**

    Change the type in `src/dates.py`.

    </details>

    <details><summary>Risks</summary>

    - Callers may rely on the wrap-around.

    </details>

    <details><summary>Files this will touch</summary>

    - `src/dates.py`
    - `tests/`

    </details>

    <details><summary>Time</summary>

    - planning: 41 s

    </details>

    <sub>[run 12](https://wiz.example/runs/12) · model `claude-sonnet-4-5`</sub>
    "#);
}

#[test]
fn status_of_a_finished_run() {
    insta::assert_snapshot!(status_comment(&example::finished()), @r#"
    ### Pull request #8 is open

    `/wiz fix` by alice · Dates before 1970 crash · spent $0.03, cap $3.00

    **Pull request:** [#8](https://github.com/acme/dates/pull/8)

    `parse_date` treats the year as unsigned, so dates before 1970 wrap around.

    **Plan** `20a475dc`

    - [x] **test** Write a failing test
    - [x] **fix** Use a signed year

    **Done means**

    | | check | before | after |
    | --- | --- | --- | --- |
    | ✅ | dates before 1970<br>`pytest tests/test_dates.py` | 🔴 failed (exit 1), 1.3 s | 🟢 passed, 900 ms |
    | ✅ | all tests<br>`pytest \| tee log` |  | 🟢 passed, 1 min 15 s |

    **Next:** `/wiz revise …` (ask for changes), `/wiz cancel` (leave the pull request alone)

    <details><summary>Steps in detail</summary>

    **test**

    Add a test for 1969-12-31 to `tests/test_dates.py`.

    **fix**

    Change the type in `src/dates.py`.

    </details>

    <details><summary>Risks</summary>

    - Callers may rely on the wrap-around.

    </details>

    <details><summary>Files changed</summary>

    | file | change | lines |
    | --- | --- | --- |
    | `src/dates.py` | changed | +3 −1 |
    | `tests/test_dates.py` | added | +9 −0 |

    </details>

    <details><summary>Review</summary>

    - **notice** `src/dates.py:14` Name the constant – `86400` appears twice.

    </details>

    <details><summary>Output of dates before 1970 (before)</summary>

    ```text
    E   OverflowError
    1 failed
    ```

    </details>

    <details><summary>Output of dates before 1970 (after)</summary>

    ```text
    1 passed
    ```

    </details>

    <details><summary>Time</summary>

    - planning: 41 s

    </details>

    <sub>[run 12](https://wiz.example/runs/12) · model `claude-sonnet-4-5` · branch `wiz/run-12`</sub>
    "#);
}

#[test]
fn status_of_runs_that_ask_or_ended() {
    let mut asking = example::run_in(RunState::NeedsAnswer);
    asking.gate = Some("Which calendar should dates before 1582 use, @alice?".into());
    insta::assert_snapshot!(status_comment(&asking), @r#"
    ### A question for you

    `/wiz fix` by alice · Dates before 1970 crash · cap $3.00

    Which calendar should dates before 1582 use, @​alice?

    **Next:** `/wiz revise …` (answer), `/wiz cancel` (end the run)

    <sub>[run 12](https://wiz.example/runs/12) · model `claude-sonnet-4-5`</sub>
    "#);
    let mut failed = example::run_in(RunState::Failed);
    failed.failure = Some(UserMessage::new("The model did not answer for 10 minutes. `/wiz retry` tries again."));
    insta::assert_snapshot!(status_comment(&failed), @r#"
    ### Failed

    `/wiz fix` by alice · Dates before 1970 crash · cap $3.00

    The model did not answer for 10 minutes. `/wiz retry` tries again.

    **Next:** `/wiz retry` (try again), `/wiz fix …` (start over, with other words)

    <sub>[run 12](https://wiz.example/runs/12) · model `claude-sonnet-4-5`</sub>
    "#);
    insta::assert_snapshot!(status_comment(&example::run_in(RunState::Cancelled)), @r#"
    ### Cancelled

    `/wiz fix` by alice · Dates before 1970 crash · cap $3.00

    **Next:** `/wiz fix` (start over)

    <sub>[run 12](https://wiz.example/runs/12) · model `claude-sonnet-4-5`</sub>
    "#);
}

#[test]
fn every_state_has_a_headline_and_a_check_title() {
    let mut lines = String::new();
    for state in RunState::ALL {
        let view = RunView { state, ..example::finished() };
        let check = check_output(&view);
        let buttons: Vec<_> = check.actions.iter().map(|action| action.identifier.as_str()).collect();
        lines += &format!("{state:?} | {} | {:?} | {}\n", check.title, check.status, buttons.join(" "));
    }
    insta::assert_snapshot!(lines, @r#"
    Queued | Waiting to start | Queued | cancel
    Planning | Planning | InProgress | cancel
    NeedsApproval | The plan is ready for approval: comment /wiz approve 20a475dc | Completed(ActionRequired) | approve:20a475dc reject
    NeedsAnswer | A question for you: comment /wiz revise … | Completed(ActionRequired) | cancel
    Working | Working: 2 of 2 steps done | InProgress | cancel
    Verifying | Running the checks in a clean box | InProgress | cancel
    Reviewing | Reviewing the change | InProgress | cancel
    Publishing | Opening the pull request | InProgress | cancel
    Watching | Pull request #8 is open | Completed(Success) | cancel
    Succeeded | Done | Completed(Success) | 
    Failed | Failed: comment /wiz retry | Completed(Failure) | retry
    Cancelled | Cancelled | Completed(Cancelled) |
    "#);
}

#[test]
fn the_check_run_tells_the_same_story() {
    let check = check_output(&example::planned());
    insta::assert_snapshot!(check.summary, @r#"
    `/wiz fix` by alice · Dates before 1970 crash · about $0.04, cap $3.00

    `parse_date` treats the year as unsigned, so dates before 1970 wrap around.

    **Plan** `20a475dc`

    - [ ] **test** Write a failing test
    - [ ] **fix** Use a signed year

    **Done means**

    | | check | before | after |
    | --- | --- | --- | --- |
    | ⏳ | dates before 1970<br>`pytest tests/test_dates.py` | must fail | must pass |
    | ⏳ | all tests<br>`pytest \| tee log` |  | must pass |

    **Next:** `/wiz approve 20a475dc` (go on), `/wiz revise …` (say what to change), `/wiz reject` (end the run)
    "#);
    insta::assert_snapshot!(check.text.unwrap(), @r#"
    <details><summary>Steps in detail</summary>

    **test**

    Add a test for 1969-12-31 to `tests/test_dates.py`.

    **fix**

    Change the type in `src/dates.py`.

    </details>

    <details><summary>Risks</summary>

    - Callers may rely on the wrap-around.

    </details>

    <details><summary>Files this will touch</summary>

    - `src/dates.py`
    - `tests/`

    </details>

    <details><summary>Time</summary>

    - planning: 41 s

    </details>
    "#);
    assert_eq!(check.annotations, Vec::<Vec<Annotation>>::new());
}

#[test]
fn a_check_is_green_only_when_every_criterion_was_proven() {
    let status = |change: fn(&mut RunView)| {
        let mut view = example::finished();
        change(&mut view);
        check_output(&view).status
    };
    assert_eq!(status(|_| ()), CheckStatus::Completed(Conclusion::Success));
    assert_eq!(status(|view| view.evidence.truncate(1)), CheckStatus::Completed(Conclusion::Neutral));
    assert_eq!(status(|view| view.plan = None), CheckStatus::Completed(Conclusion::Neutral));
    let passes_before = |view: &mut RunView| {
        let after = view.evidence[0].after.clone();
        view.evidence[0].before = after;
    };
    assert_eq!(status(passes_before), CheckStatus::Completed(Conclusion::Neutral));
    assert_eq!(status(|view| view.evidence[0].before = None), CheckStatus::Completed(Conclusion::Neutral));
}

#[test]
fn annotations_come_in_batches_and_only_for_paths_of_the_tree() {
    let mut view = example::finished();
    let finding = |path: &str| Finding {
        path: path.into(),
        line: 0,
        level: AnnotationLevel::Warning,
        title: "t".repeat(300),
        detail: String::new(),
    };
    let paths = ["../etc/passwd", "/etc/passwd", "a/../b", ".GIT/config", "a\\b", "a\nb", ""];
    let mut findings: Vec<Finding> = paths.map(finding).to_vec();
    findings.extend((0..120).map(|n| finding(&format!("src/{n}.rs"))));
    view.review = Some(Review { approved: false, findings });
    let batches = check_output(&view).annotations;
    assert_eq!(batches.iter().map(Vec::len).collect::<Vec<_>>(), [50, 50, 20]);
    assert!(batches.concat().iter().all(|annotation| annotation.line == 1 && !annotation.message.is_empty()));
    assert!(batches.concat().iter().all(|annotation| annotation.title.chars().count() <= 255));
}

#[test]
fn buttons_fit_and_are_understood_again() {
    for state in RunState::ALL {
        let actions = check_output(&RunView { state, ..example::finished() }).actions;
        assert!(actions.len() <= CHECK_ACTIONS);
        for action in actions {
            let Action { label, description, identifier } = &action;
            assert!(label.len() <= 20 && description.len() <= 40 && identifier.len() <= 20, "{action:?}");
            assert!(ActionKind::read(identifier).is_some(), "{action:?}");
        }
    }
    let approve = ActionKind::Approve { plan_hash: "1a2b3c4d".into() };
    assert_eq!(ActionKind::read("approve:1a2b3c4d"), Some(approve));
    for other in ["approve", "approve:", "approve:1a2b3c4", "approve:1a2b3c4dd", "approve:zzzzzzzz", "merge", ""] {
        assert_eq!(ActionKind::read(other), None, "{other}");
    }
}

#[test]
fn the_pull_request_tells_what_was_done_and_proven() {
    let text = pull_request(&example::finished());
    assert_eq!(text.title, "Dates before 1970 crash");
    insta::assert_snapshot!(text.body, @r#"
    `parse_date` treats the year as unsigned, so dates before 1970 wrap around.

    Fixes #7: Dates before 1970 crash

    ## Changes

    | file | change | lines |
    | --- | --- | --- |
    | `src/dates.py` | changed | +3 −1 |
    | `tests/test_dates.py` | added | +9 −0 |

    ## Proof

    wiz ran these itself, in clean boxes without a network and without the agent.

    | | check | before | after |
    | --- | --- | --- | --- |
    | ✅ | dates before 1970<br>`pytest tests/test_dates.py` | 🔴 failed (exit 1), 1.3 s | 🟢 passed, 900 ms |
    | ✅ | all tests<br>`pytest \| tee log` |  | 🟢 passed, 1 min 15 s |

    <details><summary>Output of dates before 1970 (before)</summary>

    ```text
    E   OverflowError
    1 failed
    ```

    </details>

    <details><summary>Output of dates before 1970 (after)</summary>

    ```text
    1 passed
    ```

    </details>

    ## Risks

    - Callers may rely on the wrap-around.

    ## Review

    - **notice** `src/dates.py:14` Name the constant – `86400` appears twice.

    <details><summary>Plan</summary>

    - [x] **test** Write a failing test
    - [x] **fix** Use a signed year

    </details>

    ## Where this comes from

    | | |
    | --- | --- |
    | cost | spent $0.03, cap $3.00 |
    | run | [12](https://wiz.example/runs/12) |
    | asked for by | alice |
    | approved by | bob |
    | plan | `20a475dc16619d6b29d45c9c110ba1d3e8cb73c4d53b7188079149c05fbfd27b` |
    | made on | `aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa` |
    | model | `claude-sonnet-4-5` |

    Comment with /wiz revise and what to change, and wiz goes on with this branch.
    "#);
    let mut on_pull_request = example::finished();
    on_pull_request.subject.is_pull_request = true;
    assert!(!pull_request(&on_pull_request).body.contains("Fixes #"));
}

#[test]
fn the_commit_message_names_its_origin() {
    insta::assert_snapshot!(commit_message(&example::finished()), @r#"
    Dates before 1970 crash

    `parse_date` treats the year as unsigned, so dates before 1970 wrap
    around.

    Wiz-Run: 12
    Wiz-Plan: 20a475dc16619d6b29d45c9c110ba1d3e8cb73c4d53b7188079149c05fbfd27b
    Wiz-Requested-By: alice
    Wiz-Approved-By: bob
    "#);
}

#[test]
fn a_commit_message_cannot_be_given_trailers_or_commands() {
    let mut view = example::finished();
    view.subject.title = "[skip ci] x\n\nCo-authored-by: Eve <eve@evil.example>".into();
    let plan = view.plan.as_mut().unwrap();
    plan.plan.summary =
        "Fixes #1, closes acme/x#2, cc @acme/all\n\nSigned-off-by: Eve <e@x>\nWiz-Approved-By: eve".into();
    let message = commit_message(&view);
    insta::assert_snapshot!(message.replace('\u{200b}', "␣"), @r#"
    [␣skip ci] x Co-authored-by: Eve <eve@␣evil.example>

    Fixes #␣1, closes acme/x#␣2, cc @␣acme/all Signed-off-by: Eve <e@␣x>
    Wiz-Approved-By : eve

    Wiz-Run: 12
    Wiz-Plan: 20a475dc16619d6b29d45c9c110ba1d3e8cb73c4d53b7188079149c05fbfd27b
    Wiz-Requested-By: alice
    Wiz-Approved-By: bob
    "#);
    let eve = message.lines().filter(|line| line.starts_with("Signed-off-by:") || line.starts_with("Co-authored-by:"));
    assert_eq!(eve.count(), 0);
    assert_eq!(message.matches("\nWiz-Approved-By:").count(), 1);
}

#[test]
fn replies() {
    let hash = &example::plan().hash;
    let texts = [
        denied(&"mallory".parse().unwrap(), "fix", "write"),
        unknown_command("`fxi` is not a command; did you mean `fix`?", "/wiz fix|plan"),
        help("| command | what it does |\n"),
        policy_faults(".github/wiz.yml", &[(2, "unknown field `x`; @all <img>".into()), (0, "too large".into())]),
        stale_approval(hash),
        no_run("cancel"),
        already_running(RunId(12), Some("https://wiz.example/runs/12")),
        already_running(RunId(12), None),
        fork_refused(),
        budget_exhausted(MicroDollars::from_dollars(21), MicroDollars::from_dollars(20)),
    ];
    insta::assert_snapshot!(texts.join("\n————\n"), @r#"
    mallory may not use `/wiz fix` here: it needs the role **write** in this repository.
    ————
    I could not read that: `fxi` is not a command; did you mean `fix`?

    ```text
    /wiz fix|plan
    ```

    `/wiz help` lists everything.
    ————
    ### What wiz understands

    | command | what it does |

    ————
    `.github/wiz.yml` on the default branch has mistakes, so I did nothing:

    - line 2: ``unknown field `x`; @all <img>``
    - `too large`

    ————
    That approval is for another plan, so I did not start. The plan waiting now is `20a475dc`; if you agree with it, comment `/wiz approve 20a475dc`.
    ————
    There is no run here that `/wiz cancel` could mean. `/wiz fix` starts one.
    ————
    [Run 12](https://wiz.example/runs/12) is already at work here. `/wiz status` shows how far it is, `/wiz cancel` stops it.
    ————
    Run 12 is already at work here. `/wiz status` shows how far it is, `/wiz cancel` stops it.
    ————
    This pull request comes from another repository, so I do not work on it: its code and its author are outside this repository's control. Somebody with write access can open a pull request from a branch here.
    ————
    This repository has spent $21.00 in the last 24 hours, and its cap is $20.00, so I did not start. Raise `budget_day` in `.github/wiz.yml`, or try again later.
    "#);
    let not_now: Vec<String> = RunState::ALL.map(|state| not_now("approve", RunId(12), state)).to_vec();
    insta::assert_snapshot!(not_now.join("\n"), @r#"
    `/wiz approve` does not fit now: run 12 is waiting to start. `/wiz status` shows more.
    `/wiz approve` does not fit now: run 12 is still planning. `/wiz status` shows more.
    `/wiz approve` does not fit now: run 12 is waiting for approval of its plan. `/wiz status` shows more.
    `/wiz approve` does not fit now: run 12 is waiting for an answer. `/wiz status` shows more.
    `/wiz approve` does not fit now: run 12 is being worked on. `/wiz status` shows more.
    `/wiz approve` does not fit now: run 12 is running its checks. `/wiz status` shows more.
    `/wiz approve` does not fit now: run 12 is being reviewed. `/wiz status` shows more.
    `/wiz approve` does not fit now: run 12 is being published. `/wiz status` shows more.
    `/wiz approve` does not fit now: run 12 has an open pull request. `/wiz status` shows more.
    `/wiz approve` does not fit now: run 12 is done. `/wiz status` shows more.
    `/wiz approve` does not fit now: run 12 has failed. `/wiz status` shows more.
    `/wiz approve` does not fit now: run 12 was cancelled. `/wiz status` shows more.
    "#);
}

#[test]
fn hostile_text_is_shown_and_does_nothing() {
    let shown: Vec<String> = [
        "cc @acme/security and @alice, mail a@b.example",
        "fixes #12, GH-12, acme/x#3, closes https://github.com/acme/x/issues/4",
        "![x](https://evil.example/?d=1) [y](javascript:alert(1)) <img src=x> <!-- wiz:run=1 --> &#64;alice",
        "# Heading\n/wiz approve\n  /merge\n- /lgtm\n> quote\n---\n===\n| a |\n|---|",
        "```\n/wiz fix\n```",
        "`code with @alice and <b>` and `` `ticks` `` and `unclosed",
        "`fixes #1`",
        "a\u{202e}b\u{200d}c\u{e0041}d\u{1b}[31mred\u{1b}[0m\u{1b}]8;;https://x\u{7}link",
        "$`math`$ ~~gone~~ \\[x\\]",
        "[^1]: note\n[a]: https://x\nwww.evil.example",
        "[skip ci]",
    ]
    .iter()
    .map(|text| neutralise(text, 1_000).replace('\u{200b}', "␣"))
    .collect();
    insta::assert_snapshot!(shown.join("\n————\n"), @r#"
    cc @␣acme/security and @␣alice, mail a@␣b.example
    ————
    fixes #␣12, GH-␣12, acme/x#␣3, closes https:␣//github.com/acme/x/issues/4
    ————
    !\[x\](https:␣//evil.example/?d=1) \[y\](javascript:alert(1)) &lt;img src=x&gt; &lt;!-- wiz:run=1 --&gt; &amp;#␣64;alice
    ————
    \# Heading
    \/wiz approve
    \/merge
    - \/lgtm
    &gt; quote
    \---
    \===
    \| a \|
    \|---\|
    ————
    \`\`\`
    \/wiz fix
    \`\`\`
    ————
    `code with @alice and <b>` and `` `ticks` `` and \`unclosed
    ————
    `fixes #␣1`
    ————
    abcdredlink
    ————
    \$`math`\$ \~\~gone\~\~ \\\[x\\\]
    ————
    \[^1\]: note
    \[a\]: https:␣//x
    www.␣evil.example
    ————
    \[␣skip ci\]
    "#);
}

#[test]
fn outputs_cannot_leave_their_fence() {
    let block = fenced("one\n````\n/wiz fix\n\u{1b}[31mfixes\n#12 and @alice\nhttp://localhost:3000", 1_000);
    insta::assert_snapshot!(block.replace('\u{200b}', "␣"), @r#"
    `````text
    one
    ````
     /wiz fix
    fixes
    #␣12 and @␣alice
    http://localhost:3000
    `````
    "#);
    let cut = fenced(&format!("start{}end", "x".repeat(5_000)), 100);
    assert!(cut.contains("start") && cut.contains("end\n```") && cut.contains("4908 characters cut"), "{cut}");
    assert_eq!(cell("a|b `c|d` \\|", 100), "a\\|b `c\\|d` \\\\\\|");
    assert_eq!(code("a`b|c\nd", 100), "``a`b\\|c d``");
    assert_eq!(code("`", 100), "`` ` ``");
    assert_eq!(neutralise("äöü", 2), "äö…");
}

/// GitHub's dialect, as far as it could make something live.
fn events(markdown: &str) -> Vec<Event<'_>> {
    let options = Options::ENABLE_TABLES
        | Options::ENABLE_FOOTNOTES
        | Options::ENABLE_STRIKETHROUGH
        | Options::ENABLE_TASKLISTS
        | Options::ENABLE_MATH
        | Options::ENABLE_GFM;
    Parser::new_ext(markdown, options).collect()
}

/// What of a text would be live on GitHub; empty when nothing is.
fn live(markdown: &str) -> Vec<String> {
    let mut live = Vec::new();
    let mut text = String::new();
    for event in events(markdown) {
        match event {
            Event::Html(html) | Event::InlineHtml(html) => live.push(format!("html {html}")),
            Event::Start(Tag::Image { dest_url, .. } | Tag::Link { dest_url, .. }) => {
                live.push(format!("link {dest_url}"))
            }
            Event::Start(
                tag @ (Tag::Heading { .. } | Tag::Table(_) | Tag::CodeBlock(_) | Tag::FootnoteDefinition(_)),
            ) => live.push(format!("{tag:?}")),
            Event::InlineMath(math) | Event::DisplayMath(math) => live.push(format!("math {math}")),
            Event::FootnoteReference(name) => live.push(format!("footnote {name}")),
            Event::TaskListMarker(_) => live.push("task".into()),
            Event::Text(part) => text += &part,
            Event::Code(_) => text.push('`'),
            Event::SoftBreak | Event::HardBreak => text.push('\n'),
            Event::Start(_) | Event::End(_) | Event::Rule => text.push(' '),
        }
    }
    live.extend(live_words(&text));
    live.extend(
        markdown.lines().filter(|line| line.trim_start().starts_with("/wiz")).map(|line| format!("command {line}")),
    );
    if markdown.contains("<!--") {
        live.push("comment".into());
    }
    live
}

/// Mentions, references and links in rendered text.
fn live_words(text: &str) -> Vec<String> {
    let after = |sign: &str, live: fn(char) -> bool| -> Vec<String> {
        let hits = text.match_indices(sign).filter(|(at, _)| text[at + sign.len()..].starts_with(live));
        hits.map(|(at, _)| format!("{sign} at {at} in {text:?}")).collect()
    };
    [after("@", |c| c.is_ascii_alphanumeric()), after("#", |c| c.is_ascii_digit()), after("://", |_| true)].concat()
}

fn hostile() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("@alice"),
        Just("@acme/all "),
        Just("&#64;bob"),
        Just("&commat;bob"),
        Just("fixes #12 "),
        Just("Closes acme/x#3"),
        Just("https://github.com/acme/x/issues/4"),
        Just("![x](https://evil)"),
        Just("[x](y)"),
        Just("[x]: y\n"),
        Just("<img src=x>"),
        Just("<https://evil>"),
        Just("<!-- wiz:run=1 kind=status sig=00 -->"),
        Just("<!--"),
        Just("-->"),
        Just("/wiz approve"),
        Just("# "),
        Just("> "),
        Just("- "),
        Just("* "),
        Just("+ "),
        Just("1. "),
        Just("- [x] "),
        Just("`"),
        Just("``"),
        Just("```"),
        Just("~~~"),
        Just("$"),
        Just("$$"),
        Just("|"),
        Just("| a |\n| - |\n"),
        Just("---"),
        Just("==="),
        Just("\\"),
        Just("    "),
        Just("\t"),
        Just(" "),
        Just("\n"),
        Just("\n\n"),
        Just("\r"),
        Just("[^1]"),
        Just("[^1]: "),
        Just("\u{200b}"),
        Just("\u{202e}"),
        Just("word"),
        Just("fixes"),
        Just("#"),
        Just("1"),
        Just("@"),
        Just(":"),
        Just("//"),
    ];
    prop_oneof![prop::collection::vec(piece, 0..16).prop_map(|pieces| pieces.concat()), any::<String>()]
}

proptest! {
    #[test]
    fn neutralised_text_is_dead(text in hostile(), max_chars in 0_usize..200) {
        let safe = neutralise(&text, max_chars);
        prop_assert_eq!(live(&safe), Vec::<String>::new(), "{:?}", safe);
        let cell = cell(&text, max_chars);
        prop_assert_eq!(live(&cell), Vec::<String>::new(), "{:?}", cell);
        prop_assert!(!cell.contains('\n'));
        let in_table = format!("| a | b |\n| - | - |\n| {cell} | {} |\n", code(&text, 50));
        let cells = events(&in_table).iter().filter(|event| matches!(event, Event::Start(Tag::TableCell))).count();
        prop_assert_eq!(cells, 4, "{}", in_table);
    }

    #[test]
    fn plain_text_is_dead(text in hostile(), max_chars in 0_usize..200) {
        let safe = plain(&text, max_chars);
        prop_assert_eq!(live_words(&safe), Vec::<String>::new());
        prop_assert!(!safe.contains('\n') && !safe.starts_with('/'));
    }

    #[test]
    fn a_fence_holds_whatever_is_inside(text in hostile()) {
        let document = format!("before\n\n{}\n\nafter", fenced(&text, 500));
        let events = events(&document);
        let blocks = events.iter().filter(|event| matches!(event, Event::Start(Tag::CodeBlock(_)))).count();
        prop_assert_eq!(blocks, 1, "{}", document);
        prop_assert!(!document.contains("<!--"), "{}", document);
        prop_assert!(matches!(&events[events.len() - 2], Event::Text(text) if &**text == "after"), "{}", document);
        prop_assert!(!document.lines().any(|line| line.starts_with('/')));
    }

    #[test]
    fn inline_code_holds_whatever_is_inside(text in hostile()) {
        let document = code(&text, 100);
        let dead = |event: &Event<'_>| {
            matches!(event, Event::Code(_) | Event::Start(Tag::Paragraph) | Event::End(_))
        };
        prop_assert!(events(&document).iter().all(dead), "{}", document);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn every_text_stays_below_githubs_limits(text in hostile(), repeat in prop::sample::select(vec![1_usize, 100, 600]), state in 0_usize..12) {
        let text = text.repeat(repeat);
        let view = RunView { state: RunState::ALL[state], ..stuffed(&text) };
        prop_assert!(status_comment(&view).chars().count() + MARKER_CHARS < COMMENT_CHARS);
        prop_assert!(pull_request(&view).body.chars().count() + MARKER_CHARS < COMMENT_CHARS);
        prop_assert!(pull_request(&view).title.chars().count() <= 256);
        let check = check_output(&view);
        prop_assert!(check.summary.chars().count() <= CHECK_FIELD_CHARS);
        prop_assert!(check.text.unwrap_or_default().chars().count() <= CHECK_FIELD_CHARS);
        prop_assert!(check.annotations.iter().all(|batch| batch.len() <= CHECK_ANNOTATIONS_PER_CALL));
        let subject = commit_message(&view).lines().next().unwrap_or_default().replace('\u{200b}', "");
        prop_assert!(subject.chars().count() <= 72, "{}", subject);
    }

    /// Whatever is woven in, the frame around it stays wiz's own: the same folded parts, no foreign links or pictures.
    #[test]
    fn hostile_parts_leave_the_frame_alone(text in hostile()) {
        for markdown in [status_comment(&stuffed(&text)), pull_request(&stuffed(&text)).body] {
            let mut opened = 0_i32;
            for event in events(&markdown) {
                match event {
                    Event::Html(html) | Event::InlineHtml(html) => {
                        let html = html.trim().to_owned();
                        let own = ["<details>", "</details>", "<br>", "<sub>", "</sub>"];
                        prop_assert!(own.iter().any(|tag| html.starts_with(tag)), "{}", html);
                        opened += i32::from(html.starts_with("<details>")) - i32::from(html.starts_with("</details>"));
                    }
                    Event::Start(Tag::Link { dest_url, .. }) => {
                        prop_assert!(dest_url.starts_with("https://wiz.example/") || dest_url.ends_with("/pull/8"));
                    }
                    Event::Start(Tag::Image { .. }) => prop_assert!(false, "picture in {}", markdown),
                    _ => {}
                }
            }
            prop_assert_eq!(opened, 0, "{}", markdown);
            prop_assert_eq!(crate::event::command::parse(&markdown, None), vec![]);
        }
    }
}

/// A finished run whose every text is `text`.
fn stuffed(text: &str) -> RunView {
    let mut view = example::finished();
    view.subject.title = text.into();
    view.verb = text.into();
    view.gate = Some(text.into());
    view.model = Some(text.into());
    let plan = &mut view.plan.as_mut().unwrap().plan;
    plan.summary = text.into();
    plan.risks = vec![text.into(); 8];
    plan.files = vec![text.into(); 40];
    for step in &mut plan.steps {
        step.title = text.into();
        step.detail = text.into();
    }
    for criterion in &mut plan.definition_of_done {
        criterion.name = text.into();
        criterion.command = text.into();
    }
    for evidence in &mut view.evidence {
        evidence.criterion = text.into();
        for seen in [&mut evidence.before, &mut evidence.after].into_iter().flatten() {
            seen.output_tail = text.into();
        }
    }
    view.changes = vec![view.changes[0].clone(); 100];
    for change in &mut view.changes {
        change.path = text.into();
    }
    let finding = &view.review.as_ref().unwrap().findings[0];
    let finding = Finding { title: text.into(), detail: text.into(), ..finding.clone() };
    view.review = Some(Review { approved: false, findings: vec![finding; 6] });
    view
}
