//! Being asked to stop: Ctrl-C and SIGTERM.
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
