//! Is the server ready? Asked the way a client would: by connecting and sending the startup message of
//! PostgreSQL's protocol 3.0. An `R` (authentication) is a yes; error 57P03 (cannot_connect_now) is "not yet",
//! as during recovery. Absent: queries.

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

/// What a connection attempt saw.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// It takes connections.
    Ready,
    /// It is starting or replaying its log.
    Starting,
    /// Nobody listens yet.
    Silent,
    /// It refuses for good; its words.
    Refused(String),
}

/// Connects once.
pub(super) fn ask(socket_folder: &Path, name: &str) -> Answer {
    match converse(&socket_folder.join(".s.PGSQL.5432"), name) {
        Ok(answer) => answer,
        Err(_) => Answer::Silent,
    }
}

fn converse(socket: &Path, name: &str) -> io::Result<Answer> {
    let mut stream = UnixStream::connect(socket)?;
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    stream.write_all(&startup(name))?;
    let mut kind = [0; 1];
    stream.read_exact(&mut kind)?;
    let mut length = [0; 4];
    stream.read_exact(&mut length)?;
    let mut body = Vec::new();
    let length = u64::from(u32::from_be_bytes(length)).saturating_sub(4).min(1 << 16);
    (&mut stream).take(length).read_to_end(&mut body)?;
    if kind[0] == b'R' {
        // Terminate.
        stream.write_all(&[b'X', 0, 0, 0, 4])?;
        return Ok(Answer::Ready);
    }
    Ok(judge(&body))
}

/// An ErrorResponse: fields of one letter and a text, each closed by a zero.
fn judge(body: &[u8]) -> Answer {
    let field = |letter: u8| {
        body.split(|byte| *byte == 0)
            .find(|field| field.first() == Some(&letter))
            .map(|field| String::from_utf8_lossy(&field[1..]).into_owned())
    };
    match field(b'C').as_deref() {
        Some("57P03") => Answer::Starting,
        _ => Answer::Refused(field(b'M').unwrap_or_else(|| "an unreadable answer".to_owned())),
    }
}

/// The startup message for user and database `name`.
fn startup(name: &str) -> Vec<u8> {
    let mut body = 196_608_u32.to_be_bytes().to_vec();
    for word in ["user", name, "database", name, ""] {
        body.extend_from_slice(word.as_bytes());
        body.push(0);
    }
    let length = u32::try_from(body.len() + 4).unwrap_or(u32::MAX);
    [length.to_be_bytes().to_vec(), body].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_is_starting_is_not_refusing() {
        assert_eq!(judge(b"SFATAL\0C57P03\0Mthe database system is starting up\0\0"), Answer::Starting);
        let refused = judge(b"SFATAL\0C3D000\0Mdatabase \"campaigns\" does not exist\0\0");
        assert_eq!(refused, Answer::Refused("database \"campaigns\" does not exist".to_owned()));
        assert_eq!(judge(b""), Answer::Refused("an unreadable answer".to_owned()));
    }

    #[test]
    fn nobody_listening_is_silence() {
        let folder = tempfile::tempdir().expect("a folder");
        assert_eq!(ask(folder.path(), "campaigns"), Answer::Silent);
    }
}
