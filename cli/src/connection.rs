//! Finding the server and the right to use it.
//!
//! The token is looked for in `--api-token-file`, then in CAMPAIGNS_TOKEN, then in the file that `campaigns serve`
//! writes into its data folder. Deliberately absent: taking it from the command line.

use crate::{arguments::Connection, client::Client};
use anyhow::{Context as _, Result, bail};
use campaigns_runtime::{config::paths, replica::TOKEN_FILE};
use std::path::Path;

/// A client of the server that the arguments name.
pub(crate) fn client(connection: &Connection) -> Result<Client> {
    let (token, found) = token(connection)?;
    Ok(Client::new(&connection.server, token)?.with_token_found(found))
}

/// The token, and where it was found.
fn token(connection: &Connection) -> Result<(String, String)> {
    if let Some(file) = &connection.api_token_file {
        return read(file);
    }
    if let Some(token) = std::env::var("CAMPAIGNS_TOKEN").ok().filter(|token| !token.trim().is_empty()) {
        return Ok((token.trim().to_owned(), "in CAMPAIGNS_TOKEN".to_owned()));
    }
    let data = std::env::var_os("CAMPAIGNS_DATA").map_or_else(paths::data_dir, Into::into);
    let candidates = [data.join(TOKEN_FILE), data.join("demo").join(TOKEN_FILE)];
    for file in &candidates {
        if file.exists() {
            return read(file);
        }
    }
    bail!(
        "there is no API token: set CAMPAIGNS_TOKEN, or name its file with --api-token-file ({} does not exist)",
        candidates[0].display()
    )
}

fn read(file: &Path) -> Result<(String, String)> {
    let text = std::fs::read_to_string(file)
        .with_context(|| format!("the token file `{}` cannot be read", file.display()))?;
    let token = text.trim();
    if token.is_empty() {
        bail!("the token file `{}` is empty", file.display());
    }
    Ok((token.to_owned(), format!("in `{}`", file.display())))
}
