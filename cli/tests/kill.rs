//! kill -9: a server that is killed ten times in the middle of its work ends as if it had not been.
//!
//! The points are drawn by event sequence from a seed that is printed; three of them lie between the code host's
//! accepting a pull request and our recording it. Set CAMPAIGNS_TEST_SEED to draw the same points again.
#![allow(clippy::unwrap_used, reason = "a test says so by failing")]

mod support;

use campaigns_runtime::{audit, embedded::EmbeddedPostgres, store};
use campaigns_twin::{Effect, Fault};
use campaigns_wire::{Changeset, ChangesetState, Run, RunState};
use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    process::Command,
    time::{Duration, Instant},
};
use support::{Server, TwinProcess};

const REPOSITORIES: u32 = 200;
const KILLS: usize = 10;
/// Which of the kills strike while an answer to a new pull request is held back.
const BETWEEN: [usize; 3] = [3, 6, 8];
/// At most so many events lie between two kills; a run of this size has well over a thousand.
const GAP: u64 = 80;
/// So many pull requests are answered at once between two kills, and each further one when its caller has given up: so
/// there is something left to kill however late a test looks.
const ANSWERED: u32 = 16;
/// For so long the twin holds an answer: until the kill.
const HELD: Effect = Effect::HoldAnswer { ms: 600_000 };
const PATIENCE: Duration = Duration::from_secs(120);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_killed_ten_times_ends_as_if_it_had_not_been() {
    let room = support::room();
    let trees = support::services(room.path(), REPOSITORIES);
    let twin = TwinProcess::start(&trees, &room.path().join("world"));
    let data = room.path().join("data");
    let mut chance = Chance(seed());
    let mut server = Server::start(&data, &twin);
    server.api().apply("greeting", support::SPEC).await;
    let run = server.api().create_run("greeting", "once").await.id;

    let (mut after, mut seen) = (None, 0);
    for kill in 0..KILLS {
        if BETWEEN.contains(&kill) {
            let repository = wait_for_unrecorded_pull_request(&twin, &server).await;
            println!("the next kill is while {repository} waits for its answer");
        } else {
            twin.add_fault(&Fault::on("pulls/create", HELD).after(ANSWERED)).await;
            wait_for_events(&server, run, chance.draw(GAP), &mut after, &mut seen).await;
        }
        server.kill();
        twin.clear_faults().await;
        server = Server::start(&data, &twin);
        // The same request again, as a client does that never got its answer: it is the same run.
        assert_eq!(server.api().create_run("greeting", "once").await.id, run);
    }

    let ended = server.api().ended(run).await;
    assert_eq!(ended.state, RunState::Completed, "{}", ended.reason);
    let changed = REPOSITORIES - REPOSITORIES / 5;
    let opened = twin.opened().await;
    assert_eq!(opened.len(), changed as usize);
    assert!(opened.values().all(|count| *count == 1), "one pull request each: {opened:?}");
    assert_eq!(server.stop(), Some(0));
    leave_by_audit(&data.join("postgres")).await;
    drop(twin);

    let (unharmed, world) = without_a_kill(room.path(), &trees).await;
    assert_eq!(ended.totals, unharmed.totals);
    assert_eq!(ended.totals.by_state.get("changed"), Some(&u64::from(changed)));
    assert_eq!(ended.totals.changesets.get("open"), Some(&u64::from(changed)));
    assert_eq!(branch_trees(&room.path().join("world")), branch_trees(&world));
}

/// The same campaign in another world, left in peace.
async fn without_a_kill(room: &Path, trees: &Path) -> (Run, std::path::PathBuf) {
    let world = room.join("world-in-peace");
    let twin = TwinProcess::start(trees, &world);
    let server = Server::start(&room.join("data-in-peace"), &twin);
    server.api().apply("greeting", support::SPEC).await;
    let run = server.api().create_run("greeting", "once").await.id;
    let ended = server.api().ended(run).await;
    assert_eq!(server.stop(), Some(0));
    (ended, world)
}

fn seed() -> u64 {
    let seed = std::env::var("CAMPAIGNS_TEST_SEED").ok().and_then(|text| text.parse().ok());
    let now = || std::time::UNIX_EPOCH.elapsed().unwrap().as_millis() as u64;
    let seed = seed.unwrap_or_else(now);
    println!("CAMPAIGNS_TEST_SEED={seed}");
    seed
}

/// Knuth's MMIX generator; its high bits are the good ones.
struct Chance(u64);

impl Chance {
    /// A number from 1 to `most`.
    fn draw(&mut self, most: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        1 + (self.0 >> 33) % most
    }
}

/// Waits until the run has had `more` events than it has now.
async fn wait_for_events(
    server: &Server,
    run: uuid::Uuid,
    more: u64,
    after: &mut Option<String>,
    seen: &mut u64,
) {
    let mut deadline = Instant::now() + PATIENCE;
    let mut point = None;
    loop {
        let page = server.api().events(run, after).await;
        *seen += page.items.len() as u64;
        assert!(!page.ended, "the run ended before event {point:?}: nothing is left to kill");
        if !page.items.is_empty() {
            deadline = Instant::now() + PATIENCE;
        }
        assert!(Instant::now() < deadline, "event {point:?} does not come; {seen} so far");
        if page.items.is_empty() {
            // Caught up: the point is counted from here.
            point = point.or_else(|| {
                println!("the next kill is at event {}", *seen + more);
                Some(*seen + more)
            });
            support::breathe().await;
        }
        if point.is_some_and(|point| *seen >= point) {
            return;
        }
    }
}

/// Holds back answers to new pull requests and waits until the twin has accepted one that is not on record.
///
/// A caller gives an answer up after a while and finds its pull request by itself; whoever is too late for one waits for
/// the next.
async fn wait_for_unrecorded_pull_request(twin: &TwinProcess, server: &Server) -> String {
    twin.add_fault(&Fault::on("pulls/create", HELD)).await;
    let before: BTreeSet<String> = twin.opened().await.into_keys().collect();
    let deadline = Instant::now() + PATIENCE;
    loop {
        let accepted = twin.opened().await;
        let held = |each: &Changeset| {
            each.state == ChangesetState::Publishing
                && accepted.contains_key(&each.repository)
                && !before.contains(&each.repository)
        };
        if let Some(held) = server.api().changesets("greeting").await.into_iter().find(held) {
            return held.repository;
        }
        assert!(Instant::now() < deadline, "no pull request is accepted and not on record");
        support::breathe().await;
    }
}

/// The tree of every branch that the campaign made, by the repository's folder in the world.
fn branch_trees(world: &Path) -> BTreeMap<String, String> {
    let mut trees = BTreeMap::new();
    let mut waiting = vec![world.to_owned()];
    while let Some(folder) = waiting.pop() {
        if folder.join("HEAD").is_file() {
            let reference = ["rev-parse", "--quiet", "--verify", "refs/heads/campaigns/greeting^{tree}"];
            let output = Command::new("git").arg("--git-dir").arg(&folder).args(reference).output().unwrap();
            if output.status.success() {
                let name = folder.file_name().unwrap().to_string_lossy().into_owned();
                trees.insert(name, String::from_utf8(output.stdout).unwrap());
            }
            continue;
        }
        let folders =
            folder.read_dir().unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_dir());
        waiting.extend(folders);
    }
    assert!(!trees.is_empty());
    trees
}

async fn leave_by_audit(postgres: &Path) {
    let folder = postgres.to_owned();
    let database =
        tokio::task::spawn_blocking(move || EmbeddedPostgres::start(&folder).unwrap()).await.unwrap();
    let opened = store::Postgres::connect(&database.url(), store::Options::default()).await.unwrap();
    let broken = audit::at_rest(&mut opened.pool().acquire().await.unwrap()).await.unwrap();
    assert!(broken.is_empty(), "{broken:#?}");
    opened.close().await;
    tokio::task::spawn_blocking(move || database.stop().unwrap()).await.unwrap();
}
