//! Snapshots are the commit's tree as git has it, whatever the archive made of it.

use crate::world::{asked, config, github, named, token, twin};
use campaigns_actors::ports::{CodeHost, CodeHostError, ReadBudget};
use campaigns_domain::id::CommitSha;
use campaigns_runtime::github::GitHub;
use campaigns_twin::{Effect, Fault, Twin};
use std::{collections::BTreeMap, io::Read, path::Path, process::Command};

type Files = BTreeMap<Vec<u8>, (String, Vec<u8>)>;

/// What git says the commit holds: mode and content by path, submodules left out.
fn truth(bare: &Path, commit: &str) -> Files {
    let git = |arguments: &[&str]| {
        let output = Command::new("git").arg("--git-dir").arg(bare).args(arguments).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    };
    let mut files = Files::new();
    for line in git(&["ls-tree", "-r", "-z", commit]).split(|byte| *byte == 0).filter(|line| !line.is_empty())
    {
        let tab = line.iter().position(|byte| *byte == b'\t').unwrap();
        let about = String::from_utf8(line[..tab].to_vec()).unwrap();
        let parts: Vec<&str> = about.split(' ').collect();
        if parts[0] != "160000" {
            let content = git(&["cat-file", "blob", parts[2]]);
            files.insert(line[tab + 1..].to_vec(), (parts[0].to_owned(), content));
        }
    }
    files
}

fn unpack(file: &Path) -> Files {
    let mut files = Files::new();
    for entry in tar::Archive::new(std::fs::File::open(file).unwrap()).entries().unwrap() {
        let mut entry = entry.unwrap();
        let path = entry.path_bytes().into_owned();
        let held = if entry.header().entry_type() == tar::EntryType::Symlink {
            ("120000".to_owned(), entry.link_name_bytes().unwrap().into_owned())
        } else {
            let mut content = Vec::new();
            entry.read_to_end(&mut content).unwrap();
            (format!("100{:o}", entry.header().mode().unwrap()), content)
        };
        assert!(files.insert(path, held).is_none());
    }
    files
}

async fn exact(twin: &Twin, host: &GitHub, id: u64, name: &str) {
    let repository = named(twin, id, name);
    let base = host.base(&repository, "main", &ReadBudget::unlimited()).await.unwrap().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("snapshot.tar");
    host.snapshot(&repository, &base.commit, &file, &ReadBudget::unlimited()).await.unwrap();
    let (found, wanted) = (unpack(&file), truth(&twin.bare(name).unwrap(), &base.commit.0));
    assert_eq!(found.keys().collect::<Vec<_>>(), wanted.keys().collect::<Vec<_>>());
    for (path, held) in &wanted {
        assert_eq!(found.get(path), Some(held), "{}", String::from_utf8_lossy(path));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plain_repository_needs_no_tree() {
    let twin = twin().await;
    let id = twin
        .repository("plain")
        .file("README.md", "hello\n")
        .executable("run", "#!/bin/sh\n")
        .symlink("link", "README.md")
        .file("nothing", "")
        .file("logo.png", [137, 80, 78, 71, 13, 10, 26, 10, 0, 255])
        .create()
        .await
        .unwrap();
    exact(&twin, &github(&twin, token(&twin)), id, "plain").await;
    assert_eq!(asked(&twin, "git/get-tree"), 0, "the archive's own tree id was the commit's");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_and_nothing_rewritten() {
    let twin = twin().await;
    let large: Vec<u8> = (0_u32..800_000).flat_map(u32::to_le_bytes).collect();
    let id = twin
        .repository("attributes")
        .attributes(
            "*.bat text eol=crlf\n/docs export-ignore\nsecret.bin export-ignore\nVERSION export-subst\n\
             *.u16 text working-tree-encoding=UTF-16\n*.id ident\n",
        )
        .file("run.bat", "echo one\necho two\n")
        .file("mixed.bat", "no end")
        .file("docs/guide.md", "read me\n")
        .file("docs/deep/more.md", "read more\n")
        .file("secret.bin", &large)
        .file("VERSION", "$Format:%H$\n")
        .file("wide.u16", "wide\n")
        .file("marked.id", "$Id$\n")
        .file("plain.txt", "plain\r\nkept\r\n")
        .executable("bin/tool", "#!/bin/sh\n")
        .symlink("bin/alias", "tool")
        .create()
        .await
        .unwrap();
    let host = github(&twin, token(&twin));
    exact(&twin, &host, id, "attributes").await;
    assert_eq!(asked(&twin, "git/get-tree"), 1);
    // export-ignore (3), export-subst, working-tree-encoding, ident; line endings are undone without asking.
    assert_eq!(asked(&twin, "git/get-blob"), 6);
}

#[tokio::test(flavor = "multi_thread")]
async fn odd_names_and_submodules() {
    let twin = twin().await;
    let long = format!("{}/{}", "d".repeat(120), "f".repeat(180));
    let id = twin
        .repository("odd")
        .file(&long, "deep\n")
        .file("a b/ü \"quoted\"", "1")
        .file("a-b", "2")
        .file("a.b", "3")
        .file("a/b", "4")
        .symlink(&format!("{}/link", "l".repeat(90)), &"../".repeat(60))
        .create()
        .await
        .unwrap();
    let host = github(&twin, token(&twin));
    exact(&twin, &host, id, "odd").await;
    // A submodule, and a name that is no UTF-8, by git's own hand.
    let bare = twin.bare("odd").unwrap();
    let script = r#"
        set -e
        export GIT_INDEX_FILE="$PWD/index.test"
        git read-tree main
        blob=$(printf 'x' | git hash-object -w --stdin)
        git update-index --add --cacheinfo "160000,0123456789abcdef0123456789abcdef01234567,module"
        printf "100644 $blob\t\377name\000" | git update-index -z --index-info
        tree=$(git write-tree)
        commit=$(git -c user.name=t -c user.email=t@example.org commit-tree -p main -m more "$tree")
        git update-ref refs/heads/main "$commit"
        rm "$GIT_INDEX_FILE"
    "#;
    let status =
        Command::new("sh").arg("-c").arg(script).current_dir(&bare).env("GIT_DIR", &bare).status().unwrap();
    assert!(status.success());
    exact(&twin, &host, id, "odd").await;
    assert_eq!(asked(&twin, "git/get-blob"), 0, "what came in the archive is not asked for again");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_too_large_is_refused_and_what_breaks_is_tried_again() {
    let twin = twin().await;
    let id = twin.repository("large").file("zeros", vec![0_u8; 3 << 20]).create().await.unwrap();
    let repository = named(&twin, id, "large");
    let folder = tempfile::tempdir().unwrap();
    let mut small = config(&twin, token(&twin));
    small.snapshots.bytes = 1 << 20;
    let host = GitHub::new(small).unwrap();
    let base = host.base(&repository, "main", &ReadBudget::unlimited()).await.unwrap().unwrap();
    let refused =
        host.snapshot(&repository, &base.commit, &folder.path().join("a"), &ReadBudget::unlimited()).await;
    assert!(
        matches!(&refused, Err(CodeHostError::Refused(words)) if words.contains("more than 1 MB")),
        "{refused:?}"
    );

    let mut few = config(&twin, token(&twin));
    few.snapshots.files = 0;
    let refused = GitHub::new(few)
        .unwrap()
        .snapshot(&repository, &base.commit, &folder.path().join("b"), &ReadBudget::unlimited())
        .await;
    assert!(
        matches!(&refused, Err(CodeHostError::Refused(words)) if words.contains("0 files")),
        "{refused:?}"
    );

    let operation = "repos/download-tarball-archive";
    twin.faults().add(Fault::on(operation, Effect::ExecuteThenDrop).times(2));
    let host = github(&twin, token(&twin));
    host.snapshot(&repository, &base.commit, &folder.path().join("c"), &ReadBudget::unlimited())
        .await
        .unwrap();
    twin.faults().add(Fault::on(operation, Effect::ExecuteThenRefuse { status: 502 }));
    let broken =
        host.snapshot(&repository, &base.commit, &folder.path().join("d"), &ReadBudget::unlimited()).await;
    assert!(matches!(broken, Err(CodeHostError::Unavailable(_))), "{broken:?}");
    twin.faults().clear();
    let absent = CommitSha("f".repeat(40));
    let missing =
        host.snapshot(&repository, &absent, &folder.path().join("e"), &ReadBudget::unlimited()).await;
    assert!(matches!(missing, Err(CodeHostError::NotFound(_))), "{missing:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bomb_is_stopped_by_its_ratio() {
    let twin = twin().await;
    let id = twin.repository("bomb").file("zeros", vec![0_u8; 80 << 20]).create().await.unwrap();
    let repository = named(&twin, id, "bomb");
    let host = github(&twin, token(&twin));
    let base = host.base(&repository, "main", &ReadBudget::unlimited()).await.unwrap().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let refused =
        host.snapshot(&repository, &base.commit, &folder.path().join("tar"), &ReadBudget::unlimited()).await;
    assert!(
        matches!(&refused, Err(CodeHostError::Refused(words)) if words.contains("unpacks to more")),
        "{refused:?}"
    );
}
