use super::{super::*, example};

#[test]
fn status_of_a_waiting_run() {
    let mut view = example::run_in(RunState::Queued);
    view.queue = Some(QueuePlace { ahead: 2, wait: Some(Duration::from_secs(190)) });
    view.forecast = Some(Forecast::Known { left: Duration::from_secs(230), runs: 7 });
    insta::assert_snapshot!(status_comment(&view), @r"
    ### Waiting: 2 runs ahead, about 3 min 10 s

    `/wiz fix` by alice · Dates before 1970 crash · cap $3.00

    **Expected:** the plan in about 3 min 50 s, as the median of 7 runs here took

    **Next:** `/wiz pause` (let it rest), `/wiz cancel` (stop)

    <sub>[run 12](https://wiz.example/runs/12) · model `claude-sonnet-4-5`</sub>
    ");
}

#[test]
fn status_of_a_run_at_work_says_when_to_come_back() {
    let mut first = example::run_in(RunState::Queued);
    first.queue = Some(QueuePlace { ahead: 0, wait: None });
    first.forecast = Some(Forecast::Unknown { needed: 3 });
    let mut working = example::planned();
    working.state = RunState::Working;
    working.plan.as_mut().unwrap().progress = vec![("test".parse().unwrap(), StepProgress::Done)];
    working.money.spent = MicroDollars::from_cents(2);
    working.forecast = Some(Forecast::Known { left: Duration::from_millis(175_400), runs: 4 });
    let mut more = working.clone();
    more.follow_up = Some(FollowUpView { number: 1, reason: FollowUpReason::FailingCheck { name: "lint".into() } });
    more.forecast = Some(Forecast::Known { left: Duration::from_millis(400), runs: 4 });
    let said = [first, working, more].map(|view| {
        let text = status_comment(&view);
        let told = ["### ", "`/wiz", "- [", "**Expected", "**Next"];
        let lines = text.lines().filter(|line| told.iter().any(|start| line.starts_with(start)));
        lines.collect::<Vec<_>>().join("\n")
    });
    insta::assert_snapshot!(said.join("\n\n"), @r"
    ### Waiting: next in line
    `/wiz fix` by alice · Dates before 1970 crash · cap $3.00
    **Expected:** the plan; when is unknown until 3 runs here have come that far
    **Next:** `/wiz pause` (let it rest), `/wiz cancel` (stop)

    ### Working: 1 of 2 steps done
    `/wiz fix` by alice · Dates before 1970 crash · spent $0.02, cap $3.00
    - [x] **test** Write a failing test
    - [ ] **fix** Use a signed year
    **Expected:** the pull request in about 2 min 55 s, as the median of 4 runs here took
    **Next:** `/wiz pause` (let it rest), `/wiz cancel` (stop)

    ### Mend the failing check lint: working
    `/wiz fix` by alice · Dates before 1970 crash · spent $0.02, cap $3.00
    - [x] **test** Write a failing test
    - [ ] **fix** Use a signed year
    **Expected:** the next commit in about 10 s, as the median of 4 runs here took
    **Next:** `/wiz pause` (let it rest), `/wiz cancel` (stop)
    ");
}

#[test]
fn status_of_a_planned_run() {
    insta::assert_snapshot!(status_comment(&example::planned()), @r"
    ### The plan is ready for approval

    `/wiz fix` by alice · Dates before 1970 crash · about $0.04, cap $3.00

    `parse_date` treats the year as unsigned, so dates before 1970 wrap around.

    **Plan** `20a475dc`

    - [x] **test** Write a failing test
    - [x] **fix** Use a signed year

    **Done means**

    | | check | before | after |
    | --- | --- | --- | --- |
    | ⏳ | dates before 1970<br>`pytest tests/test_dates.py` | must fail | must pass |
    | ⏳ | all tests<br>`pytest \| tee log` |  | must pass |

    Edit this comment to change the plan: untick a step to leave it out, tick it to have it back, or reword the summary, a step or a check's name.

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
    ");
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

    **Next:** `/wiz cancel` (leave the pull request alone)

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
    asking.question = Some(Question {
        question: "Which calendar should dates before 1582 use, @bob?\n/wiz approve".into(),
        options: vec!["Julian".into(), "Gregorian\n3. [all](http://evil)".into()],
        default: "Gregorian".into(),
        files: vec![],
    });
    insta::assert_snapshot!(status_comment(&asking).replace('\u{200b}', "␣"), @r#"
    ### A question for you

    `/wiz fix` by alice · Dates before 1970 crash · cap $3.00

    @alice, the plan depends on something that only people here can say:

    Which calendar should dates before 1582 use, @␣bob?
    \/wiz approve

    1. Julian
    2. Gregorian 3. \[all\](http:␣//evil)

    Without an answer within a day I go on with: Gregorian

    **Next:** `/wiz answer 1` (or another number), `/wiz answer …` (in your own words), `/wiz cancel` (end the run)

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
    insta::assert_snapshot!(status_comment(&example::run_in(RunState::Cancelled)), @r"
    ### Cancelled

    `/wiz fix` by alice · Dates before 1970 crash · cap $3.00

    **Next:** `/wiz retry` (go on), `/wiz fix` (start over)

    <sub>[run 12](https://wiz.example/runs/12) · model `claude-sonnet-4-5`</sub>
    ");
}

#[test]
fn every_headline_of_a_run_that_waits() {
    let with = |state, change: fn(&mut RunView)| {
        let mut view = example::run_in(state);
        change(&mut view);
        sections::headline(&view)
    };
    let headlines = [
        with(RunState::Queued, |_| ()),
        with(RunState::Queued, |view| view.queue = Some(QueuePlace { ahead: 1, wait: None })),
        with(RunState::NeedsApproval, |view| view.gate = Some("Which?".into())),
        with(RunState::NeedsScope, |view| view.gate_raised = true),
        with(RunState::Paused, |view| view.out_of_money = true),
        with(RunState::Working, |_| ()),
        with(RunState::Watching, |_| ()),
        with(RunState::Succeeded, |_| ()),
    ];
    insta::assert_snapshot!(headlines.join("\n"), @r"
    Waiting to start
    Waiting: 1 run ahead
    Your decision is needed
    The change needs an approval of its own
    Paused: the budget is used up
    Working
    Watching the pull request
    Done
    ");
}

#[test]
fn what_a_commit_changed_on_somebodys_pull_request_is_told_as_far_as_it_fits() {
    let mut view = example::finished();
    (view.subject.is_pull_request, view.follow_ups) = (true, 1);
    let file =
        |n| ChangedFile { path: format!("{n}.py"), change: FileChange::Deleted, added_lines: 0, removed_lines: n };
    view.changes = (1..=120).map(file).collect();
    let text = status_comment(&view);
    let list = text.split("<details>").find(|part| part.contains("Files changed")).unwrap_or_default();
    let ends = list.lines().take(7).chain(["…"]).chain(list.lines().skip(100));
    insta::assert_snapshot!(ends.collect::<Vec<_>>().join("\n"), @r"
    <summary>Files changed by the last commit</summary>

    | file | change | lines |
    | --- | --- | --- |
    | `1.py` | deleted | +0 −1 |
    | `2.py` | deleted | +0 −2 |
    | `3.py` | deleted | +0 −3 |
    …
    | `97.py` | deleted | +0 −97 |
    | `98.py` | deleted | +0 −98 |
    | `99.py` | deleted | +0 −99 |
    | `100.py` | deleted | +0 −100 |
    | and 20 more | | |

    </details>
    ");
}

#[test]
fn each_step_says_how_far_it_is_and_each_stage_how_long_it_took() {
    let mut view = example::planned();
    view.state = RunState::Working;
    let progress = [("test", StepProgress::Working), ("fix", StepProgress::Failed)];
    view.plan.as_mut().unwrap().progress = progress.map(|(key, progress)| (key.parse().unwrap(), progress)).to_vec();
    let stay = |(number, stage)| Timing { stage, duration: Duration::from_secs(11 * 7_u64.pow(number)) };
    view.timings = (0..).zip(RunState::ALL).map(stay).take(8).collect();
    view.timings.extend(RunState::ALL.into_iter().skip(8).map(|stage| Timing { stage, duration: Duration::ZERO }));
    let text = status_comment(&view);
    let told = text.lines().filter(|line| line.starts_with("- "));
    insta::assert_snapshot!(told.collect::<Vec<_>>().join("\n"), @r"
    - [ ] **test** Write a failing test *(working)*
    - [ ] **fix** Use a signed year *(failed)*
    - Callers may rely on the wrap-around.
    - `src/dates.py`
    - `tests/`
    - waiting: 11 s
    - planning: 1 min 17 s
    - waiting for approval: 8 min 59 s
    - waiting for an answer: 1 h 2 min
    - waiting for a decision about files: 7 h 20 min
    - resting: 51 h 21 min
    - working: 359 h 28 min
    - checking: 2516 h 22 min
    - reviewing: 0 ms
    - publishing: 0 ms
    - watching: 0 ms
    - ended: 0 ms
    - ended: 0 ms
    - ended: 0 ms
    ");
}
