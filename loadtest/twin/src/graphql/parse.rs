//! Reads the part of GraphQL that a query needs: one operation, fields with aliases and arguments, variables.
//! Fragments and directives are named to the caller as what is not read, never skipped.

use serde_json::Value;

/// A field of a selection.
#[derive(Clone, Debug, PartialEq)]
pub struct Field {
    /// The key in the answer.
    pub alias: String,
    /// The field's name.
    pub name: String,
    /// Arguments, with variables put in.
    pub arguments: Vec<(String, Value)>,
    /// What is asked of it.
    pub selection: Vec<Field>,
}

impl Field {
    /// An argument's text.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.arguments.iter().find(|(known, _)| known == name)?.1.as_str()
    }
}

/// An operation.
#[derive(Clone, Debug, PartialEq)]
pub struct Document {
    /// `query` or `mutation`.
    pub kind: String,
    /// What is asked.
    pub selection: Vec<Field>,
}

/// What could not be read.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// Not GraphQL.
    #[error("Parse error on {0:?}")]
    Syntax(String),
    /// GraphQL that is not read here.
    #[error("{0}")]
    Unread(&'static str),
}

/// Reads a document with one operation.
pub fn parse(text: &str, variables: &Value) -> Result<Document, ParseError> {
    let mut reader = Reader { tokens: tokens(text)?, at: 0, variables };
    let mut kind = "query".to_owned();
    if reader.peek() != "{" {
        kind = reader.next();
        if kind == "fragment" {
            return Err(ParseError::Unread("fragments"));
        }
        if kind != "query" && kind != "mutation" {
            return Err(ParseError::Syntax(kind));
        }
        while reader.peek() != "{" {
            if reader.next().is_empty() {
                return Err(ParseError::Syntax(String::new()));
            }
        }
    }
    let selection = reader.selection()?;
    match reader.peek() {
        "" => Ok(Document { kind, selection }),
        "fragment" => Err(ParseError::Unread("fragments")),
        _ => Err(ParseError::Unread("several operations in one document")),
    }
}

fn tokens(text: &str) -> Result<Vec<String>, ParseError> {
    let mut found = Vec::new();
    let mut rest = text.trim_start_matches('\u{feff}');
    while let Some(first) = rest.chars().next() {
        let length = match first {
            ' ' | '\t' | '\n' | '\r' | ',' => {
                rest = &rest[1..];
                continue;
            }
            '#' => {
                rest = rest.split_once('\n').map_or("", |(_, rest)| rest);
                continue;
            }
            '"' => {
                let mut escaped = false;
                let end = rest[1..].find(|letter| {
                    let ends = letter == '"' && !escaped;
                    escaped = letter == '\\' && !escaped;
                    ends
                });
                end.ok_or_else(|| ParseError::Syntax(rest.chars().take(20).collect()))? + 2
            }
            '.' if rest.starts_with("...") => 3,
            _ if is_word(first) => rest.find(|letter| !is_word(letter)).unwrap_or(rest.len()),
            _ if "{}()[]:$!@=|&".contains(first) => 1,
            _ => return Err(ParseError::Syntax(first.to_string())),
        };
        found.push(rest[..length].to_owned());
        rest = &rest[length..];
    }
    Ok(found)
}

fn is_word(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || letter == '_' || letter == '-'
}

struct Reader<'a> {
    tokens: Vec<String>,
    at: usize,
    variables: &'a Value,
}

impl Reader<'_> {
    fn peek(&self) -> &str {
        self.tokens.get(self.at).map_or("", String::as_str)
    }

    fn next(&mut self) -> String {
        let token = self.peek().to_owned();
        self.at += 1;
        token
    }

    fn expect(&mut self, wanted: &str) -> Result<(), ParseError> {
        let token = self.next();
        if token == wanted { Ok(()) } else { Err(ParseError::Syntax(token)) }
    }

    fn selection(&mut self) -> Result<Vec<Field>, ParseError> {
        self.expect("{")?;
        let mut fields = Vec::new();
        while self.peek() != "}" {
            fields.push(self.field()?);
        }
        self.expect("}")?;
        Ok(fields)
    }

    fn field(&mut self) -> Result<Field, ParseError> {
        let mut name = self.word()?;
        let alias = name.clone();
        if self.peek() == ":" {
            self.at += 1;
            name = self.word()?;
        }
        let mut arguments = Vec::new();
        if self.peek() == "(" {
            self.at += 1;
            while self.peek() != ")" {
                let name = self.word()?;
                self.expect(":")?;
                arguments.push((name, self.value()?));
            }
            self.at += 1;
        }
        if self.peek() == "@" {
            return Err(ParseError::Unread("directives"));
        }
        let selection = if self.peek() == "{" { self.selection()? } else { Vec::new() };
        Ok(Field { alias, name, arguments, selection })
    }

    fn word(&mut self) -> Result<String, ParseError> {
        let token = self.next();
        match token.chars().next() {
            Some('.') => Err(ParseError::Unread("fragments")),
            Some(first) if is_word(first) => Ok(token),
            _ => Err(ParseError::Syntax(token)),
        }
    }

    fn value(&mut self) -> Result<Value, ParseError> {
        let token = self.next();
        match token.as_str() {
            "$" => {
                let name = self.word()?;
                Ok(self.variables.get(&name).cloned().unwrap_or_default())
            }
            "[" => {
                let mut items = Vec::new();
                while self.peek() != "]" {
                    items.push(self.value()?);
                }
                self.at += 1;
                Ok(items.into())
            }
            "{" => {
                let mut fields = serde_json::Map::new();
                while self.peek() != "}" {
                    let name = self.word()?;
                    self.expect(":")?;
                    fields.insert(name, self.value()?);
                }
                self.at += 1;
                Ok(fields.into())
            }
            "" | "}" | "]" | ")" | ":" => Err(ParseError::Syntax(token)),
            // Texts, numbers, truth values and null are JSON's; what is left is an enumeration's word.
            _ => Ok(serde_json::from_str(&token).unwrap_or(Value::String(token))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn reads_fields_aliases_arguments_and_variables() {
        let text =
            "query A($o: String!) { me: viewer { login } repository(owner: $o, name: \"a \\\"b\") { id } }";
        let document = parse(text, &json!({"o": "acme"})).unwrap();
        assert_eq!(document.selection[0].alias, "me");
        assert_eq!(document.selection[0].selection[0].name, "login");
        let arguments = &document.selection[1].arguments;
        assert_eq!(arguments, &[("owner".to_owned(), json!("acme")), ("name".to_owned(), json!("a \"b"))]);
    }

    #[test]
    fn says_what_it_does_not_read() {
        let none = json!({});
        assert_eq!(parse("{ a { ...F } }", &none), Err(ParseError::Unread("fragments")));
        assert_eq!(parse("{ a @skip(if: true) }", &none), Err(ParseError::Unread("directives")));
        assert!(matches!(parse("{ a", &none), Err(ParseError::Syntax(_))));
        assert!(matches!(parse("{ a(b: }", &none), Err(ParseError::Syntax(_))));
    }
}
