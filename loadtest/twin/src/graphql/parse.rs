//! Reads GraphQL as a server must: the operation that is asked for, with its variables, defaults, fragments and
//! `@include`/`@skip` already put in. Other directives are named to the caller as what is not read, never
//! skipped. Whether a document fits GitHub's schema is the oracle's to say.

use super::lex::{Place, Token, is_word, tokens};
use serde_json::Value;

/// What is asked of an object.
#[derive(Clone, Debug, PartialEq)]
pub enum Selection {
    /// A field.
    Field(Field),
    /// A fragment: what is asked if the object is of a type.
    Within {
        /// The type; absent means any.
        on: Option<String>,
        /// What is asked.
        selection: Vec<Selection>,
    },
}

/// A field of a selection.
#[derive(Clone, Debug, PartialEq)]
pub struct Field {
    /// The key in the answer.
    pub alias: String,
    /// The field's name.
    pub name: String,
    /// Arguments, with variables put in; those whose variable has no value are absent.
    pub arguments: Vec<(String, Value)>,
    /// What is asked of it.
    pub selection: Vec<Selection>,
    /// Where it stands in the document.
    pub at: Place,
}

impl Field {
    /// An argument.
    pub fn argument(&self, name: &str) -> &Value {
        self.arguments.iter().find(|(known, _)| known == name).map_or(&Value::Null, |(_, value)| value)
    }

    /// An argument's text.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.argument(name).as_str()
    }
}

/// An operation.
#[derive(Clone, Debug, PartialEq)]
pub struct Document {
    /// `query` or `mutation`.
    pub kind: String,
    /// What is asked.
    pub selection: Vec<Selection>,
}

/// What could not be read.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// Not GraphQL.
    #[error("Parse error on {0:?}")]
    Syntax(String),
    /// GraphQL that makes no sense.
    #[error("{0}")]
    Wrong(String),
    /// GraphQL that is not read here.
    #[error("{0}")]
    Unread(&'static str),
}

/// Fragments within fragments go no deeper; a circle would.
const DEEPEST: usize = 32;

/// Reads the operation `name` of a document, or its only one.
pub fn parse(text: &str, name: Option<&str>, variables: &Value) -> Result<Document, ParseError> {
    let mut reader = Reader { tokens: tokens(text)?, at: 0, variables: Value::Null, depth: 0 };
    let definitions = reader.definitions()?;
    let mut operations = definitions.iter().filter(|definition| definition.kind != "fragment");
    let chosen = match name {
        Some(name) => operations
            .find(|definition| definition.name == name)
            .ok_or_else(|| ParseError::Wrong(format!("No operation named {name:?}")))?,
        None => {
            let first = operations.next().ok_or_else(|| ParseError::Syntax(String::new()))?;
            if operations.next().is_some() {
                return Err(ParseError::Wrong("An operation name is required".into()));
            }
            first
        }
    };
    reader.at = chosen.start;
    reader.variables = reader.declared(variables)?;
    let selection = reader.selection(&definitions)?;
    Ok(Document { kind: chosen.kind.clone(), selection })
}

struct Definition {
    kind: String,
    name: String,
    on: Option<String>,
    /// The token after its name and condition.
    start: usize,
}

struct Reader {
    tokens: Vec<Token>,
    at: usize,
    variables: Value,
    depth: usize,
}

impl Reader {
    fn peek(&self) -> &str {
        self.tokens.get(self.at).map_or("", |token| &token.text)
    }

    fn place(&self) -> Place {
        self.tokens.get(self.at).map(|token| token.at).unwrap_or_default()
    }

    fn next(&mut self) -> String {
        let token = self.peek().to_owned();
        self.at += 1;
        token
    }

    fn takes(&mut self, wanted: &str) -> bool {
        let found = self.peek() == wanted;
        self.at += usize::from(found);
        found
    }

    fn expect(&mut self, wanted: &str) -> Result<(), ParseError> {
        let token = self.next();
        if token == wanted { Ok(()) } else { Err(ParseError::Syntax(token)) }
    }

    /// Where each operation and fragment stands.
    fn definitions(&mut self) -> Result<Vec<Definition>, ParseError> {
        let mut found = Vec::new();
        while self.at < self.tokens.len() {
            let mut definition =
                Definition { kind: "query".into(), name: String::new(), on: None, start: self.at };
            if self.peek() != "{" {
                definition.kind = self.next();
                if !["query", "mutation", "fragment"].contains(&definition.kind.as_str()) {
                    return Err(ParseError::Syntax(definition.kind));
                }
                if self.peek().starts_with(is_word) {
                    definition.name = self.next();
                }
                if definition.kind == "fragment" {
                    self.expect("on")?;
                    definition.on = Some(self.word()?);
                }
                definition.start = self.at;
            }
            self.pass_body()?;
            found.push(definition);
        }
        Ok(found)
    }

    /// Passes a definition's variables and its selection.
    fn pass_body(&mut self) -> Result<(), ParseError> {
        let (mut round, mut curly) = (0_usize, 0_usize);
        loop {
            match self.next().as_str() {
                "(" => round += 1,
                ")" => round = round.saturating_sub(1),
                "{" => curly += 1,
                "}" if curly > 0 => {
                    curly -= 1;
                    if curly == 0 && round == 0 {
                        return Ok(());
                    }
                }
                "" | "}" => return Err(ParseError::Syntax(String::new())),
                _ => {}
            }
        }
    }

    /// Values for the variables that the operation declares.
    fn declared(&mut self, given: &Value) -> Result<Value, ParseError> {
        let mut values = serde_json::Map::new();
        if !self.takes("(") {
            return Ok(values.into());
        }
        while !self.takes(")") {
            self.expect("$")?;
            let name = self.word()?;
            self.expect(":")?;
            let mut kind = String::new();
            while !["=", "$", ")", "@", ""].contains(&self.peek()) {
                kind.push_str(&self.next());
            }
            let default = if self.takes("=") { Some(self.value()?) } else { None };
            match given.get(&name).cloned().or(default) {
                Some(value) if !(value.is_null() && kind.ends_with('!')) => {
                    values.insert(name, value);
                }
                None if !kind.ends_with('!') => {}
                _ => {
                    let message = format!("Variable ${name} of type {kind} was provided invalid value");
                    return Err(ParseError::Wrong(message));
                }
            }
        }
        Ok(values.into())
    }

    fn selection(&mut self, fragments: &[Definition]) -> Result<Vec<Selection>, ParseError> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(ParseError::Wrong("Fragments are nested too deeply".into()));
        }
        self.expect("{")?;
        let mut found = Vec::new();
        while self.peek() != "}" {
            let (item, wanted) =
                if self.takes("...") { self.fragment(fragments)? } else { self.field(fragments)? };
            if wanted {
                found.push(item);
            }
        }
        self.expect("}")?;
        self.depth -= 1;
        Ok(found)
    }

    fn fragment(&mut self, fragments: &[Definition]) -> Result<(Selection, bool), ParseError> {
        let inline = self.peek() == "{" || self.peek() == "@" || self.peek() == "on";
        if inline {
            let on = if self.takes("on") { Some(self.word()?) } else { None };
            let wanted = self.directives()?;
            return Ok((Selection::Within { on, selection: self.selection(fragments)? }, wanted));
        }
        let name = self.word()?;
        let wanted = self.directives()?;
        let known = fragments.iter().find(|known| known.kind == "fragment" && known.name == name);
        let known =
            known.ok_or_else(|| ParseError::Wrong(format!("Fragment {name} was used, but not defined")))?;
        let back = std::mem::replace(&mut self.at, known.start);
        let selection = self.selection(fragments)?;
        self.at = back;
        Ok((Selection::Within { on: known.on.clone(), selection }, wanted))
    }

    fn field(&mut self, fragments: &[Definition]) -> Result<(Selection, bool), ParseError> {
        let at = self.place();
        let mut name = self.word()?;
        let alias = name.clone();
        if self.takes(":") {
            name = self.word()?;
        }
        let arguments = self.arguments()?;
        let wanted = self.directives()?;
        let selection = if self.peek() == "{" { self.selection(fragments)? } else { Vec::new() };
        Ok((Selection::Field(Field { alias, name, arguments, selection, at }), wanted))
    }

    fn arguments(&mut self) -> Result<Vec<(String, Value)>, ParseError> {
        let mut arguments = Vec::new();
        if self.takes("(") {
            while !self.takes(")") {
                let name = self.word()?;
                self.expect(":")?;
                let absent = self.peek() == "$";
                let value = self.value()?;
                if !(absent && value.is_null()) {
                    arguments.push((name, value));
                }
            }
        }
        Ok(arguments)
    }

    /// Reads `@include` and `@skip`; is what they stand at wanted?
    fn directives(&mut self) -> Result<bool, ParseError> {
        let mut wanted = true;
        while self.takes("@") {
            let name = self.word()?;
            let arguments = self.arguments()?;
            let holds = arguments.iter().any(|(name, value)| name == "if" && *value == Value::Bool(true));
            match name.as_str() {
                "include" => wanted &= holds,
                "skip" => wanted &= !holds,
                _ => return Err(ParseError::Unread("directives")),
            }
        }
        Ok(wanted)
    }

    fn word(&mut self) -> Result<String, ParseError> {
        let token = self.next();
        if token.starts_with(is_word) { Ok(token) } else { Err(ParseError::Syntax(token)) }
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
                while !self.takes("]") {
                    items.push(self.value()?);
                }
                Ok(items.into())
            }
            "{" => {
                let mut fields = serde_json::Map::new();
                while !self.takes("}") {
                    let name = self.word()?;
                    self.expect(":")?;
                    fields.insert(name, self.value()?);
                }
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

    fn fields(document: &Document) -> Vec<&Field> {
        fn all<'a>(selection: &'a [Selection], found: &mut Vec<&'a Field>) {
            for item in selection {
                match item {
                    Selection::Field(field) => {
                        found.push(field);
                        all(&field.selection, found);
                    }
                    Selection::Within { selection, .. } => all(selection, found),
                }
            }
        }
        let mut found = Vec::new();
        all(&document.selection, &mut found);
        found
    }

    #[test]
    fn puts_in_variables_defaults_and_fragments() {
        let text = "query A($o: String!, $n: Int = 5, $q: String) { me: viewer { ...Who } \
            repository(owner: $o, name: \"a \\\"b\", first: $n, query: $q) { id @skip(if: true) } } \
            query B { viewer { id } } fragment Who on User { login ... on Node { id } }";
        let document = parse(text, Some("A"), &json!({"o": "acme"})).unwrap();
        let found = fields(&document);
        let names: Vec<&str> = found.iter().map(|field| field.name.as_str()).collect();
        assert_eq!(names, ["viewer", "login", "id", "repository"]);
        assert_eq!((found[0].alias.as_str(), found[3].argument("owner")), ("me", &json!("acme")));
        assert_eq!((found[3].text("name"), found[3].argument("first")), (Some("a \"b"), &json!(5)));
        assert_eq!(found[3].arguments.len(), 3, "a variable without a value is no argument");
    }

    #[test]
    fn says_what_it_does_not_read() {
        let read = |text| parse(text, None, &json!({}));
        assert_eq!(read("{ a @defer }"), Err(ParseError::Unread("directives")));
        assert!(matches!(read("{ a { ...F } }"), Err(ParseError::Wrong(_))));
        assert!(matches!(read("{ ...F } fragment F on Query { ...F }"), Err(ParseError::Wrong(_))));
        assert!(matches!(read("query($a: ID!) { a }"), Err(ParseError::Wrong(_))));
        assert!(matches!(read("query A { a } query B { b }"), Err(ParseError::Wrong(_))));
        assert!(matches!(read("{ a"), Err(ParseError::Syntax(_))));
        assert!(matches!(read("{ a(b: }"), Err(ParseError::Syntax(_))));
    }
}
