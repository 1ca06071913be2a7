//! The import rule between crates, over what their Cargo.toml files ask for. The arrows are those of
//! docs/ARCHITECTURE.md; a crate may use whatever an arrow, or a chain of arrows, leads it to.

use serde_json::Value;
use std::collections::BTreeSet;

/// `(used, user)`.
const ARROWS: &[(&str, &str)] = &[
    ("campaigns-domain", "campaigns-actors"),
    ("campaigns-actors", "campaigns-http"),
    ("campaigns-http", "campaigns-runtime"),
    ("campaigns-runtime", "campaigns"),
    ("campaigns-domain", "campaigns-runner"),
    ("campaigns-runner", "campaigns-runtime"),
    ("campaigns-wire", "campaigns-http"),
    ("campaigns-wire", "campaigns"),
    ("campaigns-wire", "campaigns-loadtest"),
    ("campaigns-twin", "campaigns"),
    ("campaigns-twin", "campaigns-loadtest"),
    ("campaigns-runtime", "campaigns-benches"),
];

/// Tests of any of these may talk to the twin.
const TESTED_ON_THE_TWIN: &[&str] = &["campaigns-runtime", "campaigns-http", "campaigns", "campaigns-twin"];

/// What the deciding crates must not know.
pub(crate) const VENDORS: &[&str] = &["sqlx", "redis", "kube", "octocrab", "object_store"];
/// The crates that must not know it.
pub(crate) const VENDORLESS: &[&str] =
    &["campaigns-domain", "campaigns-actors", "campaigns-http", "campaigns-wire", "campaigns-runner"];

/// Everything that `user` may use.
fn reachable(user: &str) -> BTreeSet<&'static str> {
    let direct = ARROWS.iter().filter(|(_, each)| *each == user).map(|(used, _)| *used);
    direct.flat_map(|used| reachable(used).into_iter().chain([used])).collect()
}

/// Uses of one crate of ours by another that no arrow allows.
pub(crate) fn violations(metadata: &Value) -> Vec<String> {
    each_dependency(metadata)
        .filter(|(_, used, _)| *used == "campaigns" || used.starts_with("campaigns-"))
        .filter(|(user, used, kind)| {
            let tests = *kind == "dev" && *used == "campaigns-twin" && TESTED_ON_THE_TWIN.contains(user);
            !tests && !reachable(user).contains(used)
        })
        .map(|(user, used, kind)| {
            format!("{user} uses {used} ({kind}), to which no arrow leads: see docs/ARCHITECTURE.md")
        })
        .collect()
}

/// Vendors among the dependencies of crates that must not know them.
pub(crate) fn vendors(metadata: &Value) -> Vec<String> {
    each_dependency(metadata)
        .filter(|(user, used, _)| {
            VENDORLESS.contains(user) && VENDORS.contains(&used.replace('-', "_").as_str())
        })
        .map(|(user, used, _)| format!("{user} depends on {used}: only campaigns-runtime knows vendors"))
        .collect()
}

/// `(user, used, kind)` for every dependency of every package.
fn each_dependency(metadata: &Value) -> impl Iterator<Item = (&str, &str, &str)> {
    let packages = metadata["packages"].as_array().expect("packages");
    packages.iter().flat_map(|package| {
        let user = package["name"].as_str().expect("a name");
        package["dependencies"].as_array().expect("dependencies").iter().map(move |each| {
            (user, each["name"].as_str().expect("a name"), each["kind"].as_str().unwrap_or("normal"))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn one(user: &str, used: &str, kind: Value) -> Value {
        json!({"packages": [{"name": user, "dependencies": [{"name": used, "kind": kind}]}]})
    }

    #[test]
    fn an_arrow_and_a_chain_of_arrows_are_followed() {
        assert!(violations(&one("campaigns-actors", "campaigns-domain", Value::Null)).is_empty());
        assert!(violations(&one("campaigns", "campaigns-domain", Value::Null)).is_empty());
        assert!(violations(&one("campaigns-actors", "serde", Value::Null)).is_empty());
    }

    #[test]
    fn an_import_against_the_arrows_is_named() {
        for (user, used) in [
            ("campaigns-domain", "campaigns-actors"),
            ("campaigns-actors", "campaigns-runtime"),
            ("campaigns-http", "campaigns-runner"),
            ("campaigns-runtime", "campaigns-twin"),
            ("campaigns-runner", "campaigns-actors"),
            ("campaigns-loadtest", "campaigns-runtime"),
            ("campaigns-twin", "campaigns-domain"),
            ("campaigns-new", "campaigns-domain"),
        ] {
            let found = violations(&one(user, used, Value::Null));
            assert_eq!(found.len(), 1, "{user} uses {used}");
            assert!(found[0].contains(user) && found[0].contains(used));
        }
    }

    #[test]
    fn tests_may_talk_to_the_twin_and_nothing_else_is_loosened_for_them() {
        assert!(violations(&one("campaigns-runtime", "campaigns-twin", json!("dev"))).is_empty());
        assert_eq!(violations(&one("campaigns-domain", "campaigns-twin", json!("dev"))).len(), 1);
        assert_eq!(violations(&one("campaigns-actors", "campaigns-runtime", json!("dev"))).len(), 1);
        assert_eq!(violations(&one("campaigns-runtime", "campaigns-twin", json!("build"))).len(), 1);
    }

    #[test]
    fn a_vendor_is_refused_in_every_kind_of_dependency() {
        assert_eq!(vendors(&one("campaigns-actors", "object_store", Value::Null)).len(), 1);
        assert_eq!(vendors(&one("campaigns-http", "sqlx", json!("dev"))).len(), 1);
        assert!(vendors(&one("campaigns-runtime", "sqlx", Value::Null)).is_empty());
    }
}
