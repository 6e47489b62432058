//! Files that the API only points at, such as logs: read without our token, and never beyond a fixed length.

use bytes::{Buf as _, Bytes, BytesMut};
use http::{HeaderMap, Request, Response, StatusCode, Uri, header};
use http_body_util::{BodyExt as _, combinators::BoxBody};
use secrecy::SecretString;

use super::{
    calls::Meter,
    error::{Detail, GitHubError, Refusal, classify},
    transport::{Call, Credential, MAX_REDIRECTS, Transport, USER_AGENT, reason},
};
use crate::limits;

/// How much of a file is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// At most its last [`limits::LOG_TAIL_BYTES`].
    End,
    /// All of it. One larger than [`limits::LOG_BYTES`] counts as not found.
    Whole,
}

impl Transport {
    /// Asks the API for a file, and reads it where the API says it is. The token goes to the API alone: the file's address
    /// carries its own permission and may belong to another host.
    pub async fn download(
        &self,
        (call, part): (&Call, Part),
        token: &SecretString,
        meter: &Meter,
    ) -> Result<Bytes, GitHubError> {
        let mut path = call.path.clone();
        for _ in 0..=MAX_REDIRECTS {
            meter.count_call(false);
            let (status, headers, body) = self.exchange(call, &path, Credential::Token(token)).await?;
            if status.is_success() {
                return Ok(body);
            }
            // A file is announced by 302; a renamed repository by 301, and then the API is asked again.
            if status == StatusCode::FOUND {
                return self.read_outside((call, part), &headers).await;
            }
            match status.is_redirection().then(|| self.redirect(call, status, &headers)).flatten() {
                Some(next) => path = next,
                None => {
                    let name = call.name();
                    let refusal = Refusal { call: &name, writes: false, status, headers: &headers, body: &body };
                    return Err(classify(&refusal, chrono::Utc::now()));
                }
            }
        }
        Err(GitHubError::no_answer(&call.name(), false, "too many redirects"))
    }

    async fn read_outside(&self, (call, part): (&Call, Part), headers: &HeaderMap) -> Result<Bytes, GitHubError> {
        let lost = |reason: &str| GitHubError::no_answer(&call.name(), false, reason);
        let location = headers.get(header::LOCATION).and_then(|value| value.to_str().ok());
        let location: Option<Uri> = location.and_then(|text| text.parse().ok());
        let safe = |at: &Uri| at.scheme_str() == Some("https") || at.scheme() == self.base.scheme();
        let location = location.filter(safe).ok_or_else(|| lost("the file has no address"))?;
        let request = Request::get(location).header(header::USER_AGENT, USER_AGENT).body(String::new());
        let request = request.map_err(|error| lost(&error.to_string()))?;
        let reading = async {
            let response = self.outside.execute(request).await.map_err(|error| lost(&reason(&error)))?;
            let (head, body) = Response::into_parts(response);
            match head.status {
                status if status.is_success() => {}
                // GitHub points at logs that never arrived there: the runner was lost.
                status @ (StatusCode::NOT_FOUND | StatusCode::GONE) => {
                    return Err(absent(call, format!("the file's address answered {status}")));
                }
                status => return Err(lost(&format!("the file's address answered {status}"))),
            }
            match part {
                Part::End => tail(body).await.map_err(|reason| lost(&reason)),
                Part::Whole => match whole(body).await.map_err(|reason| lost(&reason))? {
                    Some(content) => Ok(content),
                    None => Err(absent(call, "the file is larger than is read".to_owned())),
                },
            }
        };
        tokio::time::timeout(limits::LOG_DEADLINE, reading)
            .await
            .unwrap_or_else(|_| Err(lost("the file did not arrive within the deadline")))
    }
}

fn absent(call: &Call, message: String) -> GitHubError {
    GitHubError::NotFound(Detail { call: call.name(), message, ..Detail::default() })
}

/// A body of at most [`limits::LOG_BYTES`].
async fn whole(mut body: BoxBody<Bytes, octocrab::Error>) -> Result<Option<Bytes>, String> {
    let mut content = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|error| reason(&error))?.into_data() else { continue };
        if content.len() + data.len() > limits::LOG_BYTES {
            return Ok(None);
        }
        content.extend_from_slice(&data);
    }
    Ok(Some(content.freeze()))
}

/// The end of a body, at most [`limits::LOG_TAIL_BYTES`].
async fn tail(mut body: BoxBody<Bytes, octocrab::Error>) -> Result<Bytes, String> {
    let (mut kept, mut read) = (BytesMut::new(), 0);
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|error| reason(&error))?.into_data() else { continue };
        read += data.len();
        kept.extend_from_slice(&data);
        if kept.len() > 2 * limits::LOG_TAIL_BYTES {
            kept.advance(kept.len() - limits::LOG_TAIL_BYTES);
        }
        if read > limits::LOG_BYTES {
            break;
        }
    }
    kept.advance(kept.len().saturating_sub(limits::LOG_TAIL_BYTES));
    Ok(kept.freeze())
}

#[cfg(test)]
mod tests {
    use http_body_util::Full;

    use super::*;

    fn body(length: usize) -> BoxBody<Bytes, octocrab::Error> {
        let mut content = vec![b'a'; length];
        content.push(b'z');
        Full::new(Bytes::from(content)).map_err(|never| match never {}).boxed()
    }

    #[tokio::test]
    async fn a_large_file_is_cut_to_its_end_or_left() {
        let end = tail(body(3 * limits::LOG_TAIL_BYTES)).await.unwrap();
        assert_eq!((end.len(), end.last()), (limits::LOG_TAIL_BYTES, Some(&b'z')));
        assert_eq!(tail(body(10)).await.unwrap().len(), 11);
        assert_eq!(whole(body(limits::LOG_TAIL_BYTES)).await.unwrap().unwrap().len(), limits::LOG_TAIL_BYTES + 1);
        assert_eq!(whole(body(limits::LOG_BYTES)).await.unwrap(), None);
    }
}
