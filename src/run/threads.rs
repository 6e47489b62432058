//! The threads of a review as the coder is shown them, made from what GitHub says of the pull request. No I/O.

use super::store::reviews::ShownThread;
use crate::{
    agent::{ReviewThread, Statement},
    event::command::{self, Command, Verb},
    github::{Review, ReviewComment, Submitted, Thread},
    ids::{CommentId, ReviewId},
};

/// Most threads of one review that are worked at once; a reviewer with more has found something that needs a talk.
pub const THREADS: usize = 50;

/// Most comments of one thread that are shown, the newest ones.
const COMMENTS: usize = 20;

/// What still wants an answer: the threads in which the review spoke and that nobody resolved since, and the review's own
/// text. A dismissed review wants nothing any more, and what was deleted is not there. Beyond [`THREADS`], lines are left over.
pub fn wanting(review: &Review, comments: &[ReviewComment], states: &[Thread]) -> Vec<ShownThread> {
    match review.state {
        Submitted::Dismissed | Submitted::Pending => return vec![],
        Submitted::Approved | Submitted::ChangesRequested | Submitted::Commented => {}
    }
    let mut roots: Vec<CommentId> = Vec::new();
    for comment in comments.iter().filter(|comment| comment.pull_request_review_id == Some(review.id)) {
        if !roots.contains(&comment.thread()) {
            roots.push(comment.thread());
        }
    }
    let state_of = |root: CommentId| states.iter().find(|state| state.first == root);
    roots.retain(|root| state_of(*root).is_none_or(|state| !state.resolved));
    // A question to wiz is answered on its own.
    let own = |root: CommentId| {
        comments
            .iter()
            .filter(move |comment| comment.thread() == root && comment.pull_request_review_id == Some(review.id))
    };
    roots.retain(|root| !own(*root).all(|comment| only_asks(&comment.body)));
    let lines = roots
        .iter()
        .filter_map(|root| line_thread(*root, comments, state_of(*root).is_some_and(|state| state.outdated)));
    let own_text = own_text(review);
    let mut threads: Vec<ShownThread> = lines.collect();
    let mut left_over = threads.split_off(threads.len().min(THREADS - own_text.iter().count()));
    threads.extend(own_text);
    for (index, shown) in threads.iter_mut().enumerate() {
        shown.thread.key = format!("T{}", index + 1);
    }
    left_over.iter_mut().for_each(|shown| shown.left_over = true);
    threads.extend(left_over);
    threads
}

/// Whether everything in a thread was shown to the coder, but for the one answer to it: what somebody has added meanwhile
/// must not be shut away. Of a thread that is too long to be shown whole nobody knows, so it stays open.
pub fn holds_no_more(now: &Thread, shown: &ShownThread) -> bool {
    let words = shown.thread.words.len();
    words < COMMENTS && now.comments <= words + 1
}

/// The files a review points at.
pub fn files_of(comments: &[ReviewComment], review: ReviewId) -> Vec<String> {
    let own = comments.iter().filter(|comment| comment.pull_request_review_id == Some(review));
    let mut files: Vec<String> = own.map(|comment| comment.path.clone()).collect();
    files.sort();
    files.dedup();
    files
}

/// A thread as it now stands, whether it is outdated or not; none when its first comment is gone.
pub fn conversation(root: CommentId, comments: &[ReviewComment]) -> Option<ShownThread> {
    line_thread(root, comments, false)
}

fn line_thread(root: CommentId, comments: &[ReviewComment], outdated: bool) -> Option<ShownThread> {
    let of_thread: Vec<&ReviewComment> = comments.iter().filter(|comment| comment.thread() == root).collect();
    let first = of_thread.first()?;
    let place = match (first.line, first.original_line) {
        (Some(line), _) if !outdated => format!("{}, line {line}", first.path),
        (_, Some(line)) | (Some(line), None) => {
            format!("{}, line {line} as it was then; the line was changed since", first.path)
        }
        (None, None) => format!("{}, the whole file", first.path),
    };
    let skipped = of_thread.len().saturating_sub(COMMENTS);
    let words = of_thread.iter().skip(skipped).map(|comment| Statement {
        source: comment.user.as_ref().map_or_else(|| "ghost".to_owned(), |author| author.login.to_string()),
        text: comment.body.clone(),
    });
    let words = words.collect();
    let thread = ReviewThread { key: String::new(), place, hunk: first.diff_hunk.clone(), words };
    Some(ShownThread { first: Some(root), path: Some(first.path.clone()), thread, left_over: false })
}

/// Whether a text holds questions to wiz and no other order.
fn only_asks(text: &str) -> bool {
    let mut commands = command::parse(text, None).into_iter().flatten().peekable();
    commands.peek().is_some() && commands.all(|command| command.verb == Verb::Ask)
}

/// The review's own text, unless it holds nothing but commands.
fn own_text(review: &Review) -> Option<ShownThread> {
    let commands = command::parse(&review.body, None);
    let is_told = |command: &Command| command.verb != Verb::Ask && !command.instructions.trim().is_empty();
    let instructed = commands.iter().flatten().any(is_told);
    let is_command = |line: &str| line.trim_start().starts_with("/wiz");
    let has_words = review.body.lines().any(|line| !line.trim().is_empty() && !is_command(line));
    if !instructed && !has_words {
        return None;
    }
    let source = review.user.as_ref().map_or_else(|| "ghost".to_owned(), |author| author.login.to_string());
    let thread = ReviewThread {
        key: String::new(),
        place: "the review's own text".to_owned(),
        hunk: String::new(),
        words: vec![Statement { source, text: review.body.clone() }],
    };
    Some(ShownThread { first: None, path: None, thread, left_over: false })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn review(state: &str, body: &str) -> Review {
        let user = json!({ "id": 1, "login": "rita", "type": "User" });
        serde_json::from_value(json!({
            "id": 9, "state": state, "body": body, "user": user, "html_url": "https://github.com/a/b/pull/1",
        }))
        .unwrap()
    }

    fn comment(id: i64, review: i64, reply_to: Option<i64>, line: Option<u32>) -> ReviewComment {
        serde_json::from_value(json!({
            "id": id, "body": format!("words {id}"), "path": format!("src/{}.py", reply_to.unwrap_or(id)),
            "user": { "id": 1, "login": "rita", "type": "User" }, "line": line, "original_line": 7,
            "diff_hunk": "@@ -1 +1 @@", "in_reply_to_id": reply_to, "pull_request_review_id": review,
            "html_url": "https://github.com/a/b/pull/1",
        }))
        .unwrap()
    }

    fn state(first: i64, resolved: bool, outdated: bool) -> Thread {
        let id = serde_json::from_value(json!(format!("PRRT_{first}"))).unwrap();
        Thread { id, first: CommentId(first), resolved, outdated, comments: 1 }
    }

    fn shown(threads: &[ShownThread]) -> Vec<String> {
        let line = |shown: &ShownThread| {
            let words: Vec<&str> = shown.thread.words.iter().map(|words| words.text.as_str()).collect();
            format!("{} {}: {}", shown.thread.key, shown.thread.place, words.join(" | "))
        };
        threads.iter().map(line).collect()
    }

    #[test]
    fn a_review_wants_answers_in_its_open_threads_and_to_its_text() {
        let comments = [
            comment(1, 8, None, Some(3)),
            comment(2, 9, None, Some(4)),
            comment(3, 9, Some(1), Some(3)),
            comment(4, 9, None, None),
            comment(5, 9, None, Some(5)),
            comment(6, 10, Some(2), Some(4)),
        ];
        let states = [state(1, false, false), state(2, false, false), state(4, false, true), state(5, true, false)];
        let threads = wanting(&review("CHANGES_REQUESTED", "Nearly there.\n\n/wiz fix"), &comments, &states);
        assert_eq!(
            shown(&threads),
            [
                "T1 src/2.py, line 4: words 2 | words 6",
                "T2 src/1.py, line 3: words 1 | words 3",
                "T3 src/4.py, line 7 as it was then; the line was changed since: words 4",
                "T4 the review's own text: Nearly there.\n\n/wiz fix",
            ]
        );
        assert_eq!(threads[3].first, None);
        assert_eq!(files_of(&comments, ReviewId(9)), ["src/1.py", "src/2.py", "src/4.py", "src/5.py"]);
    }

    #[test]
    fn what_is_gone_resolved_or_dismissed_wants_nothing() {
        let comments = [comment(1, 9, None, Some(3))];
        assert_eq!(shown(&wanting(&review("DISMISSED", "No!"), &comments, &[])), Vec::<String>::new());
        assert_eq!(shown(&wanting(&review("COMMENTED", "/wiz fix"), &[], &[])), Vec::<String>::new());
        assert_eq!(
            shown(&wanting(&review("COMMENTED", ""), &comments, &[state(1, true, false)])),
            Vec::<String>::new()
        );
        assert_eq!(shown(&wanting(&review("COMMENTED", "/wiz fix the name"), &[], &[])).len(), 1);
        let asks = ReviewComment { body: "/wiz ask Why?".to_owned(), ..comment(1, 9, None, Some(3)) };
        assert_eq!(shown(&wanting(&review("COMMENTED", "/wiz ask Really?"), &[asks], &[])), Vec::<String>::new());
        let many: Vec<ReviewComment> = (1..=60).map(|id| comment(id, 9, None, Some(1))).collect();
        let threads = wanting(&review("COMMENTED", "And faster."), &many, &[]);
        assert_eq!((threads.len(), threads[THREADS - 1].first), (61, None), "the review's own text is always worked");
        assert!(threads.iter().enumerate().all(|(index, shown)| shown.left_over == (index >= THREADS)));
        let long: Vec<ReviewComment> = (1..=30).map(|id| comment(id, 9, (id > 1).then_some(1), Some(1))).collect();
        assert_eq!(wanting(&review("COMMENTED", ""), &long, &[])[0].thread.words.len(), COMMENTS);
    }
}
