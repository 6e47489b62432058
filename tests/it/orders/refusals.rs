//! Everybody who may not, and every place where wiz cannot: the reason is heard once, however often one tries or GitHub tells.

use github_stand_in::faults::{DeliveryFault, DeliveryFaultKind};
use serde_json::json;

use super::{
    scenes::{FILES, planner},
    stage::{CHECKED, Stage},
};

/// Somebody, somewhere, what they say, and the reason they hear.
struct Try {
    who: &'static str,
    place: u64,
    says: &'static str,
    hears: &'static str,
    /// Who may not is told once for all that they try there; who may is answered each time.
    once_for_all: bool,
}

/// An issue that is open, one that is closed, one where a run waits, and three pull requests: in the repository, closed, and
/// from a fork.
struct Places {
    issue: u64,
    closed: u64,
    planned: u64,
    pull: u64,
    closed_pull: u64,
    fork: u64,
}

async fn places(stage: &Stage) -> Places {
    let name = stage.repo.full_name();
    let (wim, maria) = (stage.person("wim"), stage.person("maria"));
    let closed = stage.issue("It was nothing");
    maria.close(name, closed).unwrap();
    let planned = stage.issue("Plan it");
    stage.say("maria", planned, "/wiz fix");
    stage.until_says(planned, "is ready for approval").await;
    let open = |branch: &str| {
        wim.write_file(name, branch, ("NOTES.md", "# Notes\n"), "Take notes").unwrap();
        wim.open_pull_request(name, (branch, "main"), "Take notes", "").unwrap()
    };
    let (pull, closed_pull) = (open("notes"), open("more-notes"));
    maria.close(name, closed_pull).unwrap();
    stage.world.hub().control().create_user("ann").unwrap();
    let ann = stage.person("ann");
    ann.request("POST", &format!("/repos/{name}/forks"), &json!({})).unwrap();
    ann.write_file("ann/greeter", "notes", ("NOTES.md", "# Ann's notes\n"), "Take notes").unwrap();
    let fork = ann.open_pull_request(name, ("ann:notes", "main"), "Take Ann's notes", "").unwrap();
    Places { issue: stage.issue("Something"), closed, planned, pull, closed_pull, fork }
}

fn table(places: &Places) -> Vec<Try> {
    let &Places { issue, closed, planned, pull, closed_pull, fork } = places;
    let may_not = |who, place, says, hears| Try { who, place, says, hears, once_for_all: true };
    let cannot = |place, says, hears| Try { who: "maria", place, says, hears, once_for_all: false };
    vec![
        may_not("sam", issue, "/wiz fix", "sam may not use `/wiz fix`"),
        may_not("tess", issue, "/wiz cancel", "tess may not use `/wiz cancel`"),
        may_not("ann", issue, "/wiz retry", "ann may not use `/wiz retry`"),
        may_not("sam", planned, "/wiz approve", "sam may not use `/wiz approve`"),
        may_not("tess", planned, "/wiz budget +$2", "tess may not use `/wiz budget`"),
        may_not("sam", pull, "/wiz fix the notes", "sam may not use `/wiz fix`"),
        may_not("ann", fork, "/wiz fix the notes", "ann may not use `/wiz fix`"),
        cannot(issue, "/wiz approve", "There is no run here that `/wiz approve` could mean"),
        cannot(issue, "/wiz fix --model nobody/nothing", "cannot be used here"),
        cannot(issue, "/wiz fxi", "did you mean `fix`"),
        cannot(issue, "/wiz allow example.com", "Boxes have no network"),
        cannot(closed, "/wiz fix", "This issue is closed"),
        cannot(planned, "/wiz fix", "already at work"),
        cannot(planned, "/wiz resume", "does not fit now"),
        cannot(planned, "/wiz approve 00000000", "That approval is for another plan"),
        cannot(pull, "/wiz plan", "On a pull request I plan nothing"),
        cannot(pull, "/wiz fix", "Say what to change"),
        cannot(closed_pull, "/wiz fix the notes", "This pull request is closed"),
        cannot(fork, "/wiz ci on", "comes from a fork"),
    ]
}

fn heard(stage: &Stage, one: &Try) -> usize {
    let comments = stage.repo.wiz_comments().unwrap();
    let reasons = comments.iter().filter(|said| said.number == one.place && !said.body.contains("kind=status"));
    reasons.filter(|said| said.body.contains(one.hears)).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_may_not_or_cannot_hears_why_exactly_once() {
    let stage = Stage::set(CHECKED, vec![planner("Plan it", &FILES)]).await;
    let table = table(&places(&stage).await);
    let again = DeliveryFault { event: Some("issue_comment".into()), kind: DeliveryFaultKind::Duplicate, times: 1 };
    for one in &table {
        stage.world.hub().control().add_delivery_fault(again.clone());
        stage.say(one.who, one.place, one.says);
    }
    stage.quiet().await;
    for one in table.iter().filter(|one| one.once_for_all) {
        stage.say(one.who, one.place, one.says);
        stage.say(one.who, one.place, "/wiz fix --max $1\n\n/wiz pause");
    }
    stage.quiet().await;
    let mut wrong = Vec::new();
    for one in &table {
        match heard(&stage, one) {
            1 => drop(stage.until_answers(one.place, one.hears).await),
            times => wrong.push(format!("{} says {} on #{} and hears why {times} times", one.who, one.says, one.place)),
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
    assert_eq!(stage.runs().await, 1);

    // Nobody can be answered in a locked conversation, and nobody waits there for an answer once it is open again.
    let name = stage.repo.full_name();
    let locked = stage.issue("Locked");
    let lock = format!("/repos/{name}/issues/{locked}/lock");
    stage.person("maria").request("PUT", &lock, &json!({})).unwrap();
    stage.say("maria", locked, "/wiz cancel");
    stage.quiet().await;
    stage.person("maria").request("DELETE", &lock, &json!(null)).unwrap();
    stage.quiet().await;
    assert_eq!(stage.talk(locked).await, "maria: /wiz cancel  👀");
    stage.say("maria", locked, "/wiz cancel");
    stage.until_answers(locked, "There is no run here").await;
    stage.clear().await;
}
