//! How a repository lets pull requests be merged, and the rules of a branch as far as this credential sees them.
//!
//! From the repository (ways of merging, auto-merge, whether we administer it), `rules/branches/{branch}` with the
//! rulesets behind it (`current_user_can_bypass`), and classic protection. What may not be read is said, and is never
//! taken for its absence. Deliberately absent: what follows from it (`campaigns_domain::publish::merge_step`).

use super::{
    GitHub,
    call::{Ask, Route},
    endpoint::encode,
    paid::Paid,
};
use campaigns_actors::ports::{CodeHostError, ReadBudget, RepositoryRef};
use campaigns_domain::publish::{Bound, MergeMethod, MergeRules, standing::PauseCause};
use serde::{Deserialize, de::DeserializeOwned};
use std::collections::BTreeSet;

#[derive(Deserialize)]
struct Repository {
    // GitHub leaves these out for whoever may not push.
    allow_merge_commit: Option<bool>,
    allow_squash_merge: Option<bool>,
    allow_rebase_merge: Option<bool>,
    allow_auto_merge: Option<bool>,
    permissions: Option<Permissions>,
}

#[derive(Deserialize)]
struct Permissions {
    #[serde(default)]
    admin: bool,
}

#[derive(Deserialize)]
struct Rule {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    parameters: Parameters,
    ruleset_id: Option<u64>,
}

#[derive(Deserialize, Default)]
struct Parameters {
    allowed_merge_methods: Option<Vec<String>>,
}

#[derive(Deserialize)]
struct Ruleset {
    name: String,
    current_user_can_bypass: Option<String>,
}

#[derive(Deserialize)]
struct Branch {
    protection: Option<Protected>,
}

#[derive(Deserialize)]
struct Protected {
    #[serde(default)]
    enabled: bool,
}

#[derive(Deserialize)]
struct Protection {
    enforce_admins: Option<Protected>,
    required_pull_request_reviews: Option<Reviews>,
}

#[derive(Deserialize)]
struct Reviews {
    bypass_pull_request_allowances: Option<Allowances>,
}

#[derive(Deserialize)]
struct Allowances {
    #[serde(default)]
    users: Vec<serde::de::IgnoredAny>,
    #[serde(default)]
    teams: Vec<serde::de::IgnoredAny>,
    #[serde(default)]
    apps: Vec<serde::de::IgnoredAny>,
}

/// What was read, or why it may not be.
type Read<T> = Result<T, String>;

impl GitHub {
    pub(super) async fn rules_of(
        &self,
        repository: &RepositoryRef,
        branch: &str,
        budget: &ReadBudget,
    ) -> Result<MergeRules, CodeHostError> {
        let name = self.name(repository);
        let settings: Repository =
            self.rule(repository, "repos/get", "", format!("the repository {name}"), budget).await?;
        let mut methods = vec![];
        for (allowed, method) in [
            (settings.allow_merge_commit, MergeMethod::Merge),
            (settings.allow_squash_merge, MergeMethod::Squash),
            (settings.allow_rebase_merge, MergeMethod::Rebase),
        ] {
            // Where it is not told, GitHub is asked by doing it.
            if allowed.unwrap_or(true) {
                methods.push(method);
            }
        }
        let mut rules = MergeRules {
            auto_merge: settings.allow_auto_merge.unwrap_or(false),
            methods,
            queue: false,
            bound: Bound::Certainly,
        };
        let admin = settings.permissions.map(|permissions| permissions.admin);
        let bound = match self.rules_on(repository, branch, budget).await? {
            Ok(found) => {
                take(&found, &mut rules);
                self.rulesets(repository, &found, budget).await?
            }
            Err(why) => Bound::Unread(why),
        };
        rules.bound = match bound {
            Bound::Certainly => self.protection(repository, branch, admin, budget).await?,
            other => other,
        };
        Ok(rules)
    }

    async fn rules_on(
        &self,
        repository: &RepositoryRef,
        branch: &str,
        budget: &ReadBudget,
    ) -> Result<Read<Vec<Rule>>, CodeHostError> {
        let name = self.name(repository);
        let rest = format!("/rules/branches/{}?per_page=100", encode(branch, true));
        let subject = format!("the rules of `{branch}` of {name}");
        let ask = Ask::get(
            "repos/get-branch-rules",
            Route::Repository(repository, rest),
            name.owner(),
            subject,
            Paid::Reads(budget),
        );
        let pages = self.pages::<Vec<Rule>>(ask).await;
        readable(pages).map(|read| read.map(|pages| pages.into_iter().flatten().collect()))
    }

    /// Whether one of the rulesets behind the rules may be passed by us.
    async fn rulesets(
        &self,
        repository: &RepositoryRef,
        rules: &[Rule],
        budget: &ReadBudget,
    ) -> Result<Bound, CodeHostError> {
        let mut seen = BTreeSet::new();
        for rule in rules {
            let Some(id) = rule.ruleset_id else {
                return Ok(Bound::Unread("GitHub does not say which ruleset a rule is of".to_owned()));
            };
            if !seen.insert(id) {
                continue;
            }
            let subject = format!("the ruleset {id} of {}", self.name(repository));
            let rest = format!("/rulesets/{id}");
            let ruleset = self.rule(repository, "repos/get-repo-ruleset", &rest, subject, budget).await;
            let ruleset: Ruleset = match readable(ruleset)? {
                Ok(ruleset) => ruleset,
                Err(why) => return Ok(Bound::Unread(why)),
            };
            match ruleset.current_user_can_bypass.as_deref() {
                Some("never") => {}
                Some(_) => return Ok(Bound::MayPass(format!("the ruleset \"{}\"", ruleset.name))),
                None => {
                    let words =
                        format!("GitHub does not say whether we may pass the ruleset \"{}\"", ruleset.name);
                    return Ok(Bound::Unread(words));
                }
            }
        }
        Ok(Bound::Certainly)
    }

    /// Whether classic protection of the branch holds us.
    async fn protection(
        &self,
        repository: &RepositoryRef,
        branch: &str,
        admin: Option<bool>,
        budget: &ReadBudget,
    ) -> Result<Bound, CodeHostError> {
        let subject = format!("the branch `{branch}` of {}", self.name(repository));
        let rest = format!("/branches/{}", encode(branch, true));
        let found = self.rule(repository, "repos/get-branch", &rest, subject.clone(), budget).await;
        let found: Branch = match readable(found)? {
            Ok(found) => found,
            Err(why) => return Ok(Bound::Unread(why)),
        };
        match found.protection {
            Some(Protected { enabled: false }) => return Ok(Bound::Certainly),
            Some(_) => {}
            None => return Ok(Bound::Unread(format!("GitHub does not say whether {subject} is protected"))),
        }
        let subject = format!("the protection of {subject}");
        let rest = format!("{rest}/protection");
        let found = self.rule(repository, "repos/get-branch-protection", &rest, subject, budget).await;
        let found: Protection = match readable(found)? {
            Ok(found) => found,
            Err(why) => return Ok(Bound::Unread(why)),
        };
        let enforced = found.enforce_admins.is_some_and(|enforced| enforced.enabled);
        if !enforced && admin != Some(false) {
            return Ok(Bound::MayPass("its protection does not hold administrators".to_owned()));
        }
        let named =
            found.required_pull_request_reviews.and_then(|reviews| reviews.bypass_pull_request_allowances);
        let named = named.map_or(0, |named| named.users.len() + named.teams.len() + named.apps.len());
        if named > 0 {
            return Ok(Bound::MayPass("its protection lets some go without a review".to_owned()));
        }
        Ok(Bound::Certainly)
    }

    async fn rule<T: DeserializeOwned>(
        &self,
        repository: &RepositoryRef,
        operation: &'static str,
        rest: &str,
        subject: String,
        budget: &ReadBudget,
    ) -> Result<T, CodeHostError> {
        let route = Route::Repository(repository, rest.to_owned());
        let name = self.name(repository);
        self.json(Ask::get(operation, route, name.owner(), subject, Paid::Reads(budget))).await
    }
}

/// What the rules say of the way of merging. All others are GitHub's to hold us to.
fn take(found: &[Rule], rules: &mut MergeRules) {
    for rule in found {
        match rule.kind.as_str() {
            "merge_queue" => rules.queue = true,
            "required_linear_history" => rules.methods.retain(|method| *method != MergeMethod::Merge),
            _ => {}
        }
        if let Some(allowed) = &rule.parameters.allowed_merge_methods {
            rules.methods.retain(|method| allowed.iter().any(|name| name == method.as_str()));
        }
    }
}

/// What was read, or why it may not be; what passes by itself stays an error.
fn readable<T>(answer: Result<T, CodeHostError>) -> Result<Read<T>, CodeHostError> {
    use CodeHostError as E;
    match answer {
        Ok(read) => Ok(Ok(read)),
        Err(error @ (E::NotFound(_) | E::Refused(_) | E::Conflict(_))) => Ok(Err(error.to_string())),
        // A permission that the installation lacks for this is nothing that publishing needs.
        Err(E::Unauthorized(out)) if out.cause == PauseCause::PermissionMissing => Ok(Err(out.reason)),
        Err(error) => Err(error),
    }
}
