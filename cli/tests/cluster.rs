//! Several servers on one database and one Redis share a campaign: Redis forgets everything, one server is killed and
//! one drained in the middle of it, one is frozen past its lease and wakes. Every target ends once, with one pull request by the twin's log.
//! Its events are watched on whichever of them one asks.
#![allow(clippy::unwrap_used, reason = "a test says so by failing")]

mod support;

use campaigns_domain::id::{RunId, Shard};
use campaigns_runtime::{
    audit,
    cluster::testing::{OwnRedis, own},
    embedded::testing::{TestDatabase, fresh_database},
    store::{Options, Postgres},
};
use campaigns_twin::{Effect, Fault};
use campaigns_wire::RunState;
use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    time::{Duration, Instant},
};
use support::{Host as _, Server, TwinProcess};

/// Long enough for a busy machine, short enough for a test to wait for.
const LEASE: &str = "3";
/// Where nobody waits for a lease to lapse, none is lost because a machine is busy.
const LONG_LEASE: &str = "20";
const PATIENCE: Duration = Duration::from_secs(120);

/// What the servers of a test share.
struct Shared {
    room: tempfile::TempDir,
    twin: TwinProcess,
    database: TestDatabase,
    store: Postgres,
    redis: OwnRedis,
}

impl Shared {
    async fn new(repositories: u32) -> Self {
        let room = support::room();
        let trees = support::services(room.path(), repositories);
        let twin = TwinProcess::start(&trees, &room.path().join("world"));
        let database = fresh_database().await.unwrap();
        let store = Postgres::connect(database.url(), Options::default()).await.unwrap();
        Self { room, twin, database, store, redis: own(&[]).unwrap() }
    }

    fn folder(&self, name: &str) -> PathBuf {
        self.room.path().join(name)
    }

    fn server(&self, name: &str) -> Server {
        self.leasing(LEASE, name, &["--unlimited"])
    }

    fn server_with(&self, name: &str, flags: &[&str]) -> Server {
        self.leasing(LONG_LEASE, name, flags)
    }

    fn leasing(&self, lease: &str, name: &str, flags: &[&str]) -> Server {
        let artifacts = self.folder("artifacts");
        let shared = ["--lease-seconds", lease, "--artifacts", artifacts.to_str().unwrap()];
        let redis = self.redis.url().unwrap();
        let environment = [("DATABASE_URL", self.database.url()), ("REDIS_URL", redis.expose())];
        Server::start_limited(&self.folder(name), &self.twin, &[&shared, flags].concat(), &environment)
    }

    /// A server without Redis on the same database would take everything from the others: it does not start.
    fn without_redis_nobody_joins(&self) {
        let mut lone = support::campaigns();
        lone.args(["serve", "--listen", "127.0.0.1:0", "--github-url", &self.twin.address(), "--data"]);
        lone.arg(self.folder("lone")).env("GITHUB_TOKEN", self.twin.access());
        let (code, _, said) = support::finish(lone.env("DATABASE_URL", self.database.url()));
        assert_eq!(code, Some(1), "{said}");
        assert!(said.contains("works on this database") && said.contains("REDIS_URL"), "{said}");
    }

    /// How many shards each server has taken last.
    async fn shards(&self) -> BTreeMap<String, usize> {
        let mut shards = BTreeMap::new();
        for (_, owner) in audit::owners(&mut self.store.pool().acquire().await.unwrap()).await.unwrap() {
            *shards.entry(owner.map(|owner| owner.to_string()).unwrap_or_default()).or_default() += 1;
        }
        shards
    }

    async fn owner_of(&self, shard: Shard) -> String {
        let owners = audit::owners(&mut self.store.pool().acquire().await.unwrap()).await.unwrap();
        let (_, owner) = owners.into_iter().find(|(each, _)| *each == shard).unwrap();
        owner.map(|owner| owner.to_string()).unwrap_or_default()
    }

    /// Waits until the servers share the shards as evenly as they can be.
    async fn until_even(&self, servers: &[&Server]) {
        let most = 64_usize.div_ceil(servers.len());
        let deadline = Instant::now() + PATIENCE;
        loop {
            let shards = self.shards().await;
            let even = servers.iter().all(|server| {
                shards
                    .get(&server.replica)
                    .is_some_and(|count| (64 - most * (servers.len() - 1)..=most).contains(count))
            });
            if even {
                return;
            }
            assert!(Instant::now() < deadline, "the servers do not share fairly: {shards:?}");
            support::breathe().await;
        }
    }

    async fn leave_by_audit(&self) {
        let broken = audit::at_rest(&mut self.store.pool().acquire().await.unwrap()).await.unwrap();
        assert!(broken.is_empty(), "{broken:#?}");
    }
}

async fn wait_for_events(
    server: &Server,
    run: uuid::Uuid,
    most: u64,
    seen: &mut u64,
    after: &mut Option<String>,
) {
    let deadline = Instant::now() + PATIENCE;
    while *seen < most {
        let page = server.api().events(run, after).await;
        *seen += page.items.len() as u64;
        assert!(!page.ended, "the run ended at event {seen}: nothing is left to break");
        assert!(Instant::now() < deadline, "event {most} does not come; {seen} so far");
        support::breathe().await;
    }
}

fn once_each(opened: &BTreeMap<String, u32>, repositories: u32) {
    assert_eq!(opened.len(), (repositories - repositories / 5) as usize);
    assert!(opened.values().all(|count| *count == 1), "one pull request each: {opened:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_servers_lose_one_and_drain_one_and_the_campaign_ends_once() {
    const REPOSITORIES: u32 = 60;
    let shared = Shared::new(REPOSITORIES).await;
    let first = shared.server("first");
    let (second, third) = (shared.server("second"), shared.server("third"));
    shared.without_redis_nobody_joins();
    assert!(second.token.is_empty() && third.token.is_empty(), "there is one first token");
    shared.until_even(&[&first, &second, &third]).await;

    // However late it is looked, something is left to break: further answers come no sooner than they are given up.
    let held = Effect::HoldAnswer { ms: 600_000 };
    shared.twin.add_fault(&Fault::on("pulls/create", held).after(24)).await;
    first.api().apply("greeting", support::SPEC).await;
    let run = first.api().create_run("greeting", "once").await.id;
    let (mut seen, mut after) = (0, None);
    wait_for_events(&first, run, 50, &mut seen, &mut after).await;
    shared.redis.flush().await.unwrap();
    wait_for_events(&first, run, 120, &mut seen, &mut after).await;
    second.kill();
    wait_for_events(&first, run, 200, &mut seen, &mut after).await;
    shared.twin.clear_faults().await;
    let begun = Instant::now();
    assert_eq!(third.stop(), Some(0), "a server that is drained ends well");
    println!("drained in {:?}", begun.elapsed());

    let ended = first.api().ended(run).await;
    assert_eq!(ended.state, RunState::Completed, "{}", ended.reason);
    let changed = u64::from(REPOSITORIES - REPOSITORIES / 5);
    assert_eq!(ended.totals.by_state.get("changed"), Some(&changed));
    assert_eq!(ended.totals.changesets.get("open"), Some(&changed));
    once_each(&shared.twin.opened().await, REPOSITORIES);
    shared.until_even(&[&first]).await;
    assert_eq!(first.stop(), Some(0));
    shared.leave_by_audit().await;
}

/// The owner of the organisation is stopped while it waits for the answer to a new pull request, for longer than its
/// lease; the other one observes what it did and carries on to the end. When it wakes it is nobody any more: it writes
/// nothing, here or at the code host, and begins anew with what it is given.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_frozen_owner_that_wakes_writes_nothing() {
    const REPOSITORIES: u32 = 40;
    let shared = Shared::new(REPOSITORIES).await;
    let first = shared.server("first");
    let second = shared.server("second");
    shared.until_even(&[&first, &second]).await;
    let token = first.token.clone();
    let owner = shared.owner_of(Shard::of_organization("acme")).await;
    let (frozen, mut other) = if owner == first.replica { (first, second) } else { (second, first) };
    other.token = token;

    let held = "acme/service-013";
    shared
        .twin
        .add_fault(&Fault::on("pulls/create", Effect::HoldAnswer { ms: 600_000 }).repository(held))
        .await;
    other.api().apply("greeting", support::SPEC).await;
    let run = other.api().create_run("greeting", "once").await.id;
    let deadline = Instant::now() + PATIENCE;
    while !shared.twin.opened().await.contains_key(held) {
        assert!(Instant::now() < deadline, "no pull request of {held} comes");
        support::breathe().await;
    }
    frozen.signal("STOP");
    shared.twin.clear_faults().await;

    let ended = other.api().ended(run).await;
    assert_eq!(ended.state, RunState::Completed, "{}", ended.reason);
    once_each(&shared.twin.opened().await, REPOSITORIES);
    shared.until_even(&[&other]).await;
    let (events, writes) = (count_events(&other, run).await, writes(&shared.twin).await);

    frozen.signal("CONT");
    shared.until_even(&[&frozen, &other]).await;
    assert_eq!(count_events(&other, run).await, events, "it recorded something");
    assert_eq!(self::writes(&shared.twin).await, writes, "it sent something");
    once_each(&shared.twin.opened().await, REPOSITORIES);
    assert_eq!(frozen.stop(), Some(0));
    assert_eq!(other.stop(), Some(0));
    shared.leave_by_audit().await;
}

/// Each of three servers selects sixty repositories, of which fifty may be read in a minute by all of them together. What
/// one has to spare the others use, and none goes beyond it however often it asks.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_servers_read_an_organisation_within_the_points_of_one() {
    const READS: usize = 50;
    let shared = Shared::new(60).await;
    // Four ninths of the points are for writes.
    let points = ["--points-per-minute", "90"];
    let first = shared.server_with("first", &points);
    let (mut second, mut third) =
        (shared.server_with("second", &points), shared.server_with("third", &points));
    (second.token, third.token) = (first.token.clone(), first.token.clone());
    let servers = [&first, &second, &third];
    shared.until_even(&servers).await;

    // Named one by one they are read one by one.
    let each: String = (1..=60).map(|nth| format!("  - repository: acme/service-{nth:03}\n")).collect();
    let mut selecting = BTreeSet::new();
    for nth in 0.. {
        let campaign = format!("greeting-{nth}");
        let spec = support::SPEC.replace("name: greeting", &format!("name: {campaign}"));
        let spec = spec.replace("  - organization: acme\n", &each);
        first.api().apply(&campaign, &spec).await;
        let run = first.api().create_run(&campaign, "once").await.id;
        let alone = selecting.is_empty();
        selecting.insert(shared.owner_of(Shard::of_run(RunId(run))).await);
        if alone {
            // By itself it would have a third of them.
            let deadline = Instant::now() + PATIENCE;
            while most_read(&shared.twin).await * 10 < READS * 9 {
                assert!(Instant::now() < deadline, "one of three does not read what the others leave");
                support::breathe().await;
            }
        }
        if selecting.len() == servers.len() {
            break;
        }
    }
    for server in servers {
        asks_in_vain(server).await;
    }
    let most = most_read(&shared.twin).await;
    assert!(most <= READS, "{most} reads within a minute, of {READS}");
}

/// Waits until a server has asked for points several times and got none.
async fn asks_in_vain(server: &Server) {
    let deadline = Instant::now() + PATIENCE;
    let in_vain = "campaigns_read_points_asked_total{outcome=\"in_vain\"}";
    while server.counter(in_vain).await < 4.0 {
        assert!(Instant::now() < deadline, "{} does not wait for points", server.replica);
        support::breathe().await;
    }
}

/// The most reads of the organisation that the twin counted in any minute.
async fn most_read(twin: &TwinProcess) -> usize {
    let log = twin.log().await;
    let of_organization = |path: &str| path.starts_with("/orgs/acme") || path.starts_with("/repos/acme");
    let reads = log.iter().filter(|entry| !entry.writes && entry.points > 0 && of_organization(&entry.path));
    let arrived: Vec<i64> = reads.map(|entry| entry.arrived).collect();
    let together = |first: i64| arrived.iter().filter(|at| (first..first + 60_000_000).contains(*at)).count();
    arrived.iter().map(|first| together(*first)).max().unwrap_or_default()
}

/// Whether this is an event of carrying the run out. What is read of its pull requests is told among its events, too, and
/// goes on after its end.
fn carries_out(kind: &str) -> bool {
    let publishes = ["proposed", "publishing", "published", "deferred", "blocked"];
    kind.strip_prefix("changeset.").is_none_or(|what| publishes.contains(&what))
}

async fn count_events(server: &Server, run: uuid::Uuid) -> usize {
    let (mut after, mut count) = (None, 0);
    loop {
        let page = server.api().events(run, &mut after).await;
        if page.items.is_empty() {
            return count;
        }
        count += page.items.iter().filter(|event| carries_out(&event.data.kind)).count();
    }
}

/// What was to change something, by the twin's log.
async fn writes(twin: &TwinProcess) -> Vec<String> {
    let log = twin.log().await.into_iter().filter(|entry| entry.writes);
    log.map(|entry| format!("{} {} {}: {}", entry.time, entry.operation, entry.path, entry.status)).collect()
}

/// A stream of live events being read.
struct Watching {
    response: reqwest::Response,
    rest: Vec<u8>,
}

impl Watching {
    async fn on(server: &Server, run: uuid::Uuid, after: Option<&str>) -> Self {
        Self { response: server.api().live(run, after).await, rest: vec![] }
    }

    /// The next event: its id, what happened, and all of it.
    async fn next(&mut self) -> (String, String, String) {
        // Otherwise nothing comes but what keeps the stream warm.
        tokio::time::timeout(PATIENCE, self.read()).await.unwrap()
    }

    async fn read(&mut self) -> (String, String, String) {
        loop {
            while let Some(end) = self.rest.windows(2).position(|pair| pair == b"\n\n") {
                let frame: Vec<u8> = self.rest.drain(..end + 2).collect();
                let text = String::from_utf8(frame).unwrap();
                let field = |name: &str| text.lines().find_map(|line| line.strip_prefix(name));
                // Otherwise it is a comment that keeps the stream warm.
                if let (Some(id), Some(kind), Some(data)) = (field("id: "), field("event: "), field("data: "))
                {
                    return (id.to_owned(), kind.to_owned(), data.to_owned());
                }
            }
            // It does not end without an end.
            self.rest.extend(self.response.chunk().await.unwrap().unwrap());
        }
    }
}

/// What somebody heard who stays for so many events, goes to the next of these servers and resumes there.
async fn hear(servers: &[&Server], run: uuid::Uuid, stay: usize) -> Vec<serde_json::Value> {
    let (mut heard, mut last) = (vec![], None);
    for server in servers.iter().cycle() {
        let mut watching = Watching::on(server, run, last.as_deref()).await;
        for _ in 0..stay {
            let (id, kind, data) = watching.next().await;
            if kind == "end" {
                return heard;
            }
            heard.push(serde_json::from_str(&data).unwrap());
            last = Some(id);
        }
    }
    unreachable!("they go round")
}

/// Neither server looks by itself for longer than the test takes, so that what comes has been announced.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_is_watched_on_whichever_server_one_asks() {
    const REPOSITORIES: u32 = 30;
    let shared = Shared::new(REPOSITORIES).await;
    let never = ["--unlimited", "--poll-seconds", "86400"];
    let (first, mut second) = (shared.server_with("first", &never), shared.server_with("second", &never));
    shared.until_even(&[&first, &second]).await;
    second.token = first.token.clone();

    // A run of no targets is its owner's alone: whoever watches it on the other server hears of it by announcements or
    // never. It waits for the code host until somebody does.
    let nothing = support::SPEC
        .replace("name: greeting", "name: nothing")
        .replace("organization: acme", "organization: acme\n    include: [\"nothing-*\"]");
    first.api().apply("nothing", &nothing).await;
    shared.twin.add_fault(&Fault::on("*", Effect::Delay { ms: 500 })).await;
    let run = first.api().create_run("nothing", "once").await.id;
    let owner = shared.owner_of(Shard::of_run(RunId(run))).await;
    let (near, far) = if owner == first.replica { (&first, &second) } else { (&second, &first) };
    let heard = hear(&[far], run, usize::MAX).await;
    assert!(heard.iter().any(|event| event["kind"] == "run.selected"), "{heard:?}");
    shared.twin.clear_faults().await;

    first.api().apply("greeting", support::SPEC).await;
    let run = first.api().create_run("greeting", "once").await.id;
    let hung_up = async {
        let mut watching = Watching::on(far, run, None).await;
        for _ in 0..20 {
            watching.next().await;
        }
        // Nobody hears of anybody's commits until they have called again. Each listens once, but while it calls again.
        let deadline = Instant::now() + PATIENCE;
        loop {
            let listeners = shared.redis.hang_up("pubsub").await.unwrap();
            if listeners == 2 {
                break;
            }
            assert!(Instant::now() < deadline, "two servers have {listeners} listeners");
            support::breathe().await;
        }
    };
    let (one, both) = ([far], [near, far]);
    let (stays, roams, ()) = tokio::join!(hear(&one, run, usize::MAX), hear(&both, run, 17), hung_up);

    let in_order = |mut events: Vec<serde_json::Value>| {
        events.retain(|event| event["kind"].as_str().is_some_and(carries_out));
        events.sort_by_key(|event| event.to_string());
        events
    };
    let (mut after, mut kept) = (None, vec![]);
    loop {
        let page = near.api().events(run, &mut after).await;
        kept.extend(page.items.into_iter().map(|event| serde_json::to_value(event.data).unwrap()));
        if page.ended {
            break;
        }
    }
    let kept = in_order(kept);
    for heard in [stays, roams] {
        assert_eq!(in_order(heard), kept, "an event was lost, or came twice");
    }
    assert_eq!(first.stop(), Some(0));
    assert_eq!(second.stop(), Some(0));
    shared.leave_by_audit().await;
}
