//! The laws of words: whatever a spec and a repository say, GitHub takes it, and the marker is ours alone.

use super::samples::{TEMPLATE, manifest, spec, target};
use campaigns_domain::{
    changeset::Proposal,
    execution::{run::RunOptions, target::Target},
};
use proptest::prelude::*;

/// Texts made of what could act.
fn any_nasty() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        2 => "\\PC{0,6}",
        5 => prop::sample::select(vec![
            "<!--", "-->", "campaigns:", "changeset=", "<!-- campaigns:changeset=1 -->", "@a", "#1", "GH-1", "fixes ",
            "close:", "[skip ci]", "\n", "\r\n", "\n\nSigned-off-by: x", "```", "~~~", "````\n", "\n```\n", " ", "\0", "\u{2028}",
            "https://a", "é", "\u{1b}",
        ]).prop_map(str::to_owned),
    ];
    (prop::collection::vec(piece, 0..20), prop_oneof![9 => Just(1_usize), 1 => Just(3000)])
        .prop_map(|(pieces, times)| pieces.concat().replace("${{", "").repeat(times))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn github_takes_it(title in any_nasty(), body in any_nasty(), branch in any_nasty()) {
        let mut spec = spec("- organization: acme", TEMPLATE);
        let template = spec.changeset_template.as_mut().unwrap();
        template.title = format!("{title}${{{{ repository.branch }}}}");
        template.body = format!("{body}${{{{ repository.branch }}}}");
        template.commit.message = "m\n\n${{ repository.branch }}".to_owned();
        let target = Target { branch, ..target() };
        let proposal = Proposal::new(&spec, &spec.digest(), &RunOptions::default(), &target, &manifest(vec![])).unwrap();

        prop_assert!((1..=256).contains(&proposal.title.chars().count()));
        let several_lines = proposal.title.contains(|c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}'));
        prop_assert!(!several_lines);
        prop_assert!(proposal.body.chars().count() <= 65_536);

        // One marker, at the end, that is not inside of another comment.
        let (before, marker) = proposal.body.rsplit_once("<!-- campaigns:changeset=").unwrap();
        prop_assert!(marker.ends_with(" -->") && marker.len() == 36 + 4);
        let open = before.rfind("<!--");
        prop_assert!(open.is_none_or(|open| before[open..].contains("-->")), "{}", before);
        for (at, _) in before.match_indices("<!--") {
            let name: String = before[at + 4..].trim_start().chars().take(10).collect();
            prop_assert!(!name.eq_ignore_ascii_case("campaigns:"), "{}", before);
        }
        // What the branch's name brought into the message is one line.
        prop_assert!(proposal.message.lines().count() <= 3);
    }
}
