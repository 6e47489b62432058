//! Everything the stand-in remembers besides git: accounts, issues, pull requests, checks, deliveries.
//!
//! One plain struct, [`State`], lives behind one lock; handlers borrow it mutably for the length of a request, so every
//! request is atomic. Records are serde structs, and the same structs are what the inspection API hands out.
//! Must never talk HTTP and never compute what git knows (shas, diffs, merges): that is `crate::git`.
//! Read first: [`State`], [`Repository`], [`Issue`].

mod accounts;
mod actions;
mod checks;
mod deliveries;
mod issues;
mod repositories;

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::path::PathBuf;

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};

pub use accounts::{Account, AccountKind, App, Installation, Level, PermissionSet, Token, TokenHolder};
pub use actions::{
    Attempt, CheckKind, Conclusion, Errand, Job, JobScript, LogTicket, OwnLog, Pace, Planned, Progress, Rule,
    ScriptedCheck, Step, Trigger, Workflow, WorkflowRun,
};
pub use checks::{Annotation, CheckAction, CheckOutput, CheckRun, CheckSuite, CommitComment, CommitStatus};
pub use deliveries::{Delivery, Outgoing};
pub use issues::{Comment, Issue, IssueState, PullRequest, Reaction, Review, ReviewComment, ReviewState};
pub use repositories::{Label, Repository, Role};

use crate::contract::Violation;
use crate::faults::{DeliveryFault, Fault};

/// The first id handed out. Ids of all kinds come from one counter, so that a mixed-up id never matches by luck.
const FIRST_ID: u64 = 10_000_001;

/// An hour of a credential's requests.
#[derive(Debug, Clone, Copy)]
struct Window {
    spent: u32,
    /// Unix seconds.
    until: i64,
}

/// All state of one stand-in.
#[derive(Debug)]
pub struct State {
    /// `http://127.0.0.1:PORT`, without a trailing slash; the root of every URL handed out.
    pub base_url: String,
    /// Where the bare repositories live.
    pub data: PathBuf,
    /// How far the stand-in's clock runs ahead of the machine's.
    pub clock_ahead: TimeDelta,
    next_id: u64,
    /// People, organisations and bots by id.
    pub accounts: BTreeMap<u64, Account>,
    /// GitHub Apps by id.
    pub apps: BTreeMap<u64, App>,
    /// Installations by id.
    pub installations: BTreeMap<u64, Installation>,
    /// Every token ever issued and not revoked, by its secret text.
    pub tokens: HashMap<String, Token>,
    /// Repositories by id.
    pub repositories: BTreeMap<u64, Repository>,
    /// Codes of the manifest flow that were not used yet: the app, and until when.
    pub manifest_codes: HashMap<String, (u64, DateTime<Utc>)>,
    /// Webhook deliveries, oldest first.
    pub deliveries: Vec<Delivery>,
    /// Deliveries waiting for the dispatcher.
    pub outbox: VecDeque<Outgoing>,
    /// Deliveries handed to the dispatcher and not finished.
    pub in_flight: usize,
    /// HTTP faults to be played.
    pub faults: Vec<Fault>,
    /// Delivery faults to be played.
    pub delivery_faults: Vec<DeliveryFault>,
    /// Everything that broke GitHub's description so far.
    pub violations: Vec<Violation>,
    /// What installations asked to change, as `POST /repos/…`, whatever came of it; tokens are left out.
    pub writes: Vec<String>,
    /// Requests spent per credential, each in its own hour.
    windows: HashMap<String, Window>,
    /// Requests an hour that a test allows instead of GitHub's number.
    pub rate_limit: Option<u32>,
    /// Former names of repositories, in lower case.
    pub former_names: HashMap<String, u64>,
    /// Scripted things that are still to happen, oldest first.
    pub agenda: Vec<Planned>,
    /// Logs that can be fetched, by the secret in their address.
    pub log_tickets: HashMap<String, LogTicket>,
    /// Pull requests whose mergeability GitHub would still be computing: `(repository, number)`.
    pub mergeability_unknown: HashSet<(u64, u64)>,
}

impl State {
    /// An empty GitHub.
    pub fn new(base_url: String, data: PathBuf) -> Self {
        Self {
            base_url,
            data,
            clock_ahead: TimeDelta::zero(),
            next_id: FIRST_ID,
            accounts: BTreeMap::new(),
            apps: BTreeMap::new(),
            installations: BTreeMap::new(),
            tokens: HashMap::new(),
            repositories: BTreeMap::new(),
            manifest_codes: HashMap::new(),
            deliveries: Vec::new(),
            outbox: VecDeque::new(),
            in_flight: 0,
            faults: Vec::new(),
            delivery_faults: Vec::new(),
            violations: Vec::new(),
            writes: Vec::new(),
            windows: HashMap::new(),
            rate_limit: None,
            former_names: HashMap::new(),
            agenda: Vec::new(),
            log_tickets: HashMap::new(),
            mergeability_unknown: HashSet::new(),
        }
    }

    /// The stand-in's time, cut to whole seconds as GitHub shows it.
    pub fn now(&self) -> DateTime<Utc> {
        (Utc::now() + self.clock_ahead).trunc_subsecs(0)
    }

    /// A fresh id, never used for anything else.
    pub fn fresh_id(&mut self) -> u64 {
        let id = self.next_id;
        self.next_id += 1;
        id
    }

    /// The account with this login; logins are case-insensitive on GitHub.
    pub fn account_by_login(&self, login: &str) -> Option<&Account> {
        self.accounts.values().find(|account| account.login.eq_ignore_ascii_case(login))
    }

    /// The login of an account, or `ghost` for one that is gone (as GitHub shows it).
    pub fn login(&self, account: u64) -> &str {
        self.accounts.get(&account).map_or("ghost", |account| account.login.as_str())
    }

    /// The repository `owner/name`; both are case-insensitive on GitHub.
    pub fn repository_by_name(&self, owner: &str, name: &str) -> Option<&Repository> {
        self.repositories.values().find(|repository| {
            repository.name.eq_ignore_ascii_case(name) && self.login(repository.owner).eq_ignore_ascii_case(owner)
        })
    }

    /// Counts requests and gives how many were spent in this window.
    pub fn spend(&mut self, key: &str, requests: u32) -> u32 {
        let mut window = self.window(key);
        window.spent = window.spent.saturating_add(requests);
        self.windows.insert(key.to_owned(), window);
        window.spent
    }

    /// How many requests were spent in this window.
    pub fn spent(&self, key: &str) -> u32 {
        self.window(key).spent
    }

    /// When the window is over, as Unix seconds.
    pub fn rate_reset(&self, key: &str) -> i64 {
        self.window(key).until
    }

    /// The credential's hour, which begins with its first request.
    fn window(&self, key: &str) -> Window {
        let now = self.now().timestamp();
        let known = self.windows.get(key).filter(|window| window.until > now);
        known.copied().unwrap_or(Window { spent: 0, until: now + 3600 })
    }

    /// The repository that had this name once.
    pub fn renamed(&self, owner: &str, name: &str) -> Option<&Repository> {
        self.repositories.get(self.former_names.get(&format!("{owner}/{name}").to_lowercase())?)
    }

    /// Does the account belong to a repository's people? Everybody may read a public one, but only these count as
    /// collaborators.
    pub fn is_collaborator(&self, repository: &Repository, account: u64) -> bool {
        let person = self.accounts.get(&account).is_some_and(|found| found.kind == AccountKind::User);
        person
            && (repository.owner == account || repository.roles.get(&account).is_some_and(|role| *role >= Role::Read))
    }

    /// `owner/name` of a repository.
    pub fn full_name(&self, repository: &Repository) -> String {
        format!("{}/{}", self.login(repository.owner), repository.name)
    }

    /// The installation of an app that covers a repository.
    pub fn installation_for(&self, app: u64, repository: u64) -> Option<&Installation> {
        self.installations.values().find(|i| i.app == app && i.repositories.contains(&repository))
    }

    /// The role an account holds on a repository.
    pub fn role(&self, repository: &Repository, account: u64) -> Role {
        if repository.owner == account {
            return Role::Admin;
        }
        let floor = if repository.private { Role::None } else { Role::Read };
        repository.roles.get(&account).copied().unwrap_or(floor).max(floor)
    }
}

/// GitHub's way of writing a time.
pub fn stamp(time: DateTime<Utc>) -> String {
    time.format("%Y-%m-%dT%H:%M:%SZ").to_string()
}
