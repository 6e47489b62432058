//! Check runs: made once, annotated once.

use wiz::{
    github::{
        Annotation, AnnotationLevel, CheckAction, CheckIdentity, CheckRun, CheckRunOutput, CheckState, Conclusion,
        GitHubError,
    },
    ids::CommitSha,
};

use super::{REPOSITORY, Scene};

fn check(head_sha: &CommitSha) -> CheckRun {
    CheckRun {
        name: "wiz".into(),
        external_id: "run-1".into(),
        identity: CheckIdentity::Key,
        head_sha: head_sha.clone(),
        details_url: Some("https://wiz.example.com/runs/1".into()),
        state: CheckState::InProgress { started_at: chrono::Utc::now() },
        output: CheckRunOutput { title: "Planning".into(), summary: "…".into(), text: None },
        annotations: vec![],
        actions: vec![],
    }
}

fn annotation(line: u32) -> Annotation {
    Annotation {
        path: "src/lib.py".into(),
        start_line: line,
        end_line: line,
        level: AnnotationLevel::Warning,
        title: "Finding".into(),
        message: format!("finding {line}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_check_run_exists_once_whatever_happens() {
    let scene = Scene::start().await;
    let mut wanted = check(&scene.head().await);
    scene.lose_answer("POST", "/repos/*/check-runs");
    let id = scene.installation.find_or_create_check(&scene.repository, &wanted).await.unwrap();
    assert_eq!(scene.installation.find_or_create_check(&scene.repository, &wanted).await.unwrap(), id);
    let other = CheckRun { external_id: "run-2".into(), ..wanted.clone() };
    assert_ne!(scene.installation.find_or_create_check(&scene.repository, &other).await.unwrap(), id);
    let third = CheckRun { external_id: "run-3".into(), identity: CheckIdentity::Name, ..wanted.clone() };
    scene.installation.find_or_create_check(&scene.repository, &third).await.unwrap();

    wanted.state = CheckState::Completed { conclusion: Conclusion::ActionRequired, at: chrono::Utc::now() };
    wanted.output.title = "Waiting for approval".into();
    wanted.actions = vec![CheckAction {
        label: "Approve".into(),
        description: "Start the work".into(),
        identifier: "approve:0123abcd".into(),
    }];
    scene.lose_answer("PATCH", "/repos/*/check-runs");
    let lost = scene.installation.update_check(&scene.repository, id, &wanted).await;
    assert!(matches!(lost, Err(GitHubError::Transient(_))), "an update may be repeated: {lost:?}");
    scene.installation.update_check(&scene.repository, id, &wanted).await.unwrap();
    let runs = scene.hub.check_runs(REPOSITORY).unwrap();
    assert_eq!(runs.len(), 2);
    assert_eq!((runs[0].conclusion.as_deref(), runs[0].actions.len()), (Some("action_required"), 1));
    scene.hub.act_as("ann").unwrap().click(REPOSITORY, runs[0].id, "approve:0123abcd").unwrap();
    scene.done();
}

#[tokio::test(flavor = "multi_thread")]
async fn annotations_go_in_batches_and_are_not_repeated() {
    let scene = Scene::start().await;
    let mut wanted = check(&scene.head().await);
    wanted.annotations = (1..=120).map(annotation).collect();
    let id = scene.installation.find_or_create_check(&scene.repository, &wanted).await.unwrap();
    let stored = || scene.hub.check_runs(REPOSITORY).unwrap().remove(0).output.annotations;
    assert_eq!(stored().len(), 120);
    scene.installation.update_check(&scene.repository, id, &wanted).await.unwrap();
    assert_eq!(stored().len(), 120, "the same update adds nothing");

    wanted.annotations.extend((121..=180).map(annotation));
    // The state first, then a batch of 50 whose answer is lost, then the other 10.
    scene
        .installation
        .update_check(&scene.repository, id, &CheckRun { annotations: vec![], ..wanted.clone() })
        .await
        .unwrap();
    scene.lose_answer("PATCH", "/repos/*/check-runs");
    assert!(scene.installation.update_check(&scene.repository, id, &wanted).await.is_err());
    scene.installation.update_check(&scene.repository, id, &wanted).await.unwrap();
    assert_eq!(stored().len(), 180);
    scene.done();
}
