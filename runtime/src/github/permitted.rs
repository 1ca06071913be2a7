//! The body of a write: it is handed to the connection only while the write's permit holds.
//!
//! Between the decision to send and the first byte lie a connection that may have to be made, the queue of the one
//! there is, and whatever stops this process. hyper writes head and body at once and asks for the body last, so that a
//! body that refuses takes the head with it and nothing leaves. Deliberately absent: reads, and writes without a body,
//! of which there are none; hyper would not ask for it.

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use octocrab::OctoBody;
use std::{
    pin::Pin,
    task::{Context, Poll},
};
use tokio::time::Instant;

/// The permit was too old when the request was to leave, so that it did not.
#[derive(Debug, thiserror::Error)]
#[error("the permit of the write expired before it left")]
pub(super) struct TooLate;

/// Bytes that are given out until a time.
pub(super) struct Permitted {
    bytes: Option<Bytes>,
    expires: Instant,
}

impl Permitted {
    /// `bytes` as a body that leaves before `expires` or not at all.
    pub(super) fn until(expires: Instant, bytes: Bytes) -> OctoBody {
        OctoBody::new(Self { bytes: Some(bytes), expires })
    }
}

impl Body for Permitted {
    type Data = Bytes;
    type Error = TooLate;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, TooLate>>> {
        let Some(bytes) = self.bytes.take() else { return Poll::Ready(None) };
        Poll::Ready(Some(if Instant::now() < self.expires { Ok(Frame::data(bytes)) } else { Err(TooLate) }))
    }

    fn is_end_stream(&self) -> bool {
        self.bytes.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.bytes.as_ref().map_or(0, |bytes| bytes.len() as u64))
    }
}
