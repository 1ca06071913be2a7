//! Where GitHub's API is: github.com's layout or a GitHub Enterprise Server's, and which addresses belong to it.
//!
//! A credential is only ever sent to the API's own scheme, host and port; what an answer points at elsewhere
//! (`Link`, `Location`) is refused, with one exception without credential: the archive host. Deliberately
//! absent: sending anything.

use http::Uri;
use std::fmt;

/// Why an address cannot be GitHub's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadEndpoint {
    /// It is no URL.
    #[error("`{0}` is no address of a GitHub: write https://github.com or https://your-server")]
    NotAUrl(String),
    /// It carries a user or token.
    #[error(
        "the address of GitHub must not carry a user or token: give the token in GITHUB_TOKEN or --token-file"
    )]
    Credentials,
    /// It would send tokens in the clear.
    #[error("`{0}` would send tokens unencrypted: use https (http is only for this machine)")]
    Unencrypted(String),
}

/// The root of an API, such as `https://api.github.com` or `https://ghe.example/api/v3`.
#[derive(Clone, PartialEq, Eq)]
pub struct Endpoint {
    scheme: String,
    authority: String,
    /// Without a slash at the end; "" at github.com.
    prefix: String,
}

impl Endpoint {
    /// The endpoint that a person means by `url`: github.com and GHE.com have their API on a host of its own;
    /// an address with a path, or of a host named `api.…`, is an API's root already; every other is a server
    /// whose API is under `/api/v3`.
    ///
    /// # Errors
    /// [`BadEndpoint`]; plain http is accepted for this machine alone, unless `plaintext` is set.
    pub fn resolve(url: &str, plaintext: bool) -> Result<Self, BadEndpoint> {
        let written = Self::exact(url, plaintext)?;
        let host = written.authority.split(':').next().unwrap_or_default();
        let at = |authority: String, prefix: &str| Self {
            authority,
            prefix: prefix.to_owned(),
            ..written.clone()
        };
        Ok(match host {
            "github.com" | "www.github.com" => at("api.github.com".to_owned(), ""),
            _ if !written.prefix.is_empty() || host.starts_with("api.") => written,
            _ if host.ends_with(".ghe.com") => at(format!("api.{}", written.authority), ""),
            _ => at(written.authority.clone(), "/api/v3"),
        })
    }

    /// The endpoint whose API's root is `url` itself.
    ///
    /// # Errors
    /// As [`Endpoint::resolve`].
    pub fn exact(url: &str, plaintext: bool) -> Result<Self, BadEndpoint> {
        let written = url.trim();
        let with_scheme =
            if written.contains("://") { written.to_owned() } else { format!("https://{written}") };
        let bad = || BadEndpoint::NotAUrl(super::redact(written));
        let uri: Uri = with_scheme.parse().map_err(|_| bad())?;
        let authority = uri.authority().ok_or_else(bad)?;
        if authority.as_str().contains('@') {
            return Err(BadEndpoint::Credentials);
        }
        let scheme = uri.scheme_str().ok_or_else(bad)?.to_ascii_lowercase();
        match scheme.as_str() {
            "https" => {}
            "http" if plaintext || is_this_machine(authority.host()) => {}
            "http" => return Err(BadEndpoint::Unencrypted(written.to_owned())),
            _ => return Err(bad()),
        }
        let authority = authority.as_str().to_ascii_lowercase();
        Ok(Self { scheme, authority, prefix: uri.path().trim_end_matches('/').to_owned() })
    }

    /// The same host with its API at the root, as github.com has it.
    pub(super) fn at_the_root(&self) -> Self {
        Self { prefix: String::new(), ..self.clone() }
    }

    /// The address of `path` (with a slash at its start), query included.
    pub(super) fn address(&self, path: &str) -> String {
        format!("{}://{}{}{path}", self.scheme, self.authority, self.prefix)
    }

    /// GraphQL's address: beside the REST API's version in a path (`/api/v3` and `/api/graphql`), else under its root.
    pub(super) fn graphql(&self) -> String {
        let prefix = self.prefix.strip_suffix("/v3").unwrap_or(&self.prefix);
        format!("{}://{}{prefix}/graphql", self.scheme, self.authority)
    }

    /// Whether it speaks TLS.
    pub(super) fn is_encrypted(&self) -> bool {
        self.scheme == "https"
    }

    /// The path (without the API's prefix, query included) of an address an answer pointed at, where it is
    /// under this API.
    pub(super) fn path_of(&self, address: &str) -> Option<String> {
        let uri: Uri = address.parse().ok()?;
        let whole = uri.path_and_query()?.as_str();
        if uri.authority().is_some() && !self.is_own(&uri) {
            return None;
        }
        let path = whole.strip_prefix(self.prefix.as_str())?;
        path.starts_with('/').then(|| path.to_owned())
    }

    /// Whether an address has this API's scheme, host and port.
    fn is_own(&self, uri: &Uri) -> bool {
        let same_port = |uri: &Uri| uri.port_u16().or_else(|| default_port(uri.scheme_str()));
        let Ok(own) = self.address("/").parse::<Uri>() else { return false };
        uri.scheme_str() == own.scheme_str()
            && uri.authority().is_some_and(|authority| !authority.as_str().contains('@'))
            && uri.host().map(str::to_ascii_lowercase) == own.host().map(str::to_ascii_lowercase)
            && same_port(uri) == same_port(&own)
    }

    /// How an archive's redirect may be followed: `Some(true)` with our credential (within the API),
    /// `Some(false)` without (elsewhere on its host, and on the archive host `codeload.…`; those addresses carry
    /// a grant of their own), `None` not at all.
    pub(super) fn archive_hop(&self, address: &str) -> Option<bool> {
        let uri: Uri = address.parse().ok()?;
        if self.is_own(&uri) {
            return Some(self.path_of(address).is_some());
        }
        let own = self.authority.split(':').next().unwrap_or_default();
        let server = own.strip_prefix("api.").unwrap_or(own);
        let is_archive_host = uri.scheme_str() == Some(self.scheme.as_str())
            && uri.authority().is_some_and(|authority| !authority.as_str().contains('@'))
            && uri.port_u16().is_none()
            && uri.host().is_some_and(|host| host.eq_ignore_ascii_case(&format!("codeload.{server}")));
        is_archive_host.then_some(false)
    }
}

fn default_port(scheme: Option<&str>) -> Option<u16> {
    match scheme {
        Some("https") => Some(443),
        Some("http") => Some(80),
        _ => None,
    }
}

fn is_this_machine(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || bare.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}{}", self.scheme, self.authority, self.prefix)
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A path or query value, percent-encoded; with `slashes` a `/` stays, as branch names in paths have it.
pub(super) fn encode(text: &str, slashes: bool) -> String {
    use fmt::Write;
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) || (slashes && byte == b'/') {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_write_becomes_an_api_root() {
        for (written, root) in [
            ("https://github.com", "https://api.github.com"),
            ("github.com/", "https://api.github.com"),
            ("https://api.github.com", "https://api.github.com"),
            ("https://ghe.example", "https://ghe.example/api/v3"),
            ("https://GHE.example/api/v3/", "https://ghe.example/api/v3"),
            ("https://acme.ghe.com", "https://api.acme.ghe.com"),
            ("https://api.ghe.example", "https://api.ghe.example"),
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080/api/v3"),
            ("http://[::1]:8080/api/v3", "http://[::1]:8080/api/v3"),
        ] {
            assert_eq!(Endpoint::resolve(written, false).unwrap().to_string(), root, "{written}");
        }
    }

    #[test]
    fn graphql_is_beside_the_version() {
        for (written, address) in [
            ("https://github.com", "https://api.github.com/graphql"),
            ("https://acme.ghe.com", "https://api.acme.ghe.com/graphql"),
            ("https://ghe.example", "https://ghe.example/api/graphql"),
            ("http://127.0.0.1:8080/api/v3/", "http://127.0.0.1:8080/api/graphql"),
        ] {
            assert_eq!(Endpoint::resolve(written, false).unwrap().graphql(), address, "{written}");
        }
    }

    #[test]
    fn what_would_leak_is_refused() {
        assert_eq!(Endpoint::resolve("https://me:secret@ghe.example", false), Err(BadEndpoint::Credentials));
        assert!(matches!(Endpoint::resolve("http://ghe.example", false), Err(BadEndpoint::Unencrypted(_))));
        assert!(Endpoint::resolve("http://ghe.example", true).is_ok());
        assert!(matches!(Endpoint::resolve("ftp://ghe.example", false), Err(BadEndpoint::NotAUrl(_))));
        assert!(matches!(Endpoint::resolve("https://", false), Err(BadEndpoint::NotAUrl(_))));
    }

    #[test]
    fn only_its_own_addresses_are_followed() {
        let ghe = Endpoint::resolve("https://ghe.example", false).unwrap();
        assert_eq!(
            ghe.path_of("https://ghe.example/api/v3/orgs/1?page=2").as_deref(),
            Some("/orgs/1?page=2")
        );
        assert_eq!(ghe.path_of("https://ghe.example:443/api/v3/x").as_deref(), Some("/x"));
        assert_eq!(ghe.path_of("/api/v3/repositories/7").as_deref(), Some("/repositories/7"));
        for foreign in [
            "https://evil.example/api/v3/x",
            "http://ghe.example/api/v3/x",
            "https://ghe.example:8443/api/v3/x",
            "https://ghe.example@evil.example/api/v3/x",
            "https://x@ghe.example/api/v3/x",
            "https://ghe.example/other/x",
            "//evil.example/api/v3/x",
        ] {
            assert_eq!(ghe.path_of(foreign), None, "{foreign}");
        }
    }

    #[test]
    fn archives_may_come_from_the_archive_host_without_credential() {
        let dotcom = Endpoint::resolve("github.com", false).unwrap();
        assert_eq!(dotcom.archive_hop("https://codeload.github.com/o/r/x?token=t"), Some(false));
        assert_eq!(dotcom.archive_hop("https://api.github.com/x"), Some(true));
        assert_eq!(dotcom.archive_hop("http://codeload.github.com/x"), None);
        assert_eq!(dotcom.archive_hop("https://codeload.github.com.evil.example/x"), None);
        let ghe = Endpoint::resolve("https://ghe.example", false).unwrap();
        assert_eq!(ghe.archive_hop("https://ghe.example/_codeload/o/r/x?token=t"), Some(false));
        assert_eq!(ghe.archive_hop("https://ghe.example/api/v3/repositories/1/tarball/x"), Some(true));
        assert_eq!(ghe.archive_hop("https://codeload.ghe.example/o"), Some(false));
        assert_eq!(ghe.archive_hop("https://evil.example/o"), None);
    }
}
