//! What is wrong with a spec is told by line and column, all of it at once.

use campaigns_domain::spec::{MOST_BYTES, Spec};
use insta::assert_snapshot;

/// The rendered errors of a spec that has to be refused.
fn refused(yaml: &str) -> String {
    match Spec::parse(yaml) {
        Ok(spec) => panic!("was read: {spec:?}"),
        Err(errors) => errors.named("spec.yaml").to_string(),
    }
}

/// The errors of a good spec whose `from` was replaced by `to`.
fn with(from: &str, to: &str) -> String {
    assert!(GOOD.contains(from), "{from} is not in the good spec");
    assert!(Spec::parse(GOOD).is_ok());
    refused(&GOOD.replacen(from, to, 1))
}

const GOOD: &str = "\
name: add-policy
description: Adds a policy
on:
  - organization: acme
    include: ['crate-*']
  - repository: acme/tool
    branch: main
steps:
  - run: cp /tmp/policy.md SECURITY.md
    container: alpine:3.22
    env:
      LANGUAGE: en
    files:
      /tmp/policy.md: |
        # Policy
changesetTemplate:
  title: Add a policy
  body: For ${{ repository.name }}
  branch: campaigns/policy
  commit:
    message: Add a policy
    author:
      name: Ada
      email: ada@example.com
  published: draft
";

#[test]
fn texts_that_are_not_yaml() {
    assert_snapshot!(refused(""), @r#"
    spec.yaml:1:1: the spec is empty
      1 | 
        | ^ it needs at least a `name`
    "#);
    assert_snapshot!(refused("# nothing\n"), @r#"
    spec.yaml:1:1: the spec is empty
      1 | # nothing
        | ^ it needs at least a `name`
    "#);
    assert_snapshot!(refused("name: a\n  b: c\n"), @r#"
    spec.yaml:2:4: this is not YAML: mapping values are not allowed in this context
      2 |   b: c
        |    ^ look at the indentation and the quotes here and in the line before; a text with `: ` or ` #` in it needs quotes
    "#);
    assert_snapshot!(refused("name: \"a\n"), @r#"
    spec.yaml:1:7: this is not YAML: unclosed quote
      1 | name: "a
        |       ^ look at the indentation and the quotes here and in the line before; a text with `: ` or ` #` in it needs quotes
    "#);
    assert_snapshot!(refused("name:\n\t- a\n"), @r#"
    spec.yaml:2:2: this is not YAML: tabs disallowed within this context (block indentation)
      2 |  - a
        |  ^ look at the indentation and the quotes here and in the line before; a text with `: ` or ` #` in it needs quotes
    "#);
    assert_snapshot!(refused("name: a\n---\nname: b\n"), @r#"
    spec.yaml:2:1: a second YAML document begins
      2 | ---
        | ^ a file holds one spec
    "#);
    assert_snapshot!(refused("name: *nobody\n"), @r#"
    spec.yaml:1:7: this is not YAML: while parsing node, found unknown anchor
      1 | name: *nobody
        |       ^ look at the indentation and the quotes here and in the line before; a text with `: ` or ` #` in it needs quotes
    "#);
    assert_snapshot!(refused("name: a\u{1}b\n"), @r#"
    spec.yaml:1:7: this is not YAML: unexpected character: `\u{1}'
      1 | name: a�b
        |       ^ look at the indentation and the quotes here and in the line before; a text with `: ` or ` #` in it needs quotes
    "#);
}

#[test]
fn shapes_that_are_no_spec() {
    assert_snapshot!(refused("- name: a\n"), @r#"
    spec.yaml:1:1: a spec is a mapping, and this is a list
      1 | - name: a
        | ^ write it as keys and values: name, description, version, on, steps, changesetTemplate, rollout, priority, policy
    "#);
    assert_snapshot!(refused("just a text\n"), @r#"
    spec.yaml:1:1: a spec is a mapping, and this is a text
      1 | just a text
        | ^ write it as keys and values: name, description, version, on, steps, changesetTemplate, rollout, priority, policy
    "#);
    assert_snapshot!(refused("? [a, b]\n: c\n"), @r#"
    spec.yaml:1:3: a key is a text, and this is a list
      1 | ? [a, b]
        |   ^
    "#);
    assert_snapshot!(refused("name: !secret a\n"), @r#"
    spec.yaml:1:7: the YAML tag `!secret` is not supported
      1 | name: !secret a
        |       ^ write the plain value
    "#);
    assert_snapshot!(refused("name: &a [*a]\n"), @r#"
    spec.yaml:1:11: this alias stands inside of what it names
      1 | name: &a [*a]
        |           ^ write the value out
    "#);
    assert_snapshot!(refused("<<: {name: a}\n"), @r#"
    spec.yaml:1:1: unknown key `<<` in a spec
      1 | <<: {name: a}
        | ^ it has name, description, version, on, steps, changesetTemplate, rollout, priority, policy
    spec.yaml:1:1: `name` is missing in a spec
      1 | <<: {name: a}
        | ^ every campaign has one: `name: add-license`
    "#);
}

#[test]
fn keys() {
    assert_snapshot!(with("steps:", "stpes:"), @r#"
    spec.yaml:8:1: unknown key `stpes` in a spec
      8 | stpes:
        | ^ did you mean `steps`?
    "#);
    assert_snapshot!(with("changesetTemplate:", "changesettemplate:"), @r#"
    spec.yaml:1:1: `changesetTemplate` is missing, and there are steps
      1 | name: add-policy
        | ^ it says what the pull requests look like: title, branch, commit.message
    spec.yaml:16:1: unknown key `changesettemplate` in a spec
      16 | changesettemplate:
         | ^ did you mean `changesetTemplate`?
    "#);
    assert_snapshot!(with("published: draft", "publish: draft\n  colour: red"), @r#"
    spec.yaml:25:3: unknown key `publish` in `changesetTemplate`
      25 |   publish: draft
         |   ^ did you mean `published`?
    spec.yaml:26:3: unknown key `colour` in `changesetTemplate`
      26 |   colour: red
         |   ^ it has title, body, branch, commit, published, autoMerge, keepBranch, labels, assignees, reviewers, teamReviewers, codeOwners
    "#);
    assert_snapshot!(with("    container: alpine:3.22\n", "    comand: x\n"), @r#"
    spec.yaml:10:5: unknown key `comand` in a step
      10 |     comand: x
         |     ^ it has run, container, image, env, files
    "#);
    assert_snapshot!(with("description: Adds a policy\n", "name: second\n"), @r#"
    spec.yaml:2:1: the key `name` is there twice
      2 | name: second
        | ^ it is in line 1 already; keep one of them
    "#);
    assert_snapshot!(with("      LANGUAGE: en\n", "      LANGUAGE: en\n      LANGUAGE: de\n"), @r#"
    spec.yaml:13:7: the key `LANGUAGE` is there twice
      13 |       LANGUAGE: de
         |       ^ it is in line 12 already; keep one of them
    "#);
    assert_snapshot!(refused("{name: a, \"name\": b}"), @r#"
    spec.yaml:1:11: the key `name` is there twice
      1 | {name: a, "name": b}
        |           ^ it is in line 1 already; keep one of them
    "#);
}

#[test]
fn missing_things() {
    assert_snapshot!(refused("description: a\n"), @r#"
    spec.yaml:1:1: `name` is missing in a spec
      1 | description: a
        | ^ every campaign has one: `name: add-license`
    "#);
    assert_snapshot!(refused("name:\n"), @r#"
    spec.yaml:1:1: `name` is empty
      1 | name:
        | ^ every campaign has one: `name: add-license`
    "#);
    assert_snapshot!(refused("name: a\nsteps:\n  - run: 'true'\n"), @r#"
    spec.yaml:1:1: `changesetTemplate` is missing, and there are steps
      1 | name: a
        | ^ it says what the pull requests look like: title, branch, commit.message
    "#);
    assert_snapshot!(refused("name: a\nsteps:\n  - container: alpine\nchangesetTemplate:\n  body: b\n"), @r#"
    spec.yaml:3:5: `run` is missing in a step
      3 |   - container: alpine
        |     ^ write the command: `run: sed -i s/a/b/ README.md`
    spec.yaml:5:3: `title` is missing in `changesetTemplate`
      5 |   body: b
        |   ^ write the pull request's title
    spec.yaml:5:3: `branch` is missing in `changesetTemplate`
      5 |   body: b
        |   ^ write the branch's name: `branch: campaigns/add-license`
    spec.yaml:5:3: `commit` is missing in `changesetTemplate`
      5 |   body: b
        |   ^ write `commit: {message: …}`
    "#);
    assert_snapshot!(refused("name: a\nchangesetTemplate: {title: t, branch: b, commit: {}}\n"), @r#"
    spec.yaml:2:50: `message` is missing in `commit`
      2 | changesetTemplate: {title: t, branch: b, commit: {}}
        |                                                  ^ write the commit's message
    "#);
    assert_snapshot!(with("      email: ada@example.com\n", ""), @r#"
    spec.yaml:23:7: `email` is missing in `author`
      23 |       name: Ada
         |       ^ write `email: somebody@example.com`
    "#);
}

#[test]
fn wrong_types() {
    assert_snapshot!(with("name: add-policy", "name: 12"), @r#"
    spec.yaml:1:7: `name` is a text, and this is a number
      1 | name: 12
        |       ^ write it in quotes: "12"
    "#);
    assert_snapshot!(with("description: Adds a policy", "description: [a]"), @r#"
    spec.yaml:2:14: `description` is a text, and this is a list
      2 | description: [a]
        |              ^ write a text
    "#);
    assert_snapshot!(with("LANGUAGE: en", "LANGUAGE: 1"), @r#"
    spec.yaml:12:17: `LANGUAGE` is a text, and this is a number
      12 |       LANGUAGE: 1
         |                 ^ write it in quotes: "1"
    "#);
    assert_snapshot!(with("LANGUAGE: en", "LANGUAGE: true"), @r#"
    spec.yaml:12:17: `LANGUAGE` is a text, and this is true or false
      12 |       LANGUAGE: true
         |                 ^ write it in quotes: "true"
    "#);
    assert_snapshot!(with("LANGUAGE: en", "LANGUAGE:"), @r#"
    spec.yaml:12:7: `LANGUAGE` has no value
      12 |       LANGUAGE:
         |       ^ write "" for an empty value; a name alone in a list (`- NAME`) passes a variable on
    "#);
    assert_snapshot!(with("include: ['crate-*']", "include: 'crate-*'"), @r#"
    spec.yaml:5:14: `include` is a list, and this is a text
      5 |     include: 'crate-*'
        |              ^ write each item in a line of its own that begins with `- `
    "#);
    assert_snapshot!(with("include: ['crate-*']", "forks: 'yes'"), @r#"
    spec.yaml:5:12: `forks` is true or false, and this is a text
      5 |     forks: 'yes'
        |            ^ write it without quotes
    "#);
    assert_snapshot!(with("published: draft", "published: yes"), @r#"
    spec.yaml:25:14: `published` is true, false or draft
      25 |   published: yes
         |              ^ leave it out to open no pull requests
    "#);
    assert_snapshot!(refused("name: a\non: acme/tool\n"), @r#"
    spec.yaml:2:5: `on` is a list, and this is a text
      2 | on: acme/tool
        |     ^ write each item in a line of its own that begins with `- `
    "#);
    assert_snapshot!(refused("name: a\non: [acme/tool]\n"), @r#"
    spec.yaml:2:6: an entry of `on` is a mapping, and this is a text
      2 | on: [acme/tool]
        |      ^ write `- repository: owner/name` or `- organization: name`
    "#);
    assert_snapshot!(refused("name: a\nsteps: [{run: x, env: 1, files: [a]}]\nchangesetTemplate: 1\n"), @r#"
    spec.yaml:2:23: `env` is a mapping or a list, and this is a number
      2 | steps: [{run: x, env: 1, files: [a]}]
        |                       ^ write `NAME: value` lines, or a list of names to pass on
    spec.yaml:2:33: `files` is a mapping, and this is a list
      2 | steps: [{run: x, env: 1, files: [a]}]
        |                                 ^ write `/tmp/name: content` lines
    spec.yaml:3:20: `changesetTemplate` is a mapping, and this is a number
      3 | changesetTemplate: 1
        |                    ^ write it as keys and values: title, body, branch, commit, published, autoMerge, keepBranch, labels, assignees, reviewers, teamReviewers, codeOwners
    "#);
}

#[test]
fn bad_policies() {
    assert_snapshot!(with("description: Adds a policy\n", "policy: {rebase: always}\n"), @r#"
    spec.yaml:2:18: `always` says of no moment
      2 | policy: {rebase: always}
        |                  ^ it is `onTouched`, `onConflict` or `never`
    "#);
    assert_snapshot!(with("description: Adds a policy\n", "policy:\n  rebase: [never]\n"), @r#"
    spec.yaml:3:11: `rebase` is a text, and this is a list
      3 |   rebase: [never]
        |           ^ write a text
    "#);
    assert_snapshot!(with("description: Adds a policy\n", "policy:\n  rebsae: never\n"), @r#"
    spec.yaml:3:3: unknown key `rebsae` in `policy`
      3 |   rebsae: never
        |   ^ did you mean `rebase`?
    "#);
}

#[test]
fn bad_names() {
    assert_snapshot!(with("name: add-policy", "name: add policy"), @r#"
    spec.yaml:1:7: `add policy` is no name for a campaign: it holds something else than letters, digits, `_`, `.` and `-`
      1 | name: add policy
        |       ^ use letters, digits, `_`, `.` and `-`
    "#);
    assert_snapshot!(with("repository: acme/tool", "repository: https://github.com/acme/tool"), @r#"
    spec.yaml:6:17: `https://github.com/acme/tool` is not a repository
      6 |   - repository: https://github.com/acme/tool
        |                 ^ write `owner/name`, with letters, digits, `-`, `_` and `.`
    "#);
    assert_snapshot!(with("repository: acme/tool", "repository: tool"), @r#"
    spec.yaml:6:17: `tool` is not a repository
      6 |   - repository: tool
        |                 ^ write `owner/name`, with letters, digits, `-`, `_` and `.`
    "#);
    assert_snapshot!(with("organization: acme", "organization: acme/tool"), @r#"
    spec.yaml:4:19: `acme/tool` is not an organisation
      4 |   - organization: acme/tool
        |                   ^ write its login, with letters, digits and `-`, and no address
    "#);
    assert_snapshot!(with("branch: main", "branch: ma..in"), @r#"
    spec.yaml:7:13: `ma..in` is not a branch: it holds `..`
      7 |     branch: ma..in
        |             ^ write the branch's name as GitHub shows it
    "#);
    assert_snapshot!(with("branch: main", "branches: [main, main, 'a b']"), @r#"
    spec.yaml:7:22: the branch `main` is there twice
      7 |     branches: [main, main, 'a b']
        |                      ^ keep one of them
    spec.yaml:7:28: `a b` is not a branch: it holds a space or one of `~ ^ : ? * [ \`
      7 |     branches: [main, main, 'a b']
        |                            ^ write the branch's name as GitHub shows it
    "#);
    assert_snapshot!(with("include: ['crate-*']", "include: ['crate-[', '']"), @r#"
    spec.yaml:5:15: `crate-[` is not a glob: unclosed character class; missing ']'
      5 |     include: ['crate-[', '']
        |               ^ `*`, `?`, `[a-z]` and `{one,other}` stand for parts of a name
    spec.yaml:5:26: `` is not a glob: it is empty
      5 |     include: ['crate-[', '']
        |                          ^ `*`, `?`, `[a-z]` and `{one,other}` stand for parts of a name
    "#);
    assert_snapshot!(with("branch: campaigns/policy", "branch: refs/heads/policy"), @r#"
    spec.yaml:19:11: `refs/heads/policy` is no branch: it is a whole ref: leave `refs/heads/` out
      19 |   branch: refs/heads/policy
         |           ^ see `git help check-ref-format`
    "#);
    assert_snapshot!(with("branch: campaigns/policy", "branch: '${{ campaign.description }}'"), @r#"
    spec.yaml:19:11: `${{ campaign.description }}` is no branch: it holds a space or one of `~ ^ : ? * [ \`
      19 |   branch: '${{ campaign.description }}'
         |           ^ see `git help check-ref-format`
    "#);
    assert_snapshot!(with("container: alpine:3.22", "container: --privileged"), @r#"
    spec.yaml:10:16: `--privileged` is not an image: it begins with `-`
      10 |     container: --privileged
         |                ^ write it as `alpine:3.22`
    "#);
    assert_snapshot!(with("LANGUAGE: en", "MY-LANGUAGE: en"), @r#"
    spec.yaml:12:7: `MY-LANGUAGE` is no name for an environment variable: it holds something else than letters, digits and `_`
      12 |       MY-LANGUAGE: en
         |       ^ use letters, digits and `_`
    "#);
    assert_snapshot!(with("/tmp/policy.md: |", "policy.md: |"), @r#"
    spec.yaml:14:7: `policy.md` is no path for a file: it is not absolute
      14 |       policy.md: |
         |       ^ write an absolute path, as `/tmp/policy.md`
    "#);
    assert_snapshot!(with("/tmp/policy.md: |", "/tmp/../policy.md: |"), @r#"
    spec.yaml:14:7: `/tmp/../policy.md` is no path for a file: it ends with `/`, or holds `//`, `.` or `..`
      14 |       /tmp/../policy.md: |
         |       ^ write an absolute path, as `/tmp/policy.md`
    "#);
    assert_snapshot!(with("email: ada@example.com", "email: 'ada@example.com>'"), @r#"
    spec.yaml:24:14: `ada@example.com>` cannot be a commit author's email: it holds `<`, `>`, or more than one line
      24 |       email: 'ada@example.com>'
         |              ^ write `email: somebody@example.com`
    "#);
    assert_snapshot!(with("title: Add a policy", "title: ' '"), @r#"
    spec.yaml:17:10: `title` is empty
      17 |   title: ' '
         |          ^ write the pull request's title
    "#);
}

#[test]
fn what_is_not_supported_yet() {
    assert_snapshot!(refused(
        "\
name: a
version: 4
on:
  - repositoriesMatchingQuery: lang:rust
workspaces: []
importChangesets: []
transformChanges: {}
steps:
  - run: 'true'
    if: false
    outputs: {}
    mount: []
  - codingAgent: {}
  - buildImage: {}
changesetTemplate:
  title: t
  branch: b
  fork: true
  commit: {message: m}
  published:
    - '*': true
"
    ), @r#"
    spec.yaml:2:10: `version` is 1, 2 or 3
      2 | version: 4
        |          ^ leave it out where you are free to
    spec.yaml:4:5: `repositoriesMatchingQuery` is not supported yet
      4 |   - repositoriesMatchingQuery: lang:rust
        |     ^ there is no code search: name repositories by `repository`, or by `organization` with `include` globs
    spec.yaml:5:1: `workspaces` is not supported yet
      5 | workspaces: []
        | ^ the steps run once in each repository's root: leave it out, or visit the folders in `run`
    spec.yaml:6:1: `importChangesets` is not supported yet
      6 | importChangesets: []
        | ^ pull requests made elsewhere cannot be tracked: leave it out
    spec.yaml:7:1: `transformChanges` is not supported yet
      7 | transformChanges: {}
        | ^ one target's diff becomes one pull request: leave it out
    spec.yaml:10:5: `if` is not supported yet
      10 |     if: false
         |     ^ write the condition into the command: `test -f Cargo.toml || exit 0`
    spec.yaml:11:5: `outputs` is not supported yet
      11 |     outputs: {}
         |     ^ write what a later step needs to a file and read it there
    spec.yaml:12:5: `mount` is not supported yet
      12 |     mount: []
         |     ^ put the file's content under `files`, or into the step's image
    spec.yaml:13:5: `codingAgent` is not supported yet
      13 |   - codingAgent: {}
         |     ^ run the agent's program with `run` in an image that has it
    spec.yaml:14:5: `buildImage` is not supported yet
      14 |   - buildImage: {}
         |     ^ build the image beforehand and name it by `container`
    spec.yaml:18:3: `fork` is not supported yet
      18 |   fork: true
         |   ^ branches are pushed to the repository itself: leave it out
    spec.yaml:21:5: `published` by repository is not supported yet
      21 |     - '*': true
         |     ^ write true, false or draft for all, and choose repositories with `on` or `--only`
    "#);
    assert_snapshot!(with("published: draft", "published: push-only"), @r#"
    spec.yaml:25:14: `published: push-only` is not supported yet: a branch has a pull request
      25 |   published: push-only
         |              ^ write true, false or draft
    "#);
}

#[test]
fn templates() {
    assert_snapshot!(with("title: Add a policy", "title: Add ${{ repository.nam }}"), @r#"
    spec.yaml:17:14: `repository.nam` is not a variable
      17 |   title: Add ${{ repository.nam }}
         |              ^ did you mean `repository.name`?
    "#);
    assert_snapshot!(with("title: Add a policy", "title: ${{ join steps.modified_files \" \" }}"), @r#"
    spec.yaml:17:10: `join steps.modified_files " "` is not supported yet: a template holds one variable or one text
      17 |   title: ${{ join steps.modified_files " " }}
         |          ^ write the function's result out, or compute it in the step's command
    "#);
    assert_snapshot!(with("title: Add a policy", "title: ${{ matches repository.name \"a*\" }}"), @r#"
    spec.yaml:17:10: `matches repository.name "a*"` is not supported yet: a template holds one variable or one text
      17 |   title: ${{ matches repository.name "a*" }}
         |          ^ write the function's result out, or compute it in the step's command
    "#);
    assert_snapshot!(with("title: Add a policy", "title: Add ${{ repository.name"), @r#"
    spec.yaml:17:14: `${{` begins a template that no `}}` ends
      17 |   title: Add ${{ repository.name
         |              ^ for a `${{` that stays as it is (a GitHub Actions workflow's), write `${{ "${{" }}`
    "#);
    assert_snapshot!(with("title: Add a policy", "title: Add ${{ }}"), @r#"
    spec.yaml:17:14: the template is empty
      17 |   title: Add ${{ }}
         |              ^ for a `${{` that stays as it is (a GitHub Actions workflow's), write `${{ "${{" }}`
    "#);
    assert_snapshot!(with("title: Add a policy", "title: Add ${{ .repository.name }}"), @r#"
    spec.yaml:17:14: `.repository.name` is not a variable
      17 |   title: Add ${{ .repository.name }}
         |              ^ did you mean `repository.name`?
    "#);
    assert_snapshot!(with("title: Add a policy", "title: '${{ \"a }}'"), @r#"
    spec.yaml:17:11: the text `"a` cannot be read
      17 |   title: '${{ "a }}'
         |           ^ a text in a template ends with the quote it began with; `\"`, `\\`, `\n` and `\t` are its escapes
    "#);
    assert_snapshot!(with("title: Add a policy", "title: \"\\x24{{ a }} ${{ b }}\""), @r#"
    spec.yaml:17:10: `a` is not a variable
      17 |   title: "\x24{{ a }} ${{ b }}"
         |          ^ there are repository.name, repository.branch, campaign.name, campaign.description; for a `${{` that stays as it is (a GitHub Actions workflow's), write `${{ "${{" }}`
    spec.yaml:17:10: `b` is not a variable
      17 |   title: "\x24{{ a }} ${{ b }}"
         |          ^ there are repository.name, repository.branch, campaign.name, campaign.description; for a `${{` that stays as it is (a GitHub Actions workflow's), write `${{ "${{" }}`
    "#);
    assert_snapshot!(with("name: Ada", "name: '${{ repository.name }}'"), @r#"
    spec.yaml:23:13: `${{ repository.name }}` cannot be a commit author's name: templates are not supported here
      23 |       name: '${{ repository.name }}'
         |             ^ write `name: Some Body`
    "#);
    assert_snapshot!(with("body: For ${{ repository.name }}", "body: See ${{ batch_change_link }}"), @r#"
    spec.yaml:18:13: `batch_change_link` is not supported yet
      18 |   body: See ${{ batch_change_link }}
         |             ^ leave it out: every pull request's text ends with where it comes from
    "#);
    // The place of a template inside of a block is the template's, not the block's.
    assert_snapshot!(with(
        "        # Policy\n",
        "        on: push\n        jobs:\n          token: ${{ secrets.TOKEN }} ${{ \"${{\" }} github.ref }}\n          \
         other: ${{ github.ref }}\n"
    ), @r#"
    spec.yaml:17:18: `secrets.TOKEN` is GitHub Actions' and not a variable of a spec
      17 |           token: ${{ secrets.TOKEN }} ${{ "${{" }} github.ref }}
         |                  ^ for a `${{` that stays as it is (a GitHub Actions workflow's), write `${{ "${{" }}`
    spec.yaml:18:18: `github.ref` is GitHub Actions' and not a variable of a spec
      18 |           other: ${{ github.ref }}
         |                  ^ for a `${{` that stays as it is (a GitHub Actions workflow's), write `${{ "${{" }}`
    "#);
    assert_snapshot!(with(
        "run: cp /tmp/policy.md SECURITY.md",
        "run: >\n      cat <<EOF > a.yaml\n      ${{ outputs.x }}\n      EOF"
    ), @r#"
    spec.yaml:11:7: `outputs.x` is not supported yet: what steps leave behind cannot be referred to
      11 |       ${{ outputs.x }}
         |       ^ write it to a file in one step and read it in the next
    "#);
}

#[test]
fn several_repositories_in_one_entry() {
    assert_snapshot!(refused("name: a\non:\n  - {repository: a/b, organization: c}\n  - {exclude: [x]}\n  - {}\n"), @r#"
    spec.yaml:3:5: an entry of `on` names a `repository` or an `organization`, not both
      3 |   - {repository: a/b, organization: c}
        |     ^ make two entries of it, each with its own `- `
    spec.yaml:4:5: this entry of `on` names no repositories
      4 |   - {exclude: [x]}
        |     ^ write `- repository: owner/name` or `- organization: name`
    spec.yaml:5:5: this entry of `on` names no repositories
      5 |   - {}
        |     ^ write `- repository: owner/name` or `- organization: name`
    "#);
    assert_snapshot!(with("branch: main", "branch: main\n    branches: [dev]\n    include: [x]"), @r#"
    spec.yaml:7:13: `branch` and `branches` are both there
      7 |     branch: main
        |             ^ keep `branches`
    spec.yaml:9:5: unknown key `include` in a `repository` entry
      9 |     include: [x]
        |     ^ it has repository, branch, branches
    "#);
}

#[test]
fn everything_that_is_wrong_is_told_at_once_and_in_order() {
    let errors = Spec::parse("steps:\n- run: ${{ a }} ${{ b }}\n").unwrap_err();
    let places: Vec<_> = errors.errors.iter().map(|error| (error.at.line, error.at.column)).collect();
    assert_eq!(places, [(1, 1), (1, 1), (2, 8), (2, 17)]);

    let many: String = (0..70).map(|n| format!("unknown{n}: 1\n")).collect();
    let errors = Spec::parse(&format!("name: a\n{many}")).unwrap_err();
    assert_eq!((errors.errors.len(), errors.more), (50, 20));
    assert!(errors.to_string().ends_with("and 20 more"), "{errors}");
}

#[test]
fn a_long_line_is_cut_around_the_place() {
    let errors = refused(&format!("name: a\n{}: 1\n", "x".repeat(400)));
    assert!(errors.lines().all(|line| line.chars().count() < 200), "{errors}");
    let errors = refused(&format!("{{name: a, description: '{}', colour: red}}\n", "é".repeat(300)));
    let [_, line, caret, ..] = errors.lines().collect::<Vec<_>>()[..] else { panic!("{errors}") };
    let at = caret.chars().position(|c| c == '^').unwrap();
    assert!(line.chars().skip(at).collect::<String>().starts_with("colour"), "{errors}");
}

#[test]
fn nothing_of_the_spec_reaches_the_terminal_raw() {
    let errors = refused("name: a\n\"\\e[31mred\\r\": 1\nb: \"\u{200b}\"\n");
    assert!(!errors.contains(['\u{1b}', '\r']), "{errors:?}");
}

#[test]
fn bounds() {
    assert_snapshot!(refused(&format!("name: a\ndescription: {}\n", "x".repeat(MOST_BYTES))), @r#"
    spec.yaml:1:1: the spec is 262166 bytes long; at most 262144 are read
      1 | name: a
        | ^ move large file contents into the step's image
    "#);
    assert_snapshot!(refused(&format!("name: {}a{}\n", "[".repeat(40), "]".repeat(40))), @r#"
    spec.yaml:1:38: the spec is more than 32 levels deep here
      1 | name: [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[a]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]
        |                                      ^ no part of a spec is that deep
    "#);
    assert_snapshot!(refused(&format!("name: {}", "[".repeat(5000))), @r#"
    spec.yaml:1:262: this is not YAML: recursion limit exceeded
      1 | [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[
        |                                                        ^ look at the indentation and the quotes here and in the line before; a text with `: ` or ` #` in it needs quotes
    "#);
    // Nine lines that stand for a billion texts.
    let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for n in 1..9 {
        let aliases = vec![format!("*a{}", n - 1); 10].join(", ");
        bomb += &format!("a{n}: &a{n} [{aliases}]\n");
    }
    assert_snapshot!(refused(&bomb), @r#"
    spec.yaml:5:9: the spec grows too large here
      5 | a4: &a4 [*a3, *a3, *a3, *a3, *a3, *a3, *a3, *a3, *a3, *a3]
        |         ^ write fewer values, or fewer aliases (`*name`)
    "#);
    // Few nodes, many bytes.
    let text = format!("a: &a {}\nb: [{}]\n", "x".repeat(100_000), vec!["*a"; 1000].join(", "));
    assert_snapshot!(refused(&text).lines().next().unwrap(), @"spec.yaml:2:77: the spec grows too large here");
}

/// At most 1 s is the aim, and unoptimised on a busy machine all of these are below it; the bound is wider, and still
/// far under what anything quadratic takes.
#[test]
#[allow(clippy::disallowed_methods, reason = "the time that reading takes is what is asserted")]
fn the_largest_specs_are_read_in_a_moment() {
    let numbered = |most: usize, line: fn(usize) -> String| (0..most).map(line).collect::<String>();
    let template = "changesetTemplate: {title: t, branch: b, commit: {message: m}}\n";
    for text in [
        format!("name: a\n{template}steps:\n- run: '{}'\n", "${{`a`}}".repeat(30_000)),
        format!("name: a\n{template}steps:\n- run: '{}'\n", "${{ a }}".repeat(30_000)),
        format!("name: a\n{template}steps:\n- run: '{}'\n", "${{".repeat(80_000)),
        format!("name: a\n{template}steps:\n{}", "- run: '${{ a }}'\n".repeat(14_000)),
        numbered(20_000, |n| format!("key{n}: 1\n")),
        format!(
            "name: a\non:\n- repository: a/b\n  branches:\n{}",
            numbered(18_000, |n| format!("  - b{n}\n"))
        ),
        format!(
            "name: a\non:\n- organization: a\n  include:\n{}",
            "  - '{a,b}*?[a-z]*{c,d}'\n".repeat(9_000)
        ),
        numbered(12_000, |n| format!("a{n}: &a{n} [x]\n")),
        format!("name: [{}]", "a,".repeat(131_000)),
    ] {
        assert!((100_000..=MOST_BYTES).contains(&text.len()), "{}", text.len());
        let start = std::time::Instant::now();
        let read = Spec::parse(&text).map(|spec| spec.name).map_err(|errors| errors.errors.len());
        let taken = start.elapsed();
        assert!(taken.as_secs() < 8, "{taken:?} for {} … {read:?}", &text[..60]);
    }
}
