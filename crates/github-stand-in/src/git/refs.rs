//! Refs: reading, moving with an expected old value, ancestry.

use std::collections::BTreeMap;

use anyhow::Result;

use super::Git;

impl Git {
    /// All branches and tags with the object each points at.
    pub fn refs(&self) -> Result<BTreeMap<String, String>> {
        let text = self.run(&["for-each-ref", "--format=%(refname) %(objectname)", "refs/heads", "refs/tags"])?;
        Ok(text.lines().filter_map(|line| line.split_once(' ')).map(|(r, s)| (r.to_owned(), s.to_owned())).collect())
    }

    /// What a full ref name points at.
    pub fn read_ref(&self, name: &str) -> Result<Option<String>> {
        self.ask(&["show-ref", "--verify", "--hash", "--", name])
    }

    /// `commit`, `tree`, `blob` or `tag`; `None` if there is no such object.
    pub fn object_type(&self, sha: &str) -> Result<Option<String>> {
        let whole = sha.len() == 40 && sha.bytes().all(|byte| byte.is_ascii_hexdigit());
        if whole { self.ask(&["cat-file", "-t", sha]) } else { Ok(None) }
    }

    /// Takes a commit with its history from another repository and points a ref at it.
    pub fn fetch(&self, from: &std::path::Path, sha: &str, name: &str) -> Result<()> {
        let from = from.to_string_lossy().into_owned();
        self.run(&["fetch", "--quiet", "--no-tags", &from, &format!("+{sha}:{name}")]).map(drop)
    }

    /// Copies all branches, or only one, from another repository.
    pub fn copy_branches(&self, from: &std::path::Path, only: Option<&str>) -> Result<()> {
        let from = from.to_string_lossy().into_owned();
        let which = only.unwrap_or("*");
        self.run(&["fetch", "--quiet", &from, &format!("+refs/heads/{which}:refs/heads/{which}")]).map(drop)
    }

    /// Is this a name git accepts for a ref?
    pub fn valid_ref_name(&self, name: &str) -> Result<bool> {
        Ok(!name.starts_with('-') && self.ask(&["check-ref-format", name])?.is_some())
    }

    /// Moves or makes a ref. `old` is what it must point at now (`None`: must not exist). False when it does not.
    pub fn move_ref(&self, name: &str, new: &str, old: Option<&str>) -> Result<bool> {
        let nothing = "0".repeat(40);
        Ok(self.ask(&["update-ref", name, new, old.unwrap_or(&nothing)])?.is_some())
    }

    /// Removes a ref that points at `old`.
    pub fn delete_ref(&self, name: &str, old: &str) -> Result<bool> {
        Ok(self.ask(&["update-ref", "-d", name, old])?.is_some())
    }

    /// Is `ancestor` reachable from `descendant`?
    pub fn is_ancestor(&self, ancestor: &str, descendant: &str) -> Result<bool> {
        Ok(self.outcome(&["merge-base", "--is-ancestor", ancestor, descendant])?.status.success())
    }

    /// Best common ancestor, if there is one.
    pub fn merge_base(&self, one: &str, other: &str) -> Result<Option<String>> {
        self.ask(&["merge-base", one, other])
    }

    /// How many commits `range` holds, such as `main..topic`.
    pub fn count(&self, range: &str) -> Result<u64> {
        Ok(self.run(&["rev-list", "--count", range])?.parse()?)
    }
}
