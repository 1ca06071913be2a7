//! The laws of a changeset.

use super::{
    reachable,
    samples::{campaign_id, commit, name, proposal, published, pull_request, run_id},
    stuck,
};
use campaigns_domain::{
    changeset::{
        Aim, Ask, Away, AwayCause, Changeset,
        ChangesetEffect::{self as Effect, Schedule, Settled},
        ChangesetEvent::{
            self as Event, Asked, BranchDeleted, BranchLeft, ErrandDone, HandedOver, HeadAdopted, Noticed,
            Proposed, PublishDeferred, PublishRefused, PublishStarted, Published, RedoBegun, Redone,
            RepositoryAway, RepositoryBack, SeenClosed, SeenMerged, SeenOpen, Transferred, Withdrawn,
        },
        ChangesetState as State, Done, FailedChecks, FailedRun, Place, Proposal, Rerun, Stands,
    },
    id::{CommandId, CommitSha, RepositoryId, RunId},
    publish::{
        BranchHead, BranchStep, Checks, MergeMethod, MergeState, Mergeability, News, Observation,
        PullRequestState, QueueState, Review, branch_step,
    },
    reconcile::observed,
    spec::{Dress, Publication},
};
use chrono::{DateTime, TimeDelta};
use proptest::{prelude::*, strategy::ValueTree, test_runner::TestRunner};
use std::collections::BTreeSet;
use uuid::Uuid;

fn place() -> Place {
    Place {
        campaign: campaign_id(),
        repository_id: RepositoryId(7),
        repository: name("acme/tool"),
        base_branch: "main".to_owned(),
        head_branch: "campaigns/tidy".to_owned(),
    }
}

fn any_publication() -> impl Strategy<Value = Publication> {
    prop_oneof![Just(Publication::Unpublished), Just(Publication::Draft), Just(Publication::Ready)]
}

fn digit(head: u8) -> CommitSha {
    commit(char::from(b'0' + head % 10))
}

fn sent(generation: u32, head: u8, draft: bool) -> Event {
    Published { generation, published: published(char::from(b'0' + head % 10), draft) }
}

/// Events as they could come: the machinery's about a generation near the current one, people's at any time. The
/// runs of the proposals are numbered as they come.
#[derive(Debug, Clone)]
enum Step {
    Propose(Publication),
    Start(u32),
    Sent(u32, u8, bool),
    Deferred(u32, Option<u8>),
    Refused(u32, Option<u8>),
    Away(Option<u32>, AwayCause),
    Withdrawn(u32),
    ErrandDone(u32),
    Human(Event),
    Ask(Ask),
    /// The base is at this head some minutes after the last step, and it is carried out again.
    Moves(u8),
    /// So long ago a run began to carry it out again, and has a result now.
    Redone(u8, bool),
}

fn any_step() -> impl Strategy<Value = Step> {
    // How many generations ago it was sent.
    let age = prop_oneof![5 => Just(0_u32), 2 => Just(1), 1 => 0..4_u32];
    prop_oneof![
        3 => any_publication().prop_map(Step::Propose),
        6 => age.clone().prop_map(Step::Start),
        6 => (age.clone(), any::<u8>(), any::<bool>()).prop_map(|(age, head, draft)| Step::Sent(age, head, draft)),
        2 => (age.clone(), any::<Option<u8>>()).prop_map(|(age, head)| Step::Deferred(age, head)),
        1 => (age.clone(), any::<Option<u8>>()).prop_map(|(age, head)| Step::Refused(age, head)),
        2 => (prop::option::weighted(0.7, age.clone()), prop::sample::select(&AwayCause::ALL))
            .prop_map(|(age, cause)| Step::Away(age, cause)),
        1 => age.clone().prop_map(Step::Withdrawn),
        2 => age.prop_map(Step::ErrandDone),
        2 => any_human().prop_map(Step::Human),
        3 => any_ask().prop_map(Step::Ask),
        2 => any::<u8>().prop_map(Step::Moves),
        2 => (0..3_u8, any::<bool>()).prop_map(|(age, changes)| Step::Redone(age, changes)),
    ]
}

fn any_ask() -> impl Strategy<Value = Ask> {
    prop_oneof![
        any::<bool>().prop_map(|draft| Ask::Publish { draft }),
        Just(Ask::Ready),
        Just(Ask::Close),
        Just(Ask::Pause),
        Just(Ask::Resume),
        Just(Ask::Cancel),
        Just(Ask::Reopen),
        Just(Ask::Retry),
        Just(Ask::Merge { method: None }),
        Just(Ask::Comment { body: "Please look.".to_owned() }),
        Just(Ask::Rebase),
        Just(Ask::Rerun),
        Just(Ask::Takeover),
    ]
}

fn asked(ask: Ask, nth: u128) -> Event {
    Asked { ask, by: "ada".to_owned(), command: CommandId(Uuid::from_u128(nth)), beyond: false }
}

fn any_human() -> impl Strategy<Value = Event> {
    prop_oneof![
        4 => Just(HandedOver { reason: "somebody pushed".to_owned() }),
        4 => any::<bool>().prop_map(|draft| SeenOpen { draft }),
        4 => any_news().prop_map(|news| Noticed { news }),
        4 => Just(SeenMerged),
        4 => Just(SeenClosed),
        2 => Just(RepositoryBack { repository: name("acme/hammer") }),
        2 => Just(Transferred { generation: None, repository: name("globex/hammer"), head: None }),
        1 => Just(BranchDeleted),
        1 => Just(BranchLeft { reason: "it moved".to_owned() }),
        4 => (any::<u8>(), any::<u8>())
            .prop_map(|(head, base)| HeadAdopted { head: digit(head), base: digit(base) }),
    ]
}

fn any_news() -> impl Strategy<Value = News> {
    let one_of = |all: &[Mergeability]| prop::sample::select(all.to_vec());
    prop_oneof![
        4 => one_of(&[Mergeability::Mergeable, Mergeability::Conflicting]).prop_map(News::Mergeability),
        1 => prop::sample::select(Checks::ALL).prop_map(News::Checks),
        1 => prop::sample::select(Review::ALL).prop_map(News::Review),
        1 => any::<bool>().prop_map(News::Draft),
        1 => any::<bool>().prop_map(News::Archived),
        1 => prop::option::of(prop::sample::select(QueueState::ALL)).prop_map(News::Queue),
        1 => prop::option::of(prop::sample::select(MergeMethod::ALL)).prop_map(News::AutoMerge),
        1 => prop::option::of(Just("gone".to_owned())).prop_map(News::Lost),
        1 => (any::<u8>(), prop::sample::select(MergeState::ALL)).prop_map(|(head, merge_state)| News::Details {
            title: "Mine".to_owned(),
            base_branch: "main".to_owned(),
            head: digit(head),
            merge_state,
        }),
    ]
}

/// A proposal whose pull request has somebody asked for a review.
fn reviewed(run: u128, publication: Publication) -> Proposal {
    let dress = Dress { reviewers: vec!["ada".to_owned()], ..Dress::default() };
    Proposal { dress, ..proposal(run, 1, publication) }
}

/// A changeset, everything it owed, and the runs whose proposals it took.
struct Story {
    changeset: Changeset,
    owed: Vec<Effect>,
    runs: Vec<RunId>,
    asks: u128,
}

impl Story {
    fn new(publication: Publication) -> Self {
        let (changeset, owed) = Changeset::propose(place(), reviewed(1, publication));
        Self { changeset, owed, runs: vec![run_id(1)], asks: 0 }
    }

    fn event(&mut self, step: &Step) -> Event {
        self.asks += 1;
        let of = |age: &u32| self.changeset.generation.saturating_sub(*age);
        let reason = || "for a reason".to_owned();
        match step {
            Step::Propose(publication) => {
                Proposed { proposal: Box::new(reviewed(self.runs.len() as u128 + 1, *publication)) }
            }
            Step::Start(age) => PublishStarted { generation: of(age) },
            Step::Sent(age, head, draft) => sent(of(age), *head, *draft),
            Step::Deferred(age, head) => {
                PublishDeferred { generation: of(age), reason: reason(), head: head.map(digit) }
            }
            Step::Refused(age, head) => {
                PublishRefused { generation: of(age), reason: reason(), head: head.map(digit) }
            }
            Step::Away(age, cause) => RepositoryAway {
                generation: age.as_ref().map(of),
                away: Away { cause: *cause, reason: reason() },
                head: None,
            },
            Step::Withdrawn(age) => Withdrawn { generation: of(age) },
            Step::ErrandDone(age) => ErrandDone { generation: of(age), done: self.done() },
            Step::Human(event) => event.clone(),
            Step::Ask(ask) => asked(ask.clone(), self.asks),
            Step::Moves(head) => RedoBegun {
                run: run_id(1_000 + self.asks),
                base: digit(*head),
                why: "the base branch has changed `README.md`".to_owned(),
                at: DateTime::UNIX_EPOCH + TimeDelta::minutes(i64::try_from(self.asks).unwrap()),
            },
            Step::Redone(age, changes) => {
                let run = self.changeset.errand.redo.filter(|_| *age == 0).unwrap_or(run_id(1_000));
                let result = proposal(run.0.as_u128(), 1, Publication::Ready);
                Redone { run, content: changes.then(|| Box::new(result)), reason: reason() }
            }
        }
    }

    /// Everything that an errand owes beside the content.
    fn done(&self) -> Done {
        let errand = &self.changeset.errand;
        let waits = || Stands::Waits { reason: "checks are running".to_owned() };
        Done {
            said: errand.comments.iter().map(|owed| owed.command).collect(),
            ready: errand.ready,
            merging: self.changeset.owes_merge().then(waits),
            dressed: None,
            rerun: errand.rerun.as_ref().map(|known| self.rerun(known)),
        }
    }

    /// What is found failed is asked for with the next turn.
    fn rerun(&self, known: &Rerun) -> Rerun {
        let run = FailedRun { run: 1, attempt: 1, name: "ci".to_owned() };
        match known {
            Rerun::Owed => {
                let head = self.changeset.head.clone().unwrap();
                Rerun::Found { failed: FailedChecks { head, runs: vec![run], left: vec![] } }
            }
            Rerun::Found { .. } | Rerun::Asked { .. } => {
                Rerun::Asked { runs: 1, note: "failed jobs run again: ci".to_owned() }
            }
        }
    }

    /// Applies an event; what it owed, if it held.
    fn apply(&mut self, event: &Event) -> Option<Vec<Effect>> {
        let (next, effects) = self.changeset.apply(event).into_applied()?;
        assert_eq!(next.version, self.changeset.version + 1);
        assert_eq!(
            next.publishing.is_some(),
            next.state == State::Publishing,
            "{event:?} on {:?}",
            self.changeset
        );
        if let Proposed { proposal } = event {
            self.runs.push(proposal.run);
        }
        self.changeset = next;
        self.owed.extend(effects.iter().cloned());
        Some(effects)
    }

    /// The machinery does what it owes until there is nothing left to send.
    fn settle(&mut self) {
        for _ in 0..20 {
            let generation = self.changeset.generation;
            let done = self.done();
            match self.changeset.state {
                State::Scheduled if self.changeset.errand.paused.is_some() => {
                    self.asks += 1;
                    self.apply(&asked(Ask::Resume, self.asks))
                }
                State::Scheduled => self.apply(&PublishStarted { generation }),
                State::Publishing => {
                    let generation = self.changeset.publishing.unwrap();
                    let aim = self.changeset.errand.aim;
                    self.apply(&match () {
                        () if aim == Aim::Closed => Withdrawn { generation },
                        () if self.changeset.is_on_errand() => ErrandDone { generation, done },
                        () => sent(generation, 9, false),
                    })
                }
                _ => return,
            };
        }
        panic!("it never settles: {:?}", self.changeset);
    }
}

fn steps() -> impl Strategy<Value = (Publication, Vec<Step>)> {
    (any_publication(), prop::collection::vec(any_step(), 0..60))
}

fn sends(effects: &[Effect]) -> bool {
    effects.iter().any(|effect| matches!(effect, Schedule | Effect::Publish { .. }))
}

proptest! {
    #[test]
    fn replay_is_deterministic((publication, steps) in steps()) {
        let mut story = Story::new(publication);
        let mut events = vec![];
        for step in &steps {
            let event = story.event(step);
            story.apply(&event);
            events.push(serde_json::to_string(&event).unwrap());
        }
        let mut again = Story::new(publication);
        for event in &events {
            again.apply(&serde_json::from_str(event).unwrap());
        }
        prop_assert_eq!((&again.changeset, again.owed), (&story.changeset, story.owed));
        let row = serde_json::to_string(&story.changeset).unwrap();
        prop_assert_eq!(serde_json::from_str::<Changeset>(&row).unwrap(), story.changeset);
    }

    #[test]
    fn applying_twice_is_once((publication, steps) in steps()) {
        let mut story = Story::new(publication);
        for step in &steps {
            let event = story.event(step);
            if story.apply(&event).is_some() {
                prop_assert!(story.changeset.apply(&event).is_ignored(), "{:?} held twice", event);
            }
        }
    }

    #[test]
    fn a_straggler_changes_nothing((publication, steps) in steps()) {
        let mut story = Story::new(publication);
        for step in &steps {
            let event = story.event(step);
            let expected = match &event {
                PublishStarted { generation } => {
                    *generation == story.changeset.generation && story.changeset.waits_for_turn()
                }
                Published { generation, .. }
                | PublishDeferred { generation, .. }
                | PublishRefused { generation, .. }
                | RepositoryAway { generation: Some(generation), .. }
                | Withdrawn { generation }
                | ErrandDone { generation, .. } => {
                    Some(*generation) == story.changeset.publishing
                }
                _ => true,
            };
            prop_assert!(expected || story.changeset.apply(&event).is_ignored(), "{:?} on {:?}", event, story.changeset);
            story.apply(&event);
        }
    }

    #[test]
    fn an_ask_that_is_refused_changes_nothing((publication, steps) in steps(), ask in any_ask()) {
        let mut story = Story::new(publication);
        for step in &steps {
            let event = story.event(step);
            story.apply(&event);
        }
        let refused = story.changeset.refuses(&ask).is_some();
        let ignored = story.changeset.apply(&asked(ask, u128::MAX)).is_ignored();
        prop_assert_eq!(refused, ignored);
    }

    #[test]
    fn what_was_asked_for_is_not_forgotten((publication, steps) in steps()) {
        // Until it is done, refused by GitHub, or the pull request has ended, a comment stays owed.
        let mut story = Story::new(publication);
        for step in &steps {
            let owed = story.changeset.errand.comments.len();
            let event = story.event(step);
            story.apply(&event);
            let gone = story.changeset.errand.comments.len() < owed;
            let why = matches!(event, Published { .. } | ErrandDone { .. } | PublishRefused { .. } | RepositoryAway { .. } | Withdrawn { .. })
                || matches!(story.changeset.state, State::Merged | State::Closed);
            prop_assert!(!gone || why, "{:?} forgot a comment", event);
            let errand = &story.changeset.errand;
            let owes = !errand.comments.is_empty() || errand.back.is_some() || errand.adopt || errand.aim != Aim::Open;
            prop_assert!(!(owes && story.changeset.state.is_settled()), "{:?} leaves {:?}", event, story.changeset);
        }
    }

    #[test]
    fn it_is_carried_out_again_by_itself_once_for_a_head_and_never_twice_at_once((publication, steps) in steps()) {
        let mut story = Story::new(publication);
        let mut last = None;
        for step in &steps {
            let before = story.changeset.clone();
            let event = story.event(step);
            let effects = story.apply(&event);
            let RedoBegun { run, base, .. } = &event else { continue };
            let Some(effects) = effects else { continue };
            prop_assert!(before.state.is_open() && before.errand.redo.is_none(), "{:?}", before);
            prop_assert_ne!(last.as_ref(), Some(base));
            prop_assert_eq!((story.changeset.state, story.changeset.errand.redo), (before.state, Some(*run)));
            prop_assert!(effects.is_empty(), "nothing is sent before there is a result");
            last = Some(base.clone());
        }
    }

    #[test]
    fn what_is_paused_takes_no_turn_until_a_person_resumes_it((publication, steps) in steps()) {
        let mut story = Story::new(publication);
        for step in &steps {
            let before = story.changeset.clone();
            let event = story.event(step);
            let effects = story.apply(&event).unwrap_or_default();
            let (was, is) = (before.errand.paused.is_some(), story.changeset.errand.paused.is_some());
            prop_assert!(!is || !sends(&effects), "{:?} sent something of {:?}", event, before);
            let ended = matches!(story.changeset.state, State::Merged | State::Closed);
            let lifted = matches!(step, Step::Ask(Ask::Resume | Ask::Cancel)) || ended;
            prop_assert!(!was || is || lifted, "{:?} lifted the pause", event);
            prop_assert!(was || !is || matches!(step, Step::Ask(Ask::Pause)), "{:?} paused it", event);
            // Whatever waits has a turn to come: it was given one when it began to wait, or when it was resumed.
            let began = story.changeset.waits_for_turn() && !before.waits_for_turn();
            prop_assert!(!began || effects.contains(&Schedule), "{:?} is forgotten after {:?}", story.changeset, event);
        }
    }

    #[test]
    fn merged_stays_merged((publication, steps) in steps(), after in prop::collection::vec(any_step(), 1..30)) {
        let mut story = Story::new(publication);
        for step in &steps {
            let event = story.event(step);
            story.apply(&event);
        }
        story.apply(&SeenMerged);
        for step in &after {
            let event = story.event(step);
            let effects = story.apply(&event).unwrap_or_default();
            prop_assert_eq!(story.changeset.state, State::Merged);
            prop_assert!(!sends(&effects), "{:?} sent something", event);
        }
    }

    #[test]
    fn nothing_of_ours_follows_a_humans_hand((publication, steps) in steps()) {
        let mut story = Story::new(publication);
        for step in &steps {
            let in_hands = |it: &Changeset| matches!(it.standing(), State::HandedOver | State::Closed | State::Merged);
            let hands_off = in_hands(&story.changeset);
            // What was asked for before, such as a comment, is done all the same.
            let settled = story.changeset.state.is_settled();
            let event = story.event(step);
            let effects = story.apply(&event).unwrap_or_default();
            // Only a human takes it out of a human's hands.
            let human = matches!(step, Step::Human(_) | Step::Ask(_));
            prop_assert!(!(hands_off && settled && sends(&effects)) || human, "{:?} sent something", event);
            let still = in_hands(&story.changeset);
            prop_assert!(!hands_off || human || still, "{:?} took it back", event);
        }
    }

    #[test]
    fn every_run_is_told_once_that_its_proposal_has_settled((publication, steps) in steps()) {
        let mut story = Story::new(publication);
        for step in &steps {
            let event = story.event(step);
            story.apply(&event);
        }
        story.settle();
        let told: Vec<RunId> =
            story.owed.iter().filter_map(|effect| if let Settled { run } = effect { Some(*run) } else { None }).collect();
        prop_assert_eq!(told, story.runs);
    }

    #[test]
    fn a_fresh_read_is_applied_once((publication, steps) in steps(), state in 0..3_u8, head in 0..10_u8, draft: bool) {
        let mut story = Story::new(publication);
        for step in &steps {
            let event = story.event(step);
            story.apply(&event);
        }
        let state = [PullRequestState::Open, PullRequestState::Closed, PullRequestState::Merged][usize::from(state)];
        let mut seen = pull_request(5, state, char::from(b'0' + head));
        seen.draft = draft;
        // Two at most: one that is open again may be somebody else's by now.
        for _ in 0..2 {
            let Some(event) = observed(&story.changeset, &seen, None) else { break };
            prop_assert!(story.apply(&event).is_some());
        }
        prop_assert_eq!(observed(&story.changeset, &seen, None), None);
    }

    #[test]
    fn a_foreign_commit_is_never_built_on(
        (publication, steps) in steps(),
        head in 0..12_u8,
        parent in 0..12_u8,
        same_tree: bool,
    ) {
        let mut story = Story::new(publication);
        for step in &steps {
            let event = story.event(step);
            story.apply(&event);
        }
        let digit = |n: u8| char::from(b"0123456789bc"[usize::from(n)]);
        let branch = BranchHead {
            commit: commit(digit(head)),
            tree: if same_tree { "wanted" } else { "other" }.to_owned(),
            parents: vec![commit(digit(parent))],
            message: String::new(),
        };
        let changeset = &story.changeset;
        let step = branch_step(changeset, &Observation { branch: Some(branch.clone()), pull_requests: vec![] }, "wanted");
        let ours = changeset.head.as_ref() == Some(&branch.commit);
        let onto_ours = branch.parents[0] == *changeset.head.as_ref().unwrap_or(&changeset.wanted.base);
        match step {
            BranchStep::Append(onto) => {
                prop_assert!(ours && onto[0] == branch.commit);
                prop_assert!(onto[1..].iter().all(|base| *base == changeset.wanted.base));
            }
            BranchStep::Keep(kept) if changeset.errand.adopt => prop_assert_eq!(kept, branch.commit),
            BranchStep::Keep(kept) => prop_assert!(same_tree && (ours || onto_ours) && kept == branch.commit),
            BranchStep::HandsOff { .. } => prop_assert!(!ours),
            BranchStep::Create => prop_assert!(false, "the branch is there"),
        }
    }
}

#[test]
fn the_stories_are_about_something() {
    let mut runner = TestRunner::deterministic();
    let (mut states, mut replaced_on_its_way, mut updated) = (BTreeSet::new(), 0, 0);
    for _ in 0..2_000 {
        let (publication, steps) = steps().new_tree(&mut runner).unwrap().current();
        let mut story = Story::new(publication);
        for step in &steps {
            let before = story.changeset.state;
            let event = story.event(step);
            if story.apply(&event).is_some() {
                replaced_on_its_way +=
                    usize::from(before == State::Publishing && matches!(step, Step::Propose(_)));
                updated += usize::from(matches!(step, Step::Sent(..)) && story.changeset.generation > 1);
            }
            states.insert(story.changeset.state);
        }
    }
    assert_eq!(states.len(), State::ALL.len());
    assert!(replaced_on_its_way > 50 && updated > 50, "{replaced_on_its_way} {updated}");
}

#[test]
fn every_state_can_reach_an_end() {
    // Two generations and one head are enough to be in every state in every way.
    let events = |changeset: &Changeset| {
        let mut events = vec![
            HandedOver { reason: String::new() },
            SeenMerged,
            SeenClosed,
            SeenOpen { draft: false },
            SeenOpen { draft: true },
            Noticed { news: News::Mergeability(Mergeability::Conflicting) },
            Noticed { news: News::Mergeability(Mergeability::Mergeable) },
        ];
        for generation in 1..=2 {
            events.push(PublishStarted { generation });
            events.push(sent(generation, 1, false));
            events.push(sent(generation, 1, true));
            events.push(PublishDeferred { generation, reason: String::new(), head: Some(commit('1')) });
            events.push(PublishRefused { generation, reason: String::new(), head: None });
        }
        if changeset.generation < 2 {
            events.push(Proposed { proposal: Box::new(proposal(2, 1, Publication::Ready)) });
            events.push(Proposed { proposal: Box::new(proposal(2, 1, Publication::Unpublished)) });
        }
        events
    };
    let steps = |changeset: &Changeset| {
        let applied =
            events(changeset).into_iter().filter_map(|event| changeset.apply(&event).into_applied());
        applied.map(|(next, _)| Changeset { version: 0, ..next }).collect::<Vec<_>>()
    };
    for publication in [Publication::Unpublished, Publication::Ready] {
        let (start, _) = Changeset::propose(place(), proposal(1, 1, publication));
        let states = reachable(Changeset { version: 0, ..start }, steps);
        for state in State::ALL {
            let reached = states.iter().any(|changeset| changeset.state == state);
            assert!(
                reached || (state == State::Unpublished && publication == Publication::Ready),
                "{state:?}"
            );
        }
        // A human's decision is always possible, and what waits to be sent gets there without one.
        assert_eq!(stuck(&states, steps, |it| matches!(it.state, State::Merged | State::Closed)), []);
        let sending = |changeset: &Changeset| {
            let ours =
                |next: &Changeset| !matches!(next.state, State::Merged | State::Closed | State::HandedOver);
            steps(changeset).into_iter().filter(ours).collect()
        };
        assert_eq!(stuck(&states, sending, |it| it.state.is_settled()), []);
    }
}
