//! What can go wrong with the embedded server, worded for whoever started the program. Absent: the errors of
//! queries, which are the store's.

use std::io;
use std::path::{Path, PathBuf};

/// Why the embedded server did not start or stop.
#[derive(Debug, thiserror::Error)]
pub enum EmbeddedError {
    /// No usable `postgres` was found anywhere.
    #[error(
        "no PostgreSQL server was found ({considered}). Install the package `postgresql` \
         (`apt-get install postgresql`), or run `scripts/deps demo`, which fetches one, \
         or set DATABASE_URL to a server that is running"
    )]
    NoServer {
        /// Where was looked, and why each place was refused.
        considered: String,
    },
    /// The data folder was made by another major version than any server found.
    #[error(
        "the data folder `{}` was made by PostgreSQL {data}, and only {found} was found. Install PostgreSQL {data} \
         (package `postgresql-{data}`), or name its folder of programs in CAMPAIGNS_POSTGRES_BIN, or move the data \
         folder aside to begin anew; to bring the data along, dump it with `pg_dump` {data} first",
        folder.display()
    )]
    WrongVersion {
        /// The data folder.
        folder: PathBuf,
        /// The major version that made it.
        data: String,
        /// The versions that were found.
        found: String,
    },
    /// Another living process owns the folder.
    #[error(
        "the database in `{}` is in use by {owner}. Stop it, or choose another folder with `--data`",
        folder.display()
    )]
    InUse {
        /// The folder.
        folder: PathBuf,
        /// The owner as far as it is known, such as `process 4711`.
        owner: String,
    },
    /// A server that an earlier process left behind could not be stopped.
    #[error(
        "a PostgreSQL server that was left behind still runs on `{}` (process {pid}) and does not stop; \
         end it and start again",
        folder.display()
    )]
    LeftBehind {
        /// The folder.
        folder: PathBuf,
        /// Its process id.
        pid: i32,
    },
    /// The account that the server would run as cannot enter the folder.
    #[error(
        "PostgreSQL does not run as root, and `{account}`, which it would run as, cannot enter `{}`. Choose a \
         folder that it can enter (the default is /var/lib/campaigns), or run as an ordinary user",
        folder.display()
    )]
    Closed {
        /// The closed folder on the way.
        folder: PathBuf,
        /// The account's name.
        account: String,
    },
    /// Root has no account to run the server as.
    #[error(
        "PostgreSQL does not run as root, and {wanted} has no entry in /etc/passwd. Run as an ordinary user, \
         or set DATABASE_URL"
    )]
    NoAccount {
        /// Who was looked for: a name, or the owner of the data.
        wanted: String,
    },
    /// The data belongs to somebody else.
    #[error(
        "the data in `{}` belongs to user {owner}, not to you ({own}). Run as that user, or choose another folder \
         with `--data`",
        folder.display()
    )]
    Foreign {
        /// The data folder.
        folder: PathBuf,
        /// Its owner's id.
        owner: u32,
        /// The caller's id.
        own: u32,
    },
    /// A file or folder could not be made, read or changed.
    #[error("could not {doing} `{}`: {source}", path.display())]
    File {
        /// What was tried, such as `create`.
        doing: &'static str,
        /// On what.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// A program of PostgreSQL failed.
    #[error("`{program}` failed: {output}")]
    Program {
        /// `initdb` or `postgres`.
        program: String,
        /// What it said.
        output: String,
    },
    /// The server ended while it was starting, or did not answer.
    #[error("PostgreSQL did not start in `{}`: {why}\nThe end of its log ({}):\n{tail}", folder.display(), log.display())]
    NotStarted {
        /// The folder.
        folder: PathBuf,
        /// What was seen.
        why: String,
        /// The log's path.
        log: PathBuf,
        /// The log's last lines.
        tail: String,
    },
    /// A statement of the test support was refused.
    #[error("the test database could not be prepared: {0}")]
    Testing(String),
}

impl EmbeddedError {
    /// For `map_err` on file operations.
    pub(super) fn file(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::File { doing, path, source }
    }
}
