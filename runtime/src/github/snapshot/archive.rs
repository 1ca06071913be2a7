//! Fetching an archive and taking it apart while it comes in.
//!
//! The archive's redirect is followed to the API's own host or to the archive host, there without our
//! credential. Deliberately absent: believing it; ids tell what the contents are.

use super::{
    File, Unpacked, off_thread,
    spool::{Content, Spool},
};
use crate::github::{
    GitHub, SnapshotLimits, answer,
    call::{Ask, Route, is_redirect},
    paid::Paid,
    wire::{Outgoing, Raw, Streamed, body_words, text},
};
use bytes::{Buf, Bytes};
use campaigns_actors::ports::{CodeHostError, ReadBudget, RepositoryRef};
use campaigns_domain::id::CommitSha;
use flate2::read::MultiGzDecoder;
use http::{Method, StatusCode};
use http_body_util::{BodyExt, Limited};
use std::{
    io::{self, Read},
    time::Duration,
};
use tar::EntryType;
use tokio::sync::mpsc;

/// A piece of an archive, or why no more come.
type Piece = Result<Bytes, String>;

/// Unpacking this much is not yet suspicious, whatever it was packed into.
const HARMLESS: u64 = 64 << 20;

/// No file system takes a longer path; nor does a depth that a longer one could have.
const LONGEST_PATH: usize = 4096;

/// Why an archive came to nothing.
enum Spoiled {
    /// It is larger than allowed.
    TooLarge(String),
    /// It broke off or is no archive.
    Broken(String),
}

impl From<io::Error> for Spoiled {
    fn from(error: io::Error) -> Self {
        Self::Broken(error.to_string())
    }
}

impl GitHub {
    /// Fetches and unpacks the commit's archive; anew, a few times, where it breaks off.
    pub(super) async fn unpack(
        &self,
        repository: &RepositoryRef,
        commit: &CommitSha,
        doing: &str,
        budget: &ReadBudget,
    ) -> Result<Unpacked, CodeHostError> {
        let mut tried = 1;
        loop {
            let answer = self.open_archive(repository, commit, &mut tried, budget).await?;
            let limits = self.wire.config.snapshots;
            let (pieces, incoming) = mpsc::channel(8);
            let worker = off_thread(move || unpack(Incoming::new(incoming), limits));
            let feeder = feed(answer, pieces, self.wire.config.timeouts.stall);
            let (_, unpacked) = tokio::join!(feeder, worker);
            match unpacked? {
                Ok(unpacked) => return Ok(unpacked),
                Err(Spoiled::TooLarge(reason)) => {
                    return Err(CodeHostError::Refused(format!("{doing}: {reason}")));
                }
                Err(Spoiled::Broken(reason)) => {
                    let about = answer::About {
                        subject: doing.to_owned(),
                        doing: doing.to_owned(),
                        write: false,
                        app: false,
                    };
                    let lost =
                        crate::github::wire::Lost::Unanswered(format!("the archive broke off: {reason}"));
                    self.after_loss(&about, lost, &mut tried).await?;
                }
            }
        }
    }

    async fn open_archive(
        &self,
        repository: &RepositoryRef,
        commit: &CommitSha,
        tried: &mut u32,
        budget: &ReadBudget,
    ) -> Result<Streamed, CodeHostError> {
        let name = self.name(repository);
        let subject = format!("the commit {commit} of {name}");
        let route = Route::Repository(repository, format!("/tarball/{commit}"));
        let paid = Paid::Reads(budget);
        let mut ask = Ask::get("repos/download-tarball-archive", route, name.owner(), subject, paid);
        ask.about.app = self.tokens.is_app();
        let mut minted_again = false;
        'anew: loop {
            let bearer = self.tokens.bearer(&self.wire, &ask.scope).await?;
            let mut outgoing = self.outgoing(&ask, &bearer);
            for _ in 0..4 {
                let answer = match self.wire.stream(outgoing).await {
                    Ok(answer) => answer,
                    Err(lost) => {
                        self.after_loss(&ask.about, lost, tried).await?;
                        continue 'anew;
                    }
                };
                let status = answer.status();
                if status == StatusCode::OK {
                    return Ok(answer);
                }
                let location = text(answer.headers(), "location").to_owned();
                let hop = is_redirect(status).then(|| self.wire.endpoint.archive_hop(&location)).flatten();
                let Some(ours) = hop else {
                    let raw = whole(answer, self.wire.config.timeouts.read).await;
                    if status == StatusCode::UNAUTHORIZED
                        && !minted_again
                        && self.tokens.refused(&ask.scope, &bearer, &raw.headers).await
                    {
                        minted_again = true;
                        continue 'anew;
                    }
                    if status.is_server_error() {
                        let lost = crate::github::wire::Lost::Unanswered(status.to_string());
                        self.after_loss(&ask.about, lost, tried).await?;
                        continue 'anew;
                    }
                    return Err(answer::refusal(&ask.about, status, &raw.headers, &raw.body));
                };
                outgoing = Outgoing {
                    operation: ask.operation,
                    method: Method::GET,
                    address: location,
                    accept: "*/*",
                    body: None,
                    authorization: ours.then(|| bearer.header.clone()),
                    timeout: self.wire.config.timeouts.read,
                    paid,
                };
            }
            return Err(CodeHostError::Unavailable(format!("{}: too many redirects", ask.about.doing)));
        }
    }
}

/// The rest of an answer that is no archive.
async fn whole(answer: Streamed, timeout: Duration) -> Raw {
    let (parts, body) = answer.into_parts();
    let read = tokio::time::timeout(timeout, Limited::new(body, 1 << 20).collect()).await;
    let body = match read {
        Ok(Ok(body)) => body.to_bytes(),
        _ => Bytes::new(),
    };
    Raw { status: parts.status, headers: parts.headers, body }
}

/// Hands the body's pieces to the worker; ends early where the worker has seen enough.
pub(super) async fn feed(answer: Streamed, pieces: mpsc::Sender<Piece>, stall: Duration) {
    let mut body = answer.into_body();
    loop {
        let piece = match tokio::time::timeout(stall, body.frame()).await {
            Err(_) => Err(format!("nothing came for {} s", stall.as_secs())),
            Ok(None) => return,
            Ok(Some(Err(error))) => Err(body_words(&error)),
            Ok(Some(Ok(frame))) => match frame.into_data() {
                Ok(data) => Ok(data),
                Err(_) => continue,
            },
        };
        let last = piece.is_err();
        if pieces.send(piece).await.is_err() || last {
            return;
        }
    }
}

/// The pieces as a file.
pub(super) struct Incoming {
    pieces: mpsc::Receiver<Piece>,
    current: Bytes,
    /// Bytes that came so far.
    came: u64,
}

impl Incoming {
    pub(super) fn new(pieces: mpsc::Receiver<Piece>) -> Self {
        Self { pieces, current: Bytes::new(), came: 0 }
    }
}

impl Read for Incoming {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        while self.current.is_empty() {
            match self.pieces.blocking_recv() {
                None => return Ok(0),
                Some(Ok(piece)) => {
                    self.came += piece.len() as u64;
                    self.current = piece;
                }
                Some(Err(reason)) => return Err(io::Error::other(reason)),
            }
        }
        let count = self.current.len().min(to.len());
        self.current.copy_to_slice(&mut to[..count]);
        Ok(count)
    }
}

/// Counts what an archive unpacks to, and stops it where that is too much.
struct Unpacking {
    packed: MultiGzDecoder<Incoming>,
    came_out: u64,
    limits: SnapshotLimits,
}

impl Read for Unpacking {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        let count = self.packed.read(to)?;
        self.came_out += count as u64;
        let came_in = self.packed.get_ref().came.max(1);
        // Headers and padding make a tar larger than its files.
        let bytes = self.limits.bytes.saturating_mul(2).saturating_add(HARMLESS);
        if self.came_out > bytes || (self.came_out > HARMLESS && self.came_out / came_in > self.limits.ratio)
        {
            return Err(io::Error::other(TooMuch));
        }
        Ok(count)
    }
}

#[derive(Debug, thiserror::Error)]
#[error("it unpacks to more than is allowed for what was sent")]
struct TooMuch;

fn unpack(incoming: Incoming, limits: SnapshotLimits) -> Result<Unpacked, Spoiled> {
    let unpacking = Unpacking { packed: MultiGzDecoder::new(incoming), came_out: 0, limits };
    unpack_tar(unpacking, limits).map_err(|spoiled| match spoiled {
        Spoiled::Broken(reason) if reason.contains(&TooMuch.to_string()) => Spoiled::TooLarge(reason),
        other => other,
    })
}

fn unpack_tar(unpacking: impl Read, limits: SnapshotLimits) -> Result<Unpacked, Spoiled> {
    let mut archive = tar::Archive::new(unpacking);
    let mut spool = Spool::new();
    let mut files: Vec<(File, Content)> = Vec::new();
    for entry in archive.entries()? {
        let mut entry = entry?;
        let kind = entry.header().entry_type();
        if !matches!(kind, EntryType::Regular | EntryType::Symlink) {
            continue;
        }
        // Everything is in one folder, which is the archive's and not the repository's.
        let path = entry.path_bytes();
        let Some(at) = path.iter().position(|byte| *byte == b'/') else { continue };
        let path = path[at + 1..].to_vec();
        if path.is_empty() {
            continue;
        }
        if path.len() > LONGEST_PATH {
            return Err(Spoiled::TooLarge(format!("it holds a path of more than {LONGEST_PATH} bytes")));
        }
        let size = entry.size();
        if spool.size().saturating_add(size) > limits.bytes {
            return Err(Spoiled::TooLarge(format!("it holds more than {} MB", limits.bytes >> 20)));
        }
        if files.len() >= limits.files {
            return Err(Spoiled::TooLarge(format!("it holds more than {} files", limits.files)));
        }
        let (mode, (content, id)) = if kind == EntryType::Symlink {
            let target = entry.link_name_bytes().unwrap_or_default().into_owned();
            ("120000", spool.append(target.as_slice(), target.len() as u64)?)
        } else {
            let executable = entry.header().mode().is_ok_and(|mode| mode & 0o100 != 0);
            (if executable { "100755" } else { "100644" }, spool.append(&mut entry, size)?)
        };
        files.push((File { path, mode, id }, content));
    }
    Ok(Unpacked { files, spool })
}
