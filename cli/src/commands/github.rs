//! How GitHub is reached, from the arguments and the environment.
//!
//! Deliberately absent: asking GitHub anything.

use crate::arguments::Github;
use anyhow::{Context as _, Result, bail};
use campaigns_runtime::github::{Credentials, GithubConfig, Secret};

/// The settings of the adapter.
///
/// # Errors
/// Where there are no credentials, or the address is none.
pub(crate) fn config(arguments: &Github) -> Result<GithubConfig> {
    let mut config = GithubConfig::new(&arguments.github_url, credentials(arguments)?)?;
    config.ca_bundle.clone_from(&arguments.ca_bundle);
    Ok(config)
}

fn credentials(arguments: &Github) -> Result<Credentials> {
    if let (Some(app_id), Some(file)) = (arguments.app_id, &arguments.app_key_file) {
        let key = std::fs::read_to_string(file)
            .with_context(|| format!("the App's private key `{}` cannot be read", file.display()))?;
        return Ok(Credentials::App { id: app_id.to_string(), private_key: Secret::new(key) });
    }
    if let Some(file) = &arguments.token_file {
        let token = std::fs::read_to_string(file)
            .with_context(|| format!("the token file `{}` cannot be read", file.display()))?;
        return Ok(Credentials::Token(Secret::new(token.trim())));
    }
    match std::env::var("GITHUB_TOKEN") {
        Ok(token) if !token.trim().is_empty() => Ok(Credentials::Token(Secret::new(token.trim()))),
        _ => bail!(
            "there is no GitHub token: set GITHUB_TOKEN, or name its file with --token-file \
             (or use a GitHub App with --app-id and --app-key-file)"
        ),
    }
}
