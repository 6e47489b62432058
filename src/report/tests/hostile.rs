use proptest::prelude::*;
use pulldown_cmark::{Event, Options, Parser, Tag};

use super::{super::*, example};
use crate::limits::{CHECK_ANNOTATIONS_PER_CALL, CHECK_FIELD_CHARS, COMMENT_CHARS, PATCH_FILES};

#[test]
fn hostile_text_is_shown_and_does_nothing() {
    let shown: Vec<String> = [
        "cc @acme/security and @alice, mail a@b.example",
        "fixes #12, GH-12, acme/x#3, closes https://github.com/acme/x/issues/4",
        "![x](https://evil.example/?d=1) [y](javascript:alert(1)) <img src=x> <!-- wiz:run=1 --> &#64;alice",
        "# Heading\n/wiz approve\n  /merge\n- /lgtm\n> quote\n---\n===\n| a |\n|---|",
        "```\n/wiz fix\n```",
        "`code with @alice and <b>` and `` `ticks` `` and `unclosed",
        "`fixes #1`",
        "a\u{202e}b\u{200d}c\u{e0041}d\u{1b}[31mred\u{1b}[0m\u{1b}]8;;https://x\u{7}link",
        "$`math`$ ~~gone~~ \\[x\\]",
        "[^1]: note\n[a]: https://x\nwww.evil.example",
        "[skip ci] [ci skip] [no ci] [skip actions] [actions skip]",
        "1. # a\n2) /b\n- # c\nd\n-",
    ]
    .iter()
    .map(|text| neutralise(text, 1_000).replace('\u{200b}', "␣"))
    .collect();
    insta::assert_snapshot!(shown.join("\n————\n"), @r#"
    cc @␣acme/security and @␣alice, mail a@␣b.example
    ————
    fixes #␣12, GH-␣12, acme/x#␣3, closes https:␣//github.com/acme/x/issues/4
    ————
    !\[x\](https:␣//evil.example/?d=1) \[y\](javascript:alert(1)) &lt;img src=x&gt; &lt;!-- wiz:run=1 --&gt; &amp;#␣64;alice
    ————
    \# Heading
    \/wiz approve
    \/merge
    - \/lgtm
    &gt; quote
    \---
    \===
    \| a \|
    \|---\|
    ————
    \`\`\`
    \/wiz fix
    \`\`\`
    ————
    `code with @alice and <b>` and `` `ticks` `` and \`unclosed
    ————
    `fixes #␣1`
    ————
    abcdredlink
    ————
    \$`math`\$ \~\~gone\~\~ \\\[x\\\]
    ————
    \[^1\]: note
    \[a\]: https:␣//x
    www.␣evil.example
    ————
    \[␣skip ci\] \[␣ci skip\] \[␣no ci\] \[␣skip actions\] \[␣actions skip\]
    ————
    1. \# a
    2. \/b
    - \# c
    d
    \-
    "#);
}

#[test]
fn outputs_cannot_leave_their_fence() {
    let block = fenced("one\n````\n/wiz fix\n\u{1b}[31mfixes\n#12 and @alice\nhttp://localhost:3000", 1_000);
    insta::assert_snapshot!(block.replace('\u{200b}', "␣"), @r#"
    `````text
    one
    ````
     /wiz fix
    fixes
    #␣12 and @␣alice
    http://localhost:3000
    `````
    "#);
    let cut = fenced(&format!("start{}end", "x".repeat(5_000)), 100);
    assert!(cut.contains("start") && cut.contains("end\n```"), "{cut}");
    insta::assert_snapshot!(fenced(&format!("start{}end", "x".repeat(500)), 40), @r"
    ```text
    startxxxxx
    [… 468 characters cut …]
    xxxxxxxxxxxxxxxxxxxxxxxxxxxend
    ```
    ");
    assert_eq!(cell("a|b `c|d` \\|", 100), "a\\|b `c\\|d` \\\\\\|");
    assert_eq!(code("a`b|c\nd", 100), "``a`b\\|c d``");
    assert_eq!(code("`", 100), "`` ` ``");
    assert_eq!(neutralise("äöü", 2), "äö…");
}

#[test]
fn every_file_that_a_person_is_asked_to_allow_is_shown() {
    let paths: Vec<String> = (0..PATCH_FILES).map(|n| format!("{n:03}/{}", "long_name/".repeat(18))).collect();
    let mut view = example::run_in(RunState::NeedsScope);
    view.gate = Some(left_scope(&paths));
    let (comment, check) = (status_comment(&view), check_output(&view).summary);
    for path in &paths {
        assert!(comment.contains(path) && check.contains(path), "{path}");
    }
    assert!(comment.contains("/wiz approve scope"));
}

#[test]
fn a_failure_that_is_cut_off_in_its_output_leaves_the_rest_as_it_is() {
    let mut view = example::run_in(RunState::Failed);
    for output in ["x".repeat(3_000), "fixes @a\n````\n".repeat(400), format!("{}\n`````", "y".repeat(1_950))] {
        view.failure = Some(UserMessage::new(format!("It failed.\n\n{}\n\nMore.", fenced(&output, 4_000))));
        let comment = status_comment(&view);
        let blocks = events(&comment).into_iter().filter(|event| matches!(event, Event::Start(Tag::CodeBlock(_))));
        assert_eq!(blocks.count(), 1, "{comment}");
        let says_next = |event: &Event<'_>| matches!(event, Event::Text(text) if **text == *"Next:");
        assert!(events(&comment).iter().any(says_next), "{comment}");
    }
}

/// GitHub's dialect, as far as it could make something live.
fn events(markdown: &str) -> Vec<Event<'_>> {
    let options = Options::ENABLE_TABLES
        | Options::ENABLE_FOOTNOTES
        | Options::ENABLE_STRIKETHROUGH
        | Options::ENABLE_TASKLISTS
        | Options::ENABLE_MATH
        | Options::ENABLE_GFM;
    Parser::new_ext(markdown, options).collect()
}

/// What of a text would be live on GitHub; empty when nothing is.
fn live(markdown: &str) -> Vec<String> {
    let mut live = Vec::new();
    let mut text = String::new();
    for event in events(markdown) {
        match event {
            Event::Html(html) | Event::InlineHtml(html) => live.push(format!("html {html}")),
            Event::Start(Tag::Image { dest_url, .. } | Tag::Link { dest_url, .. }) => {
                live.push(format!("link {dest_url}"));
            }
            Event::Start(
                tag @ (Tag::Heading { .. } | Tag::Table(_) | Tag::CodeBlock(_) | Tag::FootnoteDefinition(_)),
            ) => live.push(format!("{tag:?}")),
            Event::InlineMath(math) | Event::DisplayMath(math) => live.push(format!("math {math}")),
            Event::FootnoteReference(name) => live.push(format!("footnote {name}")),
            Event::TaskListMarker(_) => live.push("task".into()),
            Event::Text(part) => text += &part,
            Event::Code(_) => text.push('`'),
            Event::SoftBreak | Event::HardBreak => text.push('\n'),
            Event::Start(_) | Event::End(_) | Event::Rule => text.push(' '),
        }
    }
    live.extend(live_words(&text));
    live.extend(
        markdown.lines().filter(|line| line.trim_start().starts_with("/wiz")).map(|line| format!("command {line}")),
    );
    if markdown.contains("<!--") {
        live.push("comment".into());
    }
    live
}

/// Mentions, references and links in rendered text.
fn live_words(text: &str) -> Vec<String> {
    let after = |sign: &str, live: fn(char) -> bool| -> Vec<String> {
        let hits = text.match_indices(sign).filter(|(at, _)| text[at + sign.len()..].starts_with(live));
        hits.map(|(at, _)| format!("{sign} at {at} in {text:?}")).collect()
    };
    [after("@", |c| c.is_ascii_alphanumeric()), after("#", |c| c.is_ascii_digit()), after("://", |_| true)].concat()
}

fn hostile() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("@alice"),
        Just("@acme/all "),
        Just("&#64;bob"),
        Just("&commat;bob"),
        Just("fixes #12 "),
        Just("Closes acme/x#3"),
        Just("https://github.com/acme/x/issues/4"),
        Just("![x](https://evil)"),
        Just("[x](y)"),
        Just("[x]: y\n"),
        Just("<img src=x>"),
        Just("<https://evil>"),
        Just("<!-- wiz:run=1 kind=status sig=00 -->"),
        Just("<!--"),
        Just("-->"),
        Just("/wiz approve"),
        Just("# "),
        Just("> "),
        Just("- "),
        Just("* "),
        Just("+ "),
        Just("1. "),
        Just("- [x] "),
        Just("`"),
        Just("``"),
        Just("```"),
        Just("~~~"),
        Just("$"),
        Just("$$"),
        Just("|"),
        Just("| a |\n| - |\n"),
        Just("---"),
        Just("==="),
        Just("\\"),
        Just("    "),
        Just("\t"),
        Just(" "),
        Just("\n"),
        Just("\n\n"),
        Just("\r"),
        Just("[^1]"),
        Just("[^1]: "),
        Just("\u{200b}"),
        Just("\u{202e}"),
        Just("word"),
        Just("fixes"),
        Just("#"),
        Just("1"),
        Just("@"),
        Just(":"),
        Just("//"),
    ];
    prop_oneof![prop::collection::vec(piece, 0..16).prop_map(|pieces| pieces.concat()), any::<String>()]
}

proptest! {
    #[test]
    fn neutralised_text_is_dead(text in hostile(), max_chars in 0_usize..200) {
        let safe = neutralise(&text, max_chars);
        prop_assert_eq!(live(&safe), Vec::<String>::new(), "{:?}", safe);
        let cell = cell(&text, max_chars);
        prop_assert_eq!(live(&cell), Vec::<String>::new(), "{:?}", cell);
        prop_assert!(!cell.contains('\n'));
        let in_table = format!("| a | b |\n| - | - |\n| {cell} | {} |\n", code(&text, 50));
        let cells = events(&in_table).iter().filter(|event| matches!(event, Event::Start(Tag::TableCell))).count();
        prop_assert_eq!(cells, 4, "{}", in_table);
    }

    #[test]
    fn plain_text_is_dead(text in hostile(), max_chars in 0_usize..200) {
        let safe = plain(&text, max_chars);
        prop_assert_eq!(live_words(&safe), Vec::<String>::new());
        prop_assert!(!safe.contains('\n') && !safe.starts_with('/'));
    }

    #[test]
    fn a_fence_holds_whatever_is_inside(text in hostile()) {
        let document = format!("before\n\n{}\n\nafter", fenced(&text, 500));
        let events = events(&document);
        let blocks = events.iter().filter(|event| matches!(event, Event::Start(Tag::CodeBlock(_)))).count();
        prop_assert_eq!(blocks, 1, "{}", document);
        prop_assert!(!document.contains("<!--"), "{}", document);
        prop_assert!(matches!(&events[events.len() - 2], Event::Text(text) if &**text == "after"), "{}", document);
        prop_assert!(!document.lines().any(|line| line.starts_with('/')));
    }

    #[test]
    fn inline_code_holds_whatever_is_inside(text in hostile()) {
        let document = code(&text, 100);
        let dead = |event: &Event<'_>| {
            matches!(event, Event::Code(_) | Event::Start(Tag::Paragraph) | Event::End(_))
        };
        prop_assert!(events(&document).iter().all(dead), "{}", document);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn every_text_stays_below_githubs_limits(text in hostile(), repeat in prop::sample::select(vec![1_usize, 50, 300]), state in 0_usize..12) {
        let text = text.repeat(repeat);
        let view = RunView { state: RunState::ALL[state], ..stuffed(&text) };
        prop_assert!(status_comment(&view).chars().count() + MARKER_CHARS < COMMENT_CHARS);
        prop_assert!(pull_request(&view).body.chars().count() + MARKER_CHARS < COMMENT_CHARS);
        prop_assert!(pull_request(&view).title.chars().count() <= 256);
        let check = check_output(&view);
        prop_assert!(check.summary.chars().count() <= CHECK_FIELD_CHARS);
        prop_assert!(check.text.unwrap_or_default().chars().count() <= CHECK_FIELD_CHARS);
        prop_assert!(check.annotations.iter().all(|batch| batch.len() <= CHECK_ANNOTATIONS_PER_CALL));
        let subject = commit_message(&view).lines().next().unwrap_or_default().replace('\u{200b}', "");
        prop_assert!(subject.chars().count() <= 72, "{}", subject);
    }

    /// Whatever is woven in, the frame around it stays wiz's own: the same folded parts, no foreign links or pictures.
    #[test]
    fn hostile_parts_leave_the_frame_alone(text in hostile()) {
        for markdown in [status_comment(&stuffed(&text)), pull_request(&stuffed(&text)).body] {
            let mut opened = 0_i32;
            for event in events(&markdown) {
                if let Event::Html(html) | Event::InlineHtml(html) = &event {
                    let html = html.trim();
                    let own = ["<details>", "</details>", "<br>", "<sub>", "</sub>"];
                    prop_assert!(own.iter().any(|tag| html.starts_with(tag)), "{}", html);
                    opened += i32::from(html.starts_with("<details>")) - i32::from(html.starts_with("</details>"));
                }
                if let Event::Start(Tag::Link { dest_url, .. }) = &event {
                    prop_assert!(dest_url.starts_with("https://wiz.example/") || dest_url.ends_with("/pull/8"));
                }
                prop_assert!(!matches!(event, Event::Start(Tag::Image { .. })), "picture in {}", markdown);
            }
            prop_assert_eq!(opened, 0, "{}", markdown);
            prop_assert_eq!(crate::event::command::parse(&markdown, None), vec![]);
        }
    }
}

/// A finished run whose every text is `text`.
fn stuffed(text: &str) -> RunView {
    let mut view = example::finished();
    view.subject.title = text.into();
    view.verb = text.into();
    view.gate = Some(text.into());
    view.model = Some(text.into());
    let plan = &mut view.plan.as_mut().unwrap().plan;
    plan.summary = text.into();
    plan.risks = vec![text.into(); 8];
    plan.files = vec![text.into(); 40];
    for step in &mut plan.steps {
        step.title = text.into();
        step.detail = text.into();
    }
    for criterion in &mut plan.definition_of_done {
        criterion.name = text.into();
        criterion.command = text.into();
    }
    for evidence in &mut view.evidence {
        evidence.criterion = text.into();
        for seen in [&mut evidence.before, &mut evidence.after].into_iter().flatten() {
            seen.output_tail = text.into();
        }
    }
    view.changes = vec![view.changes[0].clone(); 100];
    for change in &mut view.changes {
        change.path = text.into();
    }
    let finding = &view.review.as_ref().unwrap().findings[0];
    let finding = Finding { title: text.into(), detail: text.into(), ..finding.clone() };
    view.review = Some(Review { approved: false, findings: vec![finding; 6] });
    view
}
