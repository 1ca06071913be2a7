//! The server's settings, given on its command line so that a newer program changes them without touching the
//! data folder. Sized for a small machine: one program with a few dozen connections.

use super::{Folder, Options};
use std::ffi::OsString;

/// Everything after `postgres`.
pub(super) fn arguments(folder: &Folder, options: &Options) -> Vec<OsString> {
    let mut settings = vec![
        // In every process's title: how a server that was left behind is recognised.
        format!("cluster_name={}", folder.name()),
        "listen_addresses=".to_owned(),
        "port=5432".to_owned(),
        "unix_socket_permissions=0700".to_owned(),
        "max_connections=200".to_owned(),
        // PostgreSQL's own default: half of it, and what a run of 100,000 targets writes is read twice as often from below.
        "shared_buffers=128MB".to_owned(),
        "max_wal_size=512MB".to_owned(),
        // No parallel plans: they need /dev/shm, which containers keep small, and gain nothing here.
        "max_parallel_workers_per_gather=0".to_owned(),
        "jit=off".to_owned(),
        "timezone=UTC".to_owned(),
        "log_timezone=UTC".to_owned(),
        // Statements stay out of the log: their text may name what people keep to themselves.
        "log_min_error_statement=panic".to_owned(),
        "log_checkpoints=off".to_owned(),
    ];
    if !options.durable {
        settings.extend(
            [
                "fsync=off",
                "synchronous_commit=off",
                "full_page_writes=off",
                "wal_level=minimal",
                "max_wal_senders=0",
            ]
            .map(str::to_owned),
        );
    }
    let mut arguments: Vec<OsString> =
        vec!["-D".into(), folder.data().into(), "-k".into(), folder.socket().into()];
    for setting in settings {
        arguments.extend(["-c".into(), setting.into()]);
    }
    arguments
}
