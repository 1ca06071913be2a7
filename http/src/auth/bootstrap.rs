//! The first token: minted when the server starts for the first time, and written to a file that only its owner can
//! read.
//!
//! The file is complete before the token is stored, so that a crash in between leaves a file whose token the next
//! start stores. Deliberately absent: printing the token.

use super::Secret;
use crate::{
    ports::{Access, NewToken, StoreError},
    wire::Role,
};
use std::{
    fs::{self, OpenOptions},
    io::{self, Write},
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};
use uuid::Uuid;

/// What became of the first token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Bootstrap {
    /// It was stored, and is in the file.
    Written,
    /// The file's token is stored and usable.
    Kept,
    /// There is a usable admin token already, and it is not the file's (it may be in another replica's file).
    Elsewhere,
}

/// Why there is no first token.
#[derive(Debug, thiserror::Error)]
pub enum BootstrapError {
    /// The file cannot be read or written.
    #[error("the token file {}: {source}; give another path, or make the folder writable", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file holds something else.
    #[error("the file {} is there and holds no token; move it away or give another path", .0.display())]
    NotAToken(PathBuf),
    /// The store did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Sees to it that there is a first token, in `path` with mode 0600.
///
/// # Errors
/// Where the file cannot be written, holds something else, or the store does not answer.
pub async fn bootstrap_token(access: &dyn Access, path: &Path) -> Result<Bootstrap, BootstrapError> {
    let file = |source| BootstrapError::File { path: path.to_owned(), source };
    let (secret, made) = match fs::read_to_string(path) {
        Ok(text) => {
            let secret: Secret =
                text.trim().parse().map_err(|_| BootstrapError::NotAToken(path.to_owned()))?;
            (secret, false)
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => (Secret::mint().map_err(file)?, true),
        Err(error) => return Err(file(error)),
    };
    if made {
        write(path, secret.expose()).map_err(file)?;
    } else {
        fs::set_permissions(path, fs::Permissions::from_mode(0o600)).map_err(file)?;
    }
    let sha256 = secret.sha256();
    match access.token(&sha256).await? {
        Some(token) if token.usable => return Ok(Bootstrap::Kept),
        // A revoked or ended token does not come back; whoever wants another one removes the file.
        Some(_) => return Ok(Bootstrap::Elsewhere),
        None => {}
    }
    let token = NewToken {
        id: Uuid::now_v7(),
        sha256,
        name: String::from("first"),
        role: Role::Admin,
        expires: None,
    };
    if access.add_first_token(token).await? {
        return Ok(Bootstrap::Written);
    }
    if made {
        fs::remove_file(path).map_err(file)?;
    }
    Ok(Bootstrap::Elsewhere)
}

/// Writes the file in one piece.
fn write(path: &Path, text: &str) -> io::Result<()> {
    let beside = path.with_extension(format!("{}.new", Uuid::now_v7()));
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&beside)?;
    let written =
        writeln!(file, "{text}").and_then(|()| file.sync_all()).and_then(|()| fs::rename(&beside, path));
    if written.is_err() {
        let _ = fs::remove_file(&beside);
    }
    written
}
