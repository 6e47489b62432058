//! Which paths a source file names, in `use` lines and in the middle of code.
//!
//! This is no compiler: it knows comments, literals, `use` trees, inline modules, `self` and `super`, which is all that
//! a path through rooms needs. A path that begins in the crate comes out as `crate::…`, any other as it is written.

/// The paths that the file `path` (relative to `src/`) names in `text`.
pub(super) fn named_in(path: &str, text: &str) -> Vec<String> {
    let mut reader =
        Reader { tokens: tokens(&code_of(text)), at: 0, module: module_of(path), braces: vec![], found: vec![] };
    reader.read();
    reader.found
}

/// The module path of a file: `run/jobs/mod.rs` and `run/jobs.rs` are both `run`, `jobs`.
fn module_of(path: &str) -> Vec<String> {
    let mut parts: Vec<String> = path.trim_end_matches(".rs").split('/').map(str::to_owned).collect();
    if parts.last().is_some_and(|last| ["mod", "lib", "main"].contains(&last.as_str())) {
        parts.pop();
    }
    parts
}

struct Reader {
    tokens: Vec<String>,
    at: usize,
    /// The module that the reader is in, inline modules included.
    module: Vec<String>,
    /// For each open brace, whether it opened an inline module.
    braces: Vec<bool>,
    found: Vec<String>,
}

impl Reader {
    fn peek(&self, ahead: usize) -> &str {
        self.tokens.get(self.at + ahead).map_or("", String::as_str)
    }

    fn read(&mut self) {
        while self.at < self.tokens.len() {
            match self.peek(0) {
                "use" if self.peek(1) != "<" => {
                    self.at += 1;
                    self.tree(&[]);
                }
                "mod" if self.peek(2) == "{" => {
                    self.module.push(self.peek(1).to_owned());
                    self.braces.push(true);
                    self.at += 3;
                }
                "{" => {
                    self.braces.push(false);
                    self.at += 1;
                }
                "}" => {
                    if self.braces.pop() == Some(true) {
                        self.module.pop();
                    }
                    self.at += 1;
                }
                token if is_name(token) && self.peek(1) == "::" && is_name(self.peek(2)) => self.inline_path(),
                _ => self.at += 1,
            }
        }
    }

    /// A path in the middle of code, such as `crate::queue::ring(…)`.
    fn inline_path(&mut self) {
        let mut path = vec![self.peek(0).to_owned()];
        self.at += 1;
        while self.peek(0) == "::" && is_name(self.peek(1)) {
            path.push(self.peek(1).to_owned());
            self.at += 2;
        }
        self.keep(&path);
    }

    /// One tree of a `use` line, after `prefix`; stops behind it.
    fn tree(&mut self, prefix: &[String]) {
        let mut path = prefix.to_vec();
        loop {
            match self.peek(0) {
                "::" => self.at += 1,
                "{" => {
                    self.at += 1;
                    while !["}", ""].contains(&self.peek(0)) {
                        self.tree(&path);
                        if self.peek(0) == "," {
                            self.at += 1;
                        }
                    }
                    self.at += 1;
                    return;
                }
                "*" => {
                    self.at += 1;
                    return self.keep(&path);
                }
                "as" => self.at += 2,
                name if is_name(name) => {
                    path.push(name.to_owned());
                    self.at += 1;
                }
                _ => return self.keep(&path),
            }
        }
    }

    /// Resolves `self`, `super` and the crate's own name, and keeps the path.
    fn keep(&mut self, path: &[String]) {
        let mut module = self.module.clone();
        let mut rest = path;
        match rest.first().map(String::as_str) {
            Some("crate" | "wiz") => module.clear(),
            Some("self") => {}
            Some("super") => {
                while rest.get(1).is_some_and(|next| next == "super") {
                    module.pop();
                    rest = &rest[1..];
                }
                module.pop();
            }
            _ => return self.found.push(path.join("::")),
        }
        module.extend(rest.iter().skip(1).filter(|name| *name != "self").cloned());
        // The crate's root holds nothing but rooms, so naming it alone says nothing.
        if !module.is_empty() {
            self.found.push(format!("crate::{}", module.join("::")));
        }
    }
}

fn is_name(token: &str) -> bool {
    token.chars().next().is_some_and(|first| first.is_alphabetic() || first == '_') && token != "as"
}

/// Names, `::`, and every other visible character by itself.
fn tokens(code: &str) -> Vec<String> {
    let mut tokens = vec![];
    let mut rest = code.trim_start();
    while let Some(first) = rest.chars().next() {
        let length = if first.is_alphanumeric() || first == '_' {
            rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len())
        } else if rest.starts_with("::") {
            2
        } else {
            first.len_utf8()
        };
        tokens.push(rest[..length].to_owned());
        rest = rest[length..].trim_start();
    }
    tokens
}

/// The text with every comment and literal replaced by a blank.
fn code_of(text: &str) -> String {
    let mut code = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let skipped = skipped(rest);
        if skipped > 0 {
            code.push(' ');
            rest = &rest[skipped..];
        } else {
            code.push(first);
            rest = &rest[first.len_utf8()..];
            // The `r` or `b` at the end of a name opens no literal.
            if first.is_alphanumeric() || first == '_' {
                let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
                code.push_str(&rest[..end]);
                rest = &rest[end..];
            }
        }
    }
    code
}

/// How many bytes of a comment or literal `rest` begins with; 0 for none.
fn skipped(rest: &str) -> usize {
    let until = |from: usize, end: &str| rest[from..].find(end).map_or(rest.len(), |at| from + at + end.len());
    if rest.starts_with("//") {
        return until(0, "\n");
    }
    if rest.starts_with("/*") {
        return until(2, "*/");
    }
    let literal = rest.trim_start_matches(['b', 'c']);
    let prefix = rest.len() - literal.len();
    if let Some(raw) = literal.strip_prefix('r') {
        let hashes = raw.len() - raw.trim_start_matches('#').len();
        if raw[hashes..].starts_with('"') {
            return until(prefix + hashes + 2, &format!("\"{}", "#".repeat(hashes)));
        }
    }
    if prefix <= 1 && literal.starts_with('"') {
        return prefix + quoted(literal, '"');
    }
    if prefix <= 1 && literal.starts_with('\'') {
        // 'a' and '\n' are characters, 'a without an end is a lifetime.
        let mut inner = literal.chars().skip(1);
        let is_character = inner.next() == Some('\\') || inner.next() == Some('\'');
        return if is_character { prefix + quoted(literal, '\'') } else { 0 };
    }
    0
}

/// Length of a literal between two `mark`s, with escapes.
fn quoted(literal: &str, mark: char) -> usize {
    let mut escaped = false;
    for (at, character) in literal.char_indices().skip(1) {
        match character {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            _ if character == mark => return at + mark.len_utf8(),
            _ => {}
        }
    }
    literal.len()
}
