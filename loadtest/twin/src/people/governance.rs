//! What people do with checks, rules, repositories and the installation: the parts of a world that a campaign has to
//! live with.

use super::{Maintainer, Refused};
use crate::follow::follow;
use crate::git::refs;
use crate::world::World;
use crate::world::change::{Change, Edit};
use crate::world::model::{Installation, Level};
use crate::world::rules::{Bypass, Demands, Protection, Rule, Ruleset, Settings, Team};
use crate::world::state::State;
use crate::world::verdict::{CheckRun, CheckStatus, Conclusion, Status, StatusState, Verdict, Workflow};

impl Maintainer<'_> {
    fn head(&self, repository: u64, number: u64) -> Result<String, Refused> {
        let head = self.world.read(|state| state.pull(repository, number).map(|pull| pull.head_sha.clone()));
        head.ok_or_else(|| Refused(format!("there is no pull request {number}")))
    }

    /// Lets a check of a pull request's head end so: `Conclusion::Success` turns it green, `Failure` red.
    pub fn set_check(
        &self,
        repository: &str,
        number: u64,
        name: &str,
        conclusion: Conclusion,
    ) -> Result<(), Refused> {
        self.in_repository(repository, |me, record| {
            let sha = me.head(record.id, number)?;
            me.check(record.id, sha, name, Some(conclusion), false)
        })
    }

    /// Lets the one job of a workflow, named like it, end so at a pull request's head: the one that is running, or one
    /// of a new run.
    pub fn end_workflow(
        &self,
        repository: &str,
        number: u64,
        name: &str,
        conclusion: Conclusion,
    ) -> Result<(), Refused> {
        self.in_repository(repository, |me, record| {
            let sha = me.head(record.id, number)?;
            me.check(record.id, sha, name, Some(conclusion), true)
        })
    }

    /// Starts a check of a pull request's head, which is then pending.
    pub fn start_check(&self, repository: &str, number: u64, name: &str) -> Result<(), Refused> {
        self.in_repository(repository, |me, record| {
            let sha = me.head(record.id, number)?;
            me.check(record.id, sha, name, None, false)
        })
    }

    /// Lets a check of the merge queue's commit for a pull request end so.
    pub fn set_queue_check(
        &self,
        repository: &str,
        number: u64,
        name: &str,
        conclusion: Conclusion,
    ) -> Result<(), Refused> {
        self.in_repository(repository, |me, record| {
            let group = me.world.read(|state| {
                let queue = &state.repositories.get(&record.id)?.queue;
                queue.iter().find(|place| place.pull == number)?.group.clone()
            });
            let (sha, _) = group.ok_or_else(|| Refused(format!("{number} is not first in the queue")))?;
            me.check(record.id, sha, name, Some(conclusion), false)
        })
    }

    fn check(
        &self,
        repository: u64,
        sha: String,
        name: &str,
        conclusion: Option<Conclusion>,
        of_workflow: bool,
    ) -> Result<(), Refused> {
        let now = self.world.clock.now();
        self.world.decide(|state| {
            let runs = state.repositories.get(&repository).map(|found| found.check_runs.values());
            let known = runs
                .into_iter()
                .flatten()
                .rfind(|run| run.sha == sha && run.name == name && run.workflow.is_some() == of_workflow);
            let running = known.filter(|run| run.status != CheckStatus::Completed);
            let id = running.map_or_else(|| state.next_id(), |run| run.id);
            let new = of_workflow.then_some(Workflow { run: id, attempt: 1 });
            let run = CheckRun {
                id,
                sha,
                name: name.to_owned(),
                status: if conclusion.is_some() { CheckStatus::Completed } else { CheckStatus::InProgress },
                conclusion,
                external_id: None,
                details_url: None,
                title: None,
                summary: None,
                started_at: running.map_or(now, |run| run.started_at),
                completed_at: conclusion.map(|_| now),
                workflow: running.map_or(new, |run| run.workflow),
            };
            Ok((vec![Change::Judged { repository, verdict: Verdict::CheckRun(run) }], ()))
        })
    }

    /// Sets a status of a pull request's head.
    pub fn set_status(
        &self,
        repository: &str,
        number: u64,
        context: &str,
        state: StatusState,
    ) -> Result<(), Refused> {
        let creator = self.account()?.id;
        self.in_repository(repository, |me, record| {
            let status = Status {
                id: me.world.read(State::next_id),
                sha: me.head(record.id, number)?,
                context: context.to_owned(),
                state,
                description: None,
                target_url: None,
                creator,
                created_at: me.world.clock.now(),
            };
            let verdict = Verdict::Status(status);
            Ok(me.world.record(vec![Change::Judged { repository: record.id, verdict }])?)
        })
    }

    fn rule(&self, repository: &str, rule: Rule) -> Result<(), Refused> {
        self.in_repository(repository, |me, record| {
            Ok(me.world.record(vec![Change::Ruled { repository: record.id, rule }])?)
        })
    }

    /// Protects a branch; administrators are held to it too, or not.
    pub fn protect(
        &self,
        repository: &str,
        branch: &str,
        demands: Demands,
        enforce_admins: bool,
    ) -> Result<(), Refused> {
        let protection = Protection { branch: branch.to_owned(), demands, enforce_admins };
        self.rule(repository, Rule::Protected(protection))
    }

    /// Takes a branch's protection away.
    pub fn unprotect(&self, repository: &str, branch: &str) -> Result<(), Refused> {
        self.rule(repository, Rule::Unprotected { branch: branch.to_owned() })
    }

    /// Makes a ruleset for the default branch, with those who may pass it; returns its id.
    pub fn add_ruleset(
        &self,
        repository: &str,
        name: &str,
        demands: Demands,
        bypass: &[Bypass],
    ) -> Result<u64, Refused> {
        let now = self.world.clock.now();
        let id = self.world.read(State::next_id);
        let ruleset = Ruleset {
            id,
            name: name.to_owned(),
            branch: None,
            demands,
            bypass: bypass.to_vec(),
            created_at: now,
            updated_at: now,
        };
        self.rule(repository, Rule::Ruleset(ruleset))?;
        Ok(id)
    }

    /// Deletes a ruleset.
    pub fn delete_ruleset(&self, repository: &str, id: u64) -> Result<(), Refused> {
        self.rule(repository, Rule::RulesetDeleted { id })
    }

    /// Puts the app on the bypass list of every ruleset.
    pub fn put_app_on_bypass_list(&self, repository: &str) -> Result<(), Refused> {
        self.in_repository(repository, |me, record| {
            me.world.decide(|state| {
                let found = state.repositories.get(&record.id).map(|found| found.rulesets.values());
                let changes = found.into_iter().flatten().map(|ruleset| {
                    let mut ruleset = ruleset.clone();
                    ruleset.bypass.retain(|known| *known != Bypass::App);
                    ruleset.bypass.push(Bypass::App);
                    Change::Ruled { repository: record.id, rule: Rule::Ruleset(ruleset) }
                });
                Ok((changes.collect(), ()))
            })
        })
    }

    /// Changes how pull requests are merged.
    pub fn set(&self, repository: &str, edit: impl FnOnce(&mut Settings)) -> Result<(), Refused> {
        self.change(repository, |record| edit(&mut record.settings))
    }

    /// Gives a repository a topic.
    pub fn add_topic(&self, repository: &str, topic: &str) -> Result<(), Refused> {
        self.change(repository, |record| record.topics.push(topic.to_owned()))
    }

    /// Allows auto-merge, or forbids it.
    pub fn allow_auto_merge(&self, repository: &str, allowed: bool) -> Result<(), Refused> {
        self.set(repository, |settings| settings.allow_auto_merge = allowed)
    }

    /// Transfers a repository: to another organisation of the same GitHub, which has it then, or to somebody outside of
    /// this world, where the app is not installed; to the organisation's own login it comes back.
    pub fn transfer(&self, repository: &str, to: &str) -> Result<(), Refused> {
        let is = |world: &World| {
            world.read(|state| state.org().is_some_and(|org| org.login.eq_ignore_ascii_case(to)))
        };
        if let Some(other) = self.world.neighbours().into_iter().find(|other| is(other)) {
            return self.hand_over(repository, &other);
        }
        let home = is(self.world);
        self.change(repository, |record| record.transferred_to = (!home).then(|| to.to_owned()))
    }

    fn hand_over(&self, repository: &str, to: &World) -> Result<(), Refused> {
        let id = self.record(repository)?.id;
        let lock = self.world.lock_of(id);
        let _held = lock.blocking_lock();
        let (from, whole) = self
            .world
            .read(|state| state.org().cloned().zip(state.repositories.get(&id).cloned()))
            .ok_or_else(|| Refused(format!("there is no repository {repository}")))?;
        let name = whole.record.name.to_lowercase();
        if to.read(|state| state.names.contains_key(&name)) {
            return Err(Refused(format!("there is a repository {name} already")));
        }
        to.git.adopt(&self.world.git, id)?;
        to.record(vec![Change::RepositoryReceived { from, received: Box::new(whole) }])?;
        Ok(self.world.record(vec![Change::RepositoryLeft { repository: id }])?)
    }

    /// Deletes a repository with everything in it.
    pub fn delete_repository(&self, repository: &str) -> Result<(), Refused> {
        let record = self.record(repository)?;
        let lock = self.world.lock_of(record.id);
        let _held = lock.blocking_lock();
        Ok(self.world.record(vec![Change::RepositoryDeleted { repository: record.id }])?)
    }

    /// Gives the default branch another name; open pull requests go on against it, as at GitHub.
    pub fn rename_default_branch(&self, repository: &str, to: &str) -> Result<(), Refused> {
        self.in_repository(repository, |me, record| {
            let git = me.world.git.open(record.id)?;
            let from = record.default_branch.clone();
            let tip = refs::tip(&git, &from).ok_or_else(|| Refused(format!("there is no branch {from}")))?;
            let made = refs::create(&git, &format!("refs/heads/{to}"), tip)?;
            git.set_head(&format!("refs/heads/{to}"))?;
            let mut renamed = record.clone();
            renamed.default_branch = to.to_owned();
            let mut changes = vec![Change::RepositoryChanged { record: renamed }];
            changes.extend(me.world.read(|state| {
                let pulls = state.repositories.get(&record.id).map(|found| found.pulls.values());
                let based = pulls.into_iter().flatten().filter(|pull| pull.is_open() && pull.base == from);
                let retarget = based.map(|pull| {
                    let base = Some((to.to_owned(), tip.to_string()));
                    let edit = Box::new(Edit { base, ..Edit::default() });
                    Change::PullEdited { repository: record.id, number: pull.number, edit }
                });
                retarget.collect::<Vec<_>>()
            }));
            me.world.record(changes)?;
            let gone = refs::delete(&git, &format!("refs/heads/{from}"))?;
            Ok(follow(me.world, &git, record.id, &[made, gone], me.account()?.id)?)
        })
    }

    fn change_installation(
        &self,
        change: impl FnOnce(Installation) -> Option<Installation>,
    ) -> Result<(), Refused> {
        let known = self.world.read(|state| state.installation.clone());
        let known = known.ok_or_else(|| Refused("the app is not installed".into()))?;
        let installation = change(known);
        Ok(self.world.record(vec![Change::InstallationChanged { installation }])?)
    }

    /// Suspends the app's installation.
    pub fn suspend_installation(&self) -> Result<(), Refused> {
        let now = self.world.clock.now();
        self.change_installation(|known| Some(Installation { suspended_at: Some(now), ..known }))
    }

    /// Lets the app's installation work again.
    pub fn unsuspend_installation(&self) -> Result<(), Refused> {
        self.change_installation(|known| Some(Installation { suspended_at: None, ..known }))
    }

    /// Uninstalls the app. Its tokens are worth nothing from then on.
    pub fn uninstall(&self) -> Result<(), Refused> {
        self.change_installation(|_| None)
    }

    /// Installs the app again, after it was uninstalled, with all that it asks for; its installation is another one then.
    pub fn install(&self) -> Result<(), Refused> {
        let now = self.world.clock.now();
        self.world.decide(|state| {
            let app = state.app.as_ref().filter(|_| state.installation.is_none());
            let app = app.ok_or_else(|| Refused("the app is installed already".into()))?;
            let installation = Installation {
                id: state.next_id(),
                permissions: app.permissions.clone(),
                created_at: now,
                suspended_at: None,
                selected: None,
            };
            Ok((vec![Change::InstallationChanged { installation: Some(installation) }], ()))
        })
    }

    /// Selects the repositories that the app's installation is for, by name, or gives it all.
    pub fn select_repositories(&self, names: Option<&[&str]>) -> Result<(), Refused> {
        let ids = |names: &[&str]| {
            names.iter().map(|name| Ok::<_, Refused>(self.record(name)?.id)).collect::<Result<_, _>>()
        };
        let selected = names.map(ids).transpose()?;
        self.change_installation(|known| Some(Installation { selected, ..known }))
    }

    /// Grants the app's installation a permission at a level, or takes it away.
    pub fn set_permission(&self, name: &str, level: Option<Level>) -> Result<(), Refused> {
        self.change_installation(|mut known| {
            known.permissions.remove(name);
            known.permissions.extend(level.map(|level| (name.to_owned(), level)));
            Some(known)
        })
    }

    /// Forms a team of people by their logins; its slug is its name.
    pub fn form_team(&self, slug: &str, logins: &[&str]) -> Result<(), Refused> {
        self.world.decide(|state| {
            let members = logins.iter().filter_map(|login| state.account(login)).map(|account| account.id);
            let team = Team {
                id: state.next_id(),
                slug: slug.into(),
                name: slug.into(),
                members: members.collect(),
            };
            Ok((vec![Change::TeamFormed { team }], ()))
        })
    }
}
