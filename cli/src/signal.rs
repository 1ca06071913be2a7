//! Being asked to stop: Ctrl-C and SIGTERM, or the end of whoever holds the other end of standard input.
//!
//! Deliberately absent: what stopping means, which is the command's business.

use tokio::signal::unix::{SignalKind, signal};

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
