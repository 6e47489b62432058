use super::{super::*, example};

#[test]
fn the_pull_request_tells_what_was_done_and_proven() {
    let text = pull_request(&example::finished());
    assert_eq!(text.title, "Dates before 1970 crash");
    let mut nameless = example::finished();
    nameless.subject.title = "\u{200b}".into();
    insta::assert_snapshot!(pull_request(&nameless).title, @"Change for issue 7");
    insta::assert_snapshot!(text.body, @r#"
    `parse_date` treats the year as unsigned, so dates before 1970 wrap around.

    Fixes #7: Dates before 1970 crash

    ## Changes

    | file | change | lines |
    | --- | --- | --- |
    | `src/dates.py` | changed | +3 −1 |
    | `tests/test_dates.py` | added | +9 −0 |

    ## Proof

    wiz ran these itself, in clean boxes without a network and without the agent. They are for the first commit here; each later one of wiz's has its own proof in the check `wiz`.

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

    wiz does not merge: that is yours.
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
        policy_faults(
            "`.github/wiz.yml` on the default branch",
            &[(2, "unknown field `x`; @all <img>".into()), (0, "too large".into())],
        ),
        stale_approval(hash),
        no_run("cancel"),
        already_running(RunId(12), Some("https://wiz.example/runs/12")),
        already_running(RunId(12), None),
        closed_issue("fix"),
        not_followed(),
        budget_exhausted(MicroDollars::from_dollars(21), MicroDollars::from_dollars(20)),
    ];
    insta::assert_snapshot!(texts.join("\n————\n"), @r"
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
    There is no run here that `/wiz cancel` could mean. `/wiz fix` on an issue starts one.
    ————
    [Run 12](https://wiz.example/runs/12) is already at work here. `/wiz status` shows how far it is, `/wiz cancel` stops it.
    ————
    Run 12 is already at work here. `/wiz status` shows how far it is, `/wiz cancel` stops it.
    ————
    This issue is closed, so I did not start. Reopen it and comment `/wiz fix` again.
    ————
    I could not follow that after several tries; the operator's log has the reason. Please say it again later.
    ————
    What this repository's runs spent in the last 24 hours and may yet spend is $21.00, and its cap is $20.00, so I did not start. Raise `budget_day` in `.github/wiz.yml`, or try again later.
    ");
    insta::assert_snapshot!(review_not_now(RunId(12), RunState::Failed), @"I do not work on this review: run 12 has failed and takes no more work now. `/wiz status` shows how it stands.");
    let not_now: Vec<String> = RunState::ALL.map(|state| not_now("approve", RunId(12), state)).to_vec();
    insta::assert_snapshot!(not_now.join("\n"), @r"
    `/wiz approve` does not fit now: run 12 is waiting to start. `/wiz status` shows more.
    `/wiz approve` does not fit now: run 12 is still planning. `/wiz status` shows more.
    `/wiz approve` does not fit now: run 12 is waiting for approval of its plan. `/wiz status` shows more.
    `/wiz approve` does not fit now: run 12 is waiting for an answer. `/wiz status` shows more.
    `/wiz approve` does not fit now: run 12 is waiting for a decision about files outside its plan. `/wiz status` shows more.
    `/wiz approve` does not fit now: run 12 is paused. `/wiz status` shows more.
    `/wiz approve` does not fit now: run 12 is being worked on. `/wiz status` shows more.
    `/wiz approve` does not fit now: run 12 is running its checks. `/wiz status` shows more.
    `/wiz approve` does not fit now: run 12 is being reviewed. `/wiz status` shows more.
    `/wiz approve` does not fit now: run 12 is being published. `/wiz status` shows more.
    `/wiz approve` does not fit now: run 12 has an open pull request. `/wiz status` shows more.
    `/wiz approve` does not fit now: run 12 is done. `/wiz status` shows more.
    `/wiz approve` does not fit now: run 12 has failed. `/wiz status` shows more.
    `/wiz approve` does not fit now: run 12 was cancelled. `/wiz status` shows more.
    ");
}
