//! What people choose, and what GitHub is sent for it.

use anyhow::{Context as _, Result};
use serde::Deserialize;
use serde_json::{Value, json};
use url::Url;

/// The manifest that `github` is tested against.
pub const MANIFEST: &str = include_str!("../../app-manifest.yml");

/// Longest name GitHub gives an App.
/// <https://docs.github.com/en/apps/creating-github-apps/registering-a-github-app/registering-a-github-app>
const NAME_CHARS: usize = 34;

/// The form as it was sent.
#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct Asked {
    #[serde(default)]
    pub token: String,
    /// Empty for GitHub.com, otherwise the address of an Enterprise server.
    #[serde(default)]
    pub server: String,
    /// Empty for one's own account.
    #[serde(default)]
    pub organisation: String,
    #[serde(default)]
    pub name: String,
    #[serde(default)]
    pub public_url: String,
}

/// A choice that can be carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Choice {
    pub web_url: Url,
    pub api_url: Url,
    pub organisation: Option<String>,
    pub name: String,
    pub public_url: Url,
}

impl Asked {
    /// What the form says before anybody wrote in it.
    pub fn suggested(public_url: Option<&Url>) -> Self {
        let public_url = public_url.map(|url| url.as_str().trim_end_matches('/').to_owned());
        Self { name: "wiz".into(), public_url: public_url.unwrap_or_default(), ..Self::default() }
    }

    /// The choice, or every fault in it.
    pub fn choice(&self) -> Result<Choice, Vec<&'static str>> {
        let mut faults = Vec::new();
        let Some((web_url, api_url)) = server(self.server.trim()) else {
            return Err(vec!["The server's address must be like https://github.example.com or https://octo.ghe.com."]);
        };
        let organisation = Some(self.organisation.trim()).filter(|name| !name.is_empty());
        let is_login =
            |name: &str| name.len() <= 39 && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        if organisation.is_some_and(|name| !is_login(name)) {
            faults.push("The organisation's name has letters, digits and hyphens only; copy it from its address.");
        }
        let name = self.name.trim();
        if name.is_empty() || name.chars().count() > NAME_CHARS || name.chars().any(char::is_control) {
            faults.push("The App needs a name of up to 34 characters that nobody else on that GitHub has.");
        }
        let public_url = address(self.public_url.trim());
        if public_url.is_none() {
            faults.push("wiz needs the address at which GitHub reaches it, such as https://wiz.example.com.");
        }
        match public_url {
            Some(public_url) if faults.is_empty() => Ok(Choice {
                web_url,
                api_url,
                organisation: organisation.map(str::to_owned),
                name: name.to_owned(),
                public_url,
            }),
            Some(_) | None => Err(faults),
        }
    }
}

/// An address of a server, without anything that would end up in links made from it.
fn address(text: &str) -> Option<Url> {
    text.parse().ok().filter(is_plain)
}

/// Whether an address is of a server, and nothing in it would end up in links made from it.
pub(super) fn is_plain(url: &Url) -> bool {
    let plain =
        url.query().is_none() && url.fragment().is_none() && url.username().is_empty() && url.password().is_none();
    matches!(url.scheme(), "https" | "http") && url.has_host() && plain
}

/// Where a GitHub has its pages and its API, from what was typed. An Enterprise server has both under one name; GitHub.com,
/// and enterprises with a subdomain of GHE.com, have another name for the API.
/// <https://docs.github.com/en/enterprise-cloud@latest/graphql/guides/managing-enterprise-accounts>
fn server(typed: &str) -> Option<(Url, Url)> {
    const GITHUB: &str = "github.com";
    let both = |host: &str| Some((address(&format!("https://{host}"))?, address(&format!("https://api.{host}"))?));
    if typed.is_empty() {
        return both(GITHUB);
    }
    let web_url = address(typed)?;
    let host = web_url.host_str()?;
    let host = host.strip_prefix("api.").or_else(|| host.strip_prefix("www.")).unwrap_or(host);
    match host.strip_suffix(".ghe.com") {
        _ if host == GITHUB => both(GITHUB),
        Some(enterprise) if !enterprise.contains('.') => both(host),
        Some(_) => None,
        None if host == "ghe.com" => None,
        None => {
            let api_url = address(&format!("{}/api/v3", typed.trim_end_matches('/')))?;
            Some((web_url, api_url))
        }
    }
}

impl Choice {
    /// GitHub's page that takes a manifest.
    pub fn registration(&self, state: &str) -> String {
        let base = self.web_url.as_str().trim_end_matches('/');
        match &self.organisation {
            Some(organisation) => format!("{base}/organizations/{organisation}/settings/apps/new?state={state}"),
            None => format!("{base}/settings/apps/new?state={state}"),
        }
    }

    /// The manifest, with this installation's own addresses and name.
    pub fn manifest(&self, own_url: &Url) -> Result<String> {
        let mut manifest: Value = serde_norway::from_str(MANIFEST).context("the manifest is not YAML")?;
        let public_url = self.public_url.as_str().trim_end_matches('/');
        manifest["name"] = json!(self.name);
        manifest["url"] = json!(public_url);
        manifest["hook_attributes"] = json!({ "url": format!("{public_url}/webhooks/github"), "active": true });
        manifest["redirect_url"] = json!(own_url.join("/setup/registered").context("no address to come back to")?);
        Ok(manifest.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(server: &str, organisation: &str) -> Asked {
        Asked {
            server: server.into(),
            organisation: organisation.into(),
            ..Asked::suggested(Some(&"https://wiz.example.com/".parse().unwrap()))
        }
    }

    #[test]
    fn a_choice_leads_to_the_right_page_with_the_right_manifest() {
        let own = asked("", "").choice().unwrap();
        assert_eq!(own.registration("s"), "https://github.com/settings/apps/new?state=s");
        assert_eq!(own.api_url.as_str(), "https://api.github.com/");
        let enterprise = asked("https://ghe.example.com/", "octo-org").choice().unwrap();
        assert_eq!(
            enterprise.registration("s"),
            "https://ghe.example.com/organizations/octo-org/settings/apps/new?state=s"
        );
        assert_eq!(enterprise.api_url.as_str(), "https://ghe.example.com/api/v3");
        for (typed, web, api) in [
            ("https://github.com", "https://github.com/", "https://api.github.com/"),
            ("http://www.github.com/", "https://github.com/", "https://api.github.com/"),
            ("https://Octo.ghe.com/", "https://octo.ghe.com/", "https://api.octo.ghe.com/"),
            ("https://api.octo.ghe.com", "https://octo.ghe.com/", "https://api.octo.ghe.com/"),
            ("https://octoghe.com", "https://octoghe.com/", "https://octoghe.com/api/v3"),
        ] {
            let choice = asked(typed, "").choice().unwrap();
            assert_eq!((choice.web_url.as_str(), choice.api_url.as_str()), (web, api), "{typed}");
        }
        let manifest: Value =
            serde_json::from_str(&own.manifest(&"http://127.0.0.1:4000/".parse().unwrap()).unwrap()).unwrap();
        assert_eq!(manifest["hook_attributes"]["url"], "https://wiz.example.com/webhooks/github");
        assert_eq!(manifest["redirect_url"], "http://127.0.0.1:4000/setup/registered");
        assert_eq!(manifest["default_permissions"]["contents"], "write");
        assert_eq!(manifest["public"], false);
    }

    #[test]
    fn every_fault_is_told() {
        let mut told = std::collections::BTreeSet::new();
        for (server, organisation, name, public_url, faults) in [
            ("ghe.example.com", "", "wiz", "https://wiz.example.com", 1),
            ("javascript:alert(1)", "", "wiz", "https://wiz.example.com", 1),
            ("https://ghe.com", "", "wiz", "https://wiz.example.com", 1),
            ("https://a.b.ghe.com", "", "wiz", "https://wiz.example.com", 1),
            ("https://user:pass@ghe.example.com", "", "wiz", "https://wiz.example.com", 1),
            ("", "octo org/../x", "wiz", "https://wiz.example.com", 1),
            ("", "", "", "", 2),
            ("", "a/b", "a name that is much longer than GitHub takes", "ftp://x", 3),
        ] {
            let asked = Asked {
                server: server.into(),
                organisation: organisation.into(),
                name: name.into(),
                public_url: public_url.into(),
                ..Asked::default()
            };
            let said = asked.choice().unwrap_err();
            assert_eq!(said.len(), faults, "{asked:?}");
            told.extend(said);
        }
        insta::assert_snapshot!(Vec::from_iter(told).join("\n"), @r"
        The App needs a name of up to 34 characters that nobody else on that GitHub has.
        The organisation's name has letters, digits and hyphens only; copy it from its address.
        The server's address must be like https://github.example.com or https://octo.ghe.com.
        wiz needs the address at which GitHub reaches it, such as https://wiz.example.com.
        ");
    }
}
