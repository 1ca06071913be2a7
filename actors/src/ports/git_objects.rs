//! Git's object ids (SHA-1 over a header and the content), as code hosts speak of them: what an archive and a
//! stored tree are compared by, and what the in-memory code host names its objects by.
//!
//! Deliberately absent: reading or writing object databases, and SHA-256 repositories, which GitHub does not serve.

use sha1::{Digest, Sha1};
use std::collections::BTreeMap;

/// The mode of a folder in a tree.
const FOLDER: &str = "40000";

/// A blob's id, fed piece by piece.
pub struct BlobHasher(Sha1);

impl BlobHasher {
    /// Starts a blob of exactly `size` bytes.
    pub fn new(size: u64) -> Self {
        let mut hash = Sha1::new();
        hash.update(format!("blob {size}\0").as_bytes());
        Self(hash)
    }

    /// Adds content.
    pub fn update(&mut self, content: &[u8]) {
        self.0.update(content);
    }

    /// The id, as 20 bytes.
    pub fn finish(self) -> [u8; 20] {
        self.0.finalize().into()
    }
}

/// A blob's id.
pub fn blob_id(content: &[u8]) -> [u8; 20] {
    let mut hash = BlobHasher::new(content.len() as u64);
    hash.update(content);
    hash.finish()
}

/// Any object's id, as 40 hexadecimal digits; `kind` is `blob`, `tree` or `commit`.
pub fn object_id(kind: &str, content: &[u8]) -> String {
    let mut hash = Sha1::new();
    hash.update(format!("{kind} {}\0", content.len()).as_bytes());
    hash.update(content);
    hex::encode(hash.finalize())
}

#[derive(Default)]
struct Folder<'a> {
    files: BTreeMap<&'a [u8], (&'a str, [u8; 20])>,
    folders: BTreeMap<&'a [u8], Folder<'a>>,
}

/// The id of the tree that holds exactly these files: path, mode (`100644`, `100755`, `120000`, `160000`) and
/// object id. A path given twice counts once, as given last. It goes as deep as the paths do: bound their length.
pub fn tree_id<'a>(files: impl IntoIterator<Item = (&'a [u8], &'a str, [u8; 20])>) -> String {
    let mut root = Folder::default();
    for (path, mode, id) in files {
        let mut folder = &mut root;
        let mut rest = path;
        while let Some(slash) = rest.iter().position(|byte| *byte == b'/') {
            folder = folder.folders.entry(&rest[..slash]).or_default();
            rest = &rest[slash + 1..];
        }
        folder.files.insert(rest, (mode, id));
    }
    hex::encode(folder_id(&root))
}

/// Git orders a tree's entries by name, folders as if their name ended in `/`.
fn folder_id(folder: &Folder<'_>) -> [u8; 20] {
    let line = |mode: &str, name: &[u8], id: &[u8; 20]| [mode.as_bytes(), b" ", name, b"\0", id].concat();
    let mut entries: BTreeMap<Vec<u8>, Vec<u8>> = BTreeMap::new();
    for (name, (mode, id)) in &folder.files {
        entries.insert(name.to_vec(), line(mode, name, id));
    }
    for (name, inner) in &folder.folders {
        entries.insert([name, b"/".as_slice()].concat(), line(FOLDER, name, &folder_id(inner)));
    }
    let content: Vec<u8> = entries.into_values().flatten().collect();
    let mut hash = Sha1::new();
    hash.update(format!("tree {}\0", content.len()).as_bytes());
    hash.update(&content);
    hash.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_gits_own() {
        // `git hash-object` of nothing and of "hello\n", and `git hash-object -t tree /dev/null`.
        assert_eq!(hex::encode(blob_id(b"")), "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391");
        assert_eq!(hex::encode(blob_id(b"hello\n")), "ce013625030ba8dba906f756967f9e9ca394464a");
        assert_eq!(tree_id([]), "4b825dc642cb6eb9a060e54bf8d69288fbee4904");
    }

    #[test]
    fn folders_sort_as_if_they_ended_in_a_slash() {
        // Made with `git mktree`: a-b, a/x, a.c with the content "hello\n"; git's order is a-b, a.c, a.
        let hello = blob_id(b"hello\n");
        let files: [(&[u8], &str, [u8; 20]); 3] =
            [(b"a/x", "100644", hello), (b"a-b", "100644", hello), (b"a.c", "100755", hello)];
        assert_eq!(tree_id(files), EXPECTED);
    }

    const EXPECTED: &str = "dd0e4f3e5af61beccd5445ea74b4a1a139907d51";
}
