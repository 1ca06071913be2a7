//! The cursor of events: one sequence number for every part of the run, as a short opaque text.
//!
//! Bytes: version 1; a bitmap of the shards whose number is not 0; those numbers in order, as LEB128; four bytes of
//! a digest over the run and all of that, so that another run's cursor is refused instead of skipping events. Then
//! base64url. Deliberately absent: secrecy; a made-up cursor shows its maker what the token may see anyway.

use crate::ports::Positions;
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use campaigns_domain::id::{RunId, SHARDS};
use sha2::{Digest, Sha256};

/// The format's version.
const VERSION: u8 = 1;

/// The longest cursor that is read: 64 numbers of at most 10 bytes each.
const MOST: usize = 1024;

/// Bytes of the bitmap.
const BITMAP: usize = SHARDS as usize / 8;

/// A text that is no cursor of this run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "this is not a cursor of this run: take it from an event's id or a page's `next`, or leave it out to begin anew"
)]
pub struct NotACursor;

/// The cursor that stands behind these positions.
pub(crate) fn encode(run: RunId, positions: &Positions) -> String {
    let mut bitmap = [0_u8; BITMAP];
    let mut numbers = Vec::with_capacity(32);
    for (shard, sequence) in positions.sequences().iter().enumerate() {
        let Ok(mut rest @ 1..) = u64::try_from(*sequence) else { continue };
        if let Some(byte) = bitmap.get_mut(shard / 8) {
            *byte |= 1 << (shard % 8);
        }
        while rest > 0x7f {
            numbers.push((rest & 0x7f) as u8 | 0x80);
            rest >>= 7;
        }
        numbers.push(rest as u8);
    }
    let mut bytes = Vec::with_capacity(1 + BITMAP + numbers.len() + 4);
    bytes.push(VERSION);
    bytes.extend(bitmap);
    bytes.extend(numbers);
    let check = checksum(run, &bytes);
    bytes.extend(check);
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

/// The positions that a cursor of `run` stands behind.
pub(crate) fn decode(run: RunId, text: &str) -> Result<Positions, NotACursor> {
    if text.len() > MOST {
        return Err(NotACursor);
    }
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(text).map_err(|_| NotACursor)?;
    let (payload, check) = bytes.split_at_checked(bytes.len().saturating_sub(4)).ok_or(NotACursor)?;
    if checksum(run, payload) != check {
        return Err(NotACursor);
    }
    let (&[VERSION], rest) = payload.split_at_checked(1).ok_or(NotACursor)? else { return Err(NotACursor) };
    let (bitmap, rest) = rest.split_at_checked(BITMAP).ok_or(NotACursor)?;
    let mut positions = Positions::START;
    let mut numbers = rest.iter().copied();
    for shard in 0..SHARDS {
        let byte = bitmap.get(usize::from(shard / 8)).copied().unwrap_or_default();
        if byte & (1 << (shard % 8)) != 0 {
            positions.set(shard, number(&mut numbers)?);
        }
    }
    if numbers.next().is_some() { Err(NotACursor) } else { Ok(positions) }
}

fn number(bytes: &mut impl Iterator<Item = u8>) -> Result<i64, NotACursor> {
    let mut number = 0_u64;
    for place in 0..9 {
        let byte = bytes.next().ok_or(NotACursor)?;
        number |= u64::from(byte & 0x7f) << (7 * place);
        if byte & 0x80 == 0 {
            return i64::try_from(number).map_err(|_| NotACursor);
        }
    }
    Err(NotACursor)
}

fn checksum(run: RunId, payload: &[u8]) -> [u8; 4] {
    let digest: [u8; 32] =
        Sha256::new().chain_update(run.0.as_bytes()).chain_update(payload).finalize().into();
    [digest[0], digest[1], digest[2], digest[3]]
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    fn run(n: u128) -> RunId {
        RunId(Uuid::from_u128(n))
    }

    #[test]
    fn cursors_read_back() {
        let mut positions = Positions::START;
        assert_eq!(decode(run(1), &encode(run(1), &positions)), Ok(positions.clone()));
        for (shard, sequence) in [(0, 1), (7, 127), (8, 128), (9, 16_384), (62, i64::MAX), (63, 300)] {
            positions.set(shard, sequence);
            assert_eq!(decode(run(1), &encode(run(1), &positions)), Ok(positions.clone()), "{shard}");
        }
        for shard in 0..SHARDS {
            positions.set(shard, i64::MAX - i64::from(shard));
        }
        let text = encode(run(1), &positions);
        assert!(text.len() <= MOST, "{}", text.len());
        assert_eq!(decode(run(1), &text), Ok(positions));
    }

    #[test]
    fn another_runs_cursor_and_changed_ones_are_refused() {
        let mut positions = Positions::START;
        positions.set(3, 70_000);
        let text = encode(run(1), &positions);
        assert_eq!(decode(run(2), &text), Err(NotACursor));
        for at in 0..text.len() {
            let mut changed = text.clone().into_bytes();
            changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).unwrap();
            assert_eq!(decode(run(1), &changed), Err(NotACursor), "{at}");
        }
        for text in ["", "A", "AAAA", "!", &"A".repeat(2000)] {
            assert_eq!(decode(run(1), text), Err(NotACursor), "{text}");
        }
    }
}
