//! Frames: `u32` big-endian header length, `u32` big-endian body length, header (JSON), body (bytes).

use serde::{Serialize, de::DeserializeOwned};

/// Longest header, in bytes: a batch of a few thousand file names.
pub const MAX_HEADER_BYTES: usize = 1024 * 1024;

/// Longest body, in bytes: one batch of files, one record, or the manifest of a large repository.
pub const MAX_BODY_BYTES: usize = 16 * 1024 * 1024;

const LENGTHS_BYTES: usize = 8;

/// Why bytes are no frame. The stream cannot be read on after any of these.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FrameError {
    /// A length is above its cap.
    TooLong { what: &'static str, bytes: usize },
    /// The header is not the JSON that was expected.
    BadHeader(String),
}

impl std::fmt::Display for FrameError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::TooLong { what, bytes } => write!(f, "the {what} of a frame has {bytes} bytes, which is too long"),
            Self::BadHeader(why) => write!(f, "the header of a frame is not understood: {why}"),
        }
    }
}

impl std::error::Error for FrameError {}

/// One frame as it came: a header that is still JSON, and a body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    pub header: Vec<u8>,
    pub body: Vec<u8>,
}

impl Frame {
    /// The header as a value.
    pub fn header<T: DeserializeOwned>(&self) -> Result<T, FrameError> {
        serde_json::from_slice(&self.header).map_err(|error| FrameError::BadHeader(error.to_string()))
    }
}

/// The bytes of a frame; fails when a part is above its cap.
pub fn encode(header: &impl Serialize, body: &[u8]) -> Result<Vec<u8>, FrameError> {
    let header = serde_json::to_vec(header).map_err(|error| FrameError::BadHeader(error.to_string()))?;
    let header_len = length("header", header.len(), MAX_HEADER_BYTES)?;
    let body_len = length("body", body.len(), MAX_BODY_BYTES)?;
    let mut bytes = Vec::with_capacity(LENGTHS_BYTES + header.len() + body.len());
    bytes.extend_from_slice(&header_len.to_be_bytes());
    bytes.extend_from_slice(&body_len.to_be_bytes());
    bytes.extend_from_slice(&header);
    bytes.extend_from_slice(body);
    Ok(bytes)
}

fn length(what: &'static str, bytes: usize, cap: usize) -> Result<u32, FrameError> {
    u32::try_from(bytes).ok().filter(|_| bytes <= cap).ok_or(FrameError::TooLong { what, bytes })
}

/// Turns bytes as they arrive into frames. Holds at most one unfinished frame and what was pushed last.
#[derive(Debug, Default)]
pub struct Decoder {
    buffer: Vec<u8>,
    start: usize,
}

impl Decoder {
    /// Takes more bytes of the stream.
    pub fn push(&mut self, bytes: &[u8]) {
        if self.start > 0 {
            self.buffer.drain(..self.start);
            self.start = 0;
        }
        self.buffer.extend_from_slice(bytes);
    }

    /// The next whole frame, `None` when more bytes are needed. After an error the stream is lost.
    pub fn next_frame(&mut self) -> Result<Option<Frame>, FrameError> {
        let waiting = self.buffer.get(self.start..).unwrap_or_default();
        let Some((header_len, rest)) = waiting.split_first_chunk::<4>() else { return Ok(None) };
        let Some((body_len, rest)) = rest.split_first_chunk::<4>() else { return Ok(None) };
        let header_len = capped("header", *header_len, MAX_HEADER_BYTES)?;
        let body_len = capped("body", *body_len, MAX_BODY_BYTES)?;
        let Some(header) = rest.get(..header_len) else { return Ok(None) };
        let Some(body) = rest.get(header_len..header_len + body_len) else { return Ok(None) };
        let frame = Frame { header: header.to_vec(), body: body.to_vec() };
        self.start += LENGTHS_BYTES + header_len + body_len;
        Ok(Some(frame))
    }
}

fn capped(what: &'static str, length: [u8; 4], cap: usize) -> Result<usize, FrameError> {
    let bytes = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
    if bytes <= cap { Ok(bytes) } else { Err(FrameError::TooLong { what, bytes }) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn frames_survive_any_cutting(
            parts in prop::collection::vec((".{0,20}", prop::collection::vec(any::<u8>(), 0..200)), 0..6),
            cut in 1_usize..40,
        ) {
            let stream: Vec<u8> = parts.iter().flat_map(|(header, body)| encode(header, body).unwrap()).collect();
            let mut decoder = Decoder::default();
            let mut seen = Vec::new();
            for chunk in stream.chunks(cut) {
                decoder.push(chunk);
                while let Some(frame) = decoder.next_frame().unwrap() {
                    seen.push((frame.header::<String>().unwrap(), frame.body));
                }
            }
            prop_assert_eq!(seen, parts);
        }

        #[test]
        fn any_bytes_are_decoded_without_panic_and_within_the_caps(bytes in prop::collection::vec(any::<u8>(), 0..4096)) {
            let mut decoder = Decoder::default();
            decoder.push(&bytes);
            while let Ok(Some(frame)) = decoder.next_frame() {
                prop_assert!(frame.header.len() <= MAX_HEADER_BYTES && frame.body.len() <= MAX_BODY_BYTES);
            }
        }
    }

    #[test]
    fn a_length_above_its_cap_is_refused_before_its_bytes_arrive() {
        for (lengths, what) in [([0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0], "header"), ([0, 0, 0, 1, 2, 0, 0, 0], "body")] {
            let mut decoder = Decoder::default();
            decoder.push(&lengths);
            assert!(matches!(decoder.next_frame(), Err(FrameError::TooLong { what: part, .. }) if part == what));
        }
        assert!(matches!(encode(&"", &vec![0; MAX_BODY_BYTES + 1]), Err(FrameError::TooLong { what: "body", .. })));
        assert!(encode(&"", &vec![0; MAX_BODY_BYTES]).is_ok());
    }
}
