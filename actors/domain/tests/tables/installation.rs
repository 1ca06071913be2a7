//! What an installation means for its organisation, and what it lacks.

use campaigns_domain::publish::{
    installation::{Consequence, InstallationState as State, missing},
    standing::{OutOfUse, Pause, PauseCause},
};
use std::collections::BTreeMap;

fn paused(cause: PauseCause) -> Pause {
    Pause::after(None, OutOfUse { cause, reason: "mend it".to_owned() })
}

#[test]
fn one_that_cannot_be_used_pauses_with_its_cause() {
    for (state, cause, words) in [
        (State::Suspended, PauseCause::Suspended, "is suspended"),
        (State::Removed, PauseCause::NotInstalled, "is not installed in acme"),
    ] {
        let consequence = state.consequence("acme", None);
        let Some(Consequence::Paused(why)) = &consequence else { panic!("{state:?}: {consequence:?}") };
        assert_eq!(why.cause, cause);
        assert!(why.reason.contains(words), "{}", why.reason);
        // Whatever else holds it meanwhile.
        assert_eq!(state.consequence("acme", Some(&paused(PauseCause::SingleSignOn))), consequence);
    }
}

#[test]
fn one_that_works_mends_what_it_speaks_of_and_has_everything_else_tried() {
    assert_eq!(State::Active.consequence("acme", None), None);
    for (cause, follows) in [
        (PauseCause::Suspended, Consequence::Mended),
        (PauseCause::NotInstalled, Consequence::Mended),
        (PauseCause::PermissionMissing, Consequence::Probe),
        (PauseCause::BadCredentials, Consequence::Probe),
        (PauseCause::SingleSignOn, Consequence::Probe),
    ] {
        assert_eq!(State::Active.consequence("acme", Some(&paused(cause))), Some(follows), "{cause:?}");
    }
}

#[test]
fn a_removed_one_is_not_suspended_besides() {
    assert_eq!(State::of(true, true), State::Removed);
    assert_eq!(State::of(true, false), State::Suspended);
    assert_eq!(State::of(false, false), State::Active);
}

#[test]
fn what_is_missing_is_named_with_its_level() {
    let granted = |all: &[(&str, &str)]| -> BTreeMap<String, String> {
        all.iter().map(|(name, level)| ((*name).to_owned(), (*level).to_owned())).collect()
    };
    let whole = [
        ("metadata", "read"),
        ("contents", "write"),
        ("pull_requests", "admin"),
        ("checks", "write"),
        ("statuses", "read"),
        ("workflows", "write"),
    ];
    assert!(missing(&granted(&whole)).is_empty());
    assert_eq!(missing(&granted(&whole[..4])), ["statuses: read"]);
    let weak = [("metadata", "read"), ("contents", "read"), ("pull_requests", "none"), ("checks", "read")];
    assert_eq!(missing(&granted(&weak)), ["contents: write", "pull_requests: write", "statuses: read"]);
}
