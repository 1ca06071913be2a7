//! Files and folders by path, and archives. Writing files by path (`PUT contents`) is not here.

use super::call::{Call, Outcome, Reply};
use super::refusal::Refusal;
use super::shape::git::path as encoded;
use crate::paging::encode;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use git2::{Commit, ObjectType, Oid, Repository};
use serde_json::{Value, json};
use std::path::Path;

/// Above this GitHub leaves content out of the JSON (`encoding: none`), and above the second it refuses.
const INLINE_LIMIT: usize = 1 << 20;
const LIMIT: usize = 100 << 20;
/// How long an archive's address works, seconds.
const ARCHIVE_LIFE: i64 = 300;

/// `GET /repos/{owner}/{repo}/contents/{path}`
pub fn get(call: &Call<'_>) -> Outcome {
    let record = call.repository()?;
    let git = call.git(&record)?;
    let reference = call.query("ref").unwrap_or(&record.default_branch).to_owned();
    let commit = named(call, &git, &reference)?;
    let place = Place { call, git: &git, home: call.home(&record), reference };
    let path = call.param("path").trim_matches('/').to_owned();
    if path.is_empty() {
        return place.folder("", commit.tree_id());
    }
    let entry = commit.tree()?.get_path(Path::new(&path)).map_err(|_| Refusal::not_found())?;
    match entry.kind() {
        Some(ObjectType::Tree) => place.folder(&path, entry.id()),
        Some(ObjectType::Blob) => place.file(&path, entry.id(), entry.filemode()),
        _ => Ok(Reply::ok(place.entry(&path, entry.id(), entry.filemode(), 0))),
    }
}

/// `GET /repos/{owner}/{repo}/readme`
pub fn readme(call: &Call<'_>) -> Outcome {
    let record = call.repository()?;
    let git = call.git(&record)?;
    let reference = call.query("ref").unwrap_or(&record.default_branch).to_owned();
    let tree = named(call, &git, &reference)?.tree()?;
    let found = ["README.md", "README", "README.rst", "README.txt", "readme.md", "Readme.md"]
        .into_iter()
        .find_map(|name| tree.get_name(name).map(|entry| (name, entry.id(), entry.filemode())));
    let (name, oid, mode) = found.ok_or_else(Refusal::not_found)?;
    Place { call, git: &git, home: call.home(&record), reference }.file(name, oid, mode)
}

fn named<'repo>(call: &Call<'_>, git: &'repo Repository, reference: &str) -> Result<Commit<'repo>, Refusal> {
    call.commit(git, reference).map_err(|refusal| match refusal.status {
        404 => Refusal::new(404, format!("No commit found for the ref {reference}")),
        _ => Refusal::new(404, "This repository is empty."),
    })
}

struct Place<'a> {
    call: &'a Call<'a>,
    git: &'a Repository,
    home: super::shape::git::Home,
    reference: String,
}

impl Place<'_> {
    fn entry(&self, path: &str, oid: Oid, mode: i32, size: usize) -> Value {
        let (kind, page, object) = match mode {
            0o040_000 => ("dir", "tree", "trees"),
            0o120_000 => ("symlink", "blob", "blobs"),
            0o160_000 => ("submodule", "tree", "trees"),
            _ => ("file", "blob", "blobs"),
        };
        let (api, web, at) = (&self.home.api, &self.home.web, encoded(path));
        let own = format!("{api}/contents/{at}?ref={}", encode(&self.reference));
        let git = format!("{api}/git/{object}/{oid}");
        let html = format!("{web}/{page}/{}/{at}", encoded(&self.reference));
        let full_name = web.strip_prefix(&self.call.urls.web).unwrap_or(web);
        let download = (kind == "file" || kind == "symlink")
            .then(|| format!("{}/raw{full_name}/{}/{at}", self.call.urls.web, encoded(&self.reference)));
        json!({
            "name": path.rsplit('/').next().unwrap_or(path),
            "path": path,
            "sha": oid.to_string(),
            "size": size,
            "url": own,
            "html_url": html,
            "git_url": git,
            "download_url": download,
            "type": kind,
            "_links": {"self": own, "git": git, "html": html},
        })
    }

    fn folder(&self, path: &str, oid: Oid) -> Outcome {
        if self.call.wants("raw") {
            return Err(Refusal::new(415, "Unsupported media type for a directory."));
        }
        let tree = self.git.find_tree(oid)?;
        let odb = self.git.odb()?;
        let mut entries = Vec::new();
        for entry in &tree {
            let name = String::from_utf8_lossy(entry.name_bytes()).into_owned();
            let full = if path.is_empty() { name } else { format!("{path}/{name}") };
            let size =
                if entry.kind() == Some(ObjectType::Blob) { odb.read_header(entry.id())?.0 } else { 0 };
            entries.push(self.entry(&full, entry.id(), entry.filemode(), size));
        }
        if self.call.wants("object") {
            let mut value = self.entry(path, oid, 0o040_000, 0);
            value["entries"] = entries.into();
            return Ok(Reply::ok(value));
        }
        Ok(Reply::ok(entries.into()))
    }

    fn file(&self, path: &str, oid: Oid, mode: i32) -> Outcome {
        let blob = self.git.find_blob(oid)?;
        let content = blob.content();
        if content.len() > LIMIT {
            let mut refusal = Refusal::validation("Blob", "too_large", Some("data"), None);
            refusal.status = 403;
            return Err(refusal);
        }
        if self.call.wants("raw") {
            let kind = "application/vnd.github.raw; charset=utf-8";
            return Ok(Reply::raw(kind, content.to_vec()));
        }
        let mut value = self.entry(path, oid, mode, content.len());
        if mode == 0o120_000 {
            value["target"] = json!(String::from_utf8_lossy(content));
            return Ok(Reply::ok(value));
        }
        let inline = content.len() <= INLINE_LIMIT;
        value["content"] = json!(if inline { wrapped(content) } else { String::new() });
        value["encoding"] = json!(if inline { "base64" } else { "none" });
        Ok(Reply::ok(value))
    }
}

/// Base64 in lines of sixty, each ended, as GitHub sends it.
pub fn wrapped(content: &[u8]) -> String {
    let whole = STANDARD.encode(content);
    let mut out = String::with_capacity(whole.len() + whole.len() / 60 + 1);
    for line in whole.as_bytes().chunks(60) {
        out.extend(line.iter().copied().map(char::from));
        out.push('\n');
    }
    out
}

/// `GET /repos/{owner}/{repo}/tarball/{ref}`: a redirect to an address that carries its own signature, as
/// codeload's does, so that no credential has to follow it.
pub fn tarball(call: &Call<'_>) -> Outcome {
    let record = call.repository()?;
    let git = call.git(&record)?;
    let reference = match call.param("ref") {
        "" => record.default_branch.as_str(),
        reference => reference,
    };
    call.commit(&git, reference)?;
    let path = format!("/_codeload/{}/legacy.tar.gz/{}", call.full_name(&record), encoded(reference));
    let expires = call.now.timestamp() + ARCHIVE_LIFE;
    let signature = call.world.secrets.sign("archive", format!("{path}\n{expires}").as_bytes());
    let location = format!("{}{path}?token={expires}.{signature}", call.urls.web);
    Ok(Reply::empty(302).header("location", location))
}
