//! Following a process that was started: its output goes to the log until it has something to say, runs out of time
//! or is called off. Deliberately absent: ending it, which whoever started it does.

use crate::log::Log;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use std::io::{self, PipeReader, Read};
use std::os::fd::AsFd;
use std::time::Instant;

/// What ended the following.
#[derive(Debug, PartialEq)]
pub(crate) enum Followed {
    /// The watched descriptor can be read.
    Ready,
    /// The time is over.
    TimedOut,
    /// It was called off: the other end of the given pipe was closed.
    Cancelled,
}

/// Copies `output` to `log` until one of the three happens.
///
/// # Errors
/// What the pipes or the disk yield.
pub(crate) fn follow(
    watched: impl AsFd,
    output: &PipeReader,
    log: &mut Log,
    deadline: Instant,
    cancelled: Option<&PipeReader>,
) -> io::Result<Followed> {
    let mut buffer = vec![0; 64 * 1024];
    let mut output_open = true;
    loop {
        let mut fds = vec![PollFd::new(&watched, PollFlags::IN)];
        if let Some(cancelled) = cancelled {
            fds.push(PollFd::new(cancelled, PollFlags::IN));
        }
        if output_open {
            fds.push(PollFd::new(output, PollFlags::IN));
        }
        let ready = match poll(&mut fds, Some(&left(deadline))) {
            Ok(ready) => ready,
            Err(Errno::INTR) => continue,
            Err(errno) => return Err(errno.into()),
        };
        let happened = |at: usize| fds.get(at).is_some_and(|fd| !fd.revents().is_empty());
        let (said, called_off) = (happened(0), cancelled.is_some() && happened(1));
        let written = output_open && happened(fds.len() - 1);
        if called_off {
            return Ok(Followed::Cancelled);
        }
        if said {
            return Ok(Followed::Ready);
        }
        if ready == 0 || Instant::now() >= deadline {
            return Ok(Followed::TimedOut);
        }
        if written {
            let count = (&*output).read(&mut buffer)?;
            output_open = count > 0;
            log.output(&buffer[..count])?;
        }
    }
}

/// Copies what the pipe still holds, without waiting for more.
///
/// # Errors
/// What the pipe or the disk yields.
pub(crate) fn drain(output: &PipeReader, log: &mut Log) -> io::Result<()> {
    rustix::io::ioctl_fionbio(output, true)?;
    let mut buffer = vec![0; 64 * 1024];
    loop {
        match (&*output).read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(count) => log.output(&buffer[..count])?,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// The time until `deadline`, for `poll`.
pub(crate) fn left(deadline: Instant) -> Timespec {
    let left = deadline.saturating_duration_since(Instant::now());
    Timespec {
        tv_sec: i64::try_from(left.as_secs()).unwrap_or(i64::MAX),
        tv_nsec: left.subsec_nanos().into(),
    }
}
