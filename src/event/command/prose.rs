//! Which parts of a text are a person's own plain words.

use std::ops::Range;

use pulldown_cmark::{Event, Options, Parser, Tag};

/// A text with the ranges in it that Markdown does not show as the writer's plain words.
pub(super) struct Prose {
    /// Quotes, code, HTML, links and link definitions.
    not_plain: Vec<Range<usize>>,
    /// HTML comments, which no reader sees.
    hidden: Vec<Range<usize>>,
}

impl Prose {
    pub fn of(text: &str) -> Self {
        let mut found = Self { not_plain: Vec::new(), hidden: Vec::new() };
        let parser = Parser::new_ext(text, options());
        found.not_plain.extend(parser.reference_definitions().iter().map(|(_, definition)| definition.span.clone()));
        for (event, range) in parser.into_offset_iter() {
            match event {
                Event::Start(
                    Tag::BlockQuote(_)
                    | Tag::CodeBlock(_)
                    | Tag::HtmlBlock
                    | Tag::Link { .. }
                    | Tag::Image { .. }
                    | Tag::FootnoteDefinition(_),
                )
                | Event::Code(_)
                | Event::Html(_)
                | Event::InlineHtml(_) => found.add(text, range),
                Event::Start(_)
                | Event::End(_)
                | Event::Text(_)
                | Event::InlineMath(_)
                | Event::DisplayMath(_)
                | Event::FootnoteReference(_)
                | Event::SoftBreak
                | Event::HardBreak
                | Event::Rule
                | Event::TaskListMarker(_) => {}
            }
        }
        found
    }

    fn add(&mut self, text: &str, range: Range<usize>) {
        if text[range.clone()].trim_start().starts_with("<!--") {
            self.hidden.push(range.clone());
        }
        self.not_plain.push(range);
    }

    /// Whether the character at this byte is plain prose.
    pub fn is_plain(&self, offset: usize) -> bool {
        !self.not_plain.iter().any(|range| range.contains(&offset))
    }

    /// The part of `text` in `range` that a reader sees.
    pub fn visible(&self, text: &str, range: Range<usize>) -> String {
        let mut visible = String::new();
        let mut from = range.start;
        let mut hidden: Vec<_> = self.hidden.iter().filter(|hidden| hidden.start < range.end).collect();
        hidden.sort_by_key(|hidden| hidden.start);
        for hidden in hidden {
            if hidden.start > from {
                visible.push_str(&text[from..hidden.start]);
            }
            from = from.max(hidden.end);
        }
        if from < range.end {
            visible.push_str(&text[from..range.end]);
        }
        visible
    }
}

/// GitHub's dialect as far as it decides what is code or a quote.
fn options() -> Options {
    Options::ENABLE_TABLES | Options::ENABLE_FOOTNOTES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_TASKLISTS
}
