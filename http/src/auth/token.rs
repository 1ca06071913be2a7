//! The text of a token: `cmp_`, 256 random bits and a checksum, which lets scanners recognise a leaked one and lets
//! a mistyped one be refused without asking the database.
//!
//! Deliberately absent: storing it. It is shown once, to whoever it is for.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use rand::TryRngCore;
use sha2::{Digest, Sha256};
use std::{fmt, str::FromStr};

/// How every token begins.
const PREFIX: &str = "cmp_";

/// Random bytes in a token.
const RANDOM: usize = 32;

/// A token's text; its `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

/// A text that is no token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this is not a token: one begins with `cmp_` and has 52 characters")]
pub struct NotAToken;

impl Secret {
    /// A new token, from the operating system's randomness.
    ///
    /// # Errors
    /// Where the operating system has none to give.
    pub fn mint() -> std::io::Result<Self> {
        let mut bytes = [0; RANDOM];
        rand::rngs::OsRng.try_fill_bytes(&mut bytes).map_err(std::io::Error::other)?;
        let mut all = bytes.to_vec();
        all.extend(checksum(&bytes));
        Ok(Self(format!("{PREFIX}{}", BASE64_URL_SAFE_NO_PAD.encode(all))))
    }

    /// The text, for the one place that shows it.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// What is stored.
    pub fn sha256(&self) -> [u8; 32] {
        Sha256::digest(self.0.as_bytes()).into()
    }
}

fn checksum(random: &[u8]) -> [u8; 4] {
    let digest: [u8; 32] = Sha256::new().chain_update(PREFIX).chain_update(random).finalize().into();
    [digest[0], digest[1], digest[2], digest[3]]
}

impl FromStr for Secret {
    type Err = NotAToken;

    fn from_str(text: &str) -> Result<Self, NotAToken> {
        let body = text.strip_prefix(PREFIX).filter(|body| body.len() == 48).ok_or(NotAToken)?;
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(body).map_err(|_| NotAToken)?;
        let (random, sum) = bytes.split_at_checked(RANDOM).ok_or(NotAToken)?;
        if checksum(random) == sum { Ok(Self(text.to_owned())) } else { Err(NotAToken) }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(cmp_…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_reads_back_and_one_changed_character_is_refused() {
        let token = Secret::mint().unwrap();
        assert_eq!(token.expose().len(), 52);
        assert_eq!(token.expose().parse::<Secret>(), Ok(token.clone()));
        for at in 4..51 {
            let mut text = token.expose().to_owned().into_bytes();
            text[at] = if text[at] == b'A' { b'B' } else { b'A' };
            assert_eq!(String::from_utf8(text).unwrap().parse::<Secret>(), Err(NotAToken), "character {at}");
        }
        for text in ["", "cmp_", "ghp_abcdef", &token.expose()[..51], &format!("{}A", token.expose())] {
            assert_eq!(text.parse::<Secret>(), Err(NotAToken), "{text}");
        }
    }

    #[test]
    fn a_token_is_not_shown_by_debug() {
        let token = Secret::mint().unwrap();
        assert!(!format!("{token:?}").contains(&token.expose()[4..]));
    }
}
