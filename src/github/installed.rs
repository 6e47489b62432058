//! Where the App is installed, and which repositories that lets it see.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::Deserialize;

use super::{GitHub, error::GitHubError, installation::Installation, repositories::RepositoryInfo};
use crate::{
    ids::{InstallationId, Login},
    limits,
};

/// An installation as GitHub lists it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct InstalledApp {
    pub id: InstallationId,
    #[serde(default, deserialize_with = "login_of")]
    pub account: Option<Login>,
    /// What its owner has granted.
    #[serde(default)]
    pub permissions: BTreeMap<String, String>,
    #[serde(default)]
    suspended_at: Option<DateTime<Utc>>,
}

impl InstalledApp {
    /// Whether GitHub refuses every call for it until the owner changes his mind.
    pub fn is_suspended(&self) -> bool {
        self.suspended_at.is_some()
    }
}

/// An enterprise has no login, and then the account does not matter.
fn login_of<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Login>, D::Error> {
    #[derive(Deserialize)]
    struct Account {
        login: Option<String>,
    }
    let account = Option::<Account>::deserialize(deserializer)?;
    Ok(account.and_then(|account| account.login).and_then(|login| login.parse().ok()))
}

impl GitHub {
    /// Every installation of the App; `None` when there are more than wiz reads, so that nothing can be told from who is
    /// missing. <https://docs.github.com/en/rest/apps/apps#list-installations-for-the-authenticated-app>
    pub async fn installations(&self) -> Result<Option<Vec<InstalledApp>>, GitHubError> {
        let (mut all, mut path) = (Vec::new(), "/app/installations?per_page=100".to_owned());
        for _ in 0..limits::GITHUB_PAGES {
            let (mut page, next): (Vec<InstalledApp>, _) = self.app.get(path, &self.meter).await?;
            all.append(&mut page);
            match next {
                Some(next) => path = next,
                None => return Ok(Some(all)),
            }
        }
        Ok(None)
    }

    /// One installation; its grants above all.
    /// <https://docs.github.com/en/rest/apps/apps#get-an-installation-for-the-authenticated-app>
    pub async fn installed(&self, id: InstallationId) -> Result<InstalledApp, GitHubError> {
        self.app.get(format!("/app/installations/{id}"), &self.meter).await.map(|(installed, _)| installed)
    }
}

impl Installation {
    /// Every repository this installation may see; `None` when there are more than wiz reads.
    /// <https://docs.github.com/en/rest/apps/installations#list-repositories-accessible-to-the-app-installation>
    pub async fn repositories(&self) -> Result<Option<Vec<RepositoryInfo>>, GitHubError> {
        #[derive(Deserialize)]
        struct Page {
            total_count: usize,
            repositories: Vec<RepositoryInfo>,
        }
        let mut all = Vec::new();
        for number in 1..=limits::GITHUB_PAGES {
            let mut page: Page = self.get(format!("/installation/repositories?per_page=100&page={number}")).await?;
            all.append(&mut page.repositories);
            if all.len() >= page.total_count {
                return Ok(Some(all));
            }
        }
        Ok(None)
    }
}
