//! Addresses as each layout writes them: github.com's (API at the root of its host) and GitHub Enterprise
//! Server's (API under `/api/v3`). Both are served by one listener, so both hosts are the one that was asked.

/// The addresses that answers contain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Urls {
    /// Root of the API, without a slash at the end.
    pub api: String,
    /// Root of the web pages and of git.
    pub web: String,
}

/// Which layout a request came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// github.com: the API at the root.
    Dotcom,
    /// GitHub Enterprise Server: the API under `/api/v3`.
    Enterprise,
}

impl Urls {
    /// The addresses for a host (`name:port`) in a layout.
    pub fn new(host: &str, layout: Layout) -> Self {
        let web = format!("http://{host}");
        let api = match layout {
            Layout::Dotcom => web.clone(),
            Layout::Enterprise => format!("{web}/api/v3"),
        };
        Self { api, web }
    }
}
