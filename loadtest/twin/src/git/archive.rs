//! Archives, made by `git archive` itself, so that `.gitattributes` means here what it means at GitHub:
//! `export-ignore` files are missing, `export-subst` is filled in, `eol` is applied. Streamed, never stored.

use axum::body::Body;
use git2::Oid;
use std::path::Path;
use tokio_util::io::ReaderStream;

/// Streams a gzipped tar of a commit under one top folder.
pub fn tarball(repository: &Path, commit: Oid, folder: &str) -> std::io::Result<Body> {
    let mut child = super::command(repository)
        .args(["archive", "--format=tar.gz"])
        .arg(format!("--prefix={folder}/"))
        .arg(commit.to_string())
        .spawn()?;
    let output = child.stdout.take().ok_or_else(|| std::io::Error::other("git archive has no output"))?;
    // The child is reaped by its own task; a client that leaves breaks the pipe, which ends it.
    tokio::spawn(async move { child.wait().await });
    Ok(Body::from_stream(ReaderStream::with_capacity(output, 64 * 1024)))
}
