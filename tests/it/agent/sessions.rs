//! Whole sessions: from the first prompt to what the role submits, and every way to stop on the way.

use std::time::Duration;

use scripted_model::ScriptedModel;
use wiz::{
    agent::{
        AgentError, AgentLimits, Entry, Finished, NoteKind, ReviewInput, ReviewVerdict, StopReason, Transcript,
        WorkReport, plan as make_plan, read_chain, replay, review, stored_entries, work,
    },
    ids::RunId,
    llm::{Block, Models},
};

use super::{Database, MemoryBox, assignment, models, plan, planning, scripted, session, working};

/// A coder that looks, changes and checks, two calls in one turn among them.
const FIX: &str = r#"
  - name: fix
    when: { system: [You carry out one step], task: ["repository: octo/size", "role: coder"] }
    turns:
      - { text: I look first., calls: [{ tool: read, input: { path: size.py } }] }
      - expects: ["{n} Byte"]
        calls:
          - { tool: write, input: { path: test_size.py, content: "assert size(1.0) == '1 Byte'" } }
          - { tool: bash, input: { command: fail } }
      - { expects: [exit 1], calls: [{ tool: edit, input: { path: size.py, old: "{n}", new: "{int(n)}" } }] }
      - { expects: [edited], calls: [{ tool: bash, input: { command: cat size.py } }] }
      - { expects: ["{int(n)} Byte"], calls: [{ tool: submit, input: { summary: Fixed., evidence: cat } }] }
"#;

fn fixed() -> Finished<WorkReport> {
    Finished::Submitted(WorkReport { summary: "Fixed.".into(), evidence: "cat".into(), threads: vec![] })
}

async fn transcript(database: &Database, run: RunId, step_key: &str) -> Transcript {
    let rows = stored_entries(&database.pool, run, step_key).await.unwrap();
    read_chain(run, step_key, &rows).unwrap().0
}

fn notes(transcript: &Transcript) -> Vec<NoteKind> {
    let of = |entry: &Entry| match entry {
        Entry::Results { notes, .. } => notes.iter().map(|note| note.kind).collect(),
        Entry::Opening { .. } | Entry::Assistant { .. } => Vec::new(),
    };
    transcript.entries().iter().flat_map(of).collect()
}

fn assert_no_faults(server: &ScriptedModel) {
    assert_eq!(server.faults(), Vec::<String>::new());
}

/// Works `FIX`-like scenes with a fresh run, and gives how it ended and what was said.
async fn worked(scenes: &str, limits: AgentLimits) -> (Finished<WorkReport>, Transcript, ScriptedModel) {
    let (database, server) = (Database::new().await, scripted(scenes).await);
    let models = models(&server, &database.pool, "anthropic/scripted", None);
    let run = database.run(5_000_000).await;
    let toolbox = MemoryBox::new();
    let mut session = session(&models, &database, run, "work-1", &toolbox);
    session.limits = limits;
    let finished = work(&session, &working()).await.unwrap();
    let transcript = transcript(&database, run, "work-1").await;
    database.drop().await;
    (finished, transcript, server)
}

fn quick() -> AgentLimits {
    AgentLimits { wall_time: Duration::from_secs(20), ..AgentLimits::default() }
}

#[tokio::test]
async fn the_same_work_is_done_over_every_wire() {
    let database = Database::new().await;
    for model in ["anthropic/scripted", "openai/scripted", "openai-chat/scripted"] {
        let server = scripted(FIX).await;
        let models = models(&server, &database.pool, model, None);
        let run = database.run(5_000_000).await;
        let toolbox = MemoryBox::new();
        let finished = work(&session(&models, &database, run, "work-1", &toolbox), &working()).await.unwrap();
        assert_eq!(finished, fixed(), "{model}");
        assert!(toolbox.files()["size.py"].contains("{int(n)} Byte"));
        assert_no_faults(&server);
        let spend = models.spent(run).await.unwrap();
        assert!(spend.calls == 5 && spend.money.get() > 0 && spend.reserved.get() == 0, "{model}: {spend:?}");
    }
    database.drop().await;
}

#[tokio::test]
async fn a_faulty_plan_goes_back_to_the_planner() {
    let step = |id: &str| format!("{{ id: {id}, title: t, detail: d }}");
    let plan = |steps: &str| {
        format!(
            "{{ summary: s, steps: [{steps}], definition_of_done: [{{ name: n, command: c, proof: passes }}], files: [a] }}"
        )
    };
    let scenes = format!(
        "
  - name: plan
    when: {{ system: [You plan a change], task: ['role: planner'] }}
    turns:
      - {{ calls: [{{ tool: submit, input: {} }}] }}
      - {{ expects: ['not accepted: step id fix is used twice'], calls: [{{ tool: submit, input: {{ summary: s }} }}] }}
      - {{ expects: ['submit needs steps, definition_of_done, files'], calls: [{{ tool: submit, input: {} }}] }}
",
        plan(&format!("{}, {}", step("fix"), step("fix"))),
        plan(&step("fix")),
    );
    let (database, server) = (Database::new().await, scripted(&scenes).await);
    let models = models(&server, &database.pool, "anthropic/scripted", None);
    let run = database.run(5_000_000).await;
    let toolbox = MemoryBox::new();
    let finished =
        make_plan(&session(&models, &database, run, "plan-1", &toolbox), &planning(), &|_| None).await.unwrap();
    let Finished::Submitted(plan) = finished else { panic!("{finished:?}") };
    assert_eq!(plan.steps[0].id.as_str(), "fix");
    assert_no_faults(&server);
    database.drop().await;
}

#[tokio::test]
async fn a_reviewer_submits_findings() {
    let scenes = "
  - name: review
    when: { system: [You review a change], task: ['role: reviewer', '+    return', 'tests: passed'] }
    turns:
      - { calls: [{ tool: submit, input: { verdict: request_changes, summary: s, findings: [] } }] }
      - expects: [at least one finding]
        calls:
          - tool: submit
            input: { verdict: approve, summary: s, findings: [{ path: size.py, line: 2, level: notice, title: t, detail: d }] }
";
    let (database, server) = (Database::new().await, scripted(scenes).await);
    let models = models(&server, &database.pool, "anthropic/scripted", None);
    let run = database.run(5_000_000).await;
    let toolbox = MemoryBox::new();
    let input = ReviewInput {
        assignment: assignment(),
        plan: plan(),
        diff: "+    return 1".into(),
        evidence: vec!["tests: passed".into()],
    };
    let finished = review(&session(&models, &database, run, "review-1", &toolbox), &input).await.unwrap();
    let Finished::Submitted(report) = finished else { panic!("{finished:?}") };
    assert_eq!((report.verdict, report.findings.len()), (ReviewVerdict::Approve, 1));
    assert_no_faults(&server);
    database.drop().await;
}

#[tokio::test]
async fn a_killed_process_goes_on_with_the_next_turn() {
    let (database, server) = (Database::new().await, scripted(FIX).await);
    let models = models(&server, &database.pool, "openai/scripted", None);
    let undisturbed = database.run(5_000_000).await;
    let toolbox = MemoryBox::new();
    work(&session(&models, &database, undisturbed, "work-1", &toolbox), &working()).await.unwrap();
    let (files, calls) = (toolbox.files(), 5);
    let expected = transcript(&database, undisturbed, "work-1").await;

    for killed_at in 1..=calls {
        let run = database.run(5_000_000).await;
        let mut toolbox = MemoryBox::new();
        toolbox.killed_at = Some(killed_at);
        tokio::select! {
            finished = async { work(&session(&models, &database, run, "work-1", &toolbox), &working()).await } => {
                panic!("not killed at call {killed_at}: {finished:?}");
            }
            () = toolbox.killed.notified() => {}
        }
        toolbox.killed_at = None;
        let finished = work(&session(&models, &database, run, "work-1", &toolbox), &working()).await.unwrap();
        assert_eq!((finished, toolbox.files()), (fixed(), files.clone()), "killed at call {killed_at}");
        // The opening differs in its nonce only.
        let resumed = transcript(&database, run, "work-1").await;
        assert_eq!(resumed.entries()[1..], expected.entries()[1..], "killed at call {killed_at}");
        assert_eq!(models.spent(run).await.unwrap().calls, 5, "no turn was paid twice");
    }
    assert_no_faults(&server);
    database.drop().await;
}

/// Cuts a finished session back to each of its entries, as if the process had died right after storing it.
#[tokio::test]
async fn every_stored_entry_is_a_place_to_go_on_from() {
    let (database, server) = (Database::new().await, scripted(FIX).await);
    let models = models(&server, &database.pool, "anthropic/scripted", None);
    let run = database.run(5_000_000).await;
    let first_box = MemoryBox::new();
    work(&session(&models, &database, run, "work-1", &first_box), &working()).await.unwrap();
    let expected = transcript(&database, run, "work-1").await;
    let rows = i32::try_from(expected.entries().len()).unwrap();

    for kept in 0..=rows {
        sqlx::query("delete from turn where position >= $1").bind(kept).execute(&database.pool).await.unwrap();
        let rebuilt = MemoryBox::new();
        let session = session(&models, &database, run, "work-1", &rebuilt);
        assert!(matches!(replay(&session).await.unwrap(), Finished::Submitted(_)));
        assert_eq!(work(&session, &working()).await.unwrap(), fixed(), "{kept} entries kept");
        assert_eq!(rebuilt.files(), first_box.files(), "{kept} entries kept");
        assert_eq!(transcript(&database, run, "work-1").await.entries()[1..], expected.entries()[1..]);
    }
    assert_no_faults(&server);
    database.drop().await;
}

#[tokio::test]
async fn a_changed_transcript_is_refused() {
    let (database, server) = (Database::new().await, scripted(FIX).await);
    let models = models(&server, &database.pool, "anthropic/scripted", None);
    let run = database.run(5_000_000).await;
    let toolbox = MemoryBox::new();
    let session = session(&models, &database, run, "work-1", &toolbox);
    work(&session, &working()).await.unwrap();
    sqlx::query("update turn set body = replace(body, 'size.py', 'other.py') where position = 1")
        .execute(&database.pool)
        .await
        .unwrap();
    let refused = work(&session, &working()).await.unwrap_err();
    insta::assert_snapshot!(refused, @"the stored transcript cannot be used: entry 1 of session work-1 does not fit its hash");
    database.drop().await;
}

#[tokio::test]
async fn two_processes_cannot_speak_for_one_session() {
    let scenes = FIX.replace("text: I look first.", "text: I look first., delay_ms: 50");
    let (database, server) = (Database::new().await, scripted(&scenes).await);
    let models = models(&server, &database.pool, "anthropic/scripted", None);
    let run = database.run(5_000_000).await;
    let (one, two) = (MemoryBox::new(), MemoryBox::new());
    let (one, two) =
        (session(&models, &database, run, "work-1", &one), session(&models, &database, run, "work-1", &two));
    let input = working();
    let (one, two) = tokio::join!(work(&one, &input), work(&two, &input));
    let superseded = [&one, &two].iter().filter(|ended| matches!(ended, Err(AgentError::Superseded))).count();
    assert_eq!(superseded, 1, "{one:?} {two:?}");
    assert!(one.is_ok_and(|finished| finished == fixed()) || two.is_ok_and(|finished| finished == fixed()));
    database.drop().await;
}

/// A scene in which the coder says the same thing `turns` times.
fn monotone(turn: &str, turns: usize) -> String {
    let turns = format!("      - {turn}\n").repeat(turns);
    format!("\n  - name: monotone\n    turns:\n{turns}")
}

#[tokio::test]
async fn circles_are_nudged_once_and_then_stopped() {
    let again = "{ calls: [{ tool: bash, input: { command: cat size.py } }] }";
    let (finished, transcript, server) = worked(&monotone(again, 20), quick()).await;
    assert_eq!(finished, Finished::Stopped(StopReason::Stuck));
    assert_eq!((transcript.turns(), notes(&transcript)), (8, vec![NoteKind::Nudge]));
    assert_no_faults(&server);

    let (finished, transcript, _) = worked(&monotone("{ text: I am thinking. }", 20), quick()).await;
    assert_eq!(finished, Finished::Stopped(StopReason::Stuck));
    assert_eq!(transcript.turns(), 6);
    assert_eq!(notes(&transcript).iter().filter(|note| **note == NoteKind::Reminder).count(), 6);

    let (finished, transcript, _) = worked(&monotone("{ calls: [{ tool: bash, input: {} }] }", 20), quick()).await;
    assert_eq!((finished, transcript.turns()), (Finished::Stopped(StopReason::FormatErrors), 3));
}

#[tokio::test]
async fn a_call_that_was_cut_off_is_not_made() {
    for wire in ["anthropic", "openai", "openai-chat"] {
        let scenes = "
  - name: cut
    turns:
      - { cut: true, calls: [{ tool: write, input: { path: a, content: half } }] }
      - { expects: [this call was not made], cut: true, text: I talk too much }
      - { expects: [cut at the output limit before any tool call], calls: [{ tool: submit, input: { summary: s, evidence: e } }] }
";
        let (database, server) = (Database::new().await, scripted(scenes).await);
        let models = models(&server, &database.pool, &format!("{wire}/scripted"), None);
        let run = database.run(5_000_000).await;
        let toolbox = MemoryBox::new();
        let finished = work(&session(&models, &database, run, "work-1", &toolbox), &working()).await.unwrap();
        assert!(matches!(finished, Finished::Submitted(_)), "{wire}: {finished:?}");
        assert!(!toolbox.files().contains_key("a"));
        assert_no_faults(&server);
        database.drop().await;
    }
}

#[tokio::test]
async fn limits_end_a_session_after_a_warning() {
    let busy: String = (0..20)
        .map(|number| format!("      - {{ calls: [{{ tool: bash, input: {{ command: cat {number} }} }}] }}\n"))
        .collect();
    let busy = format!("\n  - name: busy\n    turns:\n{busy}");
    let (finished, transcript, server) = worked(&busy, AgentLimits { turns: 7, ..quick() }).await;
    assert_eq!((finished, transcript.turns()), (Finished::Stopped(StopReason::Turns), 7));
    assert_eq!(notes(&transcript), [NoteKind::WrapUp]);
    let warned = transcript.entries().iter().find_map(|entry| match entry {
        Entry::Results { notes, .. } => notes.first().map(|note| note.text.clone()),
        Entry::Opening { .. } | Entry::Assistant { .. } => None,
    });
    insta::assert_snapshot!(warned.unwrap(), @"You are nearly out of turns. Bring the work into a sound state now and call submit.");
    assert_no_faults(&server);

    let (finished, ..) = worked(&busy, AgentLimits { tokens: 5_000, ..quick() }).await;
    assert_eq!(finished, Finished::Stopped(StopReason::Tokens));
    let (finished, transcript, _) = worked(&busy, AgentLimits { wall_time: Duration::ZERO, ..quick() }).await;
    assert_eq!((finished, transcript.turns()), (Finished::Stopped(StopReason::Time), 0));
}

#[tokio::test]
async fn money_ends_a_session_and_what_was_done_stays() {
    let (database, server) = (Database::new().await, scripted(FIX).await);
    let models = models(&server, &database.pool, "anthropic/scripted", None);
    // Pays for the first turn or two: a call needs 15,000 for the least useful answer.
    let run = database.run(26_000).await;
    let toolbox = MemoryBox::new();
    let session = session(&models, &database, run, "work-1", &toolbox);
    assert_eq!(work(&session, &working()).await.unwrap(), Finished::Stopped(StopReason::Money));
    let spend = models.spent(run).await.unwrap();
    assert!((1..5).contains(&spend.calls) && spend.money.get() <= 26_000, "{spend:?}");

    sqlx::query("update run set budget_micro_dollars = 5000000").execute(&database.pool).await.unwrap();
    assert_eq!(work(&session, &working()).await.unwrap(), fixed(), "more money goes on from there");
    assert_eq!(models.spent(run).await.unwrap().calls, 5);
    assert_no_faults(&server);
    database.drop().await;
}

#[tokio::test]
async fn a_question_stops_a_planner() {
    let ask = "
  - name: ask
    turns: [{ calls: [{ tool: ask, input: { question: 'Round up or down?', options: [up, down], default: down } }] }]
";
    let (database, server) = (Database::new().await, scripted(ask).await);
    let models = models(&server, &database.pool, "anthropic/scripted", None);
    let run = database.run(5_000_000).await;
    let toolbox = MemoryBox::new();
    let finished =
        make_plan(&session(&models, &database, run, "plan-1", &toolbox), &planning(), &|_| None).await.unwrap();
    let Finished::Stopped(StopReason::Question(question)) = finished else { panic!("{finished:?}") };
    assert_eq!((question.options.len(), question.default.as_str()), (2, "down"));
    database.drop().await;
}

#[tokio::test]
async fn dead_boxes_and_cancellation_stop_a_session() {
    let die = "\n  - name: die\n    turns: [{ calls: [{ tool: bash, input: { command: die } }] }]\n";
    let (finished, transcript, _) = worked(die, quick()).await;
    assert_eq!(finished, Finished::Stopped(StopReason::SandboxDead("the box ended".into())));
    assert!(matches!(transcript.entries().last(), Some(Entry::Assistant { .. })), "the call stays unanswered");

    let (database, server) = (Database::new().await, scripted(FIX).await);
    let models = models(&server, &database.pool, "anthropic/scripted", None);
    let run = database.run(5_000_000).await;
    let toolbox = MemoryBox { killed_at: Some(2), ..MemoryBox::new() };
    let session = session(&models, &database, run, "work-1", &toolbox);
    let input = working();
    let (finished, ()) = tokio::join!(work(&session, &input), async {
        toolbox.killed.notified().await;
        session.cancel.cancel();
    });
    assert_eq!(finished.unwrap(), Finished::Stopped(StopReason::Cancelled));
    database.drop().await;
}

/// Sixteen turns of 1,200 characters against a window of 8,000 tokens.
#[tokio::test]
async fn old_output_is_left_out_when_the_window_fills() {
    let turns: String = (0..16)
        .map(|number| {
            format!(
                "      - {{ text: turn {number}, calls: [{{ tool: bash, input: {{ command: repeat {} }} }}] }}\n",
                100 + number
            )
        })
        .collect();
    let scenes = format!("\n  - name: long\n    turns:\n{turns}");
    let (database, server) = (Database::new().await, scripted(&scenes).await);
    let prices = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(
        prices.path(),
        "scripted: { input: 3, cached_read: 0.3, cache_write: 3.75, output: 15, window: 8000 }",
    )
    .unwrap();
    let models: Models = models(&server, &database.pool, "anthropic/scripted", Some(&prices));
    let run = database.run(5_000_000).await;
    let toolbox = MemoryBox::new();
    let mut session = session(&models, &database, run, "work-1", &toolbox);
    session.limits.turns = 16;
    assert_eq!(work(&session, &working()).await.unwrap(), Finished::Stopped(StopReason::Turns));
    assert_no_faults(&server);

    let left_out = |body: &serde_json::Value| body.to_string().matches("[output left out").count();
    let masked: Vec<usize> = server.requests().iter().map(|request| left_out(&request.body)).collect();
    assert_eq!(masked[..8], [0; 8]);
    let last = *masked.last().unwrap();
    assert!(last >= 5, "{masked:?}");
    assert!(masked.windows(2).all(|pair| pair[0] == pair[1] || pair[1] >= pair[0] + 5), "in big steps: {masked:?}");
    let stored = transcript(&database, run, "work-1").await;
    let words =
        |entry: &Entry| matches!(entry, Entry::Assistant { blocks, .. } if matches!(&blocks[0], Block::Text { .. }));
    assert_eq!(stored.entries().iter().filter(|entry| words(entry)).count(), 16, "the transcript keeps everything");
    database.drop().await;
}
