//! Who keeps campaigns out, and what a pull request's label does.

use campaigns_domain::selection::{OPT_OUT_LABEL, OPT_OUT_TOPIC, OptOut, opts_out};

#[test]
fn a_file_keeps_out_all_or_some() {
    for (file, kept_out) in [
        ("", false),
        ("# nobody here yet\n---\n", false),
        ("optOut: true", true),
        ("optOut: false\n", false),
        ("optOut:\n", false),
        ("optOut: [other, 'add-*']", true),
        ("optOut:\n  - ADD-POLICY\n", true),
        ("optOut: [other, 'bump-*']", false),
        ("optOut: add-policy", true),
        ("optOut: []", false),
        ("something: else", false),
        // What cannot be understood is a wish all the same.
        ("optOut: 1", true),
        ("optOut: {a: b}", true),
        ("optOut: ['[']", true),
        ("optOut: true: x", true),
        ("- optOut", true),
        ("\u{0}", true),
    ] {
        let said = OptOut { file: Some(file.to_owned()), ..OptOut::default() };
        assert_eq!(said.reason("add-policy").is_some(), kept_out, "{file:?}");
    }
    assert_eq!(OptOut::default().reason("add-policy"), None);
    let labelled = OptOut { label: true, ..OptOut::default() };
    assert!(labelled.reason("add-policy").unwrap().contains(OPT_OUT_LABEL));
    let with_topic = OptOut { topic: true, ..OptOut::default() };
    assert!(with_topic.reason("add-policy").unwrap().contains(OPT_OUT_TOPIC));
}

#[test]
fn a_label_is_one_whatever_its_case() {
    assert!(opts_out(&["bug".to_owned(), "Campaigns:Opt-Out".to_owned()]));
    assert!(!opts_out(&["campaigns:opt-outs".to_owned()]));
}
