//! Markdown as the pages show it: GitHub's flavour, with raw HTML made harmless.

use pulldown_cmark::{CowStr, Event, Options, Parser, Tag, html};

/// Renders Markdown. Of raw HTML only `<details>`, `<summary>`, `<sub>` and `<br>` survive; comments vanish, all else is shown as
/// text. Links lead only to `http`, `https`, `mailto` and places on the page.
pub fn render(text: &str) -> String {
    let options = Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_TASKLISTS;
    let events = Parser::new_ext(text, options).map(harmless_event);
    let mut out = String::new();
    html::push_html(&mut out, events);
    out
}

#[expect(clippy::wildcard_enum_match_arm, reason = "another crate's enum; whatever else it holds is escaped by it")]
fn harmless_event(event: Event<'_>) -> Event<'_> {
    match event {
        Event::Html(raw) => Event::Html(harmless(&raw).into()),
        Event::InlineHtml(raw) => Event::InlineHtml(harmless(&raw).into()),
        Event::SoftBreak => Event::HardBreak,
        Event::Start(Tag::Link { link_type, dest_url, title, id }) => {
            Event::Start(Tag::Link { link_type, dest_url: safe_address(dest_url), title, id })
        }
        Event::Start(Tag::Image { link_type, dest_url, title, id }) => {
            Event::Start(Tag::Image { link_type, dest_url: safe_address(dest_url), title, id })
        }
        other => other,
    }
}

fn safe_address(address: CowStr<'_>) -> CowStr<'_> {
    let good = ["http://", "https://", "mailto:", "#", "/"].iter().any(|start| address.starts_with(start));
    if good { address } else { CowStr::Borrowed("#") }
}

const KEPT: [&str; 9] =
    ["<sub>", "</sub>", "<details>", "<details open>", "</details>", "<summary>", "</summary>", "<br>", "<br/>"];

fn harmless(raw: &str) -> String {
    let mut out = String::with_capacity(raw.len());
    let mut rest = raw;
    while !rest.is_empty() {
        if let Some(comment) = rest.strip_prefix("<!--") {
            // An unfinished comment hides the rest, as on GitHub.
            rest = comment.split_once("-->").map_or("", |(_, tail)| tail);
        } else if let Some(tag) = KEPT.iter().find(|tag| rest.starts_with(**tag)) {
            out.push_str(tag);
            rest = &rest[tag.len()..];
        } else {
            let mut characters = rest.chars();
            match characters.next() {
                Some('<') => out.push_str("&lt;"),
                Some('>') => out.push_str("&gt;"),
                Some('&') => out.push_str("&amp;"),
                Some(other) => out.push(other),
                None => {}
            }
            rest = characters.as_str();
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::render;

    #[test]
    fn raw_html_is_neutralised_except_details() {
        let text = "a <b>bold</b> <script>alert(1)</script>\n\n<details><summary>More</summary>\n\n- [x] done\n\n</details>\n<!-- hidden -->\n\n[x](javascript:alert(1))";
        insta::assert_snapshot!(render(text), @r##"
        <p>a &lt;b&gt;bold&lt;/b&gt; &lt;script&gt;alert(1)&lt;/script&gt;</p>
        <details><summary>More</summary>
        <ul>
        <li><input disabled="" type="checkbox" checked=""/>
        done</li>
        </ul>
        </details>

        <p><a href="#">x</a></p>
        "##);
    }
}
