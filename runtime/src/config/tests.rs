//! Layers, what they come to, and the words for what is wrong.

use super::*;
use std::ffi::OsString;
use std::path::Path;

fn environment(variables: &[(&str, &str)]) -> Result<Layer, ConfigError> {
    Layer::from_environment(|name| {
        variables.iter().find(|(each, _)| *each == name).map(|(_, value)| OsString::from(value))
    })
}

fn file(text: &str) -> Result<Layer, ConfigError> {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("settings.yaml");
    std::fs::write(&path, text).expect("a file");
    Layer::from_file(&path)
}

fn with_token() -> Layer {
    environment(&[("GITHUB_TOKEN", "canary-token")]).expect("a layer")
}

#[test]
fn without_settings_the_defaults_hold() {
    let settings = Layer { data: Some("/data".into()), ..with_token() }.settle().expect("settings");
    assert_eq!(settings.listen.to_string(), "127.0.0.1:7717");
    assert_eq!(settings.artifacts, Path::new("/data/artifacts"));
    assert_eq!(settings.database, Database::Embedded { folder: "/data/postgres".into(), binaries: None });
    assert_eq!(settings.github.url, "https://api.github.com");
    assert_eq!(settings.window, settings.parallelism * 2);
    assert_eq!(settings.budget, campaigns_domain::publish::budget::Budget::default());
}

#[test]
fn the_upper_layer_wins() {
    let file = file(
        "listen: 0.0.0.0:80\nparallelism: 3\nwindow: 40\ndata: /from/file\nbudget:\n  pull_requests_per_day: 10\n\
         github:\n  url: https://ghe.example\n  app_id: 7\n  app_key_file: /key.pem\n",
    )
    .expect("a layer");
    let environment =
        environment(&[("CAMPAIGNS_DATA", "/from/env"), ("CAMPAIGNS_PARALLELISM", "4")]).expect("a layer");
    let flags = Layer { parallelism: Some(5), ..Layer::default() };
    let settings = flags.over(environment).over(file).settle().expect("settings");
    assert_eq!(settings.parallelism, 5);
    assert_eq!(settings.data, Path::new("/from/env"));
    assert_eq!(settings.window, 40);
    assert_eq!(settings.listen.to_string(), "0.0.0.0:80");
    assert_eq!(settings.budget.pull_requests[0].cap, 10);
    assert_eq!(settings.budget.writes[0].cap, 80);
    assert_eq!(settings.github.url, "https://ghe.example");
    assert_eq!(settings.github.credentials, CredentialSource::App { id: 7, key_file: "/key.pem".into() });
}

#[test]
fn credentials_come_from_one_layer_as_a_whole() {
    let file = file("github:\n  app_id: 7\n  app_key_file: /key.pem\n").expect("a layer");
    let settings = with_token().over(file).settle().expect("settings");
    assert!(matches!(settings.github.credentials, CredentialSource::Token(_)));
}

#[test]
fn nothing_secret_prints() {
    let url = "postgresql://campaigns:canary-password@db.example/campaigns";
    let layer = environment(&[("GITHUB_TOKEN", "canary-token"), ("DATABASE_URL", url)]).expect("a layer");
    let settings = layer.clone().settle().expect("settings");
    assert!(!format!("{layer:?} {settings:?}").contains("canary"));
    assert_eq!(settings.database, Database::At(url.parse().expect("an address")));
}

#[test]
fn what_is_wrong_names_the_setting() {
    let no_key =
        Layer { github: GithubLayer { app_id: Some(1), ..Default::default() }, ..Default::default() };
    let no_cores = Layer { parallelism: Some(0), ..with_token() };
    for (outcome, parts) in [
        (environment(&[("CAMPAIGNS_LISTEN", "here")]), vec!["CAMPAIGNS_LISTEN", "`here`", "127.0.0.1:7717"]),
        (environment(&[("CAMPAIGNS_WINDOW", "-1")]), vec!["CAMPAIGNS_WINDOW", "`-1`", "whole number"]),
        (file("lisen: 1\n"), vec!["settings.yaml", "lisen"]),
        (file("github:\n  token: ghp_x\n"), vec!["settings.yaml", "token"]),
        (file("window: 1\nwindow: 2\n"), vec!["settings.yaml", "window"]),
        (Layer::from_file(Path::new("/nowhere.yaml")), vec!["/nowhere.yaml"]),
    ] {
        let words = outcome.expect_err("it is wrong").to_string();
        for part in parts {
            assert!(words.contains(part), "{part} is missing in: {words}");
        }
    }
    for (layer, part) in [
        (no_key, "github.app_key_file"),
        (no_cores, "`parallelism` is 0"),
        (Layer::default(), "GITHUB_TOKEN"),
    ] {
        let words = layer.settle().expect_err("it is wrong").to_string();
        assert!(words.contains(part), "{part} is missing in: {words}");
    }
}

#[test]
fn a_bad_address_is_refused_without_being_repeated() {
    for text in ["mysql://u:canary@h/d", "canary", "postgresql://u:canary@/d"] {
        let words = text.parse::<DatabaseUrl>().expect_err("it is bad").to_string();
        assert!(words.contains("DATABASE_URL") && !words.contains("canary"), "{words}");
    }
    for text in
        ["postgres://h/d", "postgresql://u:p@h:5432/d?sslmode=require", "postgresql:///d?host=/run/pg"]
    {
        assert_eq!(text.parse::<DatabaseUrl>().expect("it is good").expose(), text);
    }
}

#[test]
fn an_empty_file_and_empty_variables_say_nothing() {
    assert!(file("# nothing yet\n\n").expect("a layer").data.is_none());
    let layer = environment(&[("CAMPAIGNS_DATA", ""), ("DATABASE_URL", " ")]).expect("a layer");
    assert!(layer.data.is_none() && layer.database_url.is_none());
}
