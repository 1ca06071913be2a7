//! Live progress: the events of a run as Server-Sent Events, exact over any number of reconnections.
//!
//! A [`Hub`] per replica reads the store once per watched run and hands out bytes that were serialised once; a
//! client behind the hub first catches up from the store by itself; a client that is too slow is cut off and resumes
//! by its `Last-Event-ID`. Deliberately absent: what the events mean.

mod cursor;
mod frame;
mod hub;
mod stream;

pub use cursor::NotACursor;
pub use hub::{Hub, LiveSettings};

pub(crate) use cursor::{decode, encode};
pub(crate) use frame::wire_event;
pub(crate) use stream::{Watching, stream};
