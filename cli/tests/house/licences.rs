//! The licences of everything that is linked, against the list in deny.toml (which `cargo deny` reads too; it is
//! slow to install, so this test does not need it). Expressions are SPDX's: AND, OR, WITH, parentheses, and the
//! old slash for OR.

use serde_json::Value;

/// The `allow` list of deny.toml's `[licenses]`.
pub(crate) fn allowed(deny: &str) -> Vec<String> {
    let section = deny.split_once("[licenses]").expect("[licenses] in deny.toml").1;
    let list = section.split_once("allow = [").expect("an allow list").1;
    let list = list.split_once(']').expect("its end").0;
    list.lines()
        .filter_map(|line| line.split('#').next())
        .flat_map(|line| line.split(','))
        .map(|item| item.trim().trim_matches('"').to_owned())
        .filter(|item| !item.is_empty())
        .collect()
}

/// What deny.toml says of packages that name a file and no licence: `name@version` and its expression.
pub(crate) fn clarified(deny: &str) -> Vec<(String, String)> {
    let value = |block: &str, key: &str| {
        let line = block.lines().find_map(|line| line.strip_prefix(key)?.trim_start().strip_prefix('='));
        line.expect("a clarification has a crate and an expression").trim().trim_matches('"').to_owned()
    };
    let blocks = deny.split("[[licenses.clarify]]").skip(1);
    blocks.map(|block| (value(block, "crate"), value(block, "expression"))).collect()
}

/// Packages that come under none of the allowed licences.
pub(crate) fn violations(
    metadata: &Value,
    allowed: &[String],
    clarified: &[(String, String)],
) -> Vec<String> {
    // Only what is in the graph of this platform: `packages` lists it.
    metadata["packages"]
        .as_array()
        .expect("packages")
        .iter()
        .filter_map(|package| {
            let name = package["name"].as_str().expect("a name");
            let exact = format!("{name}@{}", package["version"].as_str().unwrap_or_default());
            let clarified = clarified.iter().find(|(known, _)| *known == exact).map(|(_, is)| is.as_str());
            let expression = package["license"].as_str().or(clarified).unwrap_or("none given");
            (!satisfied(expression, allowed))
                .then(|| format!("{name} is licensed `{expression}`, which deny.toml does not allow"))
        })
        .collect()
}

/// Whether the expression can be met with allowed licences alone. What cannot be read is not met.
fn satisfied(expression: &str, allowed: &[String]) -> bool {
    let spaced = expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut reader = Reader { words: &words, allowed };
    reader.any() == Some(true) && reader.words.is_empty()
}

struct Reader<'a> {
    words: &'a [&'a str],
    allowed: &'a [String],
}

impl Reader<'_> {
    fn take(&mut self, word: &str) -> bool {
        let next = self.words.first() == Some(&word);
        if next {
            self.words = &self.words[1..];
        }
        next
    }

    fn any(&mut self) -> Option<bool> {
        let mut met = self.all()?;
        while self.take("OR") {
            met |= self.all()?;
        }
        Some(met)
    }

    fn all(&mut self) -> Option<bool> {
        let mut met = self.one()?;
        while self.take("AND") {
            met &= self.one()?;
        }
        Some(met)
    }

    fn one(&mut self) -> Option<bool> {
        if self.take("(") {
            let met = self.any()?;
            return self.take(")").then_some(met);
        }
        let (name, rest) = self.words.split_first()?;
        self.words = rest;
        if self.take("WITH") {
            let (exception, rest) = self.words.split_first()?;
            self.words = rest;
            return Some(self.allowed.contains(&format!("{name} WITH {exception}")));
        }
        Some(self.allowed.iter().any(|each| each == name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const DENY: &str =
        "[licenses]\nallow = [\n  \"MIT\", # short\n  \"Apache-2.0 WITH LLVM-exception\",\n]\n[bans]\n";

    #[test]
    fn the_list_is_read_from_deny_toml() {
        assert_eq!(allowed(DENY), ["MIT", "Apache-2.0 WITH LLVM-exception"]);
    }

    #[test]
    fn expressions_are_judged_as_spdx_means_them() {
        let allowed = allowed(DENY);
        for (expression, met) in [
            ("MIT", true),
            ("GPL-3.0-only", false),
            ("MIT OR GPL-3.0-only", true),
            ("GPL-3.0-only/MIT", true),
            ("MIT AND GPL-3.0-only", false),
            ("(GPL-3.0-only OR MIT) AND MIT", true),
            ("GPL-3.0-only OR MIT AND ISC", false),
            ("Apache-2.0 WITH LLVM-exception", true),
            ("Apache-2.0", false),
            ("(MIT", false),
            ("MIT ISC", false),
            ("", false),
        ] {
            assert_eq!(satisfied(expression, &allowed), met, "{expression}");
        }
    }

    #[test]
    fn a_package_under_another_licence_is_named() {
        let metadata = json!({"packages": [
            {"name": "fine", "license": "MIT"},
            {"name": "copyleft", "license": "GPL-3.0-only"},
            {"name": "silent", "license": null},
            {"name": "filed", "version": "1.0.0", "license": null},
        ]});
        let filed = "[[licenses.clarify]]\ncrate = \"filed@1.0.0\"\nexpression = \"MIT\"\n";
        let found = violations(&metadata, &allowed(DENY), &clarified(filed));
        assert_eq!(found.len(), 2);
        assert!(found[0].contains("copyleft") && found[1].contains("silent"));
    }
}
