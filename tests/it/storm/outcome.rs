//! What a day has come to: everything wiz has done, without what differs from one telling to the next (ids, hashes, times,
//! prices, and the order in which things were done).

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use github_stand_in::store::{Comment, Issue, Reaction, Repository};

use crate::{orders::stage::Stage, support::redact::redact};

/// Between two edits of a status comment.
const SPACING: TimeDelta = TimeDelta::seconds(5);

/// How far apart the moments may be at which wiz and GitHub look at the clock.
const CLOCK: TimeDelta = TimeDelta::seconds(1);

/// What wiz did, a line each, in the order of the lines.
pub async fn outcome(stage: &Stage) -> Vec<String> {
    let repository = stage.world.hub().control().repository(stage.repo.full_name()).unwrap();
    let scene = Scene { stage, repository };
    let mut lines = scene.conversations();
    lines.extend(scene.branches());
    lines.extend(scene.checks());
    lines.extend(stored(stage).await);
    lines.sort();
    lines
}

struct Scene<'a> {
    stage: &'a Stage,
    repository: Repository,
}

impl Scene<'_> {
    fn is_wiz(&self, account: u64) -> bool {
        self.stage.world.hub().control().login(account) == "wiz[bot]"
    }

    /// Issues and pull requests have numbers by their order, so their titles name them.
    fn conversations(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for issue in self.repository.issues.values() {
            lines.push(self.issue(issue));
            for comment in self.repository.comments.values().filter(|comment| comment.issue == issue.number) {
                lines.extend(self.comment(issue, comment));
            }
        }
        lines
    }

    fn issue(&self, issue: &Issue) -> String {
        let comments = self.repository.comments.values().filter(|comment| comment.issue == issue.number);
        let on_lines = issue.pull.iter().flat_map(|pull| &pull.review_comments).map(|comment| &comment.reactions);
        let mut reactions: BTreeMap<&str, usize> = BTreeMap::new();
        let all = comments.map(|comment| &comment.reactions).chain([&issue.reactions]).chain(on_lines);
        for Reaction { user, content, .. } in all.flatten() {
            assert!(self.is_wiz(*user));
            *reactions.entry(content).or_default() += 1;
        }
        let own = self.is_wiz(issue.user);
        let body = issue.body.as_deref().filter(|_| own).map(plain).unwrap_or_default();
        let pull = issue.pull.as_ref().map(|pull| {
            format!(
                "draft {}, merged {}, on {}, {} commits to {}, {} asked",
                pull.draft,
                pull.merged_at.is_some(),
                pull.base_ref,
                self.git(&["rev-list", "--count", &format!("{}..{}", pull.base_sha, pull.head_ref)]),
                self.tree(&pull.head_sha),
                pull.requested_reviewers.len(),
            )
        });
        format!(
            "issue {:?}: {:?}, by wiz {own}, labels {:?}, reactions {reactions:?}, pull {pull:?}\n{body}",
            issue.title, issue.state, issue.labels
        )
    }

    fn comment(&self, issue: &Issue, comment: &Comment) -> Option<String> {
        self.is_wiz(comment.user).then(|| format!("comment on {:?}: {}", issue.title, plain(&comment.body)))
    }

    fn branches(&self) -> Vec<String> {
        let names = self.git(&["for-each-ref", "--format=%(refname)", "refs/heads"]);
        names.lines().map(|name| format!("branch {}: {}", plain(name), self.tree(name))).collect()
    }

    fn checks(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for check in self.repository.check_runs.values() {
            let (title, conclusion) = (check.output.title.as_deref().unwrap_or_default(), &check.conclusion);
            // Work that soon goes on on another commit is shown on the first one only if it lasts.
            if !(title.starts_with("Continued on") && conclusion.as_deref() == Some("neutral")) {
                let tree = self.tree(&check.head_sha);
                lines.push(format!("check {} on {tree}: {conclusion:?} {}", check.name, plain(title)));
            }
        }
        lines
    }

    fn git(&self, arguments: &[&str]) -> String {
        self.stage.repo.git(arguments).unwrap()
    }

    /// What a commit holds, whoever made it when.
    fn tree(&self, commit: &str) -> String {
        self.git(&["rev-parse", &format!("{commit}^{{tree}}")])
    }
}

/// What wiz remembers.
async fn stored(stage: &Stage) -> Vec<String> {
    let store = stage.world.store().await.unwrap();
    let rows: Vec<String> = sqlx::query_scalar(
        "select format('run on %s: /wiz %s by %s is %s, follow-ups %s, steps %s', issue_title, verb, requester_login,
                       state, progress -> 'follow_ups', jsonb_path_query_array(progress, '$.steps[*].state'))
         from run
         union all
         select format('denied on #%s: %s', issue_number, count(*)) from denial group by issue_number",
    )
    .fetch_all(store.pool())
    .await
    .unwrap();
    rows
}

/// What is on its way is shown by the way: not before five seconds have passed since the last edit. What a person waits for is
/// shown at once.
pub fn assert_edits_are_spaced(stage: &Stage) {
    let mut edits: BTreeMap<u64, Vec<(DateTime<Utc>, String)>> = BTreeMap::new();
    for delivery in stage.world.hub().control().deliveries() {
        let (comment, sender) = (&delivery.payload["comment"], &delivery.payload["sender"]["login"]);
        let body = comment["body"].as_str().unwrap_or_default();
        if delivery.event == "issue_comment" && sender == "wiz[bot]" && body.contains("kind=status") {
            let edit = (delivery.delivered_at, body.to_owned());
            edits.entry(comment["id"].as_u64().unwrap()).or_default().push(edit);
        }
    }
    let on_the_way = ["Planning", "Working", "Running the checks", "Reviewing", "Opening"];
    for edit in edits.values().flat_map(|edits| edits.windows(2)) {
        let [(before, old), (at, new)] = edit else { continue };
        let headline = new.trim_start_matches("### ");
        // What is written again after an answer that was lost is no news.
        if old != new && on_the_way.iter().any(|state| headline.starts_with(state)) {
            assert!(*at - *before >= SPACING - CLOCK, "{} after\n{old}\n{new}", *at - *before);
        }
    }
    assert!(!edits.is_empty());
}

/// A text of wiz's without its marker and the time it took, and without numbers and hashes.
fn plain(text: &str) -> String {
    let text = text.split("<!-- wiz:run=").next().unwrap_or_default();
    let mut parts = text.split("<details><summary>Time</summary>");
    let mut whole = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        whole.push_str(part.split_once("</details>").map_or("", |(_, after)| after));
    }
    let mut words = String::new();
    let mut number = false;
    for word in redact(&whole).split_inclusive(|c: char| !c.is_ascii_alphanumeric()) {
        let (bare, end) = word.split_at(word.trim_end_matches(|c: char| !c.is_ascii_alphanumeric()).len());
        if matches!(bare.len(), 8 | 12 | 40) && bare.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            words.push_str("<hash>");
        } else {
            for c in bare.chars() {
                if !(c.is_ascii_digit() && number) {
                    words.push(if c.is_ascii_digit() { 'N' } else { c });
                }
                number = c.is_ascii_digit();
            }
        }
        words.push_str(end);
        number = false;
    }
    words.trim_end().to_owned()
}
