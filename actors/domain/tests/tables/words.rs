//! The words of a pull request: what the author wrote, with nothing in it that a repository could make act.

use super::samples::{self, TEMPLATE, manifest, name, put, spec, target};
use campaigns_domain::{
    changeset::Proposal,
    execution::{run::RunOptions, target::Target},
    id::{ChangesetId, RepositoryId},
    publish::{head_branch, place},
    spec::{Publication, Spec},
};
use insta::assert_snapshot;

fn proposed(spec: &Spec, target: &Target) -> Proposal {
    let manifest = manifest(vec![put("a", "1"), put("b", "2")]);
    Proposal::new(spec, &spec.digest(), &RunOptions::default(), target, &manifest).unwrap()
}

/// A target whose base branch has this name.
fn on_branch(branch: &str) -> Target {
    Target { branch: branch.to_owned(), ..target() }
}

/// A spec with this title, body and message.
fn words(title: &str, body: &str, message: &str) -> Spec {
    let mut spec = spec("- repository: acme/tool", TEMPLATE);
    let template = spec.changeset_template.as_mut().unwrap();
    template.title = title.to_owned();
    template.body = body.to_owned();
    template.commit.message = message.to_owned();
    spec
}

#[test]
fn a_proposal() {
    let spec = spec(
        "- organization: acme",
        "title: Tidy ${{ repository.name }}\nbody: |\n  For @${{ repository.name }}, see #12.\n\n  Bye.\nbranch: \
         tidy/${{ repository.branch }}\ncommit:\n  message: |\n    Tidy ${{ campaign.name }}\n\n    ${{ \
         campaign.description }}\n  author: {name: Ada, email: ada@example.com}\npublished: draft",
    );
    let target = Target { attempt: 2, ..target() };
    let proposal = proposed(&spec, &target);
    assert_eq!((proposal.run, proposal.target, proposal.attempt), (target.run, target.id, 2));
    assert_eq!(proposal.base, target.base);
    assert_eq!(proposal.title, "Tidy acme/tool");
    assert_eq!(proposal.message, "Tidy tidy\n\nTidy up");
    assert_eq!(proposal.author.clone().unwrap().name, "Ada");
    assert_eq!(proposal.publication, Publication::Draft);
    assert_snapshot!(proposal.body, @r#"
    For @acme/tool, see #12.

    Bye.

    ---
    Proposed by campaign **tidy** (run `00000000-0000-0000-0000-000000000001`, spec `aba9c37ccde8`, 2 files changed). Why here: `on` takes every repository of `acme`.

    To opt out: `optOut: true` in `.github/campaigns.yml` keeps campaigns out of this repository, `optOut: [tidy]` this one; the topic `campaigns-opt-out` and the label `campaigns:opt-out` do so too.

    <!-- campaigns:changeset=82ecbfce-8fc0-5f49-a75b-8bbec1b733bf -->
    "#);

    let place = place(&spec, &target).unwrap();
    assert_eq!((place.base_branch.as_str(), place.head_branch.as_str()), ("main", "tidy/main"));
    assert_eq!(head_branch(&spec, &target).as_deref(), Some("tidy/main"));
    let id = ChangesetId::of(target.campaign, RepositoryId(7), "tidy/main");
    assert_eq!(place.changeset(), id);
    assert!(proposal.body.ends_with(&format!("<!-- campaigns:changeset={id} -->")));
}

#[test]
fn a_dry_run_publishes_nothing() {
    let spec = spec("- repository: acme/tool", TEMPLATE);
    let dry = RunOptions { dry_run: true, ..RunOptions::default() };
    let proposal =
        |options| Proposal::new(&spec, &spec.digest(), options, &target(), &manifest(vec![])).unwrap();
    assert_eq!(proposal(&dry).publication, Publication::Unpublished);
    assert_eq!(proposal(&RunOptions::default()).publication, Publication::Ready);
}

#[test]
fn a_spec_without_a_template_proposes_nothing() {
    let spec = Spec::parse("name: a").unwrap();
    let nothing = Proposal::new(&spec, &spec.digest(), &RunOptions::default(), &target(), &manifest(vec![]));
    assert_eq!(nothing, None);
    assert_eq!(place(&spec, &target()), None);
}

#[test]
fn what_a_repository_says_is_inert() {
    // `·` stands for the zero-width space that takes the effect away.
    for (branch, expected) in [
        ("main", "main"),
        ("release/1.x", "release/1.x"),
        ("@octocat", "@·octocat"),
        ("a@b", "a@·b"),
        ("#12", "#·12"),
        ("acme/tool#1", "acme/tool#·1"),
        ("c#", "c#"),
        ("GH-7", "G·H-7"),
        ("high-7", "high-7"),
        ("fixes #3", "f·ixes #·3"),
        ("Closes: acme/x#3", "C·loses: acme/x#·3"),
        ("resolved https://github.com/a/b/issues/1", "r·esolved h·ttps://github.com/a/b/issues/1"),
        ("prefixes x", "prefixes x"),
        ("fix", "fix"),
        ("<!--campaigns:changeset=1-->", "<·!--campaigns:changeset=1-·->"),
        ("[skip ci]", "[·skip ci]"),
        ("[CI Skip]", "[·CI Skip]"),
        ("[a]", "[a]"),
        ("x\nSigned-off-by: Eve", "x Signed-off-by: Eve"),
        ("x\r\n\r\nCo-authored-by: Eve", "x Co-authored-by: Eve"),
        ("x\u{2028}y\u{0}z\u{85}", "x y z"),
        ("émoji🎉@é", "émoji🎉@·é"),
    ] {
        let spec = words(
            "t: ${{ repository.branch }}",
            "b: ${{ repository.branch }}",
            "m: ${{ repository.branch }}",
        );
        let proposal = proposed(&spec, &on_branch(branch));
        let shown = |text: &str| text.replace('\u{200b}', "·");
        assert_eq!(shown(&proposal.title), format!("t: {expected}"));
        assert_eq!(shown(&proposal.message), format!("m: {expected}"));
        assert_eq!(shown(proposal.body.lines().next().unwrap()), format!("b: {expected}"));
    }
}

#[test]
fn the_authors_own_words_keep_their_effect() {
    let proposal =
        proposed(&words("Fixes #1", "@octocat fixes #1", "Fix\n\nFixes: #1\nSigned-off-by: Ada"), &target());
    assert_eq!(proposal.title, "Fixes #1");
    assert_eq!(proposal.message, "Fix\n\nFixes: #1\nSigned-off-by: Ada");
    assert!(proposal.body.starts_with("@octocat fixes #1\n"));
}

#[test]
fn titles() {
    let title = |text: &str| proposed(&words(text, "", "m"), &target()).title;
    assert_eq!(title(" two\nlines\t and  blanks "), "two lines and blanks");
    assert_eq!(title(&"x".repeat(256)), "x".repeat(256));
    assert_eq!(title(&"é".repeat(257)), format!("{}…", "é".repeat(255)));
    assert_eq!(title("\u{1b}[31mred"), "[31mred");
    // Nothing is left of it: GitHub would refuse the pull request.
    assert_eq!(title("\n"), "tidy");
}

#[test]
fn bodies_end_with_the_marker_whatever_they_hold() {
    let marker = format!(
        "<!-- campaigns:changeset={} -->",
        place(&words("t", "", "m"), &target()).unwrap().changeset()
    );
    for body in [
        String::new(),
        "x".to_owned(),
        "x".repeat(70_000),
        "🎉".repeat(70_000),
        format!("```\n{}", "x\n".repeat(40_000)),
        format!("<!-- {}", "x ".repeat(40_000)),
        format!("{}\n{}", "`".repeat(40), "x\n".repeat(40_000)),
        "x".repeat(65_000) + "\n<!-- " + &"y".repeat(1000),
    ] {
        let text = proposed(&words("t", &body, "m"), &target()).body;
        assert!(text.chars().count() <= 65_536, "{}", text.chars().count());
        assert!(text.ends_with(&marker));
        assert_eq!(text.matches("<!-- campaigns:").count(), 1);
        assert_eq!(text.contains("was cut off"), body.chars().count() > 65_000, "{}", body.len());
    }
}

#[test]
fn an_open_comment_or_fence_does_not_swallow_the_footer() {
    let body = |text: &str| {
        let body = proposed(&words("t", text, "m"), &target()).body;
        body.split("\n\n---\n").next().unwrap().to_owned()
    };
    assert_eq!(body("<!-- open"), "<!-- open\n-->");
    assert_eq!(body("<!-- shut -->"), "<!-- shut -->");
    assert_eq!(body("```rust\nx"), "```rust\nx\n```");
    assert_eq!(body("```rust\nx\n```"), "```rust\nx\n```");
    assert_eq!(body("~~~~\n~~~\nx"), "~~~~\n~~~\nx\n~~~~");
    assert_eq!(body("```\n~~~\n```"), "```\n~~~\n```");
}

#[test]
fn nobody_fakes_the_marker() {
    let fake = "<!-- campaigns:changeset=00000000-0000-0000-0000-000000000000 -->\n<!--CAMPAIGNS:changeset=1-->\n<!-- fine -->";
    let proposal = proposed(&words("t", fake, "m"), &target());
    let comments: Vec<_> =
        proposal.body.match_indices("<!--").map(|(at, _)| &proposal.body[at + 4..]).collect();
    let ours = comments.iter().filter(|it| it.trim_start().to_lowercase().starts_with("campaigns:")).count();
    assert_eq!((comments.len(), ours), (4, 1));
    assert!(proposal.body.contains("<!-- fine -->"));
}

#[test]
fn a_glob_cannot_break_out_of_the_footer() {
    let mut spec = samples::spec("- {organization: acme, include: ['{tool,@everybody,<!--x}']}", TEMPLATE);
    spec.name = "tidy".to_owned();
    let body = proposed(&spec, &target()).body;
    assert!(body.contains("@\u{200b}everybody") && !body.contains("<!--x"), "{body}");
    assert_eq!(name("acme/tool"), target().repository);
}
