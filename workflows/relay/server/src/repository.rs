//! The one repository that is served: a single commit, made when the server starts.

use std::fmt;

use miniz_oxide::deflate::compress_to_vec_zlib;
use sha1_smol::Sha1;

/// Who the commit says made it, and when.
///
/// The moment is fixed: every copy of the server then serves the same commit, and a client that is led from one
/// to another sees no change.
const SIGNATURE: &str = "Relay <relay@localhost> 1700000000 +0000";

/// The name of an object: the SHA-1 of its kind, length and content.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct ObjectId([u8; 20]);

impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// A repository with one commit that holds one README.
pub struct Repository {
    head: ObjectId,
    pack: Vec<u8>,
}

impl Repository {
    /// Makes the commit that holds `readme` as `README.md`.
    #[must_use]
    pub fn of_readme(readme: &str) -> Self {
        let blob = Object::new(Kind::Blob, readme.as_bytes().to_vec());
        let mut entry = b"100644 README.md\0".to_vec();
        entry.extend(blob.id.0);
        let tree = Object::new(Kind::Tree, entry);
        let message = format!(
            "tree {}\nauthor {SIGNATURE}\ncommitter {SIGNATURE}\n\nServe this README\n",
            tree.id
        );
        let commit = Object::new(Kind::Commit, message.into_bytes());
        Self {
            head: commit.id,
            pack: pack(&[&commit, &tree, &blob]),
        }
    }

    /// The commit to which `HEAD` and `refs/heads/main` point.
    #[must_use]
    pub fn head(&self) -> ObjectId {
        self.head
    }

    /// All objects, as a version 2 pack.
    pub(crate) fn pack(&self) -> &[u8] {
        &self.pack
    }
}

/// The kinds of objects, with the numbers that packs use.
#[derive(Clone, Copy)]
enum Kind {
    Commit = 1,
    Tree = 2,
    Blob = 3,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Commit => "commit",
            Self::Tree => "tree",
            Self::Blob => "blob",
        }
    }
}

struct Object {
    kind: Kind,
    id: ObjectId,
    content: Vec<u8>,
}

impl Object {
    fn new(kind: Kind, content: Vec<u8>) -> Self {
        let mut hash = Sha1::new();
        hash.update(format!("{} {}\0", kind.name(), content.len()).as_bytes());
        hash.update(&content);
        Self {
            kind,
            id: ObjectId(hash.digest().bytes()),
            content,
        }
    }

    /// The kind and length as a pack begins each object: four bits of length, then seven a byte.
    fn header(&self) -> Vec<u8> {
        let mut header = Vec::new();
        let mut byte = (self.kind as u8) << 4 | (self.content.len() & 0x0f) as u8;
        let mut rest = self.content.len() >> 4;
        while rest > 0 {
            header.push(byte | 0x80);
            byte = (rest & 0x7f) as u8;
            rest >>= 7;
        }
        header.push(byte);
        header
    }
}

fn pack(objects: &[&Object]) -> Vec<u8> {
    let mut pack = b"PACK\0\0\0\x02".to_vec();
    let count = u32::try_from(objects.len()).expect("the caller names each object");
    pack.extend(count.to_be_bytes());
    for object in objects {
        pack.extend(object.header());
        pack.extend(compress_to_vec_zlib(&object.content, 9));
    }
    let checksum = Sha1::from(&pack).digest().bytes();
    pack.extend(checksum);
    pack
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_has_the_name_that_git_gives_it() {
        // `printf hello | git hash-object --stdin`
        let blob = Object::new(Kind::Blob, b"hello".to_vec());
        assert_eq!(
            blob.id.to_string(),
            "b6fc4c620b67d95f953a5c1c1230aaab5db5a1b0"
        );
    }

    #[test]
    fn a_length_over_fifteen_goes_on_in_the_next_byte() {
        let blob = Object::new(Kind::Blob, vec![0; 0x123]);
        assert_eq!(blob.header(), [0xb3, 0x12]);
    }

    #[test]
    fn two_copies_serve_the_same_commit() {
        assert_eq!(
            Repository::of_readme("a").head(),
            Repository::of_readme("a").head()
        );
        assert_ne!(
            Repository::of_readme("a").head(),
            Repository::of_readme("b").head()
        );
    }
}
