//! What a log shows of one client's manners: over which limits it went, what refused it, what it opened twice, how
//! soon it wrote again. Times are those at which requests arrived at the twin. Deliberately absent: what the client
//! meant to do.

use super::{
    SECOND,
    windows::{Window, slide},
};
use campaigns_twin::Entry;
use std::collections::BTreeMap;

/// The limits that a log is held to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Limits {
    /// Over requests that count as creating content.
    pub(crate) creations: Vec<Window>,
    /// Over pull requests that were asked to be opened.
    pub(crate) pulls: Vec<Window>,
    /// Over the points of REST.
    pub(crate) rest: Window,
    /// Over the points of GraphQL.
    pub(crate) graphql: Window,
    /// Requests at the same time.
    pub(crate) concurrent: u64,
    /// The least time between two writes, microseconds.
    pub(crate) spacing: i64,
}

impl Limits {
    /// GitHub's documented ones, and a second between writes.
    pub(crate) fn documented() -> Self {
        Self {
            creations: vec![Window::of(80, 60), Window::of(500, 3_600)],
            pulls: vec![],
            rest: Window::of(900, 60),
            graphql: Window::of(2_000, 60),
            concurrent: 100,
            spacing: SECOND,
        }
    }

    /// None but how many requests there may be at the same time.
    pub(crate) fn lifted() -> Self {
        let all = Window::of(u64::MAX / 2, 60);
        Self { creations: vec![], rest: all, graphql: all, spacing: 0, ..Self::documented() }
    }
}

/// What a log shows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Verdict {
    /// Requests that were over a limit when they arrived, a request counted once for each limit.
    pub(crate) over: u64,
    /// Requests that a secondary limit of the twin refused; those that a fault refused in its words are not here.
    pub(crate) refused: u64,
    /// Requests that the primary limit refused.
    pub(crate) used_up: u64,
    /// Writes that arrived sooner after the one before than the spacing.
    pub(crate) crowded: u64,
    /// The least time between two writes, microseconds.
    pub(crate) closest: Option<i64>,
    /// Writes that arrived before a `Retry-After` that had been told was over.
    pub(crate) impatient: u64,
    /// Pull requests beyond the first of a repository and head branch.
    pub(crate) duplicates: u64,
    /// Pull requests that were opened.
    pub(crate) opened: u64,
    /// Writes that were executed or refused.
    pub(crate) writes: u64,
    /// Microseconds from the first write to the last one.
    pub(crate) makespan: i64,
}

/// Whose windows a line counts in: GraphQL and REST of one caller are one subject.
fn subject(entry: &Entry) -> &str {
    entry.subject.strip_suffix("/graphql").unwrap_or(&entry.subject)
}

/// Judges a log, each subject by itself.
pub(crate) fn judge(log: &[Entry], limits: &Limits) -> Verdict {
    let mut verdict = Verdict::default();
    let mut subjects: BTreeMap<&str, Vec<&Entry>> = BTreeMap::new();
    for entry in log.iter().filter(|entry| entry.points > 0) {
        subjects.entry(subject(entry)).or_default().push(entry);
    }
    for (name, mut entries) in subjects {
        entries.sort_by_key(|entry| entry.arrived);
        verdict.over += over(&entries, limits);
        // An app's own writes mint tokens, which no limit of content is about.
        if !name.starts_with("app:") {
            crowding(&entries, limits.spacing, &mut verdict);
            verdict.impatient += impatient(&entries);
        }
        for entry in &entries {
            match entry.limit.as_deref() {
                None | Some("fault") => {}
                Some("primary") => verdict.used_up += 1,
                Some(_) => verdict.refused += 1,
            }
        }
    }
    let mut heads: BTreeMap<(&str, &str), u64> = BTreeMap::new();
    for entry in log.iter().filter(|entry| entry.content_creating) {
        if let (Some(repo), Some(head), Some(_)) = (&entry.repo, &entry.head, entry.pull) {
            *heads.entry((repo, head)).or_default() += 1;
        }
    }
    verdict.opened = heads.values().sum();
    verdict.duplicates = heads.values().map(|times| times - 1).sum();
    verdict
}

fn over(entries: &[&Entry], limits: &Limits) -> u64 {
    let of = |window: &Window, counts: &dyn Fn(&Entry) -> u64| {
        slide(*window, entries.iter().map(|entry| (entry.arrived, counts(entry)))).over
    };
    let creations = |entry: &Entry| u64::from(entry.creates);
    let opens = |entry: &Entry| u64::from(entry.operation == "pulls/create");
    let is_graphql = |entry: &Entry| entry.operation == "graphql";
    let rest = |entry: &Entry| if is_graphql(entry) { 0 } else { entry.points };
    let graphql = |entry: &Entry| if is_graphql(entry) { entry.points } else { 0 };
    let crowd = entries.iter().filter(|entry| entry.concurrent > limits.concurrent).count();
    limits.creations.iter().map(|window| of(window, &creations)).sum::<u64>()
        + limits.pulls.iter().map(|window| of(window, &opens)).sum::<u64>()
        + of(&limits.rest, &rest)
        + of(&limits.graphql, &graphql)
        + crowd as u64
}

fn crowding(entries: &[&Entry], spacing: i64, verdict: &mut Verdict) {
    let writes: Vec<i64> = entries.iter().filter(|entry| entry.writes).map(|entry| entry.arrived).collect();
    for pair in writes.windows(2) {
        let gap = pair[1] - pair[0];
        verdict.crowded += u64::from(gap < spacing);
        verdict.closest = Some(verdict.closest.map_or(gap, |closest| closest.min(gap)));
    }
    verdict.writes += writes.len() as u64;
    if let (Some(first), Some(last)) = (writes.first(), writes.last()) {
        verdict.makespan = verdict.makespan.max(last - first);
    }
}

fn impatient(entries: &[&Entry]) -> u64 {
    let told = |entry: &&&Entry| entry.retry_after.map(|seconds| entry.decided + seconds as i64 * SECOND);
    let mut until = i64::MIN;
    let mut count = 0;
    let mut refusals = entries.iter().filter(|entry| entry.retry_after.is_some()).peekable();
    for entry in entries.iter().filter(|entry| entry.writes) {
        while let Some(refusal) = refusals.next_if(|refusal| refusal.decided < entry.arrived) {
            until = until.max(told(&refusal).unwrap_or(i64::MIN));
        }
        count += u64::from(entry.arrived < until);
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn line(at: f64, operation: &str, more: serde_json::Value) -> Entry {
        let arrived = (at * 1e6).round() as i64;
        let writes = operation.contains("create");
        let mut line = json!({
            "time": "", "arrived": arrived, "decided": arrived + 10_000, "method": "", "path": "", "status": 201,
            "operation": operation, "subject": "user:1", "counted": true, "content_creating": writes,
            "points": if writes { 5 } else { 1 }, "writes": writes, "creates": writes, "concurrent": 1,
            "request_id": "", "micros": 0,
        });
        line.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        serde_json::from_value(line).unwrap()
    }

    fn pull(at: f64, repo: &str, number: u64) -> Entry {
        line(at, "pulls/create", json!({"repo": repo, "head": "fix", "pull": number}))
    }

    #[test]
    fn good_manners_leave_nothing_to_say() {
        let log = [
            line(0.0, "git/create-tree", json!({})),
            line(0.2, "repos/get", json!({})),
            pull(1.0, "acme/one", 1),
            pull(2.5, "acme/two", 1),
            line(2.6, "apps/create-installation-access-token", json!({"subject": "app:1"})),
        ];
        let verdict = judge(&log, &Limits::documented());
        let expected = Verdict {
            opened: 2,
            writes: 3,
            makespan: 2_500_000,
            closest: Some(SECOND),
            ..Verdict::default()
        };
        assert_eq!(verdict, expected);
    }

    #[test]
    fn each_kind_of_bad_manners_is_counted() {
        let crowd: Vec<Entry> =
            (0..90).map(|at| line(f64::from(at) / 10.0, "git/create-tree", json!({}))).collect();
        let verdict = judge(&crowd, &Limits::documented());
        assert_eq!((verdict.over, verdict.crowded, verdict.closest), (10, 89, Some(100_000)));

        let reads: Vec<Entry> = (0..903).map(|_| line(1.0, "repos/get", json!({}))).collect();
        assert_eq!(judge(&reads, &Limits::documented()).over, 3);
        let queries: Vec<Entry> =
            (0..903).map(|_| line(1.0, "graphql", json!({"subject": "user:1/graphql"}))).collect();
        assert_eq!(judge(&queries, &Limits::documented()).over, 0);
        let many = [line(0.0, "repos/get", json!({"concurrent": 101}))];
        assert_eq!(judge(&many, &Limits::documented()).over, 1);

        let twice = [pull(0.0, "acme/one", 1), pull(1.0, "acme/one", 2), pull(2.0, "acme/two", 1)];
        let verdict = judge(&twice, &Limits::documented());
        assert_eq!((verdict.opened, verdict.duplicates), (3, 1));
        let daily = Limits { pulls: vec![Window::of(2, 86_400)], ..Limits::documented() };
        assert_eq!(judge(&twice, &daily).over, 1);

        let refused = ["creations_per_minute", "fault", "primary"]
            .map(|limit| line(0.0, "repos/get", json!({"limit": limit})));
        let verdict = judge(&refused, &Limits::documented());
        assert_eq!((verdict.refused, verdict.used_up), (1, 1));
    }

    #[test]
    fn a_write_before_the_told_time_is_impatient_unless_it_was_under_way() {
        let told = || line(0.0, "git/create-tree", json!({"retry_after": 60, "limit": "fault"}));
        let at =
            |at| judge(&[told(), line(at, "git/create-tree", json!({}))], &Limits::documented()).impatient;
        assert_eq!((at(0.005), at(30.0), at(60.0), at(60.02)), (0, 1, 1, 0));
    }

    #[test]
    fn subjects_are_judged_apart() {
        let of = |subject: &str| {
            (0..80)
                .map(|at| line(f64::from(at) / 2.0, "git/create-tree", json!({"subject": subject})))
                .collect::<Vec<_>>()
        };
        let log = [of("installation:1"), of("installation:2")].concat();
        assert_eq!(judge(&log, &Limits::documented()).over, 0);
        let shared = [of("installation:1"), of("installation:1/graphql")].concat();
        assert_eq!(judge(&shared, &Limits::documented()).over, 80);
    }
}
