//! What a good spec says, its normal form, its digest, and the environment that it passes through.

use campaigns_domain::{
    id::Digest,
    spec::{Author, EnvironmentValue, Publication, Selector, Spec, branch_flaw},
};
use insta::assert_snapshot;

fn read(yaml: &str) -> Spec {
    Spec::parse(yaml).unwrap_or_else(|errors| panic!("{errors}"))
}

const WHOLE: &str = r#"
version: 2
name: pin.the_base-image
description: |
  Pins base images.
  Two lines.
on:
  - repository: github.com/acme/tool
  - repository: acme/site
    branches: [main, release/1.x]
  - organization: acme
    include: ["crate-*", "acme/api-*"]
    exclude: [crate-old]
    forks: true
steps:
  - run: |
      cat > notes.md <<'EOF'
      on: ${{ repository.name }}
        # not a comment
      EOF
    container: alpine:3.22
    env:
      - PATH_TO: a b
      - TOKEN
      - EMPTY: ""
    files:
      /tmp/ci.yaml: "on: push\ntoken: ${{ \"${{\" }} secrets.TOKEN }}\n"
  - run: echo second
    env: {LANGUAGE: en, COUNT: "1"}
changesetTemplate:
  title: Pin
  body: |
    Text.
  branch: campaigns/${{ campaign.name }}
  commit:
    message: Pin
    author: {name: Ada, email: ada@example.com}
  published: draft
"#;

#[test]
fn a_whole_spec() {
    let spec = read(WHOLE);
    assert_eq!(spec.name, "pin.the_base-image");
    assert_eq!(spec.description, "Pins base images.\nTwo lines.\n");
    let [Selector::Repository { repository, branches: none }, Selector::Repository { branches, .. }, all] =
        &spec.on[..]
    else {
        panic!("{:?}", spec.on)
    };
    assert_eq!((repository.to_string().as_str(), none.len()), ("acme/tool", 0));
    assert_eq!(branches, &["main", "release/1.x"]);
    let everything = Selector::Organization {
        organization: "acme".to_owned(),
        include: vec!["crate-*".to_owned(), "acme/api-*".to_owned()],
        exclude: vec!["crate-old".to_owned()],
        forks: true,
    };
    assert_eq!(*all, everything);
    let [first, second] = &spec.steps[..] else { panic!("{:?}", spec.steps) };
    assert_eq!(first.run, "cat > notes.md <<'EOF'\non: ${{ repository.name }}\n  # not a comment\nEOF\n");
    assert_eq!(first.container.as_deref(), Some("alpine:3.22"));
    assert_eq!(first.env["TOKEN"], EnvironmentValue::PassedThrough);
    assert_eq!(first.env["PATH_TO"], EnvironmentValue::Literal("a b".to_owned()));
    assert_eq!(first.env["EMPTY"], EnvironmentValue::Literal(String::new()));
    assert_eq!(second.env.keys().collect::<Vec<_>>(), ["COUNT", "LANGUAGE"]);
    let template = spec.changeset_template.unwrap();
    assert_eq!(template.published, Publication::Draft);
    assert_eq!(
        template.commit.author,
        Some(Author { name: "Ada".to_owned(), email: "ada@example.com".to_owned() })
    );
}

#[test]
fn the_normal_form_is_a_spec_and_has_a_digest() {
    let spec = read(WHOLE);
    let normal = spec.normal_form();
    assert_snapshot!(normal, @r#"{"changesetTemplate":{"body":"Text.\n","branch":"campaigns/${{ campaign.name }}","commit":{"author":{"email":"ada@example.com","name":"Ada"},"message":"Pin"},"published":"draft","title":"Pin"},"description":"Pins base images.\nTwo lines.\n","name":"pin.the_base-image","on":[{"repository":"acme/tool"},{"branches":["main","release/1.x"],"repository":"acme/site"},{"exclude":["crate-old"],"forks":true,"include":["crate-*","acme/api-*"],"organization":"acme"}],"steps":[{"container":"alpine:3.22","env":[{"EMPTY":""},{"PATH_TO":"a b"},"TOKEN"],"files":{"/tmp/ci.yaml":"on: push\ntoken: ${{ \"${{\" }} secrets.TOKEN }}\n"},"run":"cat > notes.md <<'EOF'\non: ${{ repository.name }}\n  # not a comment\nEOF\n"},{"env":{"COUNT":"1","LANGUAGE":"en"},"run":"echo second"}]}"#);
    assert_eq!(read(&normal), spec);
    assert_eq!(serde_json::from_str::<Spec>(&normal).unwrap(), spec);
    assert_eq!(spec.digest(), Digest::of(normal.as_bytes()));
    // What has a digest keeps it: runs are recorded by it.
    assert_snapshot!(read("name: a").digest(), @"d9d719b27480b55cd4918020e7473e716ed3569c8adafe926cf9b10b4f8ef064");
}

#[test]
fn texts_that_mean_the_same_have_one_digest() {
    let spec = "name: a\nsteps: [{run: x, container: y}]\nchangesetTemplate: {title: t, branch: b, commit: {message: m}}\n";
    for same in [
        "# a comment\nname: 'a'\nsteps:\n- container: y\n  run: x\nchangesetTemplate:\n  commit: {message: m}\n  \
         branch: b\n  title: t\n",
        "version: 3\nname: a\nsteps: [{run: x, image: y}]\nchangesetTemplate: {title: t, branch: b, commit: {message: \
         m}, published: false, body: ''}\non: []\n",
        "name: &n a\ndescription:\nsteps: [{run: !!str x, container: y, env: }]\nchangesetTemplate: {title: t, branch: \
         b, commit: {message: m}}\n",
    ] {
        assert_eq!(read(same).digest(), read(spec).digest(), "{same}");
    }
    assert_ne!(read("name: b").digest(), read("name: a").digest());
}

#[test]
fn yaml_1_2_is_read() {
    let spec = read("name: yes\ndescription: off\non: []\n");
    assert_eq!((spec.name.as_str(), spec.description.as_str()), ("yes", "off"));
    // An alias stands for the same value.
    let spec = read(
        "name: a\nsteps: [{run: &r x}, {run: *r}]\nchangesetTemplate: {title: *r, branch: b, commit: {message: *r}}",
    );
    assert_eq!(spec.steps[1].run, "x");
    // Windows line ends and a byte-order mark are no part of the values.
    assert_eq!(read("\u{feff}name: a\r\ndescription: b\r\n").description, "b");
}

#[test]
fn published() {
    for (written, expected) in [
        ("", Publication::Unpublished),
        ("published: false", Publication::Unpublished),
        ("published: true", Publication::Ready),
        ("published: draft", Publication::Draft),
        ("published: \"draft\"", Publication::Draft),
    ] {
        let spec = read(&format!(
            "name: a\nchangesetTemplate:\n  title: t\n  branch: b\n  commit: {{message: m}}\n  {written}\n"
        ));
        assert_eq!(spec.changeset_template.unwrap().published, expected, "{written}");
    }
}

#[test]
fn the_environment_is_resolved_or_every_missing_name_told() {
    let spec = read(WHOLE);
    let resolved = spec
        .resolve_environment(|name| (name == "TOKEN").then(|| "a${{ repository.name }}".to_owned()))
        .unwrap();
    // A value from outside is a text, and no template.
    let expected = EnvironmentValue::Literal("a${{ \"${{\" }} repository.name }}".to_owned());
    assert_eq!(resolved.steps[0].env["TOKEN"], expected);
    assert_eq!(resolved.steps[1], spec.steps[1]);

    let two = read(
        "name: a\nsteps: [{run: x, env: [B, A, {C: c}]}, {run: x, env: [A]}]\nchangesetTemplate: {title: t, branch: b, \
         commit: {message: m}}",
    );
    let error = two.resolve_environment(|_| None).unwrap_err();
    assert_eq!(error.names, ["A", "B"]);
    assert_snapshot!(error, @"the spec passes on environment variables that are not set: A, B; set them, or give them a value in the step's `env`");
}

#[test]
fn branch_names_follow_git() {
    for good in ["main", "a/b", "v1.2", "a@b", "émoji-🎉", "a-", "@a", "feature/#12"] {
        assert_eq!(branch_flaw(good), None, "{good}");
    }
    for bad in [
        "",
        "/a",
        "a/",
        "a//b",
        ".a",
        "a/.b",
        "a..b",
        "a.lock",
        "a.lock/b",
        "a.",
        "a b",
        "a~b",
        "a^b",
        "a:b",
        "a?b",
        "a*b",
        "a[b",
        "a\\b",
        "a@{b",
        "@",
        "-a",
        "HEAD",
        "refs/heads/a",
        "a\u{7f}b",
        "a\nb",
        "0123456789abcdef0123456789abcdef01234567",
    ] {
        assert!(branch_flaw(bad).is_some(), "{bad:?}");
    }
    assert!(branch_flaw(&"a".repeat(245)).is_some());
}

#[test]
fn what_a_repository_brings_into_a_branch_is_made_to_fit() {
    let spec = read(
        "name: a\nchangesetTemplate: {title: t, branch: 'x/${{ repository.name }}/${{ repository.branch }}', commit: \
         {message: m}}",
    );
    for (repository, expected) in [
        ("acme/tool", "x/acme/tool/main"),
        ("acme/.github", "x/acme/_github/main"),
        ("acme/a..b", "x/acme/a__b/main"),
        ("acme/yarn.lock", "x/acme/yarn_lock/main"),
        ("acme/dots.", "x/acme/dots_/main"),
    ] {
        let branch = spec.head_branch(&repository.parse().unwrap(), "main").unwrap();
        assert_eq!(branch, expected);
        assert_eq!(branch_flaw(&branch), None);
    }
    assert_eq!(read("name: a").head_branch(&"acme/tool".parse().unwrap(), "main"), None);
}
