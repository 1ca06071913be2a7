//! What branches demand: `branch-protection`, `repository-ruleset`, `repository-rule-detailed`.

use super::node_id;
use crate::clock::stamp;
use crate::rest::urls::Urls;
use crate::world::rules::{Bypass, Demands, Protection, Ruleset};
use serde_json::{Value, json};

/// `branch-protection`, at its address.
pub fn protection(url: &str, protection: &Protection) -> Value {
    let demands = &protection.demands;
    let switch = |on: bool| json!({"enabled": on});
    let mut value = json!({
        "url": url,
        "enforce_admins": {"url": format!("{url}/enforce_admins"), "enabled": protection.enforce_admins},
        "required_linear_history": switch(false),
        "allow_force_pushes": switch(false),
        "allow_deletions": switch(false),
        "block_creations": switch(false),
        "required_conversation_resolution": switch(false),
        "lock_branch": switch(false),
        "allow_fork_syncing": switch(false),
        "required_signatures": {"url": format!("{url}/required_signatures"), "enabled": false},
    });
    if !demands.checks.is_empty() || demands.strict {
        value["required_status_checks"] = json!({
            "url": format!("{url}/required_status_checks"),
            "contexts_url": format!("{url}/required_status_checks/contexts"),
            "strict": demands.strict,
            "contexts": demands.checks,
            "checks": demands.checks.iter().map(|name| json!({"context": name, "app_id": null})).collect::<Vec<_>>(),
        });
    }
    if demands.approvals > 0 || demands.code_owners {
        value["required_pull_request_reviews"] = json!({
            "url": format!("{url}/required_pull_request_reviews"),
            "dismiss_stale_reviews": demands.dismiss_stale,
            "require_code_owner_reviews": demands.code_owners,
            "required_approving_review_count": demands.approvals,
            "require_last_push_approval": false,
        });
    }
    value
}

/// The rules of demands, as rulesets write them.
pub fn rules(demands: &Demands) -> Vec<Value> {
    let mut found = Vec::new();
    if !demands.checks.is_empty() || demands.strict {
        let checks: Vec<Value> = demands.checks.iter().map(|name| json!({"context": name})).collect();
        found.push(json!({
            "type": "required_status_checks",
            "parameters": {
                "strict_required_status_checks_policy": demands.strict,
                "do_not_enforce_on_create": false,
                "required_status_checks": checks,
            },
        }));
    }
    if demands.approvals > 0 || demands.code_owners {
        found.push(json!({
            "type": "pull_request",
            "parameters": {
                "required_approving_review_count": demands.approvals,
                "dismiss_stale_reviews_on_push": demands.dismiss_stale,
                "require_code_owner_review": demands.code_owners,
                "require_last_push_approval": false,
                "required_review_thread_resolution": false,
                "allowed_merge_methods": ["merge", "squash", "rebase"],
            },
        }));
    }
    if demands.queue {
        found.push(json!({
            "type": "merge_queue",
            "parameters": {
                "check_response_timeout_minutes": 60,
                "grouping_strategy": "ALLGREEN",
                "max_entries_to_build": 1,
                "max_entries_to_merge": 1,
                "merge_method": "MERGE",
                "min_entries_to_merge": 1,
                "min_entries_to_merge_wait_minutes": 0,
            },
        }));
    }
    found
}

/// `repository-rule-detailed`, each of a ruleset.
pub fn detailed(full: &str, ruleset: &Ruleset) -> Vec<Value> {
    let mut found = rules(&ruleset.demands);
    for rule in &mut found {
        rule["ruleset_source_type"] = json!("Repository");
        rule["ruleset_source"] = json!(full);
        rule["ruleset_id"] = json!(ruleset.id);
    }
    found
}

/// `repository-ruleset` as a list shows it.
pub fn listed_ruleset(urls: &Urls, full: &str, ruleset: &Ruleset) -> Value {
    json!({
        "id": ruleset.id,
        "name": ruleset.name,
        "target": "branch",
        "source_type": "Repository",
        "source": full,
        "enforcement": "active",
        "node_id": node_id("RRS", ruleset.id),
        "_links": {
            "self": {"href": format!("{}/repos/{full}/rulesets/{}", urls.api, ruleset.id)},
            "html": {"href": format!("{}/{full}/rules/{}", urls.web, ruleset.id)},
        },
        "created_at": stamp(ruleset.created_at),
        "updated_at": stamp(ruleset.updated_at),
    })
}

/// `repository-ruleset` by itself; the bypass list is for those who may administer the repository.
pub fn ruleset(
    urls: &Urls,
    full: &str,
    ruleset: &Ruleset,
    (app, can_bypass, sees_list): (u64, bool, bool),
) -> Value {
    let mut value = listed_ruleset(urls, full, ruleset);
    let branch =
        ruleset.branch.as_ref().map_or("~DEFAULT_BRANCH".to_owned(), |name| format!("refs/heads/{name}"));
    value["conditions"] = json!({"ref_name": {"include": [branch], "exclude": []}});
    value["rules"] = rules(&ruleset.demands).into();
    value["current_user_can_bypass"] = json!(if can_bypass { "always" } else { "never" });
    if sees_list {
        let actors = ruleset.bypass.iter().map(|bypass| match bypass {
            Bypass::App => json!({"actor_id": app, "actor_type": "Integration", "bypass_mode": "always"}),
            Bypass::Admins => {
                json!({"actor_id": 1, "actor_type": "OrganizationAdmin", "bypass_mode": "always"})
            }
        });
        value["bypass_actors"] = actors.collect();
    }
    value
}
