//! What GitHub has said before: read again only if it has changed, or not at all where it cannot change.
//!
//! Bounded, per installation, and forgotten with it; a process that starts knows nothing and asks for everything once.
//! <https://docs.github.com/en/rest/using-the-rest-api/best-practices-for-using-the-rest-api#use-conditional-requests-if-appropriate>

use std::{
    collections::{HashMap, VecDeque},
    sync::{Mutex, PoisonError},
};

use bytes::Bytes;
use http::{HeaderValue, StatusCode, header};

use super::transport::{Answer, Call};

/// Most answers kept for one installation.
const ENTRIES: usize = 256;

/// Largest answer kept: an issue, a page of comments or a policy, not a tree of files.
const ENTRY_BYTES: usize = 128 * 1024;

/// Most bytes of answers kept for one installation.
const BYTES: usize = 4 * 1024 * 1024;

/// What is known of one installation's repositories.
#[derive(Debug, Default)]
pub(super) struct Known {
    answers: Mutex<Shelf<Answer>>,
    files: Mutex<Shelf<Option<Bytes>>>,
}

impl Known {
    /// The same read, to be answered only if the object has changed since it was last read.
    pub fn ask(&self, call: &Call) -> Call {
        let shelf = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        Call { unless: shelf.get(&call.path).and_then(tag), ..call.clone() }
    }

    /// What the answer to such a read says: itself, or what was known. `None` when what was known is gone meanwhile.
    pub fn hear(&self, call: &Call, answer: Answer) -> Option<Answer> {
        let mut shelf = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        if answer.status == StatusCode::NOT_MODIFIED {
            return shelf.get(&call.path).cloned();
        }
        if tag(&answer).is_some() {
            shelf.put(&call.path, answer.clone(), answer.body.len());
        }
        Some(answer)
    }

    /// A file at a commit that was read before, or that there is none.
    pub fn file(&self, url: &str) -> Option<Option<Bytes>> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner).get(url).cloned()
    }

    /// Keeps a file at a commit, or that there is none.
    pub fn keep_file(&self, url: &str, content: Option<&Bytes>) {
        let bytes = content.map_or(0, Bytes::len);
        self.files.lock().unwrap_or_else(PoisonError::into_inner).put(url, content.cloned(), bytes);
    }
}

fn tag(answer: &Answer) -> Option<HeaderValue> {
    answer.headers.get(header::ETAG).cloned()
}

/// The newest things that fit.
#[derive(Debug)]
struct Shelf<T> {
    things: HashMap<String, (T, usize)>,
    oldest_first: VecDeque<String>,
    bytes: usize,
}

impl<T> Default for Shelf<T> {
    fn default() -> Self {
        Self { things: HashMap::new(), oldest_first: VecDeque::new(), bytes: 0 }
    }
}

impl<T> Shelf<T> {
    fn get(&self, name: &str) -> Option<&T> {
        self.things.get(name).map(|(thing, _)| thing)
    }

    fn put(&mut self, name: &str, thing: T, bytes: usize) {
        if bytes > ENTRY_BYTES {
            return;
        }
        match self.things.insert(name.to_owned(), (thing, bytes)) {
            Some((_, before)) => self.bytes -= before,
            None => self.oldest_first.push_back(name.to_owned()),
        }
        self.bytes += bytes;
        while self.things.len() > ENTRIES || self.bytes > BYTES {
            let Some(oldest) = self.oldest_first.pop_front() else { return };
            if let Some((_, bytes)) = self.things.remove(&oldest) {
                self.bytes -= bytes;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;

    use super::*;

    fn answer(status: StatusCode, tag: Option<&'static str>, body: &'static str) -> Answer {
        let mut headers = HeaderMap::new();
        if let Some(tag) = tag {
            headers.insert(header::ETAG, HeaderValue::from_static(tag));
        }
        Answer { status, headers, body: Bytes::from_static(body.as_bytes()) }
    }

    #[test]
    fn what_has_not_changed_is_taken_from_the_shelf() {
        let (known, call) = (Known::default(), Call::get("/repos/o/r"));
        assert_eq!(known.ask(&call).unless, None);
        known.hear(&call, answer(StatusCode::OK, Some("W/\"1\""), "one"));
        let again = known.ask(&call);
        assert_eq!(again.unless, Some(HeaderValue::from_static("W/\"1\"")));
        let heard = known.hear(&again, answer(StatusCode::NOT_MODIFIED, None, ""));
        assert_eq!(heard.unwrap().body, "one");
        known.hear(&again, answer(StatusCode::OK, Some("W/\"2\""), "two"));
        assert_eq!(known.hear(&again, answer(StatusCode::NOT_MODIFIED, None, "")).unwrap().body, "two");
        let other = Call::get("/repos/o/other");
        assert!(known.hear(&other, answer(StatusCode::NOT_MODIFIED, None, "")).is_none());
        known.hear(&other, answer(StatusCode::OK, None, "untagged"));
        assert_eq!(known.ask(&other).unless, None);
    }

    #[test]
    fn the_shelf_holds_no_more_than_it_may() {
        let mut shelf = Shelf::default();
        shelf.put("large", 0, ENTRY_BYTES + 1);
        assert!(shelf.get("large").is_none());
        for number in 0..1_000 {
            shelf.put(&number.to_string(), number, 1);
            shelf.put(&number.to_string(), number, 2);
        }
        assert_eq!((shelf.things.len(), shelf.oldest_first.len(), shelf.bytes), (ENTRIES, ENTRIES, 2 * ENTRIES));
        assert!(shelf.get("0").is_none() && shelf.get("999").is_some());
        for number in 0..100 {
            shelf.put(&format!("big {number}"), number, ENTRY_BYTES);
        }
        assert!(shelf.bytes <= BYTES && shelf.get("big 99").is_some());
    }
}
