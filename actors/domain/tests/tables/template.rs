//! Templates as an order renders them.

use super::samples;
use campaigns_domain::{
    execution::{Limits, Order},
    spec::Spec,
};
use std::collections::BTreeMap;

/// What a step's command becomes for `acme/tool`, branch `main`.
fn rendered(run: &str) -> String {
    let yaml = serde_json::json!({
        "name": "tidy",
        "description": "Tidy\nup",
        "steps": [{"run": run}],
        "changesetTemplate": {"title": "t", "branch": "b", "commit": {"message": "m"}},
    });
    let spec = Spec::parse(&yaml.to_string()).unwrap_or_else(|errors| panic!("{errors}"));
    let order = Order::new(&spec, &samples::target(), Limits::default());
    order.steps[0].run.clone()
}

#[test]
fn variables_and_texts() {
    for (template, expected) in [
        ("a", "a"),
        ("${{ repository.name }}", "acme/tool"),
        ("${{repository.name}}${{   repository.branch\t}}", "acme/toolmain"),
        ("<${{ batch_change.name }} ${{ campaign.name }}>", "<tidy tidy>"),
        ("${{ batch_change.description }}|${{ campaign.description }}", "Tidy\nup|Tidy\nup"),
        ("${{ \"${{\" }} secrets.X }}", "${{ secrets.X }}"),
        ("${{ `${{` }} secrets.X }}", "${{ secrets.X }}"),
        ("${{ \"}}\" }}", "}}"),
        ("${{ \"a \\\"b\\\" \\\\ \\n\" }}", "a \"b\" \\ \n"),
        ("$ { { x }} $${ {{x}} ${x}", "$ { { x }} $${ {{x}} ${x}"),
        ("$${{ repository.name }}}", "$acme/tool}"),
    ] {
        assert_eq!(rendered(template), expected, "{template}");
    }
}

#[test]
fn an_order_is_complete() {
    let spec = Spec::parse(
        "name: tidy\nsteps:\n  - run: 'true'\n    image: alpine\n    env: [{WHO: '${{ repository.name }}'}, SECRET]\n    \
         files: {/tmp/a: '${{ repository.branch }}'}\nchangesetTemplate: {title: t, branch: b, commit: {message: m}}\n",
    )
    .unwrap();
    let mut target = samples::target();
    target.attempt = 2;
    let resolved = spec.resolve_environment(|_| Some("${{ repository.name }}".to_owned())).unwrap();
    let order = Order::new(&resolved, &target, Limits::default());
    assert_eq!(order.execution, campaigns_domain::id::ExecutionId::of(target.id, 2));
    assert_eq!((order.repository, order.base), (target.repository.clone(), target.base.clone()));
    let [step] = &order.steps[..] else { panic!("{:?}", order.steps) };
    let env = [("SECRET", "${{ repository.name }}"), ("WHO", "acme/tool")];
    assert_eq!(step.env, env.map(|(name, value)| (name.to_owned(), value.to_owned())).into());
    assert_eq!(step.files, BTreeMap::from([("/tmp/a".to_owned(), "main".to_owned())]));
    assert_eq!(step.container.as_deref(), Some("alpine"));
    // Unresolved, a passed-through variable is not set.
    let order = Order::new(&spec, &target, Limits::default());
    assert_eq!(order.steps[0].env.keys().collect::<Vec<_>>(), ["WHO"]);
}
