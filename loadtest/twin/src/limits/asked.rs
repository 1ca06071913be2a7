//! What a request counts as, told from its method, its operation and, for GraphQL, its document. Deliberately
//! absent: reading GraphQL as GraphQL; the kind of its operation is found by its words.

use super::secondary::Asked;
use axum::http::Method;

impl Asked {
    /// A REST request.
    pub fn rest(method: &Method, operation: &str) -> Self {
        let writes = ![Method::GET, Method::HEAD, Method::OPTIONS].contains(method);
        Self { graphql: false, writes, opens_pull: writes && operation == "pulls/create" }
    }

    /// A GraphQL request, from its body.
    pub fn graphql(body: &[u8]) -> Self {
        let body: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
        let words = words(body["query"].as_str().unwrap_or_default());
        let mutation = mutates(&words, body["operationName"].as_str());
        Self { graphql: true, writes: mutation, opens_pull: mutation && words.contains(&"createPullRequest") }
    }
}

/// Does the operation that is carried out (the named one, or any where none is named) mutate?
fn mutates(words: &[&str], named: Option<&str>) -> bool {
    let mut depth = 0;
    for (at, word) in words.iter().enumerate() {
        match *word {
            "{" => depth += 1,
            "}" => depth -= 1,
            "mutation"
                if depth == 0
                    && at.checked_sub(1).is_none_or(|before| words[before] == "}")
                    && named.is_none_or(|named| words.get(at + 1) == Some(&named)) =>
            {
                return true;
            }
            _ => {}
        }
    }
    false
}

/// The names and braces of a document, without its strings and comments.
fn words(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '#' => rest.find('\n').unwrap_or(rest.len()),
            '"' if rest.starts_with("\"\"\"") => rest[3..].find("\"\"\"").map_or(rest.len(), |end| end + 6),
            '"' => string(rest),
            '{' | '}' => {
                found.push(&rest[..1]);
                1
            }
            _ if first.is_ascii_alphanumeric() || first == '_' => {
                let end = rest.find(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
                let end = end.unwrap_or(rest.len());
                found.push(&rest[..end]);
                end
            }
            _ => first.len_utf8(),
        };
        rest = &rest[length..];
    }
    found
}

/// The length of the string that a text begins with.
fn string(text: &str) -> usize {
    let mut escaped = false;
    let end = text[1..].find(|letter| {
        let ends = letter == '"' && !escaped;
        escaped = letter == '\\' && !escaped;
        ends
    });
    end.map_or(text.len(), |end| end + 2)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn asked(document: &str, name: Option<&str>) -> (bool, bool) {
        let body = json!({"query": document, "operationName": name}).to_string();
        let asked = Asked::graphql(body.as_bytes());
        (asked.writes, asked.opens_pull)
    }

    #[test]
    fn a_mutation_is_told_from_a_query() {
        assert_eq!(asked("{ viewer { login } }", None), (false, false));
        assert_eq!(asked("query mutation { mutation: viewer { login } }", None), (false, false));
        assert_eq!(asked("# mutation {\n query { a(b: \"mutation { } \\\" }\") }", None), (false, false));
        assert_eq!(
            asked("fragment mutation on User { login } query { viewer { ...mutation } }", None),
            (false, false)
        );
        assert_eq!(asked("mutation { addComment(input: {}) { clientMutationId } }", None), (true, false));
        assert_eq!(
            asked("fragment F on A { b } mutation M($i: I!) { createPullRequest(input: $i) { x } }", None),
            (true, true)
        );
        let both = "query Q { viewer { login } } mutation M { createPullRequest { x } }";
        assert_eq!((asked(both, Some("Q")), asked(both, Some("M"))), ((false, false), (true, true)));
        assert_eq!(Asked::graphql(b"no JSON"), Asked { graphql: true, writes: false, opens_pull: false });
    }

    #[test]
    fn a_write_is_told_by_its_method() {
        let of = |method, operation| {
            let asked = Asked::rest(&method, operation);
            (asked.writes, asked.opens_pull)
        };
        assert_eq!(of(Method::GET, "pulls/list"), (false, false));
        assert_eq!(of(Method::POST, "git/create-tree"), (true, false));
        assert_eq!(of(Method::POST, "pulls/create"), (true, true));
        assert_eq!(of(Method::DELETE, "git/delete-ref"), (true, false));
    }
}
