//! The operations that are served: for each of GitHub's ids its handler, what the caller needs and what it
//! does. An id that is not here is answered with 501. Permissions from GitHub's "Permissions required for
//! GitHub Apps".

use super::call::{Call, Kind, Need, Outcome};
use super::{
    app, contents, git_data, git_refs, history, hooks, issues, meta, pulls, pulls_write, repos, reviewers,
    reviews, rules, users, verdicts, workflows,
};
use crate::world::model::Level::{Read, Write};
use Kind::{Creates, Reads, Writes};
use Need::{Anyone, Repository, Token};

/// How an operation is served.
#[derive(Clone, Copy)]
pub struct Route {
    /// What carries it out.
    pub handler: fn(&Call<'_>) -> Outcome,
    /// What the caller needs.
    pub need: Need,
    /// What it does.
    pub kind: Kind,
}

const METADATA: Need = Repository(&[("metadata", Read)]);
const CONTENTS: Need = Repository(&[("contents", Read)]);
const CONTENTS_WRITE: Need = Repository(&[("contents", Write)]);
const PULLS: Need = Repository(&[("pull_requests", Read)]);
const PULLS_WRITE: Need = Repository(&[("pull_requests", Write)]);
const STATUSES: Need = Repository(&[("statuses", Read)]);
const STATUSES_WRITE: Need = Repository(&[("statuses", Write)]);
const CHECKS: Need = Repository(&[("checks", Read)]);
const CHECKS_WRITE: Need = Repository(&[("checks", Write)]);
const ACTIONS: Need = Repository(&[("actions", Read)]);
const ACTIONS_WRITE: Need = Repository(&[("actions", Write)]);
const ADMINISTRATION: Need = Repository(&[("administration", Read)]);
const ADMINISTRATION_WRITE: Need = Repository(&[("administration", Write)]);
const ISSUES: Need = Repository(&[("issues", Read), ("pull_requests", Read)]);
const ISSUES_WRITE: Need = Repository(&[("issues", Write), ("pull_requests", Write)]);

/// Finds how an operation is served.
pub fn route(id: &str) -> Option<Route> {
    let route = |handler, need, kind| Some(Route { handler, need, kind });
    match id {
        "meta/root" => route(meta::root, Anyone, Reads),
        "meta/get" => route(meta::meta, Anyone, Reads),
        "meta/get-all-versions" => route(meta::versions, Anyone, Reads),
        "rate-limit/get" => route(meta::rate_limit, Anyone, Reads),

        "apps/get-authenticated" => route(app::get, Need::App, Reads),
        "apps/list-installations" => route(app::installations, Need::App, Reads),
        "apps/get-installation" => route(app::installation, Need::App, Reads),
        "apps/get-org-installation" => route(app::of_org, Need::App, Reads),
        "apps/get-user-installation" => route(app::of_user, Need::App, Reads),
        "apps/get-repo-installation" => route(app::of_repository, Need::App, Reads),
        "apps/create-installation-access-token" => route(app::create_token, Need::App, Writes),
        "apps/revoke-installation-access-token" => route(app::revoke_token, Need::Installation, Writes),
        "apps/get-webhook-config-for-app" => route(hooks::config, Need::App, Reads),
        "apps/update-webhook-config-for-app" => route(hooks::configure, Need::App, Writes),
        "apps/list-webhook-deliveries" => route(hooks::deliveries, Need::App, Reads),
        "apps/get-webhook-delivery" => route(hooks::delivery, Need::App, Reads),
        "apps/redeliver-webhook-delivery" => route(hooks::redeliver, Need::App, Writes),
        "apps/list-repos-accessible-to-installation" => route(app::repositories, Need::Installation, Reads),

        "users/get-authenticated" => route(users::me, Token, Reads),
        "users/get-by-username" => route(users::by_login, Anyone, Reads),
        "users/get-by-id" => route(users::by_id, Anyone, Reads),
        "orgs/get" => route(users::organization, Anyone, Reads),

        "repos/list-for-org" => route(repos::of_org, Anyone, Reads),
        "repos/list-for-user" => route(repos::of_user, Anyone, Reads),
        "repos/list-for-authenticated-user" => route(repos::mine, Token, Reads),
        "repos/get" => route(repos::get, METADATA, Reads),
        "repos/get-all-topics" => route(repos::topics, METADATA, Reads),
        "repos/list-branches" => route(repos::branches, CONTENTS, Reads),
        "repos/get-branch" => route(repos::branch, CONTENTS, Reads),

        "repos/list-commits" => route(history::list, CONTENTS, Reads),
        "repos/get-commit" => route(history::get, CONTENTS, Reads),
        "repos/compare-commits-with-basehead" => route(history::compare, CONTENTS, Reads),

        "repos/get-content" => route(contents::get, CONTENTS, Reads),
        "repos/get-readme" => route(contents::readme, CONTENTS, Reads),
        "repos/download-tarball-archive" => route(contents::tarball, CONTENTS, Reads),

        "git/create-blob" => route(git_data::create_blob, CONTENTS_WRITE, Creates),
        "git/get-blob" => route(git_data::get_blob, CONTENTS, Reads),
        "git/create-tree" => route(git_data::create_tree, CONTENTS_WRITE, Creates),
        "git/get-tree" => route(git_data::get_tree, CONTENTS, Reads),
        "git/create-commit" => route(git_data::create_commit, CONTENTS_WRITE, Creates),
        "git/get-commit" => route(git_data::get_commit, CONTENTS, Reads),
        "git/create-ref" => route(git_refs::create_ref, CONTENTS_WRITE, Creates),
        "git/update-ref" => route(git_refs::update_ref, CONTENTS_WRITE, Creates),
        "git/delete-ref" => route(git_refs::delete_ref, CONTENTS_WRITE, Writes),
        "git/get-ref" => route(git_refs::get_ref, CONTENTS, Reads),
        "git/list-matching-refs" => route(git_refs::matching_refs, CONTENTS, Reads),

        "pulls/create" => route(pulls_write::create, PULLS_WRITE, Creates),
        "pulls/update" => route(pulls_write::update, PULLS_WRITE, Creates),
        "pulls/merge" => route(pulls_write::merge, CONTENTS_WRITE, Creates),
        "pulls/update-branch" => route(pulls_write::update_branch, PULLS_WRITE, Creates),
        "pulls/list" => route(pulls::list, PULLS, Reads),
        "pulls/get" => route(pulls::get, PULLS, Reads),
        "pulls/list-files" => route(pulls::files, PULLS, Reads),
        "pulls/list-commits" => route(pulls::commits, PULLS, Reads),
        "pulls/check-if-merged" => route(pulls::is_merged, CONTENTS, Reads),
        "pulls/list-requested-reviewers" => route(reviewers::list, PULLS, Reads),
        "pulls/request-reviewers" => route(reviewers::request, PULLS_WRITE, Creates),
        "pulls/remove-requested-reviewers" => route(reviewers::remove, PULLS_WRITE, Writes),

        "pulls/list-reviews" => route(reviews::list, PULLS, Reads),
        "pulls/get-review" => route(reviews::get, PULLS, Reads),
        "pulls/create-review" => route(reviews::create, PULLS_WRITE, Creates),
        "pulls/dismiss-review" => route(reviews::dismiss, PULLS_WRITE, Writes),

        "repos/create-commit-status" => route(verdicts::create_status, STATUSES_WRITE, Creates),
        "repos/list-commit-statuses-for-ref" => route(verdicts::statuses, STATUSES, Reads),
        "repos/get-combined-status-for-ref" => route(verdicts::combined, STATUSES, Reads),
        "checks/create" => route(verdicts::create_check_run, CHECKS_WRITE, Creates),
        "checks/update" => route(verdicts::update_check_run, CHECKS_WRITE, Creates),
        "checks/get" => route(verdicts::check_run, CHECKS, Reads),
        "checks/list-for-ref" => route(verdicts::check_runs, CHECKS, Reads),

        "actions/list-workflow-runs-for-repo" => route(workflows::list, ACTIONS, Reads),
        "actions/get-workflow-run" => route(workflows::get, ACTIONS, Reads),
        "actions/re-run-workflow-failed-jobs" => route(workflows::rerun, ACTIONS_WRITE, Creates),

        "repos/get-branch-protection" => route(rules::protection, ADMINISTRATION, Reads),
        "repos/update-branch-protection" => route(rules::protect, ADMINISTRATION_WRITE, Writes),
        "repos/delete-branch-protection" => route(rules::unprotect, ADMINISTRATION_WRITE, Writes),
        "repos/get-branch-rules" => route(rules::of_branch, METADATA, Reads),
        "repos/get-repo-rulesets" => route(rules::rulesets, METADATA, Reads),
        "repos/get-repo-ruleset" => route(rules::ruleset, METADATA, Reads),
        "repos/codeowners-errors" => route(rules::codeowners_errors, CONTENTS, Reads),

        "issues/get" => route(issues::get, ISSUES, Reads),
        "issues/update" => route(issues::update, ISSUES_WRITE, Creates),
        "issues/list-labels-on-issue" => route(issues::labels, ISSUES, Reads),
        "issues/add-labels" => route(issues::add_labels, ISSUES_WRITE, Creates),
        "issues/set-labels" => route(issues::set_labels, ISSUES_WRITE, Creates),
        "issues/remove-label" => route(issues::remove_label, ISSUES_WRITE, Writes),
        "issues/remove-all-labels" => route(issues::clear_labels, ISSUES_WRITE, Writes),
        "issues/add-assignees" => route(issues::add_assignees, ISSUES_WRITE, Creates),
        "issues/remove-assignees" => route(issues::remove_assignees, ISSUES_WRITE, Writes),
        "issues/list-comments" => route(issues::comments, ISSUES, Reads),
        "issues/create-comment" => route(issues::create_comment, ISSUES_WRITE, Creates),
        "issues/get-comment" => route(issues::comment, ISSUES, Reads),
        "issues/update-comment" => route(issues::update_comment, ISSUES_WRITE, Creates),
        "issues/delete-comment" => route(issues::delete_comment, ISSUES_WRITE, Writes),
        _ => None,
    }
}
