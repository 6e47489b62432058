//! People, reactions, comments, issues, pull requests, small files and deliveries.

use github_stand_in::{control::NewRepository, faults::FaultKind};
use wiz::{
    github::{
        BranchStands, GitHub, GitHubError, NewCommit, NewPullRequest, OpenState, PullRequest, Reactable, Reaction,
        StickyComment,
    },
    ids::{BranchName, CommentId, IssueNumber, Login, UserId},
    patch::{Change, FileMode, Listing, Patch},
};

use super::{REPOSITORY, Scene, config};

fn login(name: &str) -> Login {
    name.parse().unwrap()
}

fn number(number: u64) -> IssueNumber {
    IssueNumber(i64::try_from(number).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn roles_are_live_and_belong_to_an_id() {
    let scene = Scene::start().await;
    let issue = number(scene.hub.act_as("ann").unwrap().open_issue(REPOSITORY, "t", "b").unwrap());
    let ann = scene.installation.issue(&scene.repository, issue).await.unwrap().unwrap().user.unwrap();
    let role = scene.installation.role(&scene.repository, ann.id, &ann.login).await.unwrap().unwrap();
    assert_eq!((role.role_name.as_str(), role.permission.as_str()), ("maintain", "write"));
    let renamed = scene.installation.role(&scene.repository, UserId(ann.id.0 + 1), &ann.login).await.unwrap();
    assert_eq!(renamed, None, "the login belongs to somebody else now");
    assert_eq!(scene.installation.role(&scene.repository, UserId(1), &login("nobody")).await.unwrap(), None);
    scene.done();
}

#[tokio::test(flavor = "multi_thread")]
async fn reactions_happen_once_and_survive_deleted_comments() {
    let scene = Scene::start().await;
    let ann = scene.hub.act_as("ann").unwrap();
    let issue = ann.open_issue(REPOSITORY, "t", "b").unwrap();
    let comment = ann.comment(REPOSITORY, issue, "/wiz fix").unwrap();
    let comment_id = CommentId(i64::try_from(comment).unwrap());
    for _ in 0..2 {
        let on = Reactable::IssueComment(comment_id);
        scene.installation.react(&scene.repository, on, Reaction::Eyes).await.unwrap();
    }
    let on = Reactable::Issue(number(issue));
    scene.installation.react(&scene.repository, on, Reaction::ThumbsDown).await.unwrap();
    let seen = |reactions: Vec<github_stand_in::store::Reaction>| {
        reactions.into_iter().map(|reaction| reaction.content).collect::<Vec<_>>()
    };
    assert_eq!(seen(scene.hub.comments(REPOSITORY, issue).unwrap().remove(0).reactions), ["eyes"]);
    assert_eq!(seen(scene.hub.issue(REPOSITORY, issue).unwrap().reactions), ["-1"]);
    ann.delete_comment(REPOSITORY, comment).unwrap();
    scene.installation.react(&scene.repository, Reactable::IssueComment(comment_id), Reaction::Eyes).await.unwrap();
    scene.done();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sticky_comment_exists_once_whatever_happens() {
    let scene = Scene::start().await;
    let ann = scene.hub.act_as("ann").unwrap();
    let issue = ann.open_issue(REPOSITORY, "t", "b").unwrap();
    ann.comment(REPOSITORY, issue, "forged <!-- wiz:run=1 -->").unwrap();
    let is_it = |body: &str| body.contains("<!-- wiz:run=1 -->");
    let wanted =
        |body| StickyComment { repository: &scene.repository, issue: number(issue), body, is_it: &is_it, since: None };
    let first = "planning <!-- wiz:run=1 -->";
    scene.lose_answer("POST", "/repos/*/comments");
    let made = scene.installation.find_or_create_comment(&wanted(first)).await.unwrap();
    let again = scene.installation.find_or_create_comment(&wanted(first)).await.unwrap();
    assert_eq!(made, again);
    let edited = scene.installation.find_or_create_comment(&wanted("done <!-- wiz:run=1 -->")).await.unwrap();
    assert_eq!((edited.id, edited.body.as_str()), (made.id, "done <!-- wiz:run=1 -->"));
    assert_eq!(edited.user.as_ref().unwrap().login, login("wiz[bot]"));

    scene.hub.advance_clock(chrono::TimeDelta::seconds(90));
    let unchanged = scene.installation.edit_comment(&scene.repository, made.id, &edited.body).await.unwrap().unwrap();
    assert_eq!(unchanged.updated_at, edited.updated_at, "no write happened");
    assert_eq!(scene.hub.comments(REPOSITORY, issue).unwrap().len(), 2);

    let since = Some(edited.updated_at + chrono::TimeDelta::seconds(1));
    let none = scene.installation.comments_since(&scene.repository, number(issue), since).await.unwrap();
    assert_eq!(none, []);
    let gone = scene.installation.edit_comment(&scene.repository, CommentId(1), "x").await.unwrap();
    assert_eq!(gone, None);
    scene.done();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_that_was_not_done_is_ambiguous_and_not_repeated() {
    let scene = Scene::start().await;
    let issue = scene.hub.act_as("ann").unwrap().open_issue(REPOSITORY, "t", "b").unwrap();
    let wanted = StickyComment {
        repository: &scene.repository,
        issue: number(issue),
        body: "hello",
        is_it: &|body| body == "hello",
        since: None,
    };
    scene.fault("POST", "/repos/*/comments", FaultKind::Status { status: 502 });
    let lost = scene.installation.find_or_create_comment(&wanted).await;
    assert!(matches!(lost, Err(GitHubError::Ambiguous(_))), "{lost:?}");
    assert_eq!(scene.hub.comments(REPOSITORY, issue).unwrap().len(), 0);
    scene.fault("GET", "/repos/*/comments", FaultKind::Status { status: 502 });
    scene.installation.find_or_create_comment(&wanted).await.unwrap();
    assert_eq!(scene.hub.comments(REPOSITORY, issue).unwrap().len(), 1, "the read was tried again in place");
    scene.done();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_comment_beyond_the_first_page_is_found() {
    let scene = Scene::start().await;
    let ann = scene.hub.act_as("ann").unwrap();
    let issue = ann.open_issue(REPOSITORY, "t", "b").unwrap();
    for n in 0..120 {
        ann.comment(REPOSITORY, issue, &format!("comment {n}")).unwrap();
    }
    let wanted = StickyComment {
        repository: &scene.repository,
        issue: number(issue),
        body: "mine",
        is_it: &|body| body == "mine",
        since: None,
    };
    let made = scene.installation.find_or_create_comment(&wanted).await.unwrap();
    assert_eq!(scene.installation.find_or_create_comment(&wanted).await.unwrap().id, made.id);
    let all = scene.installation.comments_since(&scene.repository, number(issue), None).await.unwrap();
    assert_eq!(all.len(), 121);
    scene.done();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_branch_has_one_pull_request() {
    let scene = Scene::start().await;
    let (main, _) = scene.installation.default_head(&scene.repository).await.unwrap().unwrap();
    let branch: BranchName = "wiz/run-1-fix".parse().unwrap();
    let content = b"new\n".to_vec().into();
    let patch: Patch = [("new.txt".to_owned(), Change::Put { mode: FileMode::Regular, content })].into_iter().collect();
    let parent = scene.head().await;
    let commit = NewCommit {
        repository: &scene.repository,
        repository_id: scene.id,
        branch: &branch,
        stands: BranchStands::Nowhere,
        parent: &parent,
        listing: &Listing::default(),
        message: "Fix",
        patch: &patch,
    };
    scene.installation.commit(&commit).await.unwrap();
    let wanted = NewPullRequest {
        repository: &scene.repository,
        head: &branch,
        base: &main,
        title: "Fix the widget",
        body: "Fixes it",
        draft: false,
    };
    scene.lose_answer("POST", "/repos/*/pulls");
    let pull = scene.installation.find_or_create_pull(&wanted).await.unwrap();
    assert_eq!(scene.installation.find_or_create_pull(&wanted).await.unwrap().number, pull.number);
    assert!(!pull.is_from_fork() && pull.state == OpenState::Open && pull.head.branch == branch);

    scene.installation.edit_pull(&scene.repository, pull.number, "Better", "Fixes it").await.unwrap();
    for _ in 0..2 {
        scene.installation.close_pull(&scene.repository, pull.number).await.unwrap();
    }
    let closed: PullRequest = scene.installation.find_or_create_pull(&wanted).await.unwrap();
    assert_eq!((closed.number, closed.state, closed.title.as_str()), (pull.number, OpenState::Closed, "Better"));
    assert_eq!(scene.hub.pull_requests(REPOSITORY).unwrap().len(), 1);
    let issue = scene.installation.issue(&scene.repository, pull.number).await.unwrap().unwrap();
    assert!(issue.pull_request);

    for _ in 0..2 {
        scene.installation.delete_branch(&scene.repository, scene.id, &branch).await.unwrap();
    }
    assert_eq!(scene.installation.branch(&scene.repository, &branch).await.unwrap(), None);
    scene.done();
}

#[tokio::test(flavor = "multi_thread")]
async fn small_files_are_read_at_a_commit() {
    let scene = Scene::start().await;
    let head = scene.head().await;
    let read = async |path: &str, most| scene.installation.file(&scene.repository, &head, path, most).await;
    assert_eq!(read(".github/wiz.yml", 100).await.unwrap().unwrap(), "gate: supervised\n");
    assert_eq!(read("logo.png", 100).await.unwrap().unwrap(), &b"\x89PNG\0\xff"[..]);
    for nothing in ["missing.txt", "src", "README.md/x"] {
        assert_eq!(read(nothing, 100).await.unwrap(), None, "{nothing}");
    }
    assert!(matches!(read("README.md", 3).await, Err(GitHubError::Invalid(_))));
    scene.done();
}

#[tokio::test(flavor = "multi_thread")]
async fn identity_and_repositories_are_known() {
    let scene = Scene::start().await;
    let identity = scene.wiz.identity().await.unwrap();
    assert_eq!((identity.slug.as_str(), identity.bot_login.as_str()), ("wiz", "wiz[bot]"));
    let repository = scene.installation.repository(&scene.repository).await.unwrap().unwrap();
    assert_eq!((repository.id, repository.default_branch.as_str(), repository.private), (scene.id, "main", true));
    assert_eq!(scene.head().await.as_str(), scene.git(&["rev-parse", "refs/heads/main"]));

    let secret =
        NewRepository { owner: "acme".into(), name: "secret".into(), private: true, ..NewRepository::default() };
    scene.hub.create_repository(&secret).unwrap();
    let hidden = "acme/secret".parse().unwrap();
    assert_eq!(scene.installation.repository(&hidden).await.unwrap(), None, "not installed there");

    let stranger = GitHub::new(&config(&scene.hub.url, 999_999)).unwrap();
    assert!(matches!(stranger.identity().await, Err(GitHubError::NotFound(_))));
    scene.done();
}

#[tokio::test(flavor = "multi_thread")]
async fn deliveries_are_listed_to_the_end_and_sent_again() {
    let scene = Scene::start().await;
    let receiver = super::transport::Receiver::start().await;
    let app = scene.wiz.identity().await.unwrap().app_id;
    scene.hub.set_webhook_url(u64::try_from(app).unwrap(), &receiver.url).unwrap();
    let ann = scene.hub.act_as("ann").unwrap();
    for n in 0..110 {
        ann.open_issue(REPOSITORY, &format!("issue {n}"), "b").unwrap();
    }
    scene.hub.settle(std::time::Duration::from_secs(60)).await.unwrap();
    let mut attempts = Vec::new();
    let mut cursor = None;
    loop {
        let page = scene.wiz.delivery_attempts(cursor).await.unwrap();
        attempts.extend(page.attempts);
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
    }
    let issues: Vec<_> = attempts.iter().filter(|attempt| attempt.event == "issues").collect();
    assert_eq!(issues.len(), 110);
    assert!(issues.iter().all(|attempt| attempt.succeeded()));
    let before = receiver.count();
    scene.wiz.redeliver(issues[0].id).await.unwrap();
    scene.hub.settle(std::time::Duration::from_secs(10)).await.unwrap();
    assert_eq!(receiver.count(), before + 1);
    let newest = scene.wiz.delivery_attempts(None).await.unwrap().attempts.remove(0);
    assert_eq!(newest.delivery, issues[0].delivery, "a redelivery keeps its id");
    scene.done();
}
