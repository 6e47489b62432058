//! Trees and blobs.

use anyhow::{Context, Result};

use super::Git;

/// One entry of a tree.
#[derive(Debug, Clone)]
pub struct TreeEntry {
    /// Six octal digits.
    pub mode: String,
    /// `blob`, `tree` or `commit`.
    pub kind: String,
    /// Object.
    pub sha: String,
    /// Bytes, for blobs.
    pub size: Option<u64>,
    /// Path from the root of the listing.
    pub path: String,
}

/// One change to a base tree.
#[derive(Debug, Clone)]
pub struct TreeChange {
    /// Path from the root.
    pub path: String,
    /// Six octal digits.
    pub mode: String,
    /// Object; `None` removes the path.
    pub sha: Option<String>,
}

impl Git {
    /// Lists a tree; `recursive` walks down and still shows the trees themselves, as GitHub does.
    pub fn list_tree(&self, tree: &str, recursive: bool) -> Result<Vec<TreeEntry>> {
        let mut arguments = vec!["ls-tree", "-z", "--long", "--full-tree"];
        if recursive {
            arguments.extend(["-r", "-t"]);
        }
        arguments.push(tree);
        let text = self.run(&arguments)?;
        text.split('\0').filter(|line| !line.is_empty()).map(parse_entry).collect()
    }

    /// The entry at a path of a tree, or `None`.
    pub fn entry(&self, tree: &str, path: &str) -> Result<Option<TreeEntry>> {
        let text = self.run(&["ls-tree", "-z", "--long", "--full-tree", tree, "--", path])?;
        let line = text.split('\0').next().unwrap_or_default();
        if line.is_empty() { Ok(None) } else { parse_entry(line).map(Some) }
    }

    /// The bytes of a blob.
    pub fn blob(&self, sha: &str) -> Result<Vec<u8>> {
        self.run_bytes(&["cat-file", "blob", sha])
    }

    /// Stores a blob and returns its sha.
    pub fn write_blob(&self, content: &[u8]) -> Result<String> {
        let output = self.output(&["hash-object", "-w", "-t", "blob", "--stdin"], content, &[])?;
        Ok(String::from_utf8(output)?.trim().to_owned())
    }

    /// Applies changes to a base tree (`None`: an empty one) and returns the new tree's sha.
    ///
    /// A change to a tree entry (mode 040000) replaces that whole directory.
    pub fn write_tree(&self, base: Option<&str>, changes: &[TreeChange]) -> Result<String> {
        let index = self.dir().join("tree.index");
        let index_text = index.to_str().context("the data directory is not UTF-8")?.to_owned();
        let environment = [("GIT_INDEX_FILE", index_text.as_str())];
        let first: Vec<&str> = base.map_or_else(|| vec!["read-tree", "--empty"], |tree| vec!["read-tree", tree]);
        self.output(&first, &[], &environment)?;
        let nothing = "0".repeat(40);
        for change in changes.iter().filter(|change| change.mode == "040000") {
            let path = change.path.as_str();
            self.output(&["rm", "-r", "-q", "--cached", "--ignore-unmatch", "--", path], &[], &environment)?;
            if let Some(sha) = &change.sha {
                self.output(&["read-tree", &format!("--prefix={path}/"), sha], &[], &environment)?;
            }
        }
        let mut lines = Vec::new();
        for change in changes.iter().filter(|change| change.mode != "040000") {
            let (mode, sha) = match &change.sha {
                Some(sha) => (change.mode.as_str(), sha.as_str()),
                None => ("0", nothing.as_str()),
            };
            lines.extend(format!("{mode} {sha}\t{}\0", change.path).into_bytes());
        }
        self.output(&["update-index", "-z", "--add", "--replace", "--index-info"], &lines, &environment)?;
        let tree = String::from_utf8(self.output(&["write-tree"], &[], &environment)?)?;
        std::fs::remove_file(&index).context("cannot remove the tree index")?;
        Ok(tree.trim().to_owned())
    }
}

fn parse_entry(line: &str) -> Result<TreeEntry> {
    let (meta, path) = line.split_once('\t').context("git ls-tree spoke unexpectedly")?;
    let mut fields = meta.split_whitespace();
    let mut next = || fields.next().context("git ls-tree spoke unexpectedly");
    Ok(TreeEntry {
        mode: next()?.to_owned(),
        kind: next()?.to_owned(),
        sha: next()?.to_owned(),
        size: next()?.parse().ok(),
        path: path.to_owned(),
    })
}
