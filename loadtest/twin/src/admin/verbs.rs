//! People's verbs for harnesses in other processes: one POST for each, with its arguments as JSON and, where another
//! than the maintainer acts, `as` a login.

use crate::build::RepositoryBuilder;
use crate::people::{FileEdit, Maintainer, Refused};
use crate::world::World;
use crate::world::model::Level;
use crate::world::rules::{Bypass, Demands, Settings};
use crate::world::verdict::{Conclusion, StatusState};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::{collections::BTreeMap, sync::Arc};

/// The arguments of a verb.
struct Given(Value);

impl Given {
    fn text(&self, field: &str) -> Result<&str, Refused> {
        self.0[field].as_str().ok_or_else(|| Refused(format!("`{field}` must be a text")))
    }

    fn read<T: DeserializeOwned>(&self, field: &str) -> Result<T, Refused> {
        serde_json::from_value(self.0[field].clone())
            .map_err(|error| Refused(format!("`{field}` is not what is expected: {error}")))
    }

    fn texts(&self, field: &str) -> Result<Vec<String>, Refused> {
        self.read(field)
    }
}

/// Carries out the verb at a path; `None` when there is no such verb.
pub(super) fn act(world: &Arc<World>, parts: &[&str], body: &[u8]) -> Option<Result<Value, Refused>> {
    let given = match body.iter().all(u8::is_ascii_whitespace) {
        true => Value::Null,
        false => match serde_json::from_slice(body) {
            Ok(given) => given,
            Err(error) => return Some(Err(Refused(format!("the body is not JSON: {error}")))),
        },
    };
    let given = Given(given);
    let person = match given.0["as"].as_str() {
        Some(login) => Maintainer::named(world, login),
        None => Maintainer::of(world),
    };
    match parts {
        ["repositories", name, "pulls", number, verb] => {
            let number = match number.parse() {
                Ok(number) => number,
                Err(_) => return Some(Err(Refused(format!("{number} is no number")))),
            };
            with_pull(&person, name, number, verb, &given)
        }
        ["repositories", name, "create"] => Some(create(world, name, &given)),
        ["repositories", name, verb] => with_repository(&person, name, verb, &given),
        ["installation", verb] => with_installation(&person, verb, &given),
        ["teams"] => Some(given.texts("members").and_then(|members| {
            let members: Vec<&str> = members.iter().map(String::as_str).collect();
            done(person.form_team(given.text("slug")?, &members))
        })),
        _ => None,
    }
}

fn done(outcome: Result<(), Refused>) -> Result<Value, Refused> {
    outcome.map(|()| json!({}))
}

/// Makes a repository, also one with the name of another that is gone.
fn create(world: &Arc<World>, name: &str, given: &Given) -> Result<Value, Refused> {
    let files: BTreeMap<String, String> = given.read("files")?;
    let mut builder = RepositoryBuilder::new(Arc::clone(world), name);
    for (path, content) in &files {
        builder = builder.file(path, content);
    }
    Ok(json!({"id": builder.create_now()?}))
}

fn with_pull(
    person: &Maintainer<'_>,
    name: &str,
    number: u64,
    verb: &str,
    given: &Given,
) -> Option<Result<Value, Refused>> {
    let check = |queue: bool| {
        let check = given.text("name")?;
        match given.read::<Option<Conclusion>>("conclusion")? {
            Some(conclusion) if queue => person.set_queue_check(name, number, check, conclusion),
            Some(conclusion) => person.set_check(name, number, check, conclusion),
            None => person.start_check(name, number, check),
        }
    };
    let workflow = || {
        let conclusion: Conclusion = given.read("conclusion")?;
        person.end_workflow(name, number, given.text("name")?, conclusion)
    };
    let status = || {
        let state: StatusState = given.read("state")?;
        person.set_status(name, number, given.text("context")?, state)
    };
    Some(match verb {
        "merge" => person.merge(name, number).map(|sha| json!({"sha": sha})),
        "update-branch" => person.press_update_branch(name, number).map(|sha| json!({"sha": sha})),
        "close" => done(person.close(name, number)),
        "reopen" => done(person.reopen(name, number)),
        "ready" => done(person.mark_ready(name, number)),
        "draft" => done(person.convert_to_draft(name, number)),
        "approve" => done(person.approve(name, number)),
        "request-changes" => {
            done(given.text("body").and_then(|why| person.request_changes(name, number, why)))
        }
        "comment" => done(given.text("body").and_then(|body| person.comment(name, number, body))),
        "title" => done(given.text("title").and_then(|title| person.edit_title(name, number, title))),
        "body" => done(given.text("body").and_then(|body| person.edit_body(name, number, body))),
        "label" => done(given.text("name").and_then(|label| person.add_label(name, number, label))),
        "unlabel" => done(given.text("name").and_then(|label| person.remove_label(name, number, label))),
        "check" => done(check(false)),
        "queue-check" => done(check(true)),
        "workflow" => done(workflow()),
        "status" => done(status()),
        _ => return None,
    })
}

fn with_repository(
    person: &Maintainer<'_>,
    name: &str,
    verb: &str,
    given: &Given,
) -> Option<Result<Value, Refused>> {
    let pushed = |force: bool| {
        let files: BTreeMap<String, Option<String>> = given.read("files")?;
        let files: Vec<FileEdit<'_>> = files
            .iter()
            .map(|(path, content)| (path.as_str(), content.as_ref().map(String::as_bytes)))
            .collect();
        let message = given.text("message").unwrap_or("A change by hand");
        let branch = given.text("branch")?;
        let sha = match force {
            true => person.force_push(name, branch, message, &files)?,
            false => person.push(name, branch, message, &files)?,
        };
        Ok(json!({"sha": sha}))
    };
    let protect = || {
        let demands: Demands = given.read("demands")?;
        let enforced = given.0["enforce_admins"].as_bool().unwrap_or(true);
        person.protect(name, given.text("branch")?, demands, enforced)
    };
    let ruleset = || {
        let demands: Demands = given.read("demands")?;
        let bypass: Option<Vec<Bypass>> = given.read("bypass")?;
        let id = person.add_ruleset(name, given.text("name")?, demands, &bypass.unwrap_or_default())?;
        Ok(json!({"id": id}))
    };
    let settings = || {
        let wanted: Settings = serde_json::from_value(given.0.clone())
            .map_err(|error| Refused(format!("the body is not what is expected: {error}")))?;
        person.set(name, |settings| *settings = wanted)
    };
    Some(match verb {
        "push" => pushed(false),
        "force-push" => pushed(true),
        "delete-branch" => done(given.text("branch").and_then(|branch| person.delete_branch(name, branch))),
        "rename" => done(given.text("name").and_then(|to| person.rename(name, to))),
        "rename-default-branch" => {
            done(given.text("name").and_then(|to| person.rename_default_branch(name, to)))
        }
        "archive" => done(person.archive(name, true)),
        "unarchive" => done(person.archive(name, false)),
        "transfer" => done(given.text("to").and_then(|to| person.transfer(name, to))),
        "delete" => done(person.delete_repository(name)),
        "settings" => done(settings()),
        "protect" => done(protect()),
        "unprotect" => done(given.text("branch").and_then(|branch| person.unprotect(name, branch))),
        "ruleset" => ruleset(),
        "bypass" => done(person.put_app_on_bypass_list(name)),
        _ => return None,
    })
}

fn with_installation(person: &Maintainer<'_>, verb: &str, given: &Given) -> Option<Result<Value, Refused>> {
    let permission = || {
        let level: Option<Level> = given.read("level")?;
        person.set_permission(given.text("name")?, level)
    };
    let select = || {
        let names: Option<Vec<String>> = given.read("repositories")?;
        let names: Option<Vec<&str>> = names.as_ref().map(|all| all.iter().map(String::as_str).collect());
        person.select_repositories(names.as_deref())
    };
    Some(done(match verb {
        "suspend" => person.suspend_installation(),
        "unsuspend" => person.unsuspend_installation(),
        "uninstall" => person.uninstall(),
        "install" => person.install(),
        "select" => select(),
        "permission" => permission(),
        _ => return None,
    }))
}
