//! The program: its one line of JSON, seeding, serving a stored world again, and its errors.

use serde_json::Value;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// A running `twin`, killed when dropped.
pub(crate) struct Program {
    pub(crate) child: Child,
    pub(crate) line: Value,
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) fn start(arguments: &[&str]) -> Program {
    let mut child = Command::new(env!("CARGO_BIN_EXE_twin"))
        .args(["serve", "-o", "json"])
        .args(arguments)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    Program { child, line: serde_json::from_str(&line).unwrap_or_else(|_| panic!("{line:?}")) }
}

fn fails(arguments: &[&str]) -> String {
    let mut child = Command::new(env!("CARGO_BIN_EXE_twin"))
        .arg("serve")
        .args(arguments)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = String::new();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(1), "{said}");
    said
}

fn sources(folder: &Path) {
    let write = |path: &str, text: &str| {
        let path = folder.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    write(
        "tool-1.2.3/Cargo.toml",
        "[package]\nname = \"tool\"\ndescription = \"A tool\"\nkeywords = [\"cli\"]\n",
    );
    write("tool-1.2.3/src/main.rs", "fn main() {}\n");
    write("tool-1.2.3/.git/config", "not this\n");
    write("twice-1.0.0/a", "1\n");
    write("twice-2.0.0/a", "2\n");
    write("page/package.json", "{\"description\": \"A page\"}");
    write("page/run \"it\".sh", "#!/bin/sh\n");
    let script = folder.join("page/run \"it\".sh");
    std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755)).unwrap();
    std::os::unix::fs::symlink("package.json", folder.join("page/link")).unwrap();
    std::fs::create_dir(folder.join("empty")).unwrap();
}

async fn repositories(program: &Program) -> Vec<Value> {
    let url = format!("{}/orgs/house/repos?sort=full_name", program.line["url"].as_str().unwrap());
    let client = reqwest::Client::builder().user_agent("test").build().unwrap();
    let token = program.line["token"].as_str().unwrap();
    client.get(url).bearer_auth(token).send().await.unwrap().json().await.unwrap()
}

#[tokio::test]
async fn seeds_once_and_serves_again() {
    let folder = tempfile::tempdir().unwrap();
    let (from, data) = (folder.path().join("from"), folder.path().join("data"));
    sources(&from);
    let token_file = folder.path().join("token");
    let arguments = [
        "--org",
        "house",
        "--from",
        from.to_str().unwrap(),
        "--data",
        data.to_str().unwrap(),
        "--token-file",
        token_file.to_str().unwrap(),
    ];
    let first = start(&arguments);
    for field in
        ["url", "app_id", "private_key_file", "installation_id", "token", "org", "admin_token", "log"]
    {
        assert!(!first.line[field].is_null(), "{field}");
    }
    let key = first.line["private_key_file"].as_str().unwrap();
    for file in [token_file.to_str().unwrap(), key] {
        assert_eq!(std::fs::metadata(file).unwrap().permissions().mode() & 0o777, 0o600);
    }
    let found = repositories(&first).await;
    let names: Vec<&str> = found.iter().map(|repo| repo["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["page", "tool", "twice-1.0.0", "twice-2.0.0"]);
    assert_eq!(
        (found[1]["description"].as_str(), found[1]["language"].as_str()),
        (Some("A tool"), Some("Rust"))
    );
    assert_eq!(found[1]["topics"][0], "cli");
    let bare = data.join(format!("repos/{}.git", found[0]["id"]));
    let listing = crate::desk::git(&bare, &["-c", "core.quotePath=false", "ls-tree", "-r", "-z", "main"]);
    let modes: Vec<(&str, &str)> = listing
        .split('\0')
        .filter(|line| !line.is_empty())
        .map(|line| (&line[..6], line.split_once('\t').unwrap().1))
        .collect();
    assert_eq!(modes, [("120000", "link"), ("100644", "package.json"), ("100755", "run \"it\".sh")]);
    let bare = data.join(format!("repos/{}.git", found[1]["id"]));
    assert!(!crate::desk::git(&bare, &["ls-tree", "-r", "main"]).contains(".git/"));

    assert!(fails(&arguments).contains("being served by another twin"));
    let (token, address) =
        (first.line["token"].clone(), first.line["url"].as_str().unwrap().replace("http://", ""));
    assert!(fails(&["--listen", &address]).contains("cannot listen on"));
    std::fs::remove_dir_all(&from).unwrap();
    drop(first);
    let second = start(&arguments);
    assert_eq!(second.line["token"], token);
    assert_eq!(repositories(&second).await.len(), 4);
    drop(second);
    std::fs::write(data.join("VERSION"), "7\n").unwrap();
    assert!(fails(&arguments).contains("layout version 7"));
}

#[tokio::test]
async fn stops_when_told_to() {
    let mut program = start(&[]);
    let data = std::path::PathBuf::from(program.line["data"].as_str().unwrap());
    assert!(data.exists());
    let pid = program.child.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    assert!(program.child.wait().unwrap().success());
    assert!(!data.exists(), "a world without a folder of its own ends with the program");
}

#[test]
fn says_what_is_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    assert!(fails(&["--from", &path("none")]).contains("cannot read the source folder"));
    assert!(fails(&["--from", folder.path().to_str().unwrap()]).contains("no subfolder with files"));
    sources(&folder.path().join("from"));
    assert!(
        fails(&["--from", &path("from"), "--repos", "9"])
            .contains("has 4 source trees and --repos asks for 9")
    );
    assert!(fails(&["--org", "repos"]).contains("cannot be an organisation's name"));
    assert!(fails(&["--data", &path("from")]).contains("not a twin's data folder"));
}
