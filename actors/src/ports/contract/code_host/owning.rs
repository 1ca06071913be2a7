//! Promises about who owns what, and about who is asked for a review.

use super::{
    publishing::open,
    stage::{Stage, permit},
};
use crate::ports::{CodeHostError, ReadBudget, memory::SeedFile};
use campaigns_domain::id::CommitSha;

#[allow(clippy::expect_used, reason = "a contract suite reports by panicking")]
pub(super) async fn reads_who_owns_what(stage: &dyn Stage) {
    let (host, reads) = (stage.host(), ReadBudget::unlimited());
    let root = SeedFile::new("CODEOWNERS", "* @root\n");
    let docs = SeedFile::new("docs/CODEOWNERS", "* @docs\n");
    let repository = stage.repository("owned", &[SeedFile::new("a", "1"), root, docs]).await;
    let head = async |repository| {
        let branch = host.branch(repository, "main", &reads).await.expect("an answer");
        branch.expect("a branch").commit
    };
    let before = head(&repository).await;
    let file = host.code_owners(&repository, &before, &reads).await.expect("an answer");
    assert_eq!(file.as_deref(), Some("* @root\n"), "the root comes before docs/");
    stage.push(&repository, "main", ".github/CODEOWNERS", "* @dot\n").await;
    let after = head(&repository).await;
    let file = host.code_owners(&repository, &after, &reads).await.expect("an answer");
    assert_eq!(file.as_deref(), Some("* @dot\n"), "and .github/ before both");
    let file = host.code_owners(&repository, &before, &reads).await.expect("an answer");
    assert_eq!(file.as_deref(), Some("* @root\n"), "at that commit it was not there");
    let long = format!("{}* @long\n", "# A comment.\n".repeat(50_000));
    stage.push(&repository, "main", ".github/CODEOWNERS", &long).await;
    let file = host.code_owners(&repository, &head(&repository).await, &reads).await.expect("an answer");
    assert!(file.is_some_and(|file| file == long), "it is read whole");
    let larger = "# A comment.\n".repeat(300_000);
    stage.push(&repository, "main", ".github/CODEOWNERS", &larger).await;
    let file = host.code_owners(&repository, &head(&repository).await, &reads).await.expect("an answer");
    assert_eq!(file, None, "GitHub reads no file of 3 MB, and no other in its place");

    let plain = stage.repository("owned-by-nobody", &[SeedFile::new("a", "1")]).await;
    let file = host.code_owners(&plain, &head(&plain).await, &reads).await;
    assert_eq!(file, Ok(None));
    let absent = host.code_owners(&plain, &CommitSha("0".repeat(40)), &reads).await;
    assert!(matches!(absent, Ok(None) | Err(CodeHostError::NotFound(_))), "{absent:?}");

    // Whoever is asked for a review is read with the rest.
    let (pull, _) = open(stage, &plain, "ours").await;
    let number = pull.reference.number;
    let asked = ["reviewer".to_owned()];
    host.request_reviews(&plain, number, &asked, &["core".to_owned()], permit())
        .await
        .expect("they are asked");
    let read =
        host.read_pull_requests(&stage.owner(), &[pull.reference.node_id], &reads).await.expect("an answer");
    let requested = read[0].as_ref().map(|reading| reading.requested.clone());
    assert_eq!(requested, Ok(vec![format!("{}/core", stage.owner()), "reviewer".to_owned()]));
}
