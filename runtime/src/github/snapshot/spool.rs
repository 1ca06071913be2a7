//! Contents of one snapshot, one after another: in memory while they are few, in a temporary file beyond that;
//! and the tar they become.
//!
//! Deliberately absent: knowing which contents belong there.

use super::File;
use campaigns_actors::ports::git_objects::{self, BlobHasher};
use std::{
    ffi::OsStr,
    fs,
    io::{self, BufWriter, Read, Seek, SeekFrom, Write},
    os::unix::ffi::OsStrExt,
    path::Path,
};
use tar::{EntryType, Header};
use tempfile::SpooledTempFile;

/// Kept in memory up to this size.
const IN_MEMORY: usize = 8 << 20;

/// Contents larger than this are not looked at as a whole.
pub(super) const WHOLE: u64 = 32 << 20;

/// Where a content is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Content {
    at: u64,
    pub(super) size: u64,
}

/// Contents, appended one after another.
pub(super) struct Spool {
    file: SpooledTempFile,
    end: u64,
}

impl Spool {
    pub(super) fn new() -> Self {
        Self { file: SpooledTempFile::new(IN_MEMORY), end: 0 }
    }

    /// Bytes held.
    pub(super) fn size(&self) -> u64 {
        self.end
    }

    /// Appends exactly `size` bytes of `from`; where they are, and their blob id.
    pub(super) fn append(&mut self, mut from: impl Read, size: u64) -> io::Result<(Content, [u8; 20])> {
        let at = self.end;
        self.file.seek(SeekFrom::Start(at))?;
        let mut hash = BlobHasher::new(size);
        let mut buffer = [0_u8; 32 * 1024];
        let mut left = size;
        while left > 0 {
            let most = usize::try_from(left).unwrap_or(usize::MAX).min(buffer.len());
            let read = from.read(&mut buffer[..most])?;
            if read == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            hash.update(&buffer[..read]);
            self.file.write_all(&buffer[..read])?;
            left -= read as u64;
        }
        self.end = at + size;
        Ok((Content { at, size }, hash.finish()))
    }

    /// A content as a whole.
    pub(super) fn read(&mut self, content: Content) -> io::Result<Vec<u8>> {
        self.file.seek(SeekFrom::Start(content.at))?;
        let mut whole = vec![0; usize::try_from(content.size).map_err(io::Error::other)?];
        self.file.read_exact(&mut whole)?;
        Ok(whole)
    }

    /// Undoes line endings that an archive was given: appends the content with LF for every CRLF, where that has
    /// the blob id `wanted`.
    pub(super) fn without_cr(&mut self, content: Content, wanted: [u8; 20]) -> io::Result<Option<Content>> {
        if content.size > WHOLE {
            return Ok(None);
        }
        let whole = self.read(content)?;
        let mut plain = Vec::with_capacity(whole.len());
        let mut rest = whole.as_slice();
        while let Some(at) = rest.windows(2).position(|pair| pair == b"\r\n") {
            plain.extend_from_slice(&rest[..at]);
            plain.push(b'\n');
            rest = &rest[at + 2..];
        }
        plain.extend_from_slice(rest);
        if git_objects::blob_id(&plain) != wanted {
            return Ok(None);
        }
        Ok(Some(self.append(plain.as_slice(), plain.len() as u64)?.0))
    }

    /// Writes the files as an uncompressed tar, sorted by path: files and symbolic links alone, 0644 or 0755,
    /// no times, no owners. The same tree is always the same bytes.
    pub(super) fn into_tar(mut self, mut files: Vec<(File, Content)>, to: &Path) -> io::Result<()> {
        files.sort_by(|(one, _), (other, _)| one.path.cmp(&other.path));
        let mut tar = tar::Builder::new(BufWriter::with_capacity(256 * 1024, fs::File::create(to)?));
        for (file, content) in files {
            let path = Path::new(OsStr::from_bytes(&file.path));
            let mut header = Header::new_gnu();
            header.set_mtime(0);
            header.set_uid(0);
            header.set_gid(0);
            header.set_mode(if file.mode == "100755" { 0o755 } else { 0o644 });
            if file.mode == "120000" {
                let target = self.read(content)?;
                header.set_entry_type(EntryType::Symlink);
                header.set_size(0);
                tar.append_link(&mut header, path, Path::new(OsStr::from_bytes(&target)))?;
            } else {
                header.set_entry_type(EntryType::Regular);
                header.set_size(content.size);
                self.file.seek(SeekFrom::Start(content.at))?;
                tar.append_data(&mut header, path, (&mut self.file).take(content.size))?;
            }
        }
        tar.into_inner()?.into_inner().map_err(io::IntoInnerError::into_error)?;
        Ok(())
    }
}
