//! Where branches stand, many at once: one request, the same as each alone would say, and nothing said of what is not
//! plain.

use crate::world::{asked, github, named, token, twin};
use campaigns_actors::ports::{CodeHost, ReadBudget, RepositoryRef};
use campaigns_domain::id::{RepositoryId, RepositoryName};

#[tokio::test(flavor = "multi_thread")]
async fn what_is_plain_is_read_in_one_request_and_the_rest_is_left_open() {
    let twin = twin().await;
    let host = github(&twin, token(&twin));
    let reads = ReadBudget::unlimited();
    let mut all = vec![];
    for name in ["one", "two", "renamed"] {
        let id = twin.repository(name).file("a", name).create().await.unwrap();
        all.push((named(&twin, id, name), "main".to_owned()));
    }
    let alone = futures::future::join_all(
        all.iter().map(|(repository, branch)| host.base(repository, branch, &reads)),
    )
    .await;
    let alone: Vec<_> = alone.into_iter().map(Result::unwrap).collect();
    let one = all[0].0.clone();
    let absent = RepositoryName::new(&twin.org(), "never-made").unwrap();
    all.extend([
        (one.clone(), "no/such/branch".to_owned()),
        (one.clone(), "MAIN".to_owned()),
        (RepositoryRef { id: RepositoryId(4_000_000_001), name: one.name.clone() }, "main".to_owned()),
        (RepositoryRef { id: RepositoryId(4_000_000_002), name: absent }, "main".to_owned()),
    ]);
    twin.as_maintainer(|person| person.rename("renamed", "another-name")).await.unwrap();
    let (before, queries) = (twin.log().unwrap().len(), asked(&twin, "graphql"));
    // Another process, which knows nothing yet.
    let host = github(&twin, token(&twin));
    let together = host.bases(&twin.org(), &all, &reads).await.unwrap();
    assert_eq!(twin.log().unwrap().len() - before, 1);
    assert_eq!(asked(&twin, "graphql") - queries, 1);
    assert_eq!(together[..3], alone);
    assert_eq!(together[3..], [None, None, None, None]);

    // A snapshot of what was read so need not ask for its tree.
    let folder = tempfile::tempdir().unwrap();
    let commit = together[0].clone().unwrap().commit;
    host.snapshot(&one, &commit, &folder.path().join("tar"), &reads).await.unwrap();
    assert_eq!(asked(&twin, "git/get-commit"), 0);
}
