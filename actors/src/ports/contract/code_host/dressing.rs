//! Promises about what a pull request wears: labels, assignees, reviewers.

use super::{
    publishing::open,
    stage::{Stage, expired, permit},
};
use crate::ports::{CodeHostError, ReadBudget, memory::SeedFile};
use campaigns_domain::changeset::Worn;

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[allow(clippy::expect_used, reason = "a contract suite reports by panicking")]
pub(super) async fn wears_what_it_is_given(stage: &dyn Stage) {
    let host = stage.host();
    let repository = stage.repository("dressed", &[SeedFile::new("a", "1")]).await;
    let (pull, _) = open(stage, &repository, "ours").await;
    let number = pull.reference.number;
    let reads = ReadBudget::unlimited();
    let plain = host.wearer(&repository, number, &reads).await.expect("it answers");
    assert_eq!(plain.worn, Worn::default());
    assert!(!plain.author.is_empty());
    // Beside those that are there, each once whatever its case, and twice is once.
    host.add_labels(&repository, number, &names(&["automated", "good: first/one"]), permit())
        .await
        .expect("labels");
    let all = host.add_labels(&repository, number, &names(&["Automated", "späte"]), permit()).await;
    assert_eq!(all.expect("labels"), names(&["automated", "good: first/one", "späte"]));
    let people = names(&["reviewer", "nobody-at-all"]);
    let assigned = host.add_assignees(&repository, number, &people, permit()).await;
    assert_eq!(assigned.expect("assignees"), names(&["reviewer"]), "a stranger is passed over");
    for _ in 0..2 {
        host.request_reviews(&repository, number, &names(&["reviewer"]), &names(&["core"]), permit())
            .await
            .expect("asking twice is asking once");
    }
    let worn = host.wearer(&repository, number, &reads).await.expect("it answers").worn;
    let wanted = Worn {
        labels: names(&["automated", "good: first/one", "späte"]),
        assignees: names(&["reviewer"]),
        reviewers: names(&["reviewer"]),
        teams: names(&["core"]),
    };
    assert_eq!(worn, wanted);
    let read = host.read_pull_requests(&stage.owner(), &[pull.reference.node_id], &reads).await;
    let read = read.expect("it answers").remove(0).expect("it is there");
    assert_eq!(read.labels, names(&["automated", "good: first/one", "späte"]), "in order of their names");
    let answers = [
        host.add_labels(&repository, number, &names(&["x"]), expired()).await.err(),
        host.add_assignees(&repository, number, &names(&["reviewer"]), expired()).await.err(),
        host.request_reviews(&repository, number, &names(&["reviewer"]), &[], expired()).await.err(),
    ];
    for answer in answers {
        assert_eq!(answer, Some(CodeHostError::PermitExpired));
    }
    let nowhere = host.wearer(&repository, 4711, &reads).await;
    assert!(matches!(nowhere, Err(CodeHostError::NotFound(_))), "{nowhere:?}");
}

#[allow(clippy::expect_used, reason = "a contract suite reports by panicking")]
pub(super) async fn asks_nobody_where_one_cannot_be_asked(stage: &dyn Stage) {
    let host = stage.host();
    let repository = stage.repository("unasked", &[SeedFile::new("a", "1")]).await;
    let (pull, _) = open(stage, &repository, "ours").await;
    let (number, reads) = (pull.reference.number, ReadBudget::unlimited());
    let author = host.wearer(&repository, number, &reads).await.expect("it answers").author;
    for (logins, teams) in [
        (vec!["reviewer", "nobody-at-all"], vec![]),
        (vec!["reviewer"], vec!["no-such-team"]),
        (vec![author.as_str()], vec![]),
    ] {
        let asked =
            host.request_reviews(&repository, number, &names(&logins), &names(&teams), permit()).await;
        assert!(matches!(asked, Err(CodeHostError::Refused(_))), "{logins:?} {teams:?}: {asked:?}");
    }
    let long = "x".repeat(51);
    let labelled = host.add_labels(&repository, number, &names(&["short", &long]), permit()).await;
    assert!(matches!(labelled, Err(CodeHostError::Refused(_))), "{labelled:?}");
    let worn = host.wearer(&repository, number, &reads).await.expect("it answers").worn;
    assert_eq!(worn, Worn::default(), "all or nothing");
}
