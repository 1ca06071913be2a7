//! Which changesets a command on many of them is about, and which of those take it up.

use campaigns_domain::{
    changeset::{Ask, ChangesetState as State, Checks, Which},
    spec::Glob,
};

fn which(repositories: &[&str], states: &[State], labels: &[&str]) -> Which {
    Which {
        repositories: repositories.iter().map(|glob| Glob::new(glob).unwrap()).collect(),
        states: states.to_vec(),
        labels: labels.iter().map(|label| (*label).to_owned()).collect(),
    }
}

#[test]
fn a_selection_leaves_out_what_any_of_its_parts_leaves_out() {
    let takes = |which: &Which, repository: &str, standing, labels: &[&str]| {
        let labels: Vec<String> = labels.iter().map(|label| (*label).to_owned()).collect();
        which.takes(&repository.parse().unwrap(), standing, &labels)
    };
    let all = Which::default();
    assert!(State::ALL.into_iter().all(|state| takes(&all, "acme/api", state, &[])));
    let some = which(&["api-*", "acme/web"], &[State::Open, State::Draft], &["Urgent", "security"]);
    assert!(takes(&some, "other/API-1", State::Open, &["urgent"]));
    assert!(takes(&some, "acme/web", State::Draft, &["x", "security"]));
    assert!(!takes(&some, "other/web", State::Open, &["urgent"]), "the glob names the owner");
    assert!(!takes(&some, "acme/web", State::Merged, &["urgent"]));
    assert!(!takes(&some, "acme/web", State::Open, &["later"]));
    assert!(!takes(&some, "acme/web", State::Open, &[]));
}

#[test]
fn an_ask_is_taken_up_by_where_a_changeset_stands() {
    let taken = |ask: &Ask, published| {
        let all = State::ALL.into_iter();
        all.filter(|state| ask.refused(*state, published, Checks::Failed).is_none()).collect::<Vec<_>>()
    };
    use State::*;
    let publish = Ask::Publish { draft: false };
    assert_eq!(
        taken(&publish, false),
        [Unpublished, Scheduled, Publishing, Draft, Open, Conflicted, Blocked]
    );
    assert_eq!(taken(&publish, true), []);
    assert_eq!(taken(&Ask::Reopen, true), [Closed]);
    assert_eq!(taken(&Ask::Retry, true), [Blocked]);
    assert_eq!(taken(&Ask::Takeover, true), [HandedOver]);
    let close = [Unpublished, Scheduled, Publishing, Draft, Open, Conflicted, HandedOver, Blocked];
    assert_eq!(taken(&Ask::Close, true), close);
    assert_eq!(taken(&Ask::Comment { body: " \n".to_owned() }, true), []);
}
