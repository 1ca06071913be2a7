//! Keys and tokens of this world: the app's private key, the maintainer's personal token, the admin token and
//! the key that signs archive links and commits. They live in the data folder's `secrets`, 0600, are made once,
//! and are never logged. Tokens of installations are not here: only their digests are kept, in the journal.

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use hmac::{Hmac, Mac};
use rand::Rng;
use rand::distr::Alphanumeric;
use sha2::{Digest, Sha256};
use std::fmt;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use subtle::ConstantTimeEq;

/// The secrets of one data folder.
pub struct Secrets {
    key_file: PathBuf,
    token_file: PathBuf,
    private_pem: String,
    public_der: Vec<u8>,
    token: String,
    admin: String,
    signing: Vec<u8>,
}

impl fmt::Debug for Secrets {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.debug_struct("Secrets").field("key_file", &self.key_file).finish_non_exhaustive()
    }
}

impl Secrets {
    /// Reads the secrets of a data folder, making those that are missing.
    pub fn open(dir: &Path) -> io::Result<Self> {
        let folder = dir.join("secrets");
        std::fs::create_dir_all(&folder)?;
        let key_file = folder.join("app.private-key.pem");
        let token_file = folder.join("token");
        let private_pem = read_or_make(&key_file, || {
            let pair = KeyPair::generate(KeySize::Rsa2048).map_err(io::Error::other)?;
            let der = pair.as_der().map_err(io::Error::other)?;
            Ok(pem("PRIVATE KEY", der.as_ref()))
        })?;
        let public_der = public_key(&private_pem)?;
        let token = read_or_make(&token_file, || Ok(format!("ghp_{}", alphanumeric(36))))?;
        let admin = read_or_make(&folder.join("admin-token"), || Ok(format!("twin_{}", alphanumeric(40))))?;
        let signing = read_or_make(&folder.join("signing-key"), || Ok(alphanumeric(64)))?.into_bytes();
        Ok(Self { key_file, token_file, private_pem, public_der, token, admin, signing })
    }

    /// Where the app's private key is (PKCS#8, PEM).
    pub fn key_file(&self) -> &Path {
        &self.key_file
    }

    /// Where the personal token is.
    pub fn token_file(&self) -> &Path {
        &self.token_file
    }

    /// The app's private key, PEM.
    pub fn private_key(&self) -> &str {
        &self.private_pem
    }

    /// The app's public key, PKCS#1 DER.
    pub fn public_key(&self) -> &[u8] {
        &self.public_der
    }

    /// The maintainer's personal token.
    pub fn token(&self) -> &str {
        &self.token
    }

    /// The token that opens `/_twin/`.
    pub fn admin(&self) -> &str {
        &self.admin
    }

    /// Signs what only this twin may vouch for; URL-safe base64 of an HMAC-SHA256.
    pub fn sign(&self, purpose: &str, content: &[u8]) -> String {
        URL_SAFE_NO_PAD.encode(self.mac(purpose, content))
    }

    /// Is this the signature of that content?
    pub fn verify(&self, purpose: &str, content: &[u8], signature: &str) -> bool {
        let expected = self.sign(purpose, content);
        expected.as_bytes().ct_eq(signature.as_bytes()).into()
    }

    fn mac(&self, purpose: &str, content: &[u8]) -> Vec<u8> {
        // HMAC takes keys of any length, so this constructor cannot fail.
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&self.signing) else { return Vec::new() };
        mac.update(purpose.as_bytes());
        mac.update(&[0]);
        mac.update(content);
        mac.finalize().into_bytes().to_vec()
    }
}

/// SHA-256 of a token, hexadecimal: what is kept and logged in its place.
pub fn digest(token: &str) -> String {
    hex::encode(Sha256::digest(token.as_bytes()))
}

/// An installation token: the long form that GitHub is moving to, `ghs_APPID_` and three base64 parts with dots.
pub fn installation_token(app: u64) -> String {
    let mut random = rand::rng();
    let mut part = |bytes: usize| {
        let mut raw = vec![0_u8; bytes];
        random.fill(&mut raw[..]);
        URL_SAFE_NO_PAD.encode(raw)
    };
    format!("ghs_{app}_{}.{}.{}", part(27), part(120), part(256))
}

fn alphanumeric(length: usize) -> String {
    rand::rng().sample_iter(Alphanumeric).take(length).map(char::from).collect()
}

fn read_or_make(path: &Path, make: impl FnOnce() -> io::Result<String>) -> io::Result<String> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(if text.starts_with("-----") { text } else { text.trim().to_owned() }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let text = make()?;
            write_private(path, &text)?;
            Ok(text)
        }
        Err(error) => Err(error),
    }
}

/// Writes a file that only its owner may read, whole or not at all.
pub fn write_private(path: &Path, text: &str) -> io::Result<()> {
    use std::os::unix::fs::OpenOptionsExt;
    let unfinished = path.with_extension(format!("{}.new", std::process::id()));
    let _ = std::fs::remove_file(&unfinished);
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&unfinished)?;
    file.write_all(text.as_bytes())?;
    drop(file);
    std::fs::rename(&unfinished, path)
}

fn pem(label: &str, der: &[u8]) -> String {
    let mut text = format!("-----BEGIN {label}-----\n");
    for line in STANDARD.encode(der).as_bytes().chunks(64) {
        text.push_str(&String::from_utf8_lossy(line));
        text.push('\n');
    }
    text.push_str(&format!("-----END {label}-----\n"));
    text
}

fn public_key(private_pem: &str) -> io::Result<Vec<u8>> {
    use aws_lc_rs::signature::KeyPair as _;
    let body: String = private_pem.lines().filter(|line| !line.starts_with("-----")).collect();
    let der = STANDARD.decode(body).map_err(io::Error::other)?;
    let pair = aws_lc_rs::signature::RsaKeyPair::from_pkcs8(&der).map_err(io::Error::other)?;
    Ok(pair.public_key().as_ref().to_vec())
}
