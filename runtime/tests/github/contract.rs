//! The port's contract on the twin, in both layouts, with a personal token and as an App; and the number of
//! requests that a repository costs.

use crate::world::{Layout, app, asked, endpoint, github, named, patient, permit, token, twin};
use async_trait::async_trait;
use campaigns_actors::ports::{
    CodeHost, CodeHostError, CommitDraft, NewPullRequest, ReadBudget, RepositoryRef,
    contract::code_host::{Stage, WriteKind, hold},
    memory::SeedFile,
};
use campaigns_domain::{
    execution::{FileMode, RepositoryPath},
    id::{CommitSha, RepositoryId, RepositoryName},
    publish::commit::{EntryContent, TreeEntry},
    selection::{Answer, Query},
};
use campaigns_runtime::github::{Endpoint, GitHub};
use campaigns_twin::{Demands, Effect, Fault, Twin};
use std::{collections::HashSet, time::Duration};

struct OnTwin {
    twin: Twin,
    host: GitHub,
}

fn operation(of: WriteKind) -> &'static str {
    match of {
        WriteKind::CreateTree => "git/create-tree",
        WriteKind::CreateCommit => "git/create-commit",
        WriteKind::CreateBranch => "git/create-ref",
        WriteKind::AdvanceBranch => "git/update-ref",
        WriteKind::CreatePullRequest => "pulls/create",
    }
}

#[async_trait]
impl Stage for OnTwin {
    fn host(&self) -> &dyn CodeHost {
        &self.host
    }
    fn owner(&self) -> String {
        self.twin.org()
    }
    async fn repository(&self, name: &str, files: &[SeedFile]) -> RepositoryRef {
        let mut builder = self.twin.repository(name);
        for file in files {
            builder = match file.mode {
                FileMode::Regular => builder.file(&file.path, &file.content),
                FileMode::Executable => builder.executable(&file.path, &file.content),
                FileMode::Symlink => builder.symlink(&file.path, std::str::from_utf8(&file.content).unwrap()),
            };
        }
        named(&self.twin, builder.create().await.unwrap(), name)
    }
    async fn push(&self, repository: &RepositoryRef, branch: &str, path: &str, content: &str) -> CommitSha {
        let files = [(path, Some(content.as_bytes()))];
        CommitSha(self.twin.push(repository.name.name(), branch, &files).await.unwrap())
    }
    async fn merge(&self, repository: &RepositoryRef, number: u64) {
        self.twin.merge(repository.name.name(), number).await.unwrap();
    }
    async fn close(&self, repository: &RepositoryRef, number: u64) {
        self.twin.close(repository.name.name(), number).await.unwrap();
    }
    async fn delete_branch(&self, repository: &RepositoryRef, branch: &str) {
        let (name, branch) = (repository.name.name().to_owned(), branch.to_owned());
        self.twin.as_maintainer(move |person| person.delete_branch(&name, &branch)).await.unwrap();
    }
    async fn rename(&self, repository: &RepositoryRef, to: &str) {
        let (name, to) = (repository.name.name().to_owned(), to.to_owned());
        self.twin.as_maintainer(move |person| person.rename(&name, &to)).await.unwrap();
    }
    async fn add_topic(&self, repository: &RepositoryRef, topic: &str) {
        let (name, topic) = (repository.name.name().to_owned(), topic.to_owned());
        self.twin.as_maintainer(move |person| person.add_topic(&name, &topic)).await.unwrap();
    }

    async fn archive(&self, repository: &RepositoryRef) {
        let name = repository.name.name().to_owned();
        self.twin.as_maintainer(move |person| person.archive(&name, true)).await.unwrap();
    }
    async fn demand_check(&self, repository: &RepositoryRef, _number: u64) {
        let name = repository.name.name().to_owned();
        let demand = move |person: &campaigns_twin::Maintainer<'_>| {
            person.add_ruleset(&name, "main", Demands::checks(&["ci"]), &[]).map(drop)
        };
        self.twin.as_maintainer(demand).await.unwrap();
    }
    async fn allow_auto_merge(&self, repository: &RepositoryRef) {
        let name = repository.name.name().to_owned();
        self.twin.as_maintainer(move |person| person.allow_auto_merge(&name, true)).await.unwrap();
    }
    async fn lose_answer(&self, repository: &RepositoryRef, of: WriteKind) {
        // Half of them as a cut connection, half as a proxy whose upstream was lost.
        let effect = match of {
            WriteKind::CreateTree | WriteKind::CreateBranch => Effect::ExecuteThenDrop,
            _ => Effect::ExecuteThenRefuse { status: 502 },
        };
        let fault = Fault::on(operation(of), effect).times(1).repository(&repository.name.to_string());
        self.twin.faults().add(fault);
    }
    async fn limit(&self, repository: &RepositoryRef, of: WriteKind, wait: Duration) {
        let message =
            "You have exceeded a secondary rate limit. Please wait a few minutes before you try again.";
        let effect = Effect::Refuse {
            status: 403,
            message: Some(message.to_owned()),
            retry_after: Some(wait.as_secs()),
        };
        let fault = Fault::on(operation(of), effect).times(1).repository(&repository.name.to_string());
        self.twin.faults().add(fault);
    }
    fn absent_node(&self) -> String {
        // Well formed, and of no pull request.
        "PR_kwDOAAAAAM4AAAAA".to_owned()
    }
    async fn writes(&self, repository: &RepositoryRef) -> usize {
        let repo = repository.name.to_string();
        let log = self.twin.log().unwrap();
        log.iter().filter(|entry| entry.repo.as_ref() == Some(&repo) && entry.method != "GET").count()
    }
}

async fn holds(layout: Layout, as_app: bool) {
    let twin = twin().await;
    let credentials = if as_app { app(&twin) } else { token(&twin) };
    let host = GitHub::new(patient(endpoint(&twin, layout), credentials)).unwrap();
    twin.as_maintainer(|person| person.form_team("core", &["reviewer"])).await.unwrap();
    hold(&OnTwin { twin, host }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn with_a_token_in_githubs_layout() {
    holds(Layout::Dotcom, false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn with_a_token_in_enterprise_servers_layout() {
    holds(Layout::Enterprise, false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn as_an_app_in_githubs_layout() {
    holds(Layout::Dotcom, true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn as_an_app_in_enterprise_servers_layout() {
    holds(Layout::Enterprise, true).await;
}

/// One repository from base to pull request.
async fn publish(host: &dyn CodeHost, repository: &RepositoryRef, folder: &std::path::Path) {
    let base = host.base(repository, "main", &ReadBudget::unlimited()).await.unwrap().unwrap();
    host.snapshot(repository, &base.commit, &folder.join("tar"), &ReadBudget::unlimited()).await.unwrap();
    assert_eq!(host.branch(repository, "ours", &ReadBudget::unlimited()).await.unwrap(), None);
    assert!(
        host.pull_requests(repository, "ours", "main", &ReadBudget::unlimited()).await.unwrap().is_empty()
    );
    let content = EntryContent::Inline { mode: FileMode::Regular, text: "new\n".to_owned() };
    let entry = TreeEntry { path: RepositoryPath::new("a").unwrap(), content };
    let tree = host.create_tree(repository, &base.commit.0, &[entry], permit()).await.unwrap();
    let draft = CommitDraft { parents: vec![base.commit], tree, message: "m".to_owned(), author: None };
    let commit = host.create_commit(repository, &draft, permit()).await.unwrap();
    host.create_branch(repository, "ours", &commit, permit()).await.unwrap();
    let new = NewPullRequest {
        title: "t".to_owned(),
        body: "b".to_owned(),
        head: "ours".to_owned(),
        base: "main".to_owned(),
        draft: false,
    };
    host.create_pull_request(repository, &new, permit()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repository_costs_nine_requests() {
    let twin = twin().await;
    let folder = tempfile::tempdir().unwrap();
    let host = github(&twin, token(&twin));
    let id = twin.repository("cost").file("a", "old\n").create().await.unwrap();
    publish(&host, &named(&twin, id, "cost"), folder.path()).await;
    let log = twin.log().unwrap();
    let operations: Vec<&str> = log.iter().map(|entry| entry.operation.as_str()).collect();
    assert_eq!(log.len(), 9, "{operations:?}");

    let id = twin.repository("cost-as-app").file("a", "old\n").create().await.unwrap();
    let before = log.len();
    publish(&github(&twin, app(&twin)), &named(&twin, id, "cost-as-app"), folder.path()).await;
    // The installation's id, a token to read with, and one to write this repository with.
    assert_eq!(twin.log().unwrap().len() - before, 9 + 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_organisation_that_asked_for_quiet_is_not_asked() {
    let twin = twin().await;
    let host = github(&twin, token(&twin));
    let id = twin.repository("quiet").file("a", "1").create().await.unwrap();
    let repository = named(&twin, id, "quiet");
    let budget = ReadBudget::unlimited();
    host.base(&repository, "main", &budget).await.unwrap().unwrap();
    budget.quiet_for(std::time::Duration::from_secs(3600), "slow down");
    let before = twin.log().unwrap().len();
    let folder = tempfile::tempdir().unwrap();
    let commit = CommitSha("0".repeat(40));
    let answers = [
        host.repositories(&Query::Organization(twin.org()), &budget).await.map(drop),
        host.base(&repository, "main", &budget).await.map(drop),
        host.snapshot(&repository, &commit, &folder.path().join("tar"), &budget).await,
        host.branch(&repository, "main", &budget).await.map(drop),
        host.pull_requests(&repository, "ours", "main", &budget).await.map(drop),
        host.pull_request(&repository, 1, &budget).await.map(drop),
    ];
    for answer in answers {
        assert!(
            matches!(&answer, Err(CodeHostError::Limited { reason, .. }) if reason == "slow down"),
            "{answer:?}"
        );
    }
    assert_eq!(twin.log().unwrap().len(), before, "a request went out all the same");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listing_is_read_to_its_end_or_not_at_all() {
    let twin = twin().await;
    let mut made = HashSet::new();
    for number in 0..230 {
        made.insert(RepositoryId(twin.repository(&format!("r{number}")).create().await.unwrap()));
    }
    let host = github(&twin, token(&twin));
    let list =
        || async { host.repositories(&Query::Organization(twin.org()), &ReadBudget::unlimited()).await };
    let found = |answer| match answer {
        Ok(Answer::Repositories(all)) => all.iter().map(|repository| repository.id).collect::<HashSet<_>>(),
        other => panic!("{other:?}"),
    };
    assert_eq!(found(list().await), made);
    assert_eq!(asked(&twin, "repos/list-for-org"), 3, "a hundred to a page");
    // A page that fails for a moment is read again; one that stays broken leaves no short answer.
    let refuse = |status| Effect::Refuse { status, message: None, retry_after: None };
    twin.faults().add(Fault::on("repos/list-for-org", refuse(502)).after(2).times(2));
    assert_eq!(found(list().await), made);
    for status in [502, 404] {
        twin.faults().add(Fault::on("repos/list-for-org", refuse(status)).after(1).times(9));
        let broken = list().await;
        assert!(matches!(broken, Err(CodeHostError::Unavailable(_))), "{broken:?}");
        twin.faults().clear();
    }
    let nobody = host
        .repositories(&Query::Organization("nobody-of-that-name".to_owned()), &ReadBudget::unlimited())
        .await;
    assert_eq!(nobody, Ok(Answer::NotFound));
}

#[tokio::test(flavor = "multi_thread")]
async fn another_repository_under_an_old_name_is_not_taken_for_it() {
    let twin = twin().await;
    let host = github(&twin, token(&twin));
    let id = twin.repository("taken").file("a", "1").create().await.unwrap();
    let stranger = named(&twin, id + 1000, "taken");
    publish(&host, &named(&twin, id, "taken"), tempfile::tempdir().unwrap().path()).await;
    let seen = host.pull_requests(&stranger, "ours", "main", &ReadBudget::unlimited()).await;
    assert!(
        matches!(&seen, Err(CodeHostError::NotFound(words)) if words.contains("another repository")),
        "{seen:?}"
    );
    twin.as_maintainer(|person| person.rename("taken", "moved")).await.unwrap();
    let seen = host.base(&stranger, "main", &ReadBudget::unlimited()).await;
    assert!(matches!(&seen, Err(CodeHostError::NotFound(_))), "{seen:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rename_that_another_read_has_found_out_meanwhile_is_followed() {
    let twin = twin().await;
    let id = twin.repository("before").file("a", "1").create().await.unwrap();
    twin.as_maintainer(|person| person.rename("before", "after")).await.unwrap();
    let (host, known) = (github(&twin, token(&twin)), named(&twin, id, "before"));
    // Asked for by the old name, and answered when the new one is known.
    twin.faults().add(Fault { times: Some(1), ..Fault::on("pulls/list", Effect::HoldAnswer { ms: 1_000 }) });
    let reads = ReadBudget::unlimited();
    let (pulls, branch) = futures::join!(
        host.pull_requests(&known, "ours", "main", &reads),
        host.branch(&known, "main", &reads)
    );
    assert_eq!(pulls, Ok(vec![]));
    assert!(branch.as_ref().is_ok_and(Option::is_some), "{branch:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_start_says_who_we_are_and_where() {
    let twin = twin().await;
    let person = github(&twin, token(&twin)).check().await.unwrap();
    assert!(!person.app && !person.name.is_empty() && person.missing.is_empty(), "{person:?}");
    let identity = github(&twin, app(&twin)).check().await.unwrap();
    assert!(identity.app && identity.missing.is_empty(), "{identity:?}");
    assert!(identity.grants.contains(&"contents: write".to_owned()), "{identity:?}");
    let wrong =
        campaigns_runtime::github::Credentials::Token(campaigns_runtime::github::Secret::new("ghp_nobody"));
    let refused = github(&twin, wrong).check().await;
    assert!(
        matches!(&refused, Err(CodeHostError::Unauthorized(words)) if words.reason.contains("Bad credentials"))
    );
    let detected = Endpoint::detect(&twin.url(), None).await.unwrap();
    assert_eq!(detected, endpoint(&twin, Layout::Enterprise));
    let at_root = Endpoint::detect(&format!("{}/nonsense", twin.url()), None).await.unwrap();
    assert_eq!(
        at_root,
        endpoint(&twin, Layout::Dotcom),
        "where the address is no API, its host's root is tried"
    );
    let name = RepositoryName::new(&twin.org(), "absent").unwrap();
    let answer =
        github(&twin, app(&twin)).repositories(&Query::Repository(name), &ReadBudget::unlimited()).await;
    assert_eq!(answer, Ok(Answer::NotFound));
}
