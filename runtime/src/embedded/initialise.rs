//! Making the data of a new server: `initdb`, then the one database. It is made aside and renamed when it is
//! whole and on disk, so that a process killed in the middle leaves nothing that looks like data.

use super::{EmbeddedError, Folder, Identity, Installation, Options};
use std::fs::{DirBuilder, File};
use std::io::Write;
use std::os::unix::fs::DirBuilderExt;
use std::process::{Command, Stdio};

/// The superuser and the database. Nobody but the socket folder's owner gets near them, so there is no password.
pub(super) const NAME: &str = "campaigns";

/// Makes `folder`'s data.
pub(super) fn initialise(
    folder: &Folder,
    installation: &Installation,
    identity: &Identity,
    options: &Options,
) -> Result<(), EmbeddedError> {
    sweep(folder)?;
    let aside = folder.root().join(format!("data.new.{}", std::process::id()));
    DirBuilder::new().mode(0o700).create(&aside).map_err(EmbeddedError::file("create", &aside))?;
    identity.own(&aside)?;
    let mut initdb = installation.command("initdb", identity);
    initdb.arg("--pgdata").arg(&aside).args([
        "--username",
        NAME,
        "--auth=trust",
        "--encoding=UTF8",
        "--locale=C",
        "--data-checksums",
        "--no-instructions",
    ]);
    if !options.durable {
        initdb.arg("--no-sync");
    }
    run("initdb", initdb, "")?;
    // One user, no socket: the database is there before anybody can connect.
    let mut single = installation.command("postgres", identity);
    single.arg("--single").arg("-D").arg(&aside).args(["-c", "log_min_messages=error"]);
    if !options.durable {
        single.args(["-c", "fsync=off"]);
    }
    single.arg("postgres");
    run("postgres", single, &format!("CREATE DATABASE {NAME}\n"))?;
    let data = folder.data();
    std::fs::rename(&aside, &data).map_err(EmbeddedError::file("name", &data))?;
    File::open(folder.root())
        .and_then(|root| root.sync_all())
        .map_err(EmbeddedError::file("write down", folder.root()))
}

/// Removes what an initialisation that was killed left.
fn sweep(folder: &Folder) -> Result<(), EmbeddedError> {
    let entries = std::fs::read_dir(folder.root()).map_err(EmbeddedError::file("list", folder.root()))?;
    for entry in entries.flatten() {
        if entry.file_name().to_string_lossy().starts_with("data.new.") {
            std::fs::remove_dir_all(entry.path()).map_err(EmbeddedError::file("remove", &entry.path()))?;
        }
    }
    Ok(())
}

fn run(program: &str, mut command: Command, input: &str) -> Result<(), EmbeddedError> {
    let failed = |output: String| EmbeddedError::Program { program: program.to_owned(), output };
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| failed(error.to_string()))?;
    if let Some(mut stdin) = child.stdin.take() {
        // A program that has already failed does not read: its own words say why.
        let _ = stdin.write_all(input.as_bytes());
    }
    let output = child.wait_with_output().map_err(|error| failed(error.to_string()))?;
    let errors = String::from_utf8_lossy(&output.stderr);
    // `postgres --single` ends well even when the statement failed.
    if output.status.success() && !errors.contains("ERROR:") && !errors.contains("FATAL:") {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stdout);
    let words = [errors.trim(), said.trim()].into_iter().filter(|text| !text.is_empty());
    Err(failed(format!("{} ({})", words.collect::<Vec<_>>().join("\n"), output.status)))
}
