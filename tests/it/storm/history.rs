//! A long day of a repository, in which people, strangers, bots and another App do a thousand things. Nothing that is said
//! to wiz depends on what was said before it, so any order of it means the same.

use github_stand_in::{
    control::{Human, NewApp, Verdict},
    store::Level,
};
use serde_json::{Value, json};

use super::door::Sent;
use crate::orders::stage::Stage;

/// Deliveries of the day.
pub const DELIVERIES: usize = 1_000;

/// How many of them are about one pull request.
const ABOUT_ONE_PULL: usize = 200;

/// Issues that become pull requests.
pub const MENDED: [&str; 2] = ["Greet nobody", "Greet everybody"];

/// Issues whose plan waits for a decision.
pub const PLANNED: [&str; 3] = ["Plan for rain", "Plan for snow", "Plan for wind"];

/// The pull request that everything happens to, and what its reviewer wants.
pub const BUSY_PULL: &str = "Write down how to greet";
pub const WISH: &str = "Say in the notes that greetings are short.";

/// Events that GitHub may send one day, and wiz knows nothing of.
const UNKNOWN_EVENTS: [&str; 5] = ["star", "gollum", "milestone", "team_add", "sub_issues"];

struct Day<'a> {
    stage: &'a Stage,
    name: String,
    /// The App that runs checks.
    ci: u64,
}

/// Lets the day pass, and gives what GitHub would have delivered, oldest first.
pub fn pass_the_day(stage: &Stage) -> Vec<Sent> {
    let control = stage.world.hub().control();
    let name = stage.repo.full_name().to_owned();
    for login in ["ann", "bob", "renovate[bot]"] {
        control.create_user(login).unwrap();
    }
    let before = control.deliveries().len();
    let ci = control.create_app(&NewApp {
        slug: "ci".to_owned(),
        owner: "octo".to_owned(),
        permissions: [("checks".to_owned(), Level::Write)].into(),
        ..NewApp::default()
    });
    let day = Day { stage, ci: ci.unwrap().id, name };
    control.install(day.ci, &[&day.name]).unwrap();

    day.work_is_ordered();
    day.questions_are_asked();
    day.people_who_may_not_try();
    let chatter = day.chatter();
    let pull = day.a_busy_pull_request();
    // A comment is one delivery.
    let happened = control.deliveries().split_off(before);
    let about_pull = happened.iter().filter(|one| number_of(&one.payload) == Some(pull)).count();
    let talk = ABOUT_ONE_PULL.checked_sub(about_pull).unwrap();
    for at in 0..talk {
        day.say("ann", pull, &format!("I have read line {at} again."));
    }
    for at in happened.len() + talk + UNKNOWN_EVENTS.len()..DELIVERIES {
        let (login, issue) = (["ann", "bob", "renovate[bot]"][at % 3], chatter[at % chatter.len()]);
        day.say(login, issue, &format!("Thought {at}: `/wiz fix` it?"));
    }
    let mut sent: Vec<Sent> = control.deliveries()[before..].iter().map(Sent::of).collect();
    let unknown: Vec<Sent> = UNKNOWN_EVENTS.iter().zip(&sent).map(|(event, sent)| sent.renamed(event)).collect();
    sent.extend(unknown);
    sent
}

/// The issue or pull request that a payload is about.
fn number_of(payload: &Value) -> Option<u64> {
    let about = [&payload["issue"], &payload["pull_request"]].into_iter().find_map(|one| one["number"].as_u64());
    about.or_else(|| payload["check_run"]["pull_requests"][0]["number"].as_u64())
}

impl Day<'_> {
    fn person(&self, login: &str) -> Human {
        self.stage.person(login)
    }

    fn issue(&self, login: &str, title: &str, body: &str) -> u64 {
        self.person(login).open_issue(&self.name, title, body).unwrap()
    }

    fn say(&self, login: &str, number: u64, text: &str) -> u64 {
        self.person(login).comment(&self.name, number, text).unwrap()
    }

    fn edit(&self, login: &str, comment: u64, text: &str) {
        self.person(login).edit_comment(&self.name, comment, text).unwrap();
    }

    /// Work that is done, and work that waits.
    fn work_is_ordered(&self) {
        for title in MENDED {
            let issue = self.issue("sam", title, "It is wrong.");
            self.say("maria", issue, "/wiz fix");
            self.say("renovate[bot]", issue, "/wiz cancel");
        }
        for title in PLANNED {
            let issue = self.issue("sam", title, "What would it take?");
            self.say("wim", issue, "/wiz plan");
            self.say("ann", issue, "/wiz approve");
            self.say("ann", issue, "Why may I not?\n\n/wiz approve");
        }
        // The order stands in the issue's own text, and comes a second time.
        let issue = self.issue("maria", "Plan for fog", "It is foggy.\n\n/wiz plan");
        self.say("maria", issue, "/wiz plan");
    }

    fn questions_are_asked(&self) {
        let issue = self.issue("sam", "How does it work?", "Tell me.");
        self.say("sam", issue, "/wiz help");
        self.say("wim", issue, "/wiz config");
        self.say("wim", issue, "/wiz fixx it");
        self.say("wim", issue, "/wiz cancel");
        // An order that an edit brings, one that an edit takes away, and one that is deleted.
        let later = self.say("max", issue, "Hello.");
        self.edit("max", later, "Hello.\n\n/wiz help");
        let gone = self.say("tess", issue, "/wiz help");
        self.edit("tess", gone, "Never mind.");
        let deleted = self.say("maria", issue, "/wiz allow example.com");
        self.person("maria").delete_comment(&self.name, deleted).unwrap();
    }

    /// Each of them hears why, once.
    fn people_who_may_not_try(&self) {
        for (login, title) in [("ann", "Ann wants it"), ("bob", "Bob wants it"), ("tess", "Tess wants it")] {
            let issue = self.issue(login, title, "Please.");
            for _ in 0..3 {
                self.say(login, issue, "/wiz fix");
            }
        }
        let issue = self.issue("renovate[bot]", "A bot wants it", "/wiz fix");
        self.say("renovate[bot]", issue, "/wiz fix");
    }

    /// Issues that come and go, and are nothing to wiz.
    fn chatter(&self) -> Vec<u64> {
        let issues: Vec<u64> = (0..30).map(|at| self.issue("bob", &format!("Thought {at}"), "Hm.")).collect();
        for (at, issue) in issues.iter().copied().enumerate() {
            let comment = self.say("bob", issue, "> /wiz fix\n\nis what one would say.");
            self.edit("bob", comment, "`/wiz fix` is what one would say.");
            self.person("max").label(&self.name, issue, &["talk", "later"]).unwrap();
            self.person("bob").edit_issue(&self.name, issue, "Hm, hm.").unwrap();
            if at % 2 == 0 {
                self.person("max").close(&self.name, issue).unwrap();
            }
            if at % 4 == 0 {
                self.person("max").reopen(&self.name, issue).unwrap();
            }
            if at % 5 == 0 {
                let branch = format!("thought-{at}");
                let file = ("THOUGHTS.md", "Hm.\n");
                self.person("wim").write_file(&self.name, &branch, file, "Think").unwrap();
                self.check(&self.head(&branch), "spelling", "success");
            }
        }
        issues
    }

    /// One pull request to which nearly everything happens that can. Its reviewer asks wiz for one change.
    fn a_busy_pull_request(&self) -> u64 {
        let (wim, max) = (self.person("wim"), self.person("max"));
        for at in 0..5 {
            let notes = format!("# Notes\n\nGreet by name.\n{}", "Be kind.\n".repeat(at));
            wim.write_file(&self.name, "notes", ("NOTES.md", &notes), "Take notes").unwrap();
        }
        let pull = wim.open_pull_request(&self.name, ("notes", "main"), BUSY_PULL, "For newcomers.").unwrap();
        for at in 5..10 {
            let notes = format!("# Notes\n\nGreet by name.\n{}", "Be kind.\n".repeat(at));
            wim.write_file(&self.name, "notes", ("NOTES.md", &notes), "Take more notes").unwrap();
            self.check(&self.head("notes"), "spelling", if at == 9 { "success" } else { "failure" });
        }
        for _ in 0..2 {
            wim.close(&self.name, pull).unwrap();
            wim.reopen(&self.name, pull).unwrap();
        }
        max.review(&self.name, pull, Verdict::RequestChanges, &format!("{WISH}\n\n/wiz fix")).unwrap();
        for at in 0..8 {
            self.person("ann").review(&self.name, pull, Verdict::Comment, &format!("I read it {at} times.")).unwrap();
            self.person("bob").comment_on_line(&self.name, pull, ("NOTES.md", 3), "By which name?").unwrap();
        }
        self.person("maria").review(&self.name, pull, Verdict::Approve, "Good enough.").unwrap();
        max.label(&self.name, pull, &["docs", "talk"]).unwrap();
        max.request_review(&self.name, pull, &["tess"]).unwrap();
        for _ in 0..3 {
            self.say("ann", pull, "/wiz fix the spelling");
        }
        for at in 0..20 {
            let comment = self.say("bob", pull, &format!("Remark {at}."));
            self.edit("bob", comment, &format!("Remark {at}, corrected."));
            self.say("renovate[bot]", pull, "/wiz fix\n\nThis is an automatic comment.");
            if at % 4 == 0 {
                self.person("bob").delete_comment(&self.name, comment).unwrap();
            }
        }
        pull
    }

    fn head(&self, branch: &str) -> String {
        self.stage.repo.git(&["rev-parse", branch]).unwrap()
    }

    /// The other App has checked a commit.
    fn check(&self, head: &str, check: &str, conclusion: &str) {
        let path = format!("/repos/{}/check-runs", self.name);
        let body = json!({
            "name": check, "head_sha": head, "status": "completed", "conclusion": conclusion,
            "output": { "title": conclusion, "summary": "Words were read." },
        });
        self.stage.world.hub().control().request_as_app(self.ci, &self.name, ("POST", &path), &body).unwrap();
    }
}
