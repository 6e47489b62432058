//! Makes text by people, models and programs harmless before it is posted.
//!
//! Three forms: [`neutralise`] for Markdown (keeps inline code, lists and emphasis), [`plain`] for titles, commit messages
//! and annotations, [`fenced`] for program output. In all of them mentions, issue references and links are broken by an
//! invisible character: GitHub looks for them in the rendered text, where escaping would no longer help.

/// Breaks a word for GitHub's eyes and not for a reader's.
pub(super) const BREAK: char = '\u{200b}';

/// Words that close an issue when a reference follows.
/// <https://docs.github.com/en/issues/tracking-your-work-with-issues/using-issues/linking-a-pull-request-to-an-issue>
pub(super) const CLOSING: [&str; 9] =
    ["close", "closes", "closed", "fix", "fixes", "fixed", "resolve", "resolves", "resolved"];

/// How the words in brackets begin with which a commit's message or a pull request's title keeps workflows from running.
/// <https://docs.github.com/en/actions/how-tos/manage-workflow-runs/skip-workflow-runs>
const SKIPPING: [&str; 4] = ["skip ", "ci ", "no ", "actions "];

/// `untrusted` as Markdown that shows its words and does nothing: no mention, reference, link, image, HTML, heading,
/// table, bot command or hidden character. At most `max_chars` characters of it are shown.
pub fn neutralise(untrusted: &str, max_chars: usize) -> String {
    let text = cut(&visible(head(untrusted, max_chars)), max_chars);
    let lines = text.lines().map(|line| markdown_line(line.trim()));
    lines.collect::<Vec<_>>().join("\n").trim().to_owned()
}

/// Like [`neutralise`], on one line and fit for a table's cell.
pub fn cell(untrusted: &str, max_chars: usize) -> String {
    let line = neutralise(&head(untrusted, max_chars).split_whitespace().collect::<Vec<_>>().join(" "), max_chars);
    let mut escaped = String::with_capacity(line.len());
    let mut before = ' ';
    for c in line.chars() {
        if c == '|' && before != '\\' {
            escaped.push('\\');
        }
        escaped.push(c);
        before = c;
    }
    escaped
}

/// `untrusted` for places without Markdown: one line without mentions, references, links or hidden characters.
pub fn plain(untrusted: &str, max_chars: usize) -> String {
    let words = visible(head(untrusted, max_chars)).split_whitespace().collect::<Vec<_>>().join(" ");
    let text = broken(&cut(&words, max_chars));
    // A title or subject that starts with a slash could be read as a bot's command.
    if text.starts_with('/') { format!("{BREAK}{text}") } else { text }
}

/// `untrusted` as a code block that nothing inside can end.
pub fn fenced(untrusted: &str, max_chars: usize) -> String {
    let text = cut_middle(&visible(untrusted), max_chars);
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest.max(2) + 1);
    let mut block = format!("{fence}text\n");
    let mut after_keyword = false;
    for line in text.trim_matches('\n').lines().map(str::trim_end) {
        // Other bots look for commands in the raw text of a comment, code or not.
        if line.starts_with('/') {
            block.push(' ');
        }
        // A keyword at the end of a line may count for a reference at the start of the next.
        block += &raw_broken(line, after_keyword);
        block.push('\n');
        after_keyword = has_closing_keyword(line) || (after_keyword && line.is_empty());
    }
    block + &fence
}

/// `untrusted` as inline code on one line, also within a table: a path, a command, a name.
pub fn code(untrusted: &str, max_chars: usize) -> String {
    let words = visible(head(untrusted, max_chars)).split_whitespace().collect::<Vec<_>>().join(" ");
    let text = raw_broken(&cut(&words, max_chars), false).replace('|', "\\|");
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let ticks = "`".repeat(longest + 1);
    let pad = if text.is_empty() || text.starts_with('`') || text.ends_with('`') { " " } else { "" };
    format!("{ticks}{pad}{text}{pad}{ticks}")
}

/// Drops what a reader cannot see: terminal sequences, control characters, direction marks, tags and other invisible
/// characters that hide text or change its order.
fn visible(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let text = text.replace("\r\n", "\n");
    let mut characters = text.chars().peekable();
    while let Some(c) = characters.next() {
        match c {
            '\n' => shown.push('\n'),
            '\t' => shown.push_str("    "),
            '\r' | '\u{2028}' | '\u{2029}' | '\u{85}' | '\u{b}' | '\u{c}' => shown.push('\n'),
            '\u{1b}' => skip_terminal_sequence(&mut characters),
            _ if c.is_control() || is_invisible(c) => {}
            _ => shown.push(c),
        }
    }
    shown
}

/// Skips the rest of `ESC [ … letter` and `ESC ] … BEL`, as terminals do.
fn skip_terminal_sequence(characters: &mut std::iter::Peekable<std::str::Chars<'_>>) {
    match characters.next_if(|c| matches!(c, '[' | ']')) {
        Some('[') => while characters.next_if(|c| matches!(c, '0'..='9' | ';' | '?' | ':' | ' ')).is_some() {},
        Some(_) => while characters.next_if(|c| !matches!(c, '\u{7}' | '\u{1b}' | '\n')).is_some() {},
        None => return,
    }
    characters.next_if(|c| *c == '\u{7}' || c.is_ascii_alphabetic());
}

fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}'
        | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

/// As much of a text as needs looking at to show `max_chars` of it, even if most of it is invisible.
fn head(text: &str, max_chars: usize) -> &str {
    let end = text.char_indices().nth(max_chars.saturating_mul(4).saturating_add(1_000));
    end.map_or(text, |(end, _)| &text[..end])
}

/// The first `max_chars` characters, with a sign that there was more.
fn cut(text: &str, max_chars: usize) -> String {
    match text.char_indices().nth(max_chars) {
        Some((end, _)) => format!("{}…", text[..end].trim_end()),
        None => text.to_owned(),
    }
}

/// The end of a text is what tells why a program failed; its beginning says what was run.
fn cut_middle(text: &str, max_chars: usize) -> String {
    let count = text.chars().count();
    if count <= max_chars {
        return text.to_owned();
    }
    let head: String = text.chars().take(max_chars / 4).collect();
    let tail: String = text.chars().skip(count - (max_chars - max_chars / 4)).collect();
    format!("{head}\n[… {} characters cut …]\n{tail}", count - max_chars)
}

/// One line of Markdown: inline code stays, everything else that Markdown or GitHub would act on is escaped.
fn markdown_line(line: &str) -> String {
    let mut safe = String::with_capacity(line.len() + 16);
    let mut rest = line;
    while let Some(start) = rest.find('`') {
        let ticks = rest[start..].len() - rest[start..].trim_start_matches('`').len();
        let (before, from_ticks) = rest.split_at(start);
        safe += &escaped(before);
        match closing_ticks(&from_ticks[ticks..], ticks) {
            Some(end) => {
                safe += &raw_broken(&from_ticks[..ticks + end + ticks], false);
                rest = &from_ticks[ticks + end + ticks..];
            }
            None => {
                safe += &"\\`".repeat(ticks);
                rest = &from_ticks[ticks..];
            }
        }
    }
    safe += &escaped(rest);
    without_block_start(&safe)
}

/// Where a run of exactly `ticks` backticks starts.
fn closing_ticks(text: &str, ticks: usize) -> Option<usize> {
    let mut at = 0;
    while let Some(start) = text[at..].find('`').map(|found| at + found) {
        let length = text[start..].len() - text[start..].trim_start_matches('`').len();
        if length == ticks {
            return Some(start);
        }
        at = start + length;
    }
    None
}

/// Escapes what starts a block: headings, quotes, rules, tables, indented code, slash commands.
fn without_block_start(line: &str) -> String {
    let is_rule = !line.is_empty() && line.chars().all(|c| "-=_* ".contains(c));
    if line.starts_with(['#', '/', '+', '=', ':']) || is_rule {
        return format!("\\{line}");
    }
    // A list stays a list, but with nothing nested that a list item could start.
    if let Some(item) = line.strip_prefix("- ").or_else(|| line.strip_prefix("* ")) {
        return format!("- {}", without_block_start(item.trim_start()));
    }
    let digits = line.len() - line.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    if digits > 0
        && let Some(item) = line[digits..].strip_prefix(". ").or_else(|| line[digits..].strip_prefix(") "))
    {
        return format!("{}. {}", &line[..digits], without_block_start(item.trim_start()));
    }
    line.to_owned()
}

fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len() + 16);
    for c in broken(text).chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '\\' | '[' | ']' | '|' | '~' | '$' => {
                safe.push('\\');
                safe.push(c);
            }
            _ => safe.push(c),
        }
    }
    safe
}

/// Breaks mentions, issue references and links.
fn broken(text: &str) -> String {
    let mut safe = String::with_capacity(text.len() + 16);
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let next = &rest[c.len_utf8()..];
        safe.push(c);
        let breaks = match c {
            '@' => next.starts_with(char::is_alphanumeric),
            '#' => next.starts_with(|c: char| c.is_ascii_digit()),
            '-' => ends_with_word(&safe, "gh-"),
            ':' => next.starts_with("//"),
            '.' => ends_with_word(&safe, "www."),
            '[' => SKIPPING.iter().any(|word| starts_with_word(next, word)),
            _ => false,
        };
        if breaks {
            safe.push(BREAK);
        }
        rest = next;
    }
    safe
}

/// Inside code nothing is live but what may be looked for in the raw text: closing keywords, and wiz's own markers.
fn raw_broken(code: &str, near_keyword: bool) -> String {
    let code = code.replace("<!--", &format!("<!{BREAK}--"));
    if near_keyword || has_closing_keyword(&code) { broken(&code) } else { code }
}

fn has_closing_keyword(text: &str) -> bool {
    text.split(|c: char| !c.is_alphanumeric())
        .any(|word| CLOSING.iter().any(|keyword| keyword.eq_ignore_ascii_case(word)))
}

fn starts_with_word(text: &str, word: &str) -> bool {
    text.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word))
}

fn ends_with_word(text: &str, word: &str) -> bool {
    text.len().checked_sub(word.len()).and_then(|at| text.get(at..)).is_some_and(|end| end.eq_ignore_ascii_case(word))
}
