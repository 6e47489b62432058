//! Secrets in a patch: nothing that looks like a key leaves a run, and none of wiz's own secrets in any usual dress.
//!
//! The patterns are those whose form alone proves what they are; guesses by entropy would stop honest work. This is a
//! last net, not a wall: no secret is in a box in the first place.

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD},
};
use bytes::Bytes;
use secrecy::{ExposeSecret as _, SecretString};

use super::{Change, Patch};

/// Shortest of wiz's own secrets that is searched for; shorter ones occur by chance.
const MIN_CANARY_BYTES: usize = 8;

/// Most findings reported.
const MAX_FINDINGS: usize = 50;

/// Where a secret stands. The secret itself is never repeated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretFinding {
    pub path: String,
    /// Counted from 1; 0 when the secret is spread over lines.
    pub line: usize,
    /// What it looks like, such as `a GitHub token`.
    pub kind: &'static str,
}

/// A form that only secrets of one kind have: a fixed beginning and then so many characters of an alphabet.
struct Form {
    kind: &'static str,
    prefix: &'static str,
    /// Least characters after the prefix.
    least: usize,
    alphabet: fn(u8) -> bool,
}

const FORMS: &[Form] = &[
    Form { kind: "a GitHub token", prefix: "ghp_", least: 36, alphabet: alphanumeric },
    Form { kind: "a GitHub token", prefix: "gho_", least: 36, alphabet: alphanumeric },
    Form { kind: "a GitHub token", prefix: "ghu_", least: 36, alphabet: alphanumeric },
    Form { kind: "a GitHub token", prefix: "ghs_", least: 36, alphabet: alphanumeric },
    Form { kind: "a GitHub token", prefix: "ghr_", least: 36, alphabet: alphanumeric },
    Form { kind: "a GitHub token", prefix: "github_pat_", least: 50, alphabet: word },
    Form { kind: "a GitLab token", prefix: "glpat-", least: 20, alphabet: word_or_dash },
    Form { kind: "an AWS access key", prefix: "AKIA", least: 16, alphabet: upper_or_digit },
    Form { kind: "an AWS access key", prefix: "ASIA", least: 16, alphabet: upper_or_digit },
    Form { kind: "a Google API key", prefix: "AIza", least: 35, alphabet: word_or_dash },
    Form { kind: "a Slack token", prefix: "xoxb-", least: 20, alphabet: word_or_dash },
    Form { kind: "a Slack token", prefix: "xoxp-", least: 20, alphabet: word_or_dash },
    Form { kind: "a Slack token", prefix: "xoxa-", least: 20, alphabet: word_or_dash },
    Form { kind: "a Slack token", prefix: "xoxr-", least: 20, alphabet: word_or_dash },
    Form { kind: "a Slack token", prefix: "xoxs-", least: 20, alphabet: word_or_dash },
    Form { kind: "a Slack token", prefix: "xapp-", least: 20, alphabet: word_or_dash },
    Form { kind: "a Slack webhook", prefix: "hooks.slack.com/services/", least: 40, alphabet: word_or_slash },
    Form { kind: "an Anthropic key", prefix: "sk-ant-", least: 24, alphabet: word_or_dash },
    Form { kind: "an OpenAI key", prefix: "sk-proj-", least: 24, alphabet: word_or_dash },
    Form { kind: "an OpenAI key", prefix: "sk-svcacct-", least: 24, alphabet: word_or_dash },
    Form { kind: "an OpenAI key", prefix: "sk-", least: 48, alphabet: alphanumeric },
    Form { kind: "a Stripe key", prefix: "sk_live_", least: 24, alphabet: alphanumeric },
    Form { kind: "a Stripe key", prefix: "rk_live_", least: 24, alphabet: alphanumeric },
    Form { kind: "an npm token", prefix: "npm_", least: 36, alphabet: alphanumeric },
    Form { kind: "a PyPI token", prefix: "pypi-AgEIcHlwaS5vcmc", least: 50, alphabet: word_or_dash },
];

fn alphanumeric(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
}

fn word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

fn word_or_dash(byte: u8) -> bool {
    word(byte) || byte == b'-'
}

fn word_or_slash(byte: u8) -> bool {
    word(byte) || byte == b'/'
}

fn upper_or_digit(byte: u8) -> bool {
    byte.is_ascii_uppercase() || byte.is_ascii_digit()
}

/// Secrets that the new contents and paths hold and the old contents, given by `before`, did not. `own` are wiz's own
/// secrets, found as they are, in base64 and in hexadecimal, also when broken over lines.
pub fn scan(patch: &Patch, before: &dyn Fn(&str) -> Option<Bytes>, own: &[SecretString]) -> Vec<SecretFinding> {
    let canaries: Vec<Vec<u8>> = own.iter().flat_map(|secret| dresses(secret.expose_secret().as_bytes())).collect();
    let mut findings = Vec::new();
    for change in patch.changes() {
        let Change::Put { content, .. } = &change.change else { continue };
        let path = change.path.as_str();
        let old = before(path).unwrap_or_default();
        let known = forms_in(&old);
        let is_new = |secret: &(usize, &'static str, &[u8])| !known.iter().any(|(.., known)| *known == secret.2);
        let named = forms_in(path.as_bytes()).into_iter().map(|(_, kind, _)| (0, kind));
        let written = forms_in(content).into_iter().filter(is_new).map(|(line, kind, _)| (line, kind));
        let finding = |(line, kind)| SecretFinding { path: path.to_owned(), line, kind };
        findings.extend(named.chain(written).map(finding));
        if let Some(line) = canary_line(content, &canaries).or_else(|| canary_line(path.as_bytes(), &canaries)) {
            findings.push(finding((line, "one of wiz's own secrets")));
        }
    }
    findings.truncate(MAX_FINDINGS);
    findings
}

/// Like [`scan`] for a text that goes elsewhere, such as a commit message or a comment.
pub fn scan_text(text: &str, own: &[SecretString]) -> Vec<&'static str> {
    let canaries: Vec<Vec<u8>> = own.iter().flat_map(|secret| dresses(secret.expose_secret().as_bytes())).collect();
    let own = canary_line(text.as_bytes(), &canaries).map(|_| "one of wiz's own secrets");
    forms_in(text.as_bytes()).into_iter().map(|(_, kind, _)| kind).chain(own).collect()
}

/// A text without the secrets in it: what has a secret's form is replaced by its kind, and a line with one of wiz's own
/// goes.
pub fn mask(text: &str, own: &[SecretString]) -> String {
    let canaries: Vec<Vec<u8>> = own.iter().flat_map(|secret| dresses(secret.expose_secret().as_bytes())).collect();
    let mut masked: Vec<String> = text.lines().map(|line| mask_line(line, &canaries)).collect();
    if canary_line(masked.join("\n").as_bytes(), &canaries).is_some() {
        // Spread over lines: nobody can say where it begins.
        masked = vec!["[left out: it holds one of wiz's own secrets]".to_owned()];
    }
    masked.join("\n")
}

fn mask_line(line: &str, canaries: &[Vec<u8>]) -> String {
    if canary_line(line.as_bytes(), canaries).is_some() {
        return "[left out: one of wiz's own secrets]".to_owned();
    }
    let mut line = line.to_owned();
    for _ in 0..MAX_FINDINGS {
        let found = forms_in(line.as_bytes()).into_iter().next();
        let Some((_, kind, secret)) = found else { return line };
        let secret = String::from_utf8_lossy(secret).into_owned();
        line = line.replace(&secret, &format!("[left out: {kind}]"));
    }
    "[left out: secrets]".to_owned()
}

/// Everything in `content` that has the form of a secret, with its line.
fn forms_in(content: &[u8]) -> Vec<(usize, &'static str, &[u8])> {
    let mut found = Vec::new();
    for (number, line) in content.split(|byte| *byte == b'\n').enumerate() {
        let mut add = |kind, secret| found.push((number + 1, kind, secret));
        if contains(line, b"-----BEGIN ") && contains(line, b"PRIVATE KEY") {
            add("a private key", line);
        }
        for form in FORMS {
            if let Some(secret) = form_in(line, form) {
                add(form.kind, secret);
            }
        }
        if let Some(token) = json_web_token_in(line) {
            add("a JSON web token", token);
        }
    }
    found
}

fn form_in<'a>(line: &'a [u8], form: &Form) -> Option<&'a [u8]> {
    let prefix = form.prefix.as_bytes();
    positions(line, prefix).find_map(|at| {
        let begins = at == 0 || !line[at - 1].is_ascii_alphanumeric();
        let rest = line[at + prefix.len()..].iter().take_while(|byte| (form.alphabet)(**byte)).count();
        (begins && rest >= form.least).then(|| &line[at..at + prefix.len() + rest])
    })
}

/// Three parts of base64 with dots between; the first two are JSON objects, which begin with `eyJ`.
fn json_web_token_in(line: &[u8]) -> Option<&[u8]> {
    positions(line, b"eyJ").find_map(|at| {
        let token = &line[at..];
        let length = token.iter().take_while(|byte| word_or_dash(**byte) || **byte == b'.').count();
        let parts: Vec<&[u8]> = token[..length].split(|byte| *byte == b'.').collect();
        let begins = at == 0 || !word_or_dash(line[at - 1]);
        let whole = parts.len() >= 3 && parts[1].starts_with(b"eyJ") && parts[..3].iter().all(|part| part.len() >= 16);
        (begins && whole).then(|| &token[..length])
    })
}

/// How a secret may be written down. Base64 looks different at each of three offsets, so all are made, without the edges
/// that depend on the neighbours.
fn dresses(secret: &[u8]) -> Vec<Vec<u8>> {
    if secret.len() < MIN_CANARY_BYTES {
        return Vec::new();
    }
    let mut all = vec![secret.to_vec(), hex::encode(secret).into_bytes(), hex::encode_upper(secret).into_bytes()];
    for offset in 0..3 {
        let shifted = [&[0; 2][..offset], secret].concat();
        for text in [STANDARD_NO_PAD.encode(&shifted), URL_SAFE_NO_PAD.encode(&shifted)] {
            let end = shifted.len() / 3 * 4;
            all.push(text.as_bytes()[if offset == 0 { 0 } else { 4 }..end].to_vec());
        }
    }
    all
}

/// The line a canary stands on, or 0 when it is found only after all white space is taken out.
fn canary_line(content: &[u8], canaries: &[Vec<u8>]) -> Option<usize> {
    let first = canaries.iter().filter_map(|canary| positions(content, canary).next()).min();
    if let Some(at) = first {
        return Some(content[..at].iter().filter(|byte| **byte == b'\n').count() + 1);
    }
    let squeezed: Vec<u8> = content.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect();
    canaries.iter().any(|canary| contains(&squeezed, canary)).then_some(0)
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    positions(text, part).next().is_some()
}

/// Where `part` begins in `text`; skips to its first byte, so that large files are quick.
fn positions<'a>(text: &'a [u8], part: &'a [u8]) -> impl Iterator<Item = usize> + 'a {
    let first = part.first().copied();
    text.iter()
        .enumerate()
        .filter(move |(_, byte)| Some(**byte) == first)
        .map(|(at, _)| at)
        .filter(move |at| text[*at..].starts_with(part))
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose::STANDARD;

    use super::{super::FileMode, *};

    fn patch(content: &[u8]) -> Patch {
        let content = content.to_vec().into();
        [("f".to_owned(), Change::Put { mode: FileMode::Regular, content })].into_iter().collect()
    }

    fn found(content: &str) -> Vec<(usize, &'static str)> {
        let findings = scan(&patch(content.as_bytes()), &|_| None, &[]);
        findings.into_iter().map(|finding| (finding.line, finding.kind)).collect()
    }

    #[test]
    fn a_text_is_shown_without_the_secrets_in_it() {
        let token = format!("ghp_{}", "aB3".repeat(12));
        let own = [SecretString::from("the-webhook-secret")];
        let text = format!("one: {token}, again {token}\ntwo\nX=the-webhook-secret\nthree");
        insta::assert_snapshot!(mask(&text, &own), @r"
        one: [left out: a GitHub token], again [left out: a GitHub token]
        two
        [left out: one of wiz's own secrets]
        three
        ");
        let spread = mask("one\nthe-webhook-\nsecret\nthree", &own);
        assert_eq!(spread, "[left out: it holds one of wiz's own secrets]");
        assert_eq!(mask("nothing\nhere", &own), "nothing\nhere");
        let tokens = (0..=MAX_FINDINGS).map(|n| format!("ghp_{n:036}")).collect::<Vec<_>>().join(" ");
        insta::assert_snapshot!(mask(&tokens, &own), @"[left out: secrets]");
    }

    #[test]
    fn each_form_is_found_and_its_neighbours_are_not() {
        let x = |count: usize| "aB3".repeat(count / 3 + 1)[..count].to_owned();
        let table = [
            (format!("token = \"ghp_{}\"", x(36)), Some("a GitHub token")),
            (format!("ghs_{}", x(36)), Some("a GitHub token")),
            (format!("ghs_{}", x(35)), None),
            (format!("xghs_{}", x(36)), None),
            (format!("github_pat_{}", x(59)), Some("a GitHub token")),
            (format!("glpat-{}", x(20)), Some("a GitLab token")),
            ("key: AKIAIOSFODNN7EXAMPLE".into(), Some("an AWS access key")),
            ("AKIA is a prefix".into(), None),
            (format!("AIza{}", x(35)), Some("a Google API key")),
            (format!("xoxb-{}", x(30)), Some("a Slack token")),
            (format!("https://hooks.slack.com/services/T{}/B{}", x(10), x(30)), Some("a Slack webhook")),
            (format!("sk-ant-api03-{}", x(40)), Some("an Anthropic key")),
            (format!("sk-proj-{}", x(40)), Some("an OpenAI key")),
            (format!("sk-{}", x(48)), Some("an OpenAI key")),
            ("task-list-of-things-that-are-quite-long-and-have-dashes".into(), None),
            (format!("sk_live_{}", x(24)), Some("a Stripe key")),
            (format!("sk_test_{}", x(24)), None),
            (format!("npm_{}", x(36)), Some("an npm token")),
            ("-----BEGIN RSA PRIVATE KEY-----".into(), Some("a private key")),
            ("-----BEGIN OPENSSH PRIVATE KEY-----".into(), Some("a private key")),
            ("-----BEGIN PUBLIC KEY-----".into(), None),
            (format!("Bearer eyJ{}.eyJ{}.{}", x(20), x(20), x(20)), Some("a JSON web token")),
            (format!("eyJ{}.{}.{}", x(20), x(20), x(20)), None),
            ("eyJ.eyJ.x".into(), None),
            (x(4_000), None),
        ];
        for (text, kind) in table {
            assert_eq!(
                found(&format!("\n{text}\n")),
                kind.map(|kind| (2, kind)).into_iter().collect::<Vec<_>>(),
                "{text}"
            );
        }
    }

    #[test]
    fn own_secrets_are_found_in_any_dress() {
        let secret = "correct-horse-battery?>";
        let own = [SecretString::from(secret), SecretString::from("short")];
        let encoded = |prefix: &str| STANDARD.encode(format!("{prefix}{secret} and more"));
        let wrapped: String =
            encoded("").as_bytes().chunks(7).map(|line| format!("{}\n", String::from_utf8_lossy(line))).collect();
        let table = [
            (format!("a\n{secret}"), Some(2)),
            (hex::encode(secret), Some(1)),
            (hex::encode_upper(secret), Some(1)),
            (encoded(""), Some(1)),
            (encoded("x"), Some(1)),
            (encoded("xx"), Some(1)),
            (encoded("xxx"), Some(1)),
            (encoded("a user: the password is "), Some(1)),
            (URL_SAFE_NO_PAD.encode(secret), Some(1)),
            (wrapped, Some(0)),
            (secret.chars().map(|c| format!("{c} ")).collect(), Some(0)),
            ("short correct-horse".into(), None),
        ];
        for (text, line) in table {
            let findings = scan(&patch(text.as_bytes()), &|_| None, &own);
            assert_eq!(findings.first().map(|finding| finding.line), line, "{text}");
        }
        assert_eq!(scan_text(secret, &own), ["one of wiz's own secrets"]);
    }

    #[test]
    fn what_the_base_had_is_no_news_and_paths_count() {
        let key = "AKIAIOSFODNN7EXAMPLE";
        let old = Bytes::from(format!("key = {key}\n"));
        assert!(scan(&patch(format!("# moved\nkey = {key}\n").as_bytes()), &|_| Some(old.clone()), &[]).is_empty());
        let content = Bytes::from_static(b"x");
        let named: Patch =
            [(format!("a/{key}"), Change::Put { mode: FileMode::Regular, content })].into_iter().collect();
        assert_eq!(scan(&named, &|_| None, &[]).len(), 1);
    }
}
