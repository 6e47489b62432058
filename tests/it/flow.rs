//! The main job from the issue to the merge, on three real bugs in three languages, through the front door alone.

use wiz_demo::{
    Case, DatabaseChoice, Ending, HUMANIZE, MINIMIST, Mark, ModelChoice, Moment, Options, STRSIM, Shown, Story, Wire,
    World,
};

use crate::support::{
    database::TestDatabase,
    redact::redact,
    world::{assert_ended_well, assert_upstream_agrees, options},
};

/// Most requests to GitHub for the plain fix, from the first webhook to the merge: an installation has 5,000 an hour. It
/// takes 25 when nothing is in the way, reading the schedules of the new installation included; the slower the machine,
/// the more often the status comment is edited.
const MOST_CALLS: i64 = 40;

/// Plays the story, and keeps the status comment as it was when the plan was shown.
async fn play(world: &World) -> (Ending, Option<Shown>) {
    let repo = world.repo();
    let mut planned = None;
    let mut listen = |moment: &Moment| {
        if moment.mark == Mark::Planned {
            planned = repo.wiz_comments().unwrap().pop();
        }
    };
    let ending = Story::new(world.case(), world.repo(), &mut listen).play().await.unwrap();
    (ending, planned)
}

/// Each over another of the protocols that models speak.
async fn whole_job(case: &'static Case, wire: Wire) {
    let database = TestDatabase::empty().await;
    let options = Options { model: ModelChoice::Scripted(wire), ..options(case, DatabaseChoice::Url(database.url)) };
    let mut world = World::start(options).await.unwrap();
    let (ending, _) = play(&world).await;
    let calls = world.store().await.unwrap().calls_to_github().await.unwrap();
    let all: i64 = calls.iter().map(|(_, count)| count).sum();
    assert!((1..=MOST_CALLS).contains(&all), "calls to GitHub for the plain fix: {calls:?}");
    assert_ended_well(&mut world, &ending).await;
    assert_upstream_agrees(&world, &ending).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_javascript_issue_becomes_a_merged_pull_request() {
    whole_job(&MINIMIST, Wire::Chat).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rust_issue_becomes_a_merged_pull_request() {
    whole_job(&STRSIM, Wire::Responses).await;
}

/// On the embedded database, as `wiz serve` starts without any; CI fails once, a reviewer objects once; and every text
/// that people see.
#[tokio::test(flavor = "multi_thread")]
async fn a_python_issue_becomes_a_merged_pull_request_and_every_text_is_right() {
    let mut world = World::start(options(&HUMANIZE, DatabaseChoice::Embedded)).await.unwrap();
    let repo = world.repo();
    let (ending, planned) = play(&world).await;
    assert_ended_well(&mut world, &ending).await;
    assert_upstream_agrees(&world, &ending).await;

    // The plan's own choice of words is the script's; the repair is what upstream released.
    let upstream = HUMANIZE.upstream_files().await.unwrap();
    for path in HUMANIZE.changed_files {
        let merged = repo.git(&["show", &format!("{}:{path}", ending.merge_commit)]).unwrap();
        let released = upstream.iter().find(|file| file.path == *path).unwrap();
        assert_eq!(merged.trim_end(), String::from_utf8_lossy(&released.content).trim_end(), "{path}");
    }
    let finished = repo.comment(ending.status_comment).unwrap().unwrap();
    let check = repo.checks().unwrap().into_iter().rfind(|check| check.name == "wiz").unwrap();
    insta::assert_snapshot!(redact(&planned.unwrap().body), @r##"
    ### The plan is ready for approval

    `/wiz fix` by maria · naturalsize(1.0) says "1.0 Byte" · spent <money>, about <money> more, cap $3.00

    `naturalsize` has a branch of its own for exactly one byte, and there it prints the value as it came (`f"{bytes_} Byte"`). A float, or a string, which is turned into a float before, therefore shows as `1.0 Byte`. The branch for other small sizes already prints `int(bytes_)`; the one for a single byte shall do the same.

    **Plan** `<hash>`

    - [x] **fix** Print a single byte as a whole number

    **Done means**

    | | check | before | after |
    | --- | --- | --- | --- |
    | ⏳ | A single byte is a whole number, also from a float or a string<br>`PYTHONPATH=src python3 -m pytest -q --color=no tests/test_filesize.py` | must fail | must pass |
    | ⏳ | The whole test suite passes<br>`PYTHONPATH=src python3 -m pytest -q --color=no` |  | must pass |

    **Gate** `supervised`: the plan needs one approval

    - the default here is supervised

    Edit this comment to change the plan: untick a step to leave it out, tick it to have it back, or reword the summary, a step or a check's name.

    **Next:** `/wiz approve <hash>` (go on), `/wiz revise …` (say what to change), `/wiz reject` (end the run)

    <details><summary>Steps in detail</summary>

    **fix**

    In tests/test_filesize.py add the cases `[1.0, False, False]` and `["1", False, False]`, both expecting `1 Byte`, to the parameters of `test_naturalsize`, and see them fail. Then let the branch for one byte in `naturalsize` (src/humanize/filesize.py) print `int(bytes_)`.

    </details>

    <details><summary>Risks</summary>

    - Callers that compare with the text `1.0 Byte` see `1 Byte` now, as the documentation says.

    </details>

    <details><summary>Files this will touch</summary>

    - `src/humanize/filesize.py`
    - `tests/test_filesize.py`

    </details>

    <details><summary>Time</summary>

    - waiting: <time>
    - planning: <time>

    </details>

    <sub>run 1 · model `anthropic/scripted`</sub>

    <!-- wiz:run=1 kind=status sig=<hash> -->
    "##);
    insta::assert_snapshot!(redact(&finished.body), @r##"
    ### Done

    `/wiz fix` by maria · naturalsize(1.0) says "1.0 Byte" · spent <money>, cap $3.00

    **Pull request:** [#2](http://github/octo/humanize/pull/2)

    `naturalsize` has a branch of its own for exactly one byte, and there it prints the value as it came (`f"{bytes_} Byte"`). A float, or a string, which is turned into a float before, therefore shows as `1.0 Byte`. The branch for other small sizes already prints `int(bytes_)`; the one for a single byte shall do the same.

    **Plan** `<hash>`

    - [x] **fix** Print a single byte as a whole number

    **Done means**

    | | check | before | after |
    | --- | --- | --- | --- |
    | ✅ | A single byte is a whole number, also from a float or a string<br>`PYTHONPATH=src python3 -m pytest -q --color=no tests/test_filesize.py` | 🔴 failed (exit 1), <time> | 🟢 passed, <time> |
    | ✅ | The whole test suite passes<br>`PYTHONPATH=src python3 -m pytest -q --color=no` |  | 🟢 passed, <time> |

    **Gate** `supervised`: the plan needs one approval

    - the default here is supervised

    <details><summary>Steps in detail</summary>

    **fix**

    In tests/test_filesize.py add the cases `[1.0, False, False]` and `["1", False, False]`, both expecting `1 Byte`, to the parameters of `test_naturalsize`, and see them fail. Then let the branch for one byte in `naturalsize` (src/humanize/filesize.py) print `int(bytes_)`.

    </details>

    <details><summary>Risks</summary>

    - Callers that compare with the text `1.0 Byte` see `1 Byte` now, as the documentation says.

    </details>

    <details><summary>Files changed</summary>

    | file | change | lines |
    | --- | --- | --- |
    | `src/humanize/filesize.py` | changed | +1 −1 |
    | `tests/test_filesize.py` | changed | +2 −0 |

    </details>

    <details><summary>Output of A single byte is a whole number, also from a float or a string (before)</summary>

    ```text
    <output>
    ```

    </details>

    <details><summary>Output of A single byte is a whole number, also from a float or a string (after)</summary>

    ```text
    <output>
    ```

    </details>

    <details><summary>Output of The whole test suite passes (after)</summary>

    ```text
    <output>
    ```

    </details>

    <details><summary>Time</summary>

    - waiting: <time>
    - planning: <time>
    - waiting for approval: <time>
    - working: <time>
    - checking: <time>
    - reviewing: <time>
    - publishing: <time>
    - watching: <time>

    </details>

    <sub>run 1 · model `anthropic/scripted` · branch `wiz/run-1-naturalsize-1-0-says-1-0-byte`</sub>

    <!-- wiz:run=1 kind=status sig=<hash> -->
    "##);
    insta::assert_snapshot!(redact(&format!("{}\n\n{}", ending.pull.title, ending.pull.body)), @r##"
    naturalsize(1.0) says "1.0 Byte"

    `naturalsize` has a branch of its own for exactly one byte, and there it prints the value as it came (`f"{bytes_} Byte"`). A float, or a string, which is turned into a float before, therefore shows as `1.0 Byte`. The branch for other small sizes already prints `int(bytes_)`; the one for a single byte shall do the same.

    Fixes #1: naturalsize(1.0) says "1.0 Byte"

    ## Changes

    | file | change | lines |
    | --- | --- | --- |
    | `src/humanize/filesize.py` | changed | +2 −1 |
    | `tests/test_filesize.py` | changed | +2 −0 |

    ## Proof

    wiz ran these itself, in clean boxes without a network and without the agent. They are for the first commit here; each later one of wiz's has its own proof in the check `wiz`.

    | | check | before | after |
    | --- | --- | --- | --- |
    | ✅ | A single byte is a whole number, also from a float or a string<br>`PYTHONPATH=src python3 -m pytest -q --color=no tests/test_filesize.py` | 🔴 failed (exit 1), <time> | 🟢 passed, <time> |
    | ✅ | The whole test suite passes<br>`PYTHONPATH=src python3 -m pytest -q --color=no` |  | 🟢 passed, <time> |

    <details><summary>Output of A single byte is a whole number, also from a float or a string (before)</summary>

    ```text
    <output>
    ```

    </details>

    <details><summary>Output of A single byte is a whole number, also from a float or a string (after)</summary>

    ```text
    <output>
    ```

    </details>

    <details><summary>Output of The whole test suite passes (after)</summary>

    ```text
    <output>
    ```

    </details>

    ## Risks

    - Callers that compare with the text `1.0 Byte` see `1 Byte` now, as the documentation says.

    ## Review

    - **notice** `src/humanize/filesize.py:98` Sizes between one and two bytes still say "1 Bytes" – `naturalsize(1.5)` gives `1 Bytes`, before and after this change, because only exactly one byte takes the singular. An existing test expects it (`1.123456789` gives `1 Bytes`), so it is outside this request.

    <details><summary>Plan</summary>

    - [x] **fix** Print a single byte as a whole number

    </details>

    ## Where this comes from

    | | |
    | --- | --- |
    | cost | spent <money>, cap $3.00 |
    | run | 1 |
    | asked for by | maria |
    | approved by | maria |
    | plan | `<hash>` |
    | made on | `<hash>` |
    | model | `anthropic/scripted` |

    wiz does not merge: that is yours.

    <!-- wiz:run=1 kind=pull-request sig=<hash> -->
    "##);
    insta::assert_snapshot!(redact(&format!("{}: {}\n\n{}", check.name, check.title, check.summary)), @r##"
    wiz: The definition of done holds on this commit

    `/wiz fix` by maria · naturalsize(1.0) says "1.0 Byte" · spent <money>, cap $3.00

    **Pull request:** [#2](http://github/octo/humanize/pull/2)

    `naturalsize` has a branch of its own for exactly one byte, and there it prints the value as it came (`f"{bytes_} Byte"`). A float, or a string, which is turned into a float before, therefore shows as `1.0 Byte`. The branch for other small sizes already prints `int(bytes_)`; the one for a single byte shall do the same.

    **Plan** `<hash>`

    - [x] **fix** Print a single byte as a whole number

    **Done means**

    | | check | before | after |
    | --- | --- | --- | --- |
    | ✅ | A single byte is a whole number, also from a float or a string<br>`PYTHONPATH=src python3 -m pytest -q --color=no tests/test_filesize.py` | 🔴 failed (exit 1), <time> | 🟢 passed, <time> |
    | ✅ | The whole test suite passes<br>`PYTHONPATH=src python3 -m pytest -q --color=no` |  | 🟢 passed, <time> |

    **Gate** `supervised`: the plan needs one approval

    - the default here is supervised

    **Next:** `/wiz cancel` (leave the pull request alone)
    "##);
}
