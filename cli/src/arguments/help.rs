//! What stands at the end of a command's help: how it is used, by examples, and what its exit code says.
//!
//! Deliberately absent: what the arguments say themselves.

pub(super) const ALL: &str = "\
Exit codes:
  0  all is well, also where a selection holds nothing to do
  1  it failed, was refused or was stopped; standard error says why
  2  the command line is wrong
  3  it is done, and some targets or pull requests failed or are held up

Data goes to standard output, everything said about it to standard error. `-o json` prints one document, made of the API's types.
Begin with `campaigns demo`; `campaigns help COMMAND` tells more.";

pub(super) const SERVE: &str = "\
Examples:
  GITHUB_TOKEN=… campaigns serve
  campaigns serve --app-id 12345 --app-key-file app.pem --webhook-secret-file webhook.secret
  DATABASE_URL=postgres://… REDIS_URL=redis://… campaigns serve --artifacts /shared/artifacts";

pub(super) const VALIDATE: &str = "\
Examples:
  campaigns validate -f spec.yaml
  campaigns validate -f spec.yaml -o json    the normal form and its digest
  generate | campaigns validate -f -";

pub(super) const RUN: &str = "\
Examples:
  GITHUB_TOKEN=… campaigns run -f spec.yaml --dry-run    every diff, and what publishing would take
  GITHUB_TOKEN=… campaigns run -f spec.yaml --only 'api-*'

Stopped halfway, the same command continues.";

pub(super) const APPLY: &str = "\
Examples:
  campaigns apply -f spec.yaml --dry-run        every diff, and what publishing would take
  campaigns apply -f spec.yaml                  follows the run; Ctrl-C leaves it going
  campaigns apply -f spec.yaml --no-wait        prints the run's id";

pub(super) const PAUSE: &str = "\
Examples:
  campaigns pause NAME                       nothing of it is started or written any more
  campaigns pause NAME --only 'acme/api-*'   nothing more is sent for these; the others go on

With a selection it is each pull request that is paused, whatever later runs make of it; what is
being sent is finished, and what is asked of it meanwhile is sent once it is resumed. Repositories
whose steps still run have nothing to pause yet.";

pub(super) const RESUME: &str = "\
Examples:
  campaigns resume NAME                      lifts the pause of the campaign
  campaigns resume NAME --only 'acme/api-*'  lifts the pauses of these pull requests

What was paused with a selection is resumed with one; `campaigns status` says by whom each is paused.";

pub(super) const CANCEL: &str = "\
Examples:
  campaigns cancel NAME                      ends its runs; pull requests that are open stay as they are
  campaigns cancel NAME --only acme/api      it has no pull request yet, and gets none

With a selection, what has a pull request is left as it is: `campaigns close` closes it. One that is
being sent just now may be opened first, and is closed then. Repositories whose steps still run are not
covered: nothing is known of their pull requests yet. What was paused with a selection stays paused when
the campaign is cancelled, and gets no pull request when it is resumed.";

pub(super) const PUBLISH: &str = "\
Examples:
  campaigns publish NAME --only 'api-*'
  campaigns publish NAME --draft --yes";

pub(super) const READY: &str = "\
Example:
  campaigns ready NAME --state draft --only 'api-*'";

pub(super) const RETRY: &str = "\
Examples:
  campaigns retry NAME                    what failed, and what was blocked
  campaigns retry NAME --state blocked";

pub(super) const CLOSE: &str = "\
Example:
  campaigns close NAME --only 'old-*' --comment 'Not needed here any more.'";

pub(super) const MERGE: &str = "\
Examples:
  campaigns merge NAME --dry-run
  campaigns merge NAME --label approved --method squash

What the rules of a branch ask for is never passed; `campaigns status NAME` says what is missing.";

pub(super) const COMMENT: &str = "\
Example:
  campaigns comment NAME --state open --body 'Please have a look until Friday.'";

pub(super) const REBASE: &str = "\
Example:
  campaigns rebase NAME --state conflicted";

pub(super) const TAKEOVER: &str = "\
Example:
  campaigns takeover NAME --only acme/api    after somebody pushed to its branch, or closed its pull request";

pub(super) const PACE: &str = "\
Examples:
  campaigns pace NAME perDay=30 maxOpen=20
  campaigns pace NAME perDay=spec
  campaigns pace NAME priority=urgent

A pace is a whole run's. To hold a part of it back: `campaigns pause NAME --only GLOB`.";

pub(super) const STATUS: &str = "\
Examples:
  campaigns status
  campaigns status NAME
  campaigns status NAME --state failed --state blocked
  campaigns status NAME --only 'api-*' -o json";

pub(super) const BUDGET: &str = "\
Examples:
  campaigns budget
  campaigns budget NAME
  campaigns budget --organization acme";

pub(super) const WATCH: &str = "\
Ctrl-C leaves the run going, and so does the end of whoever reads the progress (`2>&1 | head`). The exit code is that of
the run: 3 where some targets failed or are held up; 1 also where it was not followed to its end.";

pub(super) const DIFF: &str = "\
Examples:
  campaigns diff NAME | less
  campaigns diff NAME acme/api > api.patch
  campaigns diff NAME 'api-*' -o json";

pub(super) const LOGS: &str = "\
Example:
  campaigns logs NAME acme/api";

pub(super) const COMPLETIONS: &str = "\
Examples:
  source <(campaigns completions bash)
  campaigns completions zsh > \"${fpath[1]}/_campaigns\"
  campaigns completions fish > ~/.config/fish/completions/campaigns.fish";
