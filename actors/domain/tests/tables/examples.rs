//! The specs in `examples/` are read, and choose something in an organisation of crates.
#![allow(clippy::disallowed_methods, reason = "the examples are files; the domain itself reads none")]

use super::samples::{name, repository};
use campaigns_domain::{
    selection::{Answer, queries, select},
    spec::{Publication, Spec},
};
use std::{collections::BTreeSet, path::Path};

#[test]
fn every_example_is_a_spec() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples");
    let mut names = BTreeSet::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "yaml") {
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        let spec =
            Spec::parse(&text).unwrap_or_else(|errors| panic!("{}", errors.named(path.to_string_lossy())));
        assert_ne!(spec.changeset_template.as_ref().unwrap().published, Publication::Unpublished, "{path:?}");
        // They carry no wishes about their surroundings: runnable as they are.
        assert_eq!(spec.resolve_environment(|_| None), Ok(spec.clone()));
        assert!(spec.steps.iter().all(|step| step.container.is_none()), "{path:?}");

        let all = vec![repository(1, "acme/serde"), repository(2, "acme/tokio-util")];
        let answers =
            queries(&spec).into_iter().map(|query| (query, Answer::Repositories(all.clone()))).collect();
        let selected = select(&spec, &answers, None).unwrap();
        assert!(selected.iter().any(|it| it.included().is_some()), "{path:?}: {selected:?}");
        assert!(spec.head_branch(&name("acme/serde"), "main").unwrap().starts_with("campaigns/"));
        assert!(names.insert(spec.name), "two examples have the name of {path:?}");
    }
    assert!(names.len() >= 4, "{names:?}");
}

#[test]
fn the_documentation_shows_a_spec() {
    let page = include_str!("../../../../docs/SPEC.md");
    let blocks = page.split("```yaml\n").skip(1).filter_map(|rest| rest.split("```").next());
    let spec = Spec::parse(&format!("name: doc\n{}", blocks.collect::<String>()))
        .unwrap_or_else(|errors| panic!("{errors}"));
    assert_eq!((spec.on.len(), spec.steps.len()), (2, 1));
    assert!(spec.changeset_template.is_some());
}
