//! Server-sent events off an HTTP answer, frame by frame (WHATWG HTML, "Server-sent events").
//!
//! Deliberately absent: reconnecting, which needs to know what was seen.

use anyhow::{Context as _, Result, ensure};
use campaigns_wire::{Event, EventData};
use reqwest::Response;

/// The most that one frame may have; the server's events are far below.
const MOST: usize = 4 << 20;

/// What a frame says.
#[derive(Debug)]
pub(super) enum Frame {
    /// Something happened in the run.
    Event(Event),
    /// The run has ended.
    End,
    /// A heartbeat, or an event that this version does not know.
    Other,
}

/// A stream of frames.
pub(super) struct Stream {
    response: Response,
    buffer: Vec<u8>,
}

impl Stream {
    /// The frames of an answer.
    pub(super) fn new(response: Response) -> Self {
        Self { response, buffer: vec![] }
    }

    /// The next frame, or `None` where the server closed the stream. Dropping the future loses nothing.
    pub(super) async fn next(&mut self) -> Result<Option<Frame>> {
        loop {
            if let Some(end) = self.buffer.windows(2).position(|pair| pair == b"\n\n") {
                let frame: Vec<u8> = self.buffer.drain(..end + 2).collect();
                return parse(&String::from_utf8_lossy(&frame)).map(Some);
            }
            ensure!(self.buffer.len() <= MOST, "the server's stream holds an event of over {MOST} bytes");
            match self
                .response
                .chunk()
                .await
                .map_err(reqwest::Error::without_url)
                .context("the stream broke off")?
            {
                Some(bytes) => self.buffer.extend(bytes.iter().filter(|byte| **byte != b'\r')),
                None => return Ok(None),
            }
        }
    }
}

fn parse(frame: &str) -> Result<Frame> {
    let (mut id, mut kind, mut data) = (None, "", String::new());
    for line in frame.lines() {
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "id" => id = Some(value.to_owned()),
            "event" => kind = value,
            "data" => {
                if !data.is_empty() {
                    data.push('\n');
                }
                data.push_str(value);
            }
            _ => {}
        }
    }
    match (kind, id) {
        ("end", _) => Ok(Frame::End),
        (_, Some(id)) if !data.is_empty() => {
            let data: EventData =
                serde_json::from_str(&data).context("an event is not what this version understands")?;
            Ok(Frame::Event(Event { id, data }))
        }
        _ => Ok(Frame::Other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_told_apart() {
        let text = "id: abc\nevent: target.changed\ndata: {\"at\":\"2026-01-02T03:04:05Z\",\"subject\":\"target\",\
                    \"subject_id\":\"00000000-0000-0000-0000-000000000000\",\"repository\":\"acme/a\",\
                    \"kind\":\"target.changed\",\"data\":{\"changed_files\":2}}\n\n";
        match parse(text).unwrap() {
            Frame::Event(event) => {
                assert_eq!(event.id, "abc");
                assert_eq!(event.data.repository.as_deref(), Some("acme/a"));
            }
            other => panic!("{other:?}"),
        }
        assert!(matches!(parse(": heartbeat\n\n").unwrap(), Frame::Other));
        assert!(matches!(
            parse("event: end\ndata: {\"state\":\"completed\",\"reason\":\"\"}\n\n").unwrap(),
            Frame::End
        ));
        assert!(parse("id: x\ndata: {\n\n").is_err());
    }
}
