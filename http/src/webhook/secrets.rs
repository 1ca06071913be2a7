//! The secrets that deliveries are signed with. Several hold at once, so that one can be replaced while deliveries
//! signed with the other are still under way.
//!
//! The rule is GitHub's ("Validating webhook deliveries"): `X-Hub-Signature-256` is `sha256=` and the HMAC-SHA256 of
//! the body's bytes in hexadecimal. Deliberately absent: the older `X-Hub-Signature`, whose SHA-1 proves too little.

use hmac::{Hmac, Mac};
use sha2::Sha256;
use std::{fmt, sync::Arc};

/// How the header begins.
const SCHEME: &str = "sha256=";

/// How short a secret may be.
const SHORTEST: usize = 8;

/// The secrets that hold now, none where no webhooks are taken. Its `Debug` tells how many there are.
#[derive(Clone, Default)]
pub struct WebhookSecrets(Arc<[Box<[u8]>]>);

/// A text that cannot serve as secrets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadSecrets {
    /// There is none in it.
    #[error("there is no secret in it: write one to a line, the same as in the webhook's settings at GitHub")]
    Empty,
    /// One can be guessed.
    #[error(
        "a secret in it has fewer than {SHORTEST} characters: take a long random one, such as from `openssl rand -hex 32`"
    )]
    Short,
}

impl WebhookSecrets {
    /// Reads secrets, one to a line; empty lines are passed over.
    ///
    /// # Errors
    /// [`BadSecrets`], without showing any.
    pub fn parse(text: &str) -> Result<Self, BadSecrets> {
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
        let secrets: Vec<Box<[u8]>> = lines.map(|line| line.as_bytes().into()).collect();
        if secrets.is_empty() {
            return Err(BadSecrets::Empty);
        }
        if secrets.iter().any(|secret| secret.len() < SHORTEST) {
            return Err(BadSecrets::Short);
        }
        Ok(Self(secrets.into()))
    }

    /// Whether no webhooks are taken.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether the signature over these very bytes was made with one of the secrets. How long that takes says
    /// nothing about the secrets or the signature that would be right.
    pub(crate) fn signed(&self, body: &[u8], header: &str) -> bool {
        let mut given = [0; 32];
        let hexadecimal = header.strip_prefix(SCHEME).unwrap_or_default();
        if hex::decode_to_slice(hexadecimal, &mut given).is_err() {
            return false;
        }
        // Every secret is tried, also past the right one.
        self.0.iter().fold(false, |held, secret| {
            let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret) else { return held };
            mac.update(body);
            mac.verify_slice(&given).is_ok() | held
        })
    }
}

impl fmt::Debug for WebhookSecrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WebhookSecrets({} redacted)", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example in GitHub's documentation.
    const SECRET: &str = "It's a Secret to Everybody";
    const BODY: &[u8] = b"Hello, World!";
    const SIGNATURE: &str = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";

    #[test]
    fn githubs_own_example_is_right() {
        let secrets = WebhookSecrets::parse(SECRET).unwrap();
        assert!(secrets.signed(BODY, SIGNATURE));
        assert!(!secrets.signed(b"Hello, World", SIGNATURE));
        assert!(!WebhookSecrets::parse("another secret").unwrap().signed(BODY, SIGNATURE));
    }

    #[test]
    fn the_old_and_the_new_secret_hold_together() {
        for text in [format!("{SECRET}\nthe next one"), format!("the next one\n\n  {SECRET}  \n")] {
            assert!(WebhookSecrets::parse(&text).unwrap().signed(BODY, SIGNATURE));
        }
    }

    #[test]
    fn nothing_else_is_a_signature() {
        let secrets = WebhookSecrets::parse(SECRET).unwrap();
        let wrong = ["", "sha256=", "sha1=757107ea", "757107ea", &SIGNATURE[7..], &SIGNATURE[..70]];
        for header in wrong
            .map(str::to_owned)
            .into_iter()
            .chain([format!("{SIGNATURE}00"), SIGNATURE.replace('7', "g")])
        {
            assert!(!secrets.signed(BODY, &header), "{header}");
        }
        assert!(!WebhookSecrets::default().signed(BODY, SIGNATURE));
    }

    #[test]
    fn they_are_not_printed_and_not_guessed() {
        let secrets = WebhookSecrets::parse(SECRET).unwrap();
        assert_eq!(format!("{secrets:?}"), "WebhookSecrets(1 redacted)");
        assert_eq!(WebhookSecrets::parse("a secret that is long\nshort").unwrap_err(), BadSecrets::Short);
        assert_eq!(WebhookSecrets::parse(" \n").unwrap_err(), BadSecrets::Empty);
    }
}
