//! The metrics of the process in Prometheus' text format. One recorder serves the whole process, since the facade
//! knows only one. Absent: a listener; the API's `/metrics` route serves the text.

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// How often recorded values are folded together; otherwise they pile up until somebody asks for them.
const UPKEEP: Duration = Duration::from_secs(5);

/// Seconds, from a fast query to a slow upload. Every histogram that ends in `_seconds` has them.
const SECONDS: &[f64] =
    &[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0];

/// What renders the process's metrics; the first call installs the recorder. Where another library has installed
/// one before, the text says so instead of being empty for no visible reason.
pub fn metrics() -> Arc<dyn Fn() -> String + Send + Sync> {
    static HANDLE: OnceLock<Result<PrometheusHandle, String>> = OnceLock::new();
    match HANDLE.get_or_init(install) {
        Ok(handle) => {
            let handle = handle.clone();
            Arc::new(move || handle.render())
        }
        Err(words) => {
            let text = format!("# no metrics: {words}\n");
            Arc::new(move || text.clone())
        }
    }
}

fn install() -> Result<PrometheusHandle, String> {
    let handle = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), SECONDS)
        .and_then(PrometheusBuilder::install_recorder)
        .map_err(|error| error.to_string())?;
    let folded = handle.clone();
    std::thread::Builder::new()
        .name("metrics-upkeep".to_owned())
        .spawn(move || {
            loop {
                std::thread::sleep(UPKEEP);
                folded.run_upkeep();
            }
        })
        .map_err(|error| error.to_string())?;
    Ok(handle)
}
