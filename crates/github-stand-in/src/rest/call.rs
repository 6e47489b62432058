//! What a handler sees of a request.

use std::collections::HashMap;

use serde_json::Value;

use crate::answer::Refusal;
use crate::auth::Caller;
use crate::events::{Audience, Event, emit};
use crate::git::Git;
use crate::store::{Issue, PullRequest, Repository, Role, State};

/// One authorised request.
#[derive(Debug)]
pub struct Call<'a> {
    /// Everything.
    pub state: &'a mut State,
    /// Who calls.
    pub caller: Caller,
    /// The repository in the path; 0 for operations without one.
    pub repository: u64,
    /// Decoded path parameters.
    pub parameters: HashMap<String, String>,
    /// Decoded query members.
    pub query: HashMap<String, String>,
    /// Parsed body; null without one.
    pub body: Value,
    /// The `Accept` header.
    pub accept: String,
}

impl Call<'_> {
    /// The repository in the path.
    pub fn repo(&self) -> Result<&Repository, Refusal> {
        self.state.repositories.get(&self.repository).ok_or_else(Refusal::not_found)
    }

    /// The repository in the path, to be changed.
    pub fn repo_mut(&mut self) -> Result<&mut Repository, Refusal> {
        self.state.repositories.get_mut(&self.repository).ok_or_else(Refusal::not_found)
    }

    /// Its git side.
    pub fn git(&self) -> Result<Git, Refusal> {
        Ok(Git::at(&self.repo()?.git_dir))
    }

    /// The acting account.
    pub fn actor(&self) -> Result<u64, Refusal> {
        self.caller.account().ok_or_else(|| Refusal::new(401, "Requires authentication"))
    }

    /// The caller's role; an installation's write permission stands for write.
    pub fn role(&self) -> Result<Role, Refusal> {
        let repository = self.repo()?;
        Ok(match &self.caller {
            Caller::User(id) => self.state.role(repository, *id),
            Caller::Installation { .. } => Role::Write,
            Caller::Anonymous | Caller::App(_) => Role::Read,
        })
    }

    /// A path parameter.
    pub fn parameter(&self, name: &str) -> &str {
        self.parameters.get(name).map_or("", String::as_str)
    }

    /// A numeric path parameter; anything else does not exist.
    pub fn number(&self, name: &str) -> Result<u64, Refusal> {
        self.parameter(name).parse().map_err(|_| Refusal::not_found())
    }

    /// A text member of the body.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.body[name].as_str()
    }

    /// A query member.
    pub fn asked(&self, name: &str) -> Option<&str> {
        self.query.get(name).map(String::as_str)
    }

    /// The issue or pull request with the number in the path.
    pub fn issue(&self, parameter: &str) -> Result<&Issue, Refusal> {
        self.repo()?.issues.get(&self.number(parameter)?).ok_or_else(Refusal::not_found)
    }

    /// As [`Call::issue`], to be changed.
    pub fn issue_mut(&mut self, parameter: &str) -> Result<&mut Issue, Refusal> {
        let number = self.number(parameter)?;
        self.repo_mut()?.issues.get_mut(&number).ok_or_else(Refusal::not_found)
    }

    /// The pull request with the number in the path, with its issue side.
    pub fn pull(&self) -> Result<(&Issue, &PullRequest), Refusal> {
        let issue = self.issue("pull_number")?;
        issue.pull.as_ref().map(|pull| (issue, pull)).ok_or_else(Refusal::not_found)
    }

    /// As [`Call::pull`], the pull request only, to be changed.
    pub fn pull_mut(&mut self) -> Result<&mut PullRequest, Refusal> {
        self.issue_mut("pull_number")?.pull.as_mut().ok_or_else(Refusal::not_found)
    }

    /// Tells the subscribers that something happened in this repository.
    pub fn tell(&mut self, name: &'static str, action: &'static str, payload: Value) -> Result<(), Refusal> {
        let sender = self.actor()?;
        let event = Event {
            name,
            action: Some(action),
            repository: Some(self.repository),
            sender,
            payload,
            audience: Audience::Subscribers,
        };
        emit(self.state, &event);
        Ok(())
    }

    /// Announces refs that this request moved.
    pub fn announce(&mut self) -> Result<(), Refusal> {
        let actor = self.actor()?;
        Ok(crate::pushes::announce(self.state, self.repository, actor)?)
    }
}
