//! `wiz policy test FILE`: what another policy file would have meant for the commands of the last days. Reads only.
//!
//! Roles are not stored, since wiz asks GitHub for them each time. So a role is taken from what is: who was refused, who
//! started a run, and how GitHub said the speaker stands to the repository. The answer says that it was.

use std::{
    collections::{HashMap, hash_map::Entry},
    io::Write as _,
    path::PathBuf,
    process::ExitCode,
    str::FromStr,
};

use anyhow::Result;
use chrono::{DateTime, TimeDelta, Utc};
use clap::Subcommand;
use serde::Deserialize;
use sqlx::PgConnection;

use super::configuration;
use crate::{
    database::Database,
    event::{self, Place, command::CommandError},
    ids::{DeliveryId, RepositoryId, RepositoryName, UserId},
    intake,
    policy::{self, AuthorAssociation, EstimatedSize, GateFacts, Layer, PolicyFile, RepositoryPolicy, Role},
    run::store::rehearsal::{self, KnownPeople},
    triage::{self, Heard, Intent},
};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Give the commands of the last days to another policy file, and show what would change. Nothing is changed.
    Test {
        /// The new file; `-` for standard input.
        file: PathBuf,
        /// The file it would replace; wiz's defaults if not given.
        #[arg(long)]
        against: Option<PathBuf>,
        /// Only this repository.
        #[arg(long)]
        repo: Option<RepositoryName>,
        /// How far back, in hours or days.
        #[arg(long, default_value = "7d")]
        since: Span,
    },
}

/// A time such as `12h` or `7d`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span(TimeDelta);

impl FromStr for Span {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const EXPECTED: &str = "a time is written like 12h or 7d, up to 365d";
        let (number, unit) = text.split_at_checked(text.len().saturating_sub(1)).ok_or(EXPECTED)?;
        let number: i64 = number.parse().map_err(|_| EXPECTED)?;
        let hours = match unit {
            "h" => number,
            "d" => number.checked_mul(24).ok_or(EXPECTED)?,
            _ => return Err(EXPECTED),
        };
        if (1..=365 * 24).contains(&hours) { Ok(Self(TimeDelta::hours(hours))) } else { Err(EXPECTED) }
    }
}

/// Deliveries in which people speak.
const SPOKEN: [&str; 5] =
    ["issues", "issue_comment", "pull_request", "pull_request_review", "pull_request_review_comment"];

/// Most deliveries looked at.
const DELIVERIES: i64 = 20_000;

pub(super) async fn policy(command: &Command) -> Result<ExitCode> {
    let Command::Test { file, against, repo, since } = command;
    let mut policies = Vec::new();
    for path in [against.as_ref(), Some(file)] {
        let Some(path) = path else {
            policies.push(RepositoryPolicy::default());
            continue;
        };
        match policy::parse_layer(Layer::Repository, &configuration::read(path)?) {
            Ok(parsed) => policies.push(alone(parsed)),
            Err(faults) => {
                write!(std::io::stderr(), "{}", configuration::listed(path, &faults))?;
                return Ok(ExitCode::FAILURE);
            }
        }
    }
    let [before, after] = policies.try_into().map_err(|_| anyhow::anyhow!("two policies are compared"))?;
    let database = Database::attach(&super::database_config()?).await?;
    let mut connection = database.pool().acquire().await?;
    let ids = intake::since(&mut connection, &SPOKEN, Utc::now() - since.0, DELIVERIES).await?;
    let mut people = HashMap::new();
    let mut rows = Vec::new();
    for id in ids {
        let rehearsal = Rehearsal { repo: repo.as_ref(), before: &before, after: &after };
        rows.extend(rehearsal.of(&mut connection, &mut people, id).await?);
    }
    drop(connection);
    database.close().await?;
    write!(std::io::stdout(), "{}", report(&rows, &after, Utc::now()))?;
    Ok(ExitCode::SUCCESS)
}

/// A file over no other: what an organisation says is the same before and after.
fn alone(file: PolicyFile) -> RepositoryPolicy {
    policy::combine(&policy::OuterLayers::default(), file).policy
}

/// What one command means before and after.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Row {
    at: DateTime<Utc>,
    place: String,
    who: String,
    /// What was assumed, and from what.
    role: String,
    command: String,
    before: String,
    after: String,
}

struct Rehearsal<'a> {
    repo: Option<&'a RepositoryName>,
    before: &'a RepositoryPolicy,
    after: &'a RepositoryPolicy,
}

impl Rehearsal<'_> {
    async fn of(
        &self,
        connection: &mut PgConnection,
        people: &mut HashMap<RepositoryId, KnownPeople>,
        id: DeliveryId,
    ) -> Result<Vec<Row>> {
        let Some(delivery) = intake::load(connection, id).await? else { return Ok(vec![]) };
        let Ok(event) = event::parse(&delivery.event, &delivery.payload) else { return Ok(vec![]) };
        let (Some(repository), Ok(heard)) = (&event.repository, triage::listen(&event, None)) else {
            return Ok(vec![]);
        };
        if self.repo.is_some_and(|wanted| *wanted != repository.name) {
            return Ok(vec![]);
        }
        if let Entry::Vacant(unknown) = people.entry(repository.id) {
            unknown.insert(rehearsal::people(connection, repository.id).await?);
        }
        let told = Told::read(&delivery.payload);
        let (role, reason) = assumed(heard.speaker.id, people.get(&repository.id), &told);
        let mut rows = Vec::new();
        for (index, command) in heard.commands.iter().enumerate() {
            let trigger = format!("{:?}:{}:{index}:", heard.spoken.place, heard.spoken.id);
            let files = rehearsal::planned_files(connection, repository.id, &trigger).await?;
            let meaning = |policy| meaning(policy, command, &heard, (role, files.as_deref(), &told));
            rows.push(Row {
                at: delivery.received_at,
                place: format!("{}#{}", repository.name, heard.spoken.issue),
                who: heard.speaker.login.to_string(),
                role: format!("{role} ({reason})"),
                command: command.as_ref().map_or_else(ToString::to_string, |read| format!("/wiz {}", read.verb.name())),
                before: meaning(self.before),
                after: meaning(self.after),
            });
        }
        Ok(rows)
    }
}

/// What the payload says beside the event.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Told {
    issue: Subject,
    pull_request: Subject,
    comment: Author,
    review: Author,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Subject {
    labels: Vec<Label>,
    author_association: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Label {
    name: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Author {
    author_association: Option<String>,
}

impl Told {
    fn read(payload: &[u8]) -> Self {
        serde_json::from_slice(payload).unwrap_or_default()
    }

    fn subject(&self) -> &Subject {
        if self.issue.author_association.is_some() { &self.issue } else { &self.pull_request }
    }

    /// How the speaker stands to the repository.
    fn speaker(&self) -> AuthorAssociation {
        let spoken = [&self.comment.author_association, &self.review.author_association];
        let word = spoken.into_iter().flatten().next().or(self.subject().author_association.as_ref());
        word.map_or(AuthorAssociation::None, |word| AuthorAssociation::from_github(word))
    }
}

/// The role somebody is taken to have, and why.
fn assumed(person: UserId, people: Option<&KnownPeople>, told: &Told) -> (Role, &'static str) {
    if people.is_some_and(|people| people.refused.contains(&person)) {
        return (Role::Read, "was refused before");
    }
    if people.is_some_and(|people| people.started.contains(&person)) {
        return (Role::Write, "started a run before");
    }
    match told.speaker() {
        AuthorAssociation::Owner => (Role::Admin, "owner"),
        AuthorAssociation::Member => (Role::Write, "member"),
        AuthorAssociation::Collaborator => (Role::Write, "collaborator"),
        AuthorAssociation::Contributor
        | AuthorAssociation::FirstTimeContributor
        | AuthorAssociation::FirstTimer
        | AuthorAssociation::Mannequin
        | AuthorAssociation::None => (Role::Read, "nothing known"),
    }
}

/// What a command means under a policy, in a line.
fn meaning(
    policy: &RepositoryPolicy,
    command: &Result<event::command::Command, CommandError>,
    heard: &Heard<'_>,
    (role, files, told): (Role, Option<&[String]>, &Told),
) -> String {
    // Whether a pull request is wiz's own or from a fork is no matter of the policy.
    let on_pull_request = heard.spoken.pull_request || heard.spoken.place == Place::PullRequest;
    let ground = triage::ground(heard.spoken, on_pull_request, None);
    match triage::decide(command, role, policy, ground) {
        Intent::Start { .. } => match command {
            Ok(command) => {
                let subject = told.subject();
                let count = |files: &[String]| u32::try_from(files.len()).unwrap_or(u32::MAX);
                let facts = GateFacts {
                    labels: subject.labels.iter().map(|label| label.name.clone()).collect(),
                    author: subject.author_association.as_deref().map(AuthorAssociation::from_github),
                    paths: files.unwrap_or_default().to_vec(),
                    size: files.map(|files| EstimatedSize { files: count(files), lines: None }),
                    ..GateFacts::of(command.verb)
                };
                let decision = policy::gate(policy, &facts);
                let reasons: Vec<String> = decision.reasons.iter().map(ToString::to_string).collect();
                format!("starts, {}: {}", decision.level, reasons.join("; "))
            }
            Err(error) => error.to_string(),
        },
        Intent::FollowUp { .. } => "goes on with the pull request".into(),
        Intent::Deny { needs, .. } => format!("denied, needs {needs}"),
        Intent::Correct(_) => "corrected".into(),
        Intent::Order { .. }
        | Intent::Undo { .. }
        | Intent::Selftest
        | Intent::Status { .. }
        | Intent::Budget { .. }
        | Intent::Config
        | Intent::Ci { .. }
        | Intent::Remember { .. }
        | Intent::Forget { .. }
        | Intent::Help => "heard".into(),
        Intent::Unsuited(_) => "heard, not possible there".into(),
    }
}

/// What would change, and what was assumed.
fn report(rows: &[Row], after: &RepositoryPolicy, now: DateTime<Utc>) -> String {
    let changed: Vec<&Row> = rows.iter().filter(|row| row.before != row.after).collect();
    let mut text = format!("{} commands, {} of them would mean something else.\n", rows.len(), changed.len());
    for row in changed {
        text += &format!(
            "\n{} {} {} as {}: {}\n  - {}\n  + {}\n",
            row.at.format("%Y-%m-%d %H:%M"),
            row.place,
            row.who,
            row.role,
            row.command,
            shown(&row.before),
            shown(&row.after),
        );
    }
    for schedule in &after.schedules {
        let next = schedule
            .next_after(now)
            .map_or_else(|| "never".into(), |next| next.format("%Y-%m-%d %H:%M UTC").to_string());
        text += &format!("\nschedule {} would tick next at {next}: /wiz {}\n", schedule.name, schedule.verb.name());
    }
    text + "\nAssumed: the roles in parentheses, and for a gate the files of the plan that was made, where one was.\n"
}

/// Text of strangers on a terminal: without control characters.
fn shown(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(500).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_changes_is_shown_and_what_was_assumed() {
        let row = |before: &str, after: &str| Row {
            at: DateTime::UNIX_EPOCH,
            place: "acme/dates#7".into(),
            who: "ann".into(),
            role: "write (member)".into(),
            command: "/wiz fix".into(),
            before: before.into(),
            after: after.into(),
        };
        let rows = [
            row("starts, supervised: the default here is supervised", "denied, needs maintain"),
            row("heard", "heard"),
            row("starts, autonomous: the default here is autonomous", "starts, supervised: \u{1b}[31mrule 1"),
        ];
        let policy = policy::parse(
            "schedules: [{name: nightly, cron: '0 4 * * *', timezone: Europe/Berlin, verb: fix, instructions: x}]",
        );
        insta::assert_snapshot!(report(&rows, &policy.unwrap(), DateTime::UNIX_EPOCH), @r#"
        3 commands, 2 of them would mean something else.

        1970-01-01 00:00 acme/dates#7 ann as write (member): /wiz fix
          - starts, supervised: the default here is supervised
          + denied, needs maintain

        1970-01-01 00:00 acme/dates#7 ann as write (member): /wiz fix
          - starts, autonomous: the default here is autonomous
          + starts, supervised: [31mrule 1

        schedule nightly would tick next at 1970-01-01 03:00 UTC: /wiz fix

        Assumed: the roles in parentheses, and for a gate the files of the plan that was made, where one was.
        "#);
    }

    #[test]
    fn a_time_is_hours_or_days() {
        assert_eq!("12h".parse(), Ok(Span(TimeDelta::hours(12))));
        assert_eq!("7d".parse(), Ok(Span(TimeDelta::days(7))));
        for bad in ["", "d", "7", "0d", "-1h", "7w", "366d", "é", "99999999999999999999d"] {
            assert!(bad.parse::<Span>().is_err(), "{bad}");
        }
    }
}
