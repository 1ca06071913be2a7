//! The API's description is what it was, unless somebody means to change it: clients are generated from it.
//!
//! `CAMPAIGNS_ACCEPT=1 cargo test -p campaigns-http --test openapi` writes the new one.

use campaigns_domain::{
    changeset::ChangesetState,
    execution::{run::RunState, target::TargetState},
};
use campaigns_http::wire;
use std::{collections::BTreeSet, fs, path::Path};

#[test]
fn the_description_is_the_one_in_the_repository() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("openapi.json");
    let now = campaigns_http::document().to_pretty_json().unwrap() + "\n";
    if std::env::var_os("CAMPAIGNS_ACCEPT").is_some() {
        fs::write(&path, now).unwrap();
        return;
    }
    let kept = fs::read_to_string(&path).unwrap_or_default();
    if let Some((line, (old, new))) =
        kept.lines().chain([""]).zip(now.lines()).enumerate().find(|(_, (old, new))| old != new)
    {
        panic!(
            "the API's description differs from http/openapi.json in line {}:\n- {old}\n+ {new}\n\
             If that is meant, accept it with CAMPAIGNS_ACCEPT=1 cargo test -p campaigns-http --test openapi, and \
             regenerate the clients.",
            line + 1
        );
    }
    assert_eq!(kept, now);
}

#[test]
fn every_operation_has_a_name_of_its_own_a_description_and_problems() {
    let document = serde_json::to_value(campaigns_http::document()).unwrap();
    let mut names = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        assert!(path.starts_with("/api/v1/"), "{path}");
        for (verb, operation) in item.as_object().unwrap() {
            let name = operation["operationId"].as_str().unwrap_or_default().to_owned();
            assert!(names.insert(name.clone()), "{name} is there twice");
            let words =
                operation["summary"].as_str().or(operation["description"].as_str()).unwrap_or_default();
            assert!(words.len() > 10, "{verb} {path} says nothing about itself");
            let problem = &operation["responses"]["default"]["content"]["application/problem+json"];
            assert_eq!(problem["schema"]["$ref"], "#/components/schemas/Problem", "{verb} {path}");
        }
    }
    assert!(names.len() >= 20, "{names:?}");
}

/// The words on the wire are the domain's; a state that the domain gains is missed here, not by a reader.
#[test]
fn the_states_are_the_domains() {
    let domain: Vec<&str> = TargetState::ALL.iter().map(|state| state.as_str()).collect();
    let words: Vec<&str> = wire::TargetState::ALL.iter().map(|state| state.as_str()).collect();
    assert_eq!(domain, words);
    for (domain, word) in TargetState::ALL.iter().zip(wire::TargetState::ALL) {
        assert_eq!(domain.is_end(), word.is_end(), "{word}");
    }
    let domain: Vec<&str> = ChangesetState::ALL.iter().map(|state| state.as_str()).collect();
    let words: Vec<&str> = wire::ChangesetState::ALL.iter().map(|state| state.as_str()).collect();
    assert_eq!(domain, words);
    let domain =
        [RunState::Selecting, RunState::Running, RunState::Completed, RunState::Cancelled, RunState::Failed];
    for (domain, word) in domain.iter().zip(wire::RunState::ALL) {
        assert_eq!((domain.as_str(), domain.is_end()), (word.as_str(), word.is_end()));
        assert_eq!(serde_json::to_value(domain).unwrap(), serde_json::to_value(word).unwrap());
    }
    assert_eq!(domain.len(), wire::RunState::ALL.len());
}
