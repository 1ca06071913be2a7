//! Being asked to stop: Ctrl-C and SIGTERM, or the end of whoever holds the other end of standard input or reads what
//! is said.
//!
//! Deliberately absent: what stopping means, which is the command's business.

use std::os::fd::AsFd as _;
use tokio::{
    io::Interest,
    net::unix::pipe::Sender,
    signal::unix::{SignalKind, signal},
};

/// Resolves when the process is asked to stop, each time it is awaited.
///
/// # Errors
/// Where the operating system lets no handler be installed.
pub(crate) async fn stop() -> std::io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}

/// Resolves when standard input ends. A thread of its own reads it, since a read of a pipe cannot be called off.
pub(crate) async fn stdin_ends() {
    let (ended, heard) = tokio::sync::oneshot::channel::<()>();
    std::thread::spawn(move || {
        let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
        drop(ended);
    });
    let _ = heard.await;
}

/// Resolves when nobody reads standard error any more, where it goes to a pipe: `campaigns watch NAME 2>&1 | head`.
/// Whoever waits and says little would find out only with the next line.
pub(crate) async fn nobody_reads() {
    // A file is always there, and cannot be waited for. Nothing is ever written here, so that it may block as before.
    let copy = std::io::stderr().as_fd().try_clone_to_owned();
    let stderr = copy.and_then(Sender::from_owned_fd_unchecked).ok();
    let gone = match &stderr {
        Some(stderr) => stderr.ready(Interest::ERROR).await.is_ok(),
        None => false,
    };
    if !gone {
        std::future::pending::<()>().await;
    }
}
