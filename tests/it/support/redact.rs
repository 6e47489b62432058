//! Text with what differs from run to run taken out, for snapshots.

/// Replaces addresses of this machine, hashes, times, spent money and what programs wrote by what they are.
pub fn redact(text: &str) -> String {
    let text = without_outputs(&without_addresses(text));
    let mut redacted = String::with_capacity(text.len());
    let mut rest = text.as_str();
    while let Some(start) = rest.find(|c: char| c.is_ascii_alphanumeric()) {
        redacted.push_str(&rest[..start]);
        let word = &rest[start..];
        let end = word.find(|c: char| !c.is_ascii_alphanumeric() && c != '.').unwrap_or(word.len());
        // A full stop may end a sentence as well as divide a number.
        let end = word[..end].trim_end_matches('.').len();
        let (word, after) = word.split_at(end);
        if redacted.ends_with("spent $") || redacted.ends_with("about $") {
            redacted.truncate(redacted.len() - 1);
            redacted.push_str("<money>");
            rest = after;
            continue;
        }
        let unit = ["ms", "s", "min"].into_iter().find(|unit| is_unit_of(after, unit));
        match unit {
            Some(unit) if word.parse::<f64>().is_ok() => {
                redacted.push_str("<time>");
                rest = &after[1 + unit.len()..];
            }
            Some(_) | None => {
                redacted.push_str(if is_hash(word) { "<hash>" } else { word });
                rest = after;
            }
        }
    }
    redacted.push_str(rest);
    // Minutes and seconds are one time.
    redacted.replace("<time> <time>", "<time>")
}

fn without_addresses(text: &str) -> String {
    let mut parts = text.split("http://127.0.0.1:");
    let mut whole = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        whole.push_str("http://github");
        whole.push_str(part.trim_start_matches(|c: char| c.is_ascii_digit()));
    }
    whole
}

fn without_outputs(text: &str) -> String {
    let mut parts = text.split("```text\n");
    let mut whole = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        whole.push_str("```text\n<output>\n```");
        whole.push_str(part.split_once("\n```").unwrap_or_default().1);
    }
    whole
}

fn is_hash(word: &str) -> bool {
    // One in two thousand short hashes has no digit, and no English word here is made of these letters alone.
    word.len() >= 7 && word.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn is_unit_of(after: &str, unit: &str) -> bool {
    let Some(behind) = after.strip_prefix(' ').and_then(|after| after.strip_prefix(unit)) else { return false };
    !behind.starts_with(|c: char| c.is_alphanumeric())
}

#[test]
fn what_differs_is_taken_out_and_the_rest_stays() {
    let text = "See http://127.0.0.1:4711/octo/x at 0a1b2c3d. It took 1.5 s (12 ms), spent $0.05, 3 steps of 4.12.2.\n\
                ```text\n1 passed in 0.2s\n```\nThe end.";
    insta::assert_snapshot!(redact(text), @r"
    See http://github/octo/x at <hash>. It took <time> (<time>), spent <money>, 3 steps of 4.12.2.
    ```text
    <output>
    ```
    The end.
    ");
}
