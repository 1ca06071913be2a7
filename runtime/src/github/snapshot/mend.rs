//! Mending an archive that is not the tree: whatever the tree lists is looked for by its blob id among what
//! came, then under undone line endings, and fetched where it is neither.
//!
//! Deliberately absent: any content whose blob id is not the listed one.

use super::{
    File, Unpacked,
    archive::{Incoming, feed},
    off_thread,
    spool::{Content, Spool},
    tree::Listed,
};
use crate::github::{
    GitHub,
    answer::{self, About},
    call::{Ask, Route},
    paid::Paid,
    wire::text,
};
use campaigns_actors::ports::{CodeHostError, ReadBudget, RepositoryRef, git_objects};
use campaigns_domain::id::CommitSha;
use futures::{StreamExt, TryStreamExt, stream};
use std::{collections::HashMap, io};
use tokio::sync::mpsc;

/// Blobs up to this size are fetched several at a time, into memory; larger ones one by one, into the spool.
const SMALL: u64 = 2 << 20;

/// How many small blobs are fetched at a time.
const AT_ONCE: usize = 4;

/// GitHub's raw form of an object.
pub(in crate::github) const RAW: &str = "application/vnd.github.raw+json";

impl GitHub {
    pub(super) async fn mend(
        &self,
        repository: &RepositoryRef,
        commit: &CommitSha,
        unpacked: Unpacked,
        doing: &str,
        budget: &ReadBudget,
    ) -> Result<Unpacked, CodeHostError> {
        let listed = self.list_tree(repository, &commit.0, doing, budget).await?;
        let limits = self.wire.config.snapshots;
        let total: u64 = listed.iter().map(|listed| listed.size).sum();
        if total > limits.bytes || listed.len() > limits.files {
            return Err(CodeHostError::Refused(format!(
                "{doing}: it holds {} MB in {} files, more than the {} MB and {} files allowed",
                total >> 20,
                listed.len(),
                limits.bytes >> 20,
                limits.files
            )));
        }
        let spool_failed = |error: io::Error| {
            CodeHostError::Unavailable(format!("{doing}: the temporary file failed: {error}"))
        };
        let (listed, mut spool, mut found, missing) =
            off_thread(move || sort_out(listed, unpacked)).await?.map_err(spool_failed)?;
        let fetched = missing.len();
        let (small, large): (Vec<_>, Vec<_>) = missing.into_iter().partition(|(_, size)| *size <= SMALL);
        let mut coming = stream::iter(small)
            .map(|(id, _)| self.small_blob(repository, id, doing, budget))
            .buffer_unordered(AT_ONCE);
        while let Some((id, content)) = coming.try_next().await? {
            let (back, appended) = off_thread(move || {
                let appended = spool.append(content.as_ref(), content.len() as u64);
                (spool, appended)
            })
            .await?;
            spool = back;
            found.insert(id, appended.map_err(spool_failed)?.0);
        }
        drop(coming);
        for (id, size) in large {
            let (back, content) = self.large_blob(repository, id, size, spool, doing, budget).await?;
            spool = back;
            found.insert(id, content);
        }
        tracing::debug!(repository = %repository.name, fetched, files = listed.len(), "mended an archive");
        let files = listed
            .into_iter()
            .filter_map(|listed| found.get(&listed.file.id).map(|content| (listed.file, *content)))
            .collect();
        Ok(Unpacked { files, spool })
    }

    fn blob<'a>(&self, repository: &'a RepositoryRef, id: [u8; 20], budget: &'a ReadBudget) -> Ask<'a> {
        let (name, id) = (self.name(repository), hex::encode(id));
        let route = Route::Repository(repository, format!("/git/blobs/{id}"));
        let subject = format!("the blob {id} of {name}");
        let mut ask = Ask::get("git/get-blob", route, name.owner(), subject, Paid::Reads(budget));
        ask.accept = RAW;
        ask
    }

    async fn small_blob(
        &self,
        repository: &RepositoryRef,
        id: [u8; 20],
        doing: &str,
        budget: &ReadBudget,
    ) -> Result<([u8; 20], bytes::Bytes), CodeHostError> {
        let raw = self.ask(self.blob(repository, id, budget)).await?;
        if git_objects::blob_id(&raw.body) != id {
            return Err(not_it(doing, id, text(&raw.headers, "content-type")));
        }
        Ok((id, raw.body))
    }

    async fn large_blob(
        &self,
        repository: &RepositoryRef,
        id: [u8; 20],
        size: u64,
        mut spool: Spool,
        doing: &str,
        budget: &ReadBudget,
    ) -> Result<(Spool, Content), CodeHostError> {
        let ask = self.blob(repository, id, budget);
        let bearer = self.tokens.bearer(&self.wire, &ask.scope).await?;
        let about: &About = &ask.about;
        let mut tried = u32::MAX;
        let answer = match self.wire.stream(self.outgoing(&ask, &bearer)).await {
            Ok(answer) => answer,
            Err(lost) => {
                self.after_loss(about, lost, &mut tried).await?;
                return Err(not_it(doing, id, "nothing"));
            }
        };
        if !answer.status().is_success() {
            return Err(answer::refusal(about, answer.status(), answer.headers(), b""));
        }
        let kind = text(answer.headers(), "content-type").to_owned();
        let (pieces, incoming) = mpsc::channel(8);
        let worker = off_thread(move || {
            let appended = spool.append(Incoming::new(incoming), size);
            (spool, appended)
        });
        let (_, done) = tokio::join!(feed(answer, pieces, self.wire.config.timeouts.stall), worker);
        match done? {
            (spool, Ok((content, got))) if got == id => Ok((spool, content)),
            (_, Ok(_)) => Err(not_it(doing, id, &kind)),
            (_, Err(error)) => Err(CodeHostError::Unavailable(format!(
                "{doing}: the blob {} broke off: {error}",
                hex::encode(id)
            ))),
        }
    }
}

fn not_it(doing: &str, id: [u8; 20], kind: &str) -> CodeHostError {
    CodeHostError::Unavailable(format!(
        "{doing}: GitHub answered for the blob {} with something else ({kind})",
        hex::encode(id)
    ))
}

/// What is listed, the contents there are, and the ids (with sizes) that are missing.
type Sorted = (Vec<Listed>, Spool, HashMap<[u8; 20], Content>, Vec<([u8; 20], u64)>);

fn sort_out(mut listed: Vec<Listed>, unpacked: Unpacked) -> io::Result<Sorted> {
    let Unpacked { files, mut spool } = unpacked;
    let mut found: HashMap<[u8; 20], Content> =
        files.iter().map(|(file, content)| (file.id, *content)).collect();
    let by_path: HashMap<String, &(File, Content)> =
        files.iter().map(|entry| (String::from_utf8_lossy(&entry.0.path).into_owned(), entry)).collect();
    let mut missing: HashMap<[u8; 20], u64> = HashMap::new();
    for listed in &mut listed {
        let came = by_path.get(String::from_utf8_lossy(&listed.file.path).as_ref());
        // JSON has no bytes: a name that is no UTF-8 is listed with replacement characters, and has its own in
        // the archive.
        if let Some((file, _)) = came {
            listed.file.path.clone_from(&file.path);
        }
        if found.contains_key(&listed.file.id) || missing.contains_key(&listed.file.id) {
            continue;
        }
        let undone = match came {
            Some((_, content)) => spool.without_cr(*content, listed.file.id)?,
            None => None,
        };
        match undone {
            Some(content) => {
                found.insert(listed.file.id, content);
            }
            None => {
                missing.insert(listed.file.id, listed.size);
            }
        }
    }
    Ok((listed, spool, found, missing.into_iter().collect()))
}
