//! A world of one small repository, in which several issues are talked about at once.
//!
//! People speak through the stand-in and read there what wiz answers; every comment that wiz makes must have been read
//! by the time the stage is cleared.

use std::{cell::RefCell, collections::BTreeSet, time::Duration};

use github_stand_in::{
    control::{Human, NewApp},
    store::{Level, Reaction, Role},
};
use scripted_model::{Scene, Script};
use wiz_demo::{Case, DatabaseChoice, File, Options, Repo, Shown, SpokenBy, World, store::Store, until};

use crate::support::{database::TestDatabase, redact::redact, world::options};

/// Long enough for boxes and agents on a machine that builds and tests other things meanwhile: nothing here waits so long
/// unless something is wrong.
pub const PATIENCE: Duration = Duration::from_secs(180);

/// What CI should not have printed goes no further: whatever model is shown it fails the test.
pub const PRINTED_SECRET: &str = "ghp_Zt4mQ8xLr2VbW9kNs6JdC1yPu5HfA7gEe3RoM";

const GREETER: Case = Case {
    name: "greeter",
    language: "shell",
    from: "",
    to: "",
    issue_title: "",
    issue_body: "",
    extra_files: &[],
    outside_proof: "",
    changed_files: &[],
    scrutiny: None,
};

/// The repository's files besides its policy.
const FILES: [(&str, &str); 3] = [
    ("greet.sh", "echo \"Hello, $1\"\n"),
    ("tests/greet_test.sh", "test \"$(sh greet.sh Ann)\" = 'Hello, Ann'\n"),
    ("README.md", "# greeter\n"),
];

/// The policy of most stages.
pub const CHECKED: &str = "checks:\n  - name: tests\n    run: sh tests/greet_test.sh\n";

/// What wiz says instead of starting under a policy whose model is `nobody/nothing`.
pub const NO_SUCH_MODEL: &str = "I cannot start: the policy's `model:` is `nobody/nothing`, which cannot be used here. It \
                                 needs the form `provider/name`, a configured provider and a price; without it, runs use \
                                 `anthropic/scripted`. `/wiz config` shows where it is set, and `/wiz fix --model …` names \
                                 another for one run.";

/// A world with people in it: sam reads, tess triages, wim writes, maria and max maintain.
pub struct Stage {
    pub world: World,
    pub repo: Repo,
    pub(super) store: Store,
    read: RefCell<BTreeSet<u64>>,
}

impl Stage {
    /// Builds the repository with this `.github/wiz.yml`.
    pub async fn set(policy: &str, scenes: Vec<Scene>) -> Self {
        Self::set_for(vec![], policy, scenes).await
    }

    /// The same for a wiz with further settings.
    pub async fn set_for(settings: Vec<(&'static str, String)>, policy: &str, scenes: Vec<Scene>) -> Self {
        let database = TestDatabase::empty().await;
        let options = Options { settings, ..options(&GREETER, DatabaseChoice::Url(database.url)) };
        let file = |path: &str, text: &str| File { path: path.to_owned(), content: text.as_bytes().to_vec() };
        let mut files: Vec<File> = FILES.iter().map(|(path, text)| file(path, text)).collect();
        files.push(file(".github/wiz.yml", policy));
        let script = Script { canaries: vec![PRINTED_SECRET.to_owned()], max_body_bytes: 2_000_000, scenes };
        let world = World::start_on(options, files, Some(script)).await.unwrap();
        let repo = world.repo();
        for (login, role) in [("tess", Role::Triage), ("wim", Role::Write), ("max", Role::Maintain)] {
            world.hub().control().create_user(login).unwrap();
            world.hub().control().set_role(repo.full_name(), login, role).unwrap();
        }
        let store = world.store().await.unwrap();
        Self { world, repo, store, read: RefCell::default() }
    }

    pub fn person(&self, login: &str) -> Human {
        self.world.hub().control().act_as(login).unwrap()
    }

    /// The installation of wiz.
    pub fn installation(&self) -> u64 {
        self.world.hub().control().installations()[0].id
    }

    /// From now on the repository has this name.
    pub fn is_called(&mut self, full_name: &str) {
        self.repo = self.world.hub().repo_called(full_name);
    }

    /// sam reports something.
    pub fn issue(&self, title: &str) -> u64 {
        self.person("sam").open_issue(self.repo.full_name(), title, "It is wrong.").unwrap()
    }

    pub fn say(&self, login: &str, number: u64, text: &str) -> u64 {
        self.person(login).comment(self.repo.full_name(), number, text).unwrap()
    }

    /// Waits until every webhook was taken and everything that people said was answered. Agents may still be at work.
    pub async fn quiet(&self) {
        let delivered = || self.world.hub().control().deliveries().len();
        // What wiz has written last is told to it as well.
        loop {
            let before = delivered();
            self.world.hub().settle().await.unwrap();
            self.idle().await;
            if delivered() == before {
                break;
            }
        }
    }

    async fn idle(&self) {
        let idle = async || {
            let due = self.store.due_jobs().await?;
            let speaks = |kind: &String| {
                [
                    "triage",
                    "reply",
                    "report",
                    "restore",
                    "place",
                    "answer_review",
                    "post_review",
                    "tell_failure",
                    "undo",
                    "selftest",
                    "halt",
                    "policy_check",
                    "schedules",
                    "checks",
                    "branch_checks",
                    "rerun",
                    "draft",
                    "end_draft",
                    "pushed_policy",
                ]
                .contains(&kind.as_str())
            };
            Ok((!due.iter().any(speaks)).then_some(()))
        };
        until("wiz has nothing to do", PATIENCE, idle).await.unwrap();
    }

    /// What everybody said on an issue or pull request, oldest first, and with what wiz reacted. Status comments are cut
    /// to what is not folded and not the plan itself.
    pub async fn talk(&self, number: u64) -> String {
        self.quiet().await;
        let comments = self.repo.all_comments().unwrap();
        let repository = self.world.hub().control().repository(self.repo.full_name()).unwrap();
        let mut lines = Vec::new();
        let first = &repository.issues[&number];
        if let Some(body) = first.body.as_deref().filter(|body| body.contains("/wiz")) {
            lines.push(format!("the text: {body}{}", self.reactions(&first.reactions)));
        }
        for comment in comments.into_iter().filter(|comment| comment.number == number) {
            let reactions = self.reactions(&repository.comments[&comment.id].reactions);
            lines.push(match &comment.by {
                SpokenBy::Wiz => {
                    self.read.borrow_mut().insert(comment.id);
                    format!("wiz: {}{reactions}", shown(&comment))
                }
                SpokenBy::Other(login) => format!("{login}: {}{reactions}", redact(&comment.body)),
            });
        }
        lines.join("\n----\n")
    }

    fn reactions(&self, reactions: &[Reaction]) -> String {
        let named = reactions.iter().map(|reaction| {
            assert_eq!(self.world.hub().control().login(reaction.user), "wiz[bot]");
            match reaction.content.as_str() {
                "eyes" => "👀",
                "-1" => "👎",
                other => panic!("an unexpected reaction: {other}"),
            }
        });
        let named: String = named.collect();
        if named.is_empty() { named } else { format!("  {named}") }
    }

    /// Waits until the newest status comment of an issue says this.
    pub async fn until_says(&self, number: u64, wanted: &str) -> Shown {
        let mut last = String::new();
        let what = format!("the status comment says {wanted:?}");
        let found = until(&what, PATIENCE, async || {
            let Some(status) = self.status(number) else { return Ok(None) };
            last.clone_from(&status.body);
            Ok(status.body.contains(wanted).then_some(status))
        });
        let found = found.await;
        let found = found.unwrap_or_else(|error| panic!("{error:#}; it says:\n{last}"));
        self.read.borrow_mut().insert(found.id);
        found
    }

    /// The newest status comment of an issue.
    pub fn status(&self, number: u64) -> Option<Shown> {
        let comments = self.repo.wiz_comments().unwrap();
        comments.into_iter().rfind(|comment| comment.number == number && comment.body.contains("kind=status"))
    }

    /// Waits until a person's words were answered, or acted on.
    pub async fn until_answers(&self, number: u64, wanted: &str) -> Shown {
        let what = format!("wiz says {wanted:?}");
        let found = until(&what, PATIENCE, async || {
            let mut comments = self.repo.wiz_comments()?.into_iter();
            Ok(comments.rfind(|comment| comment.number == number && comment.body.contains(wanted)))
        });
        let found = found.await.unwrap();
        self.read.borrow_mut().insert(found.id);
        found
    }

    /// The first eight digits of the plan that waits.
    pub fn plan_hash(&self, number: u64) -> String {
        let body = self.status(number).unwrap().body;
        let (_, after) = body.split_once("/wiz approve ").unwrap();
        after.chars().take(8).collect()
    }

    /// Installs another App in the repository, which may make check runs, and answers its id.
    pub fn app_of_somebody_else(&self) -> u64 {
        let control = self.world.hub().control();
        let permissions = [("checks".to_owned(), Level::Write)].into();
        let (slug, owner) = ("strict".to_owned(), "octo".to_owned());
        let app = control.create_app(&NewApp { slug, owner, permissions, ..NewApp::default() }).unwrap().id;
        control.install(app, &[self.repo.full_name()]).unwrap();
        app
    }

    /// Waits until the text of an issue of wiz's own says this.
    pub async fn until_text(&self, number: u64, wanted: &str) {
        let what = format!("issue {number} says {wanted:?}");
        let found = async || {
            let repository = self.world.hub().control().repository(self.repo.full_name())?;
            let body = repository.issues[&number].body.clone().unwrap_or_default();
            Ok(body.contains(wanted).then_some(()))
        };
        until(&what, PATIENCE, found).await.unwrap();
    }

    /// Ends the stage. Nothing may be left over: each of wiz's comments was read, no job is due or dead, no box is left,
    /// and nobody found fault with what wiz sent.
    pub async fn clear(mut self) {
        self.quiet().await;
        let unread: Vec<String> = self
            .repo
            .wiz_comments()
            .unwrap()
            .into_iter()
            .filter(|comment| !self.read.borrow().contains(&comment.id))
            .map(|comment| format!("#{}: {}", comment.number, comment.body))
            .collect();
        assert_eq!(unread, Vec::<String>::new(), "comments that nobody expected");
        assert_eq!(self.store.dead_jobs().await.unwrap(), Vec::<String>::new());
        assert_eq!(self.world.model().unwrap().faults(), Vec::<String>::new());
        assert_eq!(self.world.hub().control().violations(), []);
        let repository = self.world.hub().control().repository(self.repo.full_name());
        let suites = repository.iter().flat_map(|repository| repository.check_suites.values());
        assert_eq!(suites.filter(|suite| suite.asked_again).count(), 0, "\"Re-run\" was pressed, and nobody answered");
        let missed = async || Ok(self.store.missed_of(&self.world.hub().unanswered()).await?.is_empty().then_some(()));
        until("wiz has every delivery", PATIENCE, missed).await.unwrap();
        self.world.until_no_box_is_left().await.unwrap();
        self.world.stop().await.unwrap();
    }
}

/// A comment of wiz without its marker, and a status comment without the plan and what is folded.
pub fn shown(comment: &Shown) -> String {
    let (text, marker) = comment.body.rsplit_once("\n\n<!-- wiz:run=").expect("a comment without a marker");
    let is_status = marker.contains("kind=status");
    let text = if is_status { without_plan(text) } else { text.to_owned() };
    redact(&without_costs(&text))
}

fn without_plan(text: &str) -> String {
    let folded = text.find("<details>").unwrap_or(text.len());
    let (unfolded, footer) = text.split_at(folded);
    let footer = footer.rsplit_once("</details>").map_or("", |(_, footer)| footer);
    match (unfolded.find("**Plan**"), unfolded.find("**Next:**")) {
        (Some(plan), Some(next)) => format!("{}…\n\n{}{footer}", &unfolded[..plan], &unfolded[next..]),
        _ => format!("{unfolded}{footer}"),
    }
    .replace("\n\n\n", "\n")
}

/// What was spent depends on how much was said.
fn without_costs(text: &str) -> String {
    let mut whole = text.to_owned();
    for word in ["spent", "has", "about"] {
        let marked = whole.replace(&format!("{word} $"), "\0");
        let mut parts = marked.split('\0');
        whole = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let rest = part.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
            whole.push_str(&format!("{word} <money>{rest}"));
        }
    }
    whole
}
