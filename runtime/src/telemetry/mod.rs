//! Logs, metrics and the words of a panic. Logs go to standard error: for people on a terminal, one JSON object a
//! line elsewhere. `RUST_LOG` chooses what is said. Every line passes a filter that takes secrets out and shortens what
//! is long.
//!
//! Deliberately absent: exporting traces, log files and their rotation, which are the machine's.

mod metrics;
mod panics;
mod redaction;
mod shortening;

pub use metrics::metrics;

use redaction::Redacting;
use std::io::IsTerminal;
use tracing::Subscriber;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// What a server says when nobody chose.
const SERVER: &str = "info,sqlx=warn,hyper=warn,h2=warn,rustls=warn";
/// What a command says that has words of its own.
const COMMAND: &str = "warn";

/// How a line looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// For people.
    Human,
    /// For programs: one object a line.
    Json,
}

/// Starts telemetry for a server. Calling it again changes nothing.
pub fn start() {
    begin(SERVER);
}

/// Starts telemetry for a command that tells its progress itself: only warnings and errors are logged.
pub fn start_quiet() {
    begin(COMMAND);
}

fn begin(default: &str) {
    let form = if std::io::stderr().is_terminal() { Form::Human } else { Form::Json };
    let asked = std::env::var("RUST_LOG").ok();
    let (filter, refused) = filter(asked.as_deref(), default);
    // A second start, as with two replicas in one process, keeps the first one's subscriber.
    let first = subscriber(Redacting(std::io::stderr), form, filter).try_init().is_ok();
    if first {
        panics::log();
    }
    if let Some(reason) = refused {
        tracing::warn!(reason, "RUST_LOG cannot be read and is ignored");
    }
}

/// The filter that was asked for, or the default and why what was asked for cannot be used.
fn filter(asked: Option<&str>, default: &str) -> (EnvFilter, Option<String>) {
    match asked.filter(|text| !text.trim().is_empty()).map(EnvFilter::try_new) {
        Some(Ok(filter)) => (filter, None),
        Some(Err(error)) => (EnvFilter::new(default), Some(error.to_string())),
        None => (EnvFilter::new(default), None),
    }
}

fn subscriber<W>(writer: Redacting<W>, form: Form, filter: EnvFilter) -> Box<dyn Subscriber + Send + Sync>
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let layer = tracing_subscriber::fmt::layer().with_writer(writer);
    let colours = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    match form {
        Form::Human => Box::new(
            tracing_subscriber::registry().with(filter).with(layer.with_ansi(colours).with_target(false)),
        ),
        Form::Json => Box::new(
            tracing_subscriber::registry()
                .with(filter)
                .with(layer.json().flatten_event(true).with_current_span(true).with_span_list(false)),
        ),
    }
}

#[cfg(test)]
mod tests;
