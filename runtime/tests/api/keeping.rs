//! What is done about webhooks once they are kept, against the twin and a real PostgreSQL: hints reach the owners of
//! what they name, installations are what GitHub says, and what was not delivered is asked for again.

use crate::stage::{Stage, stage_with};
use campaigns_actors::ports::{Fence, MessageBody, Recipient, Store};
use campaigns_domain::{
    id::{RepositoryId, RunId, Shard},
    publish::{budget::Budget, installation::InstallationState},
};
use campaigns_http::{
    Settings, WebhookSecrets,
    ports::{APP_SHARD, Delivery, Hint, Received, Webhooks, Whereabouts},
    wire::{Installation, Page},
};
use campaigns_runtime::{
    github::{Credentials, Endpoint, GitHub, GithubConfig, Secret},
    webhooks::Work,
};
use campaigns_twin::{Options, Twin, hooks::loss::Loss, world::model::Level};

use std::{collections::BTreeSet, sync::Arc, time::Duration};
use uuid::Uuid;

const SECRET: &str = "the secret of these tests";

struct Desk {
    stage: Stage,
    twin: Twin,
    work: Work,
}

impl Desk {
    /// A server that takes the webhooks of a twin, as its App.
    async fn open() -> Self {
        let webhook_secrets = WebhookSecrets::parse(SECRET).unwrap();
        let stage = stage_with(Settings { webhook_secrets, ..Settings::default() }).await;
        let twin = Twin::start(Options::default()).await.unwrap();
        let app = twin.app();
        let private_key = Secret::new(std::fs::read_to_string(&app.private_key_file).unwrap());
        let credentials = Credentials::App { id: app.id.to_string(), private_key };
        let mut config = GithubConfig::at(Endpoint::exact(&twin.url(), false).unwrap(), credentials);
        // More than a busy machine takes.
        (config.timeouts.read, config.timeouts.write) = (Duration::from_secs(60), Duration::from_secs(60));
        let github = Arc::new(GitHub::new(config).unwrap());
        let permits_count_for = Budget::default().longest();
        let work = Work { postgres: stage.store.clone(), github, permits_count_for };
        Self { stage, twin, work }
    }

    async fn fence(&self, shard: Shard) -> Fence {
        Fence { shard, epoch: self.stage.store.take_over(shard, Uuid::now_v7()).await.unwrap() }
    }

    async fn sql(&self, text: &'static str) {
        sqlx::raw_sql(text).execute(self.stage.store.pool()).await.unwrap();
    }

    async fn count(&self, text: &'static str) -> i64 {
        sqlx::query_scalar(text).fetch_one(self.stage.store.pool()).await.unwrap()
    }

    async fn looks(&self) -> Vec<(Recipient, RepositoryId, BTreeSet<u64>, RunId)> {
        let shards: Vec<Shard> = Shard::all().collect();
        let messages = self.stage.store.inbox(&shards, 100).await.unwrap();
        let looks = messages.into_iter().filter_map(|message| match message.body {
            MessageBody::Look { repository_id, pull_requests, run } => {
                Some((message.to, repository_id, pull_requests.into_iter().collect(), run))
            }
            _ => None,
        });
        looks.collect()
    }
}

/// A campaign with three open pull requests in two repositories of `acme`, and one of `globex`.
const CHANGESETS: &str = "\
INSERT INTO campaigns (id, name, owner) VALUES ('00000000-0000-4000-8000-000000000001', 'greeting', 'ada');
INSERT INTO specs (digest, campaign, version, raw, normalised) VALUES
    (repeat('ab', 32), '00000000-0000-4000-8000-000000000001', 1, 'x', '{}');
INSERT INTO runs (id, shard, campaign, spec, state, window_size) VALUES
    ('00000000-0000-4000-8000-000000000002', 7, '00000000-0000-4000-8000-000000000001', repeat('ab', 32), 'completed', 1);
INSERT INTO repo_targets (id, shard, run, campaign, position, takes_part, repository_id, repository, branch, base, state) VALUES
    ('00000000-0000-4000-8000-000000000003', 9, '00000000-0000-4000-8000-000000000002',
     '00000000-0000-4000-8000-000000000001', 0, true, 41, 'acme/anvil', 'main', repeat('c', 40), 'changed');
INSERT INTO changesets (id, shard, organization, campaign, run, target, repository_id, repository, base_branch, head_branch,
    state, generation, wanted, head, pull_request, pull_request_node, pull_request_url)
SELECT ('00000000-0000-4000-8000-0000000001' || lpad(pull::text, 2, '0'))::uuid, 12, owner,
    '00000000-0000-4000-8000-000000000001', '00000000-0000-4000-8000-000000000002', '00000000-0000-4000-8000-000000000003',
    repository, owner || '/' || repository, 'main', branch, 'open', 1, '{}', head, pull, 'PR_' || pull, 'https://host/' || pull
FROM (VALUES ('acme', 41, 'fix', repeat('d', 40), 5), ('acme', 41, 'more', repeat('e', 40), 6),
    ('acme', 42, 'fix', repeat('f', 40), 7), ('globex', 51, 'fix', repeat('1', 40), 8)) AS c (owner, repository, branch, head, pull);
";

fn delivery(number: u128, organization: &str, there: Whereabouts) -> Delivery {
    Delivery {
        app: 5,
        id: Uuid::from_u128(number),
        event: String::from("pull_request"),
        action: String::from("closed"),
        installation: None,
        organization: organization.to_owned(),
        hint: Hint::PullRequests(there),
    }
}

#[tokio::test]
async fn a_hint_reaches_the_owner_of_what_it_names_once() {
    let desk = Desk::open().await;
    desk.sql(CHANGESETS).await;
    let at = |repository: u64| Whereabouts { repositories: vec![repository], ..Whereabouts::default() };
    let deliveries = [
        delivery(1, "acme", Whereabouts { pull_requests: vec![5], ..at(41) }),
        delivery(2, "acme", Whereabouts { branches: vec![String::from("fix")], ..at(41) }),
        delivery(3, "acme", Whereabouts { commits: vec!["e".repeat(40)], ..at(41) }),
        delivery(4, "acme", Whereabouts { branches: vec![String::from("elsewhere")], ..at(42) }),
        // The repository has moved here; its changeset lives where it was made.
        delivery(5, "acme", Whereabouts { all: true, ..at(51) }),
    ];
    for delivery in &deliveries {
        assert_eq!(desk.stage.queries.receive(delivery).await.unwrap(), Received::New);
    }
    assert_eq!(desk.stage.queries.receive(&deliveries[0]).await.unwrap(), Received::Waiting);
    let acme = desk.fence(Shard::of_organization("acme")).await;
    // Another owner by now: nothing is marked, and nothing is sent.
    let stale = acme;
    let acme = desk.fence(acme.shard).await;
    assert!(desk.work.sort(&[stale]).await.unwrap().wake.is_empty());
    assert!(desk.looks().await.is_empty());

    let sorted = desk.work.sort(&[acme]).await.unwrap();
    let owners = BTreeSet::from(["acme", "globex"].map(Shard::of_organization));
    assert_eq!(sorted.wake.into_iter().collect::<BTreeSet<_>>(), owners);
    let mut looks = desk.looks().await;
    looks.sort_by_key(|look| look.1.0);
    let run = RunId(Uuid::from_u128(0x0000_0000_0000_4000_8000_0000_0000_0002));
    let to = |login: &str| Recipient::Organization(login.to_owned());
    let wanted = vec![
        (to("acme"), RepositoryId(41), BTreeSet::from([5, 6]), run),
        (to("globex"), RepositoryId(51), BTreeSet::from([8]), run),
    ];
    assert_eq!(looks, wanted);
    // Once processed it is known, and nothing more comes of it.
    assert_eq!(desk.stage.queries.receive(&deliveries[0]).await.unwrap(), Received::Processed);
    assert!(desk.work.sort(&[acme]).await.unwrap().wake.is_empty());
    assert_eq!(desk.looks().await.len(), 2);
    assert_eq!(desk.count("SELECT count(*) FROM webhooks WHERE processed IS NULL").await, 0);
}

#[tokio::test]
async fn installations_are_what_github_says_and_no_payload() {
    let desk = Desk::open().await;
    let app = desk.fence(APP_SHARD).await;
    let id = desk.twin.app().installation_id;
    desk.sql("INSERT INTO installations (id, organization) VALUES (77, 'gone'), (78, 'acme')").await;
    desk.work.list_installations(app).await.unwrap();
    let read = || async {
        let rows: Vec<(i64, String, bool, bool, String)> = sqlx::query_as(
            "SELECT id, organization, suspended, removed, coalesce(permissions->>'contents', '') FROM installations \
             ORDER BY organization",
        )
        .fetch_all(desk.stage.store.pool())
        .await
        .unwrap();
        rows
    };
    let acme = (i64::try_from(id).unwrap(), String::from("acme"), false, false, String::from("write"));
    assert_eq!(read().await, [acme.clone(), (77, String::from("gone"), false, true, String::new())]);

    // A payload says that it was suspended, and another that a third one was deleted: neither is so.
    desk.sql("INSERT INTO installations (id, organization) VALUES (79, 'initech')").await;
    for (number, installation) in [(1, id), (2, 79)] {
        let told = delivery(number, "acme", Whereabouts::default());
        let told = Delivery {
            installation: Some(installation),
            hint: Hint::Installation(Whereabouts::default()),
            ..told
        };
        assert_eq!(told.shard(), APP_SHARD);
        desk.stage.queries.receive(&told).await.unwrap();
    }
    desk.work.sort(&[app]).await.unwrap();
    let initech = (79, String::from("initech"), false, true, String::new());
    assert_eq!(read().await, [acme, (77, String::from("gone"), false, true, String::new()), initech]);
    assert_eq!(desk.count("SELECT count(*) FROM webhooks WHERE processed IS NULL").await, 0);
}

#[tokio::test]
async fn an_organisation_is_told_once_of_what_became_of_its_installation() {
    let desk = Desk::open().await;
    let app = desk.fence(APP_SHARD).await;
    let told = || async {
        let shards: Vec<Shard> = Shard::all().collect();
        let messages = desk.stage.store.inbox(&shards, 100).await.unwrap();
        let told = messages.into_iter().map(|message| match (message.to, message.body) {
            (Recipient::Organization(login), MessageBody::Installation { state }) => (login, state),
            other => panic!("{other:?}"),
        });
        let told: Vec<_> = told.collect();
        desk.sql("UPDATE inbox SET consumed_at = now()").await;
        told
    };
    let acme = |state| vec![(String::from("acme"), state)];
    let woken = desk.work.list_installations(app).await.unwrap();
    assert_eq!(woken, BTreeSet::from([Shard::of_organization("acme")]));
    assert_eq!(told().await, acme(InstallationState::Active), "it is new");
    assert!(desk.work.list_installations(app).await.unwrap().is_empty());
    assert!(told().await.is_empty(), "nothing has changed");

    desk.twin.as_maintainer(|person| person.suspend_installation()).await.unwrap();
    desk.work.list_installations(app).await.unwrap();
    desk.work.list_installations(app).await.unwrap();
    assert_eq!(told().await, acme(InstallationState::Suspended));
    let page: Page<Installation> = desk.stage.get("/api/v1/installations").await;
    let one = &page.items[0];
    assert_eq!((one.organization.as_str(), one.state.as_str()), ("acme", "suspended"));
    assert_eq!((one.repositories.as_str(), one.missing_permissions.len(), page.next), ("all", 0, None));
    let since = one.since.unwrap();
    desk.work.list_installations(app).await.unwrap();
    let again: Page<Installation> = desk.stage.get("/api/v1/installations").await;
    assert_eq!(again.items[0].since, Some(since), "since it was suspended, and not since it was last seen");

    desk.twin.as_maintainer(|person| person.unsuspend_installation()).await.unwrap();
    desk.work.list_installations(app).await.unwrap();
    assert_eq!(told().await, acme(InstallationState::Active));
    desk.twin.as_maintainer(|person| person.set_permission("contents", Some(Level::Read))).await.unwrap();
    desk.work.list_installations(app).await.unwrap();
    assert_eq!(told().await, acme(InstallationState::Active), "its permissions have changed");
    let page: Page<Installation> = desk.stage.get("/api/v1/installations").await;
    assert_eq!(page.items[0].missing_permissions, ["contents: write"]);

    // Another owner by now: nothing is recorded, and nobody is told.
    desk.twin.as_maintainer(|person| person.uninstall()).await.unwrap();
    let owner = desk.fence(APP_SHARD).await;
    assert!(desk.work.list_installations(app).await.unwrap().is_empty());
    assert!(told().await.is_empty());
    desk.work.list_installations(owner).await.unwrap();
    assert_eq!(told().await, acme(InstallationState::Removed));
    let page: Page<Installation> = desk.stage.get("/api/v1/installations").await;
    assert_eq!(page.items[0].state, "removed");
}

#[tokio::test]
async fn what_did_not_arrive_is_asked_for_again() {
    let desk = Desk::open().await;
    desk.twin.send_webhooks(&format!("{}/webhooks/github", desk.stage.server.base), SECRET).unwrap();
    desk.twin.repository("one").file("README.md", "# One\n").create().await.unwrap();
    let push = |branch: &'static str| desk.twin.push("one", branch, &[("a.txt", Some(b"a\n"))]);
    push("arrives").await.unwrap();
    desk.twin.webhooks_settled().await;
    desk.twin.lose_webhooks(Loss { failed: 1.0, ..Loss::default() });
    push("fails").await.unwrap();
    push("fails-too").await.unwrap();
    desk.twin.webhooks_settled().await;
    desk.twin.lose_webhooks(Loss::default());
    const HERE: &str = "SELECT count(*) FROM webhooks WHERE event = 'push'";
    assert_eq!(desk.count(HERE).await, 1);

    let app = desk.fence(APP_SHARD).await;
    for _ in 0..3 {
        desk.work.redeliver(app).await.unwrap();
        desk.twin.webhooks_settled().await;
        assert_eq!(desk.count(HERE).await, 3);
    }
    let attempts = desk.twin.world().hooks.log.shown(chrono::Utc::now(), None);
    assert_eq!(attempts.iter().filter(|attempt| attempt.redelivery).count(), 2);
    // What the host says it delivered and nobody here has ever seen is asked for as well, a while later.
    desk.sql("DELETE FROM webhooks WHERE event = 'push'; DELETE FROM webhook_sweeps").await;
    desk.twin.world().clock.advance(std::time::Duration::from_secs(60));
    push("later").await.unwrap();
    desk.twin.webhooks_settled().await;
    desk.work.redeliver(app).await.unwrap();
    desk.twin.webhooks_settled().await;
    assert_eq!(desk.count(HERE).await, 4);
    assert_eq!(desk.count("SELECT count(*) FROM webhook_redeliveries").await, 3);
}

#[tokio::test]
async fn what_has_served_its_time_is_forgotten() {
    let desk = Desk::open().await;
    desk.sql(
        "INSERT INTO webhooks (app, delivery, shard, event, concerns, received, processed) VALUES \
         (5, '00000000-0000-4000-8000-000000000001', 3, 'star', 'nothing', now() - interval '15 days', now()), \
         (5, '00000000-0000-4000-8000-000000000002', 3, 'push', 'pull_requests', now() - interval '15 days', NULL), \
         (5, '00000000-0000-4000-8000-000000000003', 3, 'star', 'nothing', now() - interval '13 days', now()), \
         (5, '00000000-0000-4000-8000-000000000004', 4, 'star', 'nothing', now() - interval '15 days', now());
         INSERT INTO inbox (id, shard, recipient, body, consumed_at) VALUES \
         ('00000000-0000-4000-8000-000000000001', 3, '{}', '{\"kind\": \"look\"}', now() - interval '2 days'), \
         ('00000000-0000-4000-8000-000000000002', 3, '{}', '{\"kind\": \"look\"}', NULL);",
    )
    .await;
    let held = desk.fence(Shard(3)).await;
    desk.work.forget(&[held]).await.unwrap();
    assert_eq!(desk.count("SELECT count(*) FROM webhooks").await, 3);
    assert_eq!(
        desk.count("SELECT count(*) FROM webhooks WHERE delivery = '00000000-0000-4000-8000-000000000001'")
            .await,
        0
    );
    assert_eq!(desk.count("SELECT count(*) FROM inbox").await, 1);
}

#[tokio::test]
async fn permits_that_no_window_can_count_go_by_their_owners_hand() {
    let desk = Desk::open().await;
    desk.sql(CHANGESETS).await;
    // One of each hour for four days, in the shards of two organisations.
    desk.sql(
        "INSERT INTO permits (id, shard, epoch, organization, campaign, run, opens_pull_request, granted, expires, counts_from) \
         SELECT gen_random_uuid(), s.id, 1, s.name, '00000000-0000-4000-8000-000000000001', \
         '00000000-0000-4000-8000-000000000002', true, t.at, t.at, t.at FROM (VALUES (12, 'acme'), (13, 'globex')) s (id, name), \
         (SELECT campaigns_now() - h * interval '1 hour' - interval '1 minute' FROM generate_series(0, 95) h) t (at)",
    )
    .await;
    let stale = desk.fence(Shard(12)).await;
    let owner = desk.fence(Shard(12)).await;
    desk.work.forget_permits(&[stale]).await.unwrap();
    assert_eq!(desk.count("SELECT count(*) FROM permits").await, 192);
    desk.work.forget_permits(&[owner]).await.unwrap();
    assert_eq!(desk.count("SELECT count(*) FROM permits WHERE organization = 'globex'").await, 96);
    // Twice the longest window, a day, is kept.
    assert_eq!(desk.count("SELECT count(*) FROM permits WHERE organization = 'acme'").await, 48);
}
