//! Reads the part of the GraphQL language that queries and mutations need: <https://spec.graphql.org/October2021/>

use std::collections::BTreeSet;

use serde_json::{Map, Value};

/// One operation of a document.
#[derive(Debug)]
pub struct Document {
    /// A mutation, or else a query.
    pub mutation: bool,
    /// Names of the declared variables.
    pub declared: BTreeSet<String>,
    /// What is asked for.
    pub fields: Vec<Field>,
}

/// A field with its arguments and selections.
#[derive(Debug)]
pub struct Field {
    /// Name in the answer.
    pub alias: String,
    /// Name in the schema.
    pub name: String,
    /// Asked for only of an object of this type, by `... on`.
    pub only_on: Option<String>,
    /// Arguments, not yet filled in.
    pub arguments: Vec<(String, Argument)>,
    /// Selections.
    pub fields: Vec<Field>,
    /// Line and column.
    pub at: (usize, usize),
}

/// An argument's value.
#[derive(Debug)]
pub enum Argument {
    /// `$name`
    Variable(String),
    /// Anything without variables.
    Literal(Value),
    /// `{a: …}`
    Object(Vec<(String, Argument)>),
}

/// A fault of the document's text.
#[derive(Debug)]
pub struct Fault {
    /// GitHub's words.
    pub message: String,
    /// Line and column.
    pub at: (usize, usize),
}

struct Reader<'a> {
    text: &'a str,
    position: usize,
}

/// Deeper documents are refused.
const MAX_DEPTH: usize = 20;

/// Parses a document with one operation and no named fragments.
pub fn parse(text: &str) -> Result<Document, Fault> {
    let mut reader = Reader { text, position: 0 };
    let mut document = Document { mutation: false, declared: BTreeSet::new(), fields: Vec::new() };
    if let Some(word) = reader.word() {
        document.mutation = match word.as_str() {
            "query" => false,
            "mutation" => true,
            other => return Err(reader.unexpected(other)),
        };
        // The operation's name means nothing to the answer.
        drop(reader.word());
        if reader.take('(') {
            reader.variables(&mut document.declared)?;
        }
    }
    document.fields = reader.selections(0)?;
    match reader.peek() {
        None => Ok(document),
        Some(more) => Err(reader.unexpected(&more.to_string())),
    }
}

impl Reader<'_> {
    fn rest(&self) -> &str {
        &self.text[self.position..]
    }

    /// The next character that means something; commas and comments do not.
    fn peek(&mut self) -> Option<char> {
        loop {
            let next = self.rest().chars().next()?;
            if next == '#' {
                let length = self.rest().find('\n').unwrap_or(self.rest().len());
                self.position += length;
            } else if next.is_whitespace() || next == ',' || next == '\u{feff}' {
                self.position += next.len_utf8();
            } else {
                return Some(next);
            }
        }
    }

    fn take(&mut self, wanted: char) -> bool {
        let found = self.peek() == Some(wanted);
        if found {
            self.position += wanted.len_utf8();
        }
        found
    }

    fn expect(&mut self, wanted: char) -> Result<(), Fault> {
        if self.take(wanted) {
            return Ok(());
        }
        let found = self.peek().map_or("end of file".to_owned(), String::from);
        Err(self.unexpected(&found))
    }

    fn word(&mut self) -> Option<String> {
        self.peek()?;
        let letter = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let length = self.rest().find(|c: char| !letter(c)).unwrap_or(self.rest().len());
        let word = self.rest()[..length].to_owned();
        if word.is_empty() || word.starts_with(|c: char| c.is_ascii_digit()) {
            return None;
        }
        self.position += length;
        Some(word)
    }

    fn at(&self) -> (usize, usize) {
        let before = &self.text[..self.position];
        let column = before.rfind('\n').map_or(before.len(), |start| before.len() - start - 1);
        (before.matches('\n').count() + 1, column + 1)
    }

    fn unexpected(&self, what: &str) -> Fault {
        let at = self.at();
        Fault { message: format!("Parse error on \"{what}\" at [{}, {}]", at.0, at.1), at }
    }

    fn name(&mut self) -> Result<String, Fault> {
        let found = self.peek().map_or("end of file".to_owned(), String::from);
        self.word().ok_or_else(|| self.unexpected(&found))
    }

    fn variables(&mut self, declared: &mut BTreeSet<String>) -> Result<(), Fault> {
        while !self.take(')') {
            self.expect('$')?;
            declared.insert(self.name()?);
            self.expect(':')?;
            let list = self.take('[');
            self.name()?;
            self.take('!');
            if list {
                self.expect(']')?;
                self.take('!');
            }
            if self.take('=') {
                self.argument(0)?;
            }
        }
        Ok(())
    }

    fn selections(&mut self, depth: usize) -> Result<Vec<Field>, Fault> {
        if depth > MAX_DEPTH {
            return Err(self.unexpected("{"));
        }
        self.expect('{')?;
        let mut fields = Vec::new();
        while !self.take('}') {
            if self.rest().starts_with("...") {
                fields.extend(self.fragment(depth)?);
                continue;
            }
            self.peek();
            let at = self.at();
            let mut name = self.name()?;
            let alias = name.clone();
            if self.take(':') {
                name = self.name()?;
            }
            let mut arguments = Vec::new();
            if self.take('(') {
                while !self.take(')') {
                    let key = self.name()?;
                    self.expect(':')?;
                    arguments.push((key, self.argument(depth)?));
                }
            }
            let below = if self.peek() == Some('{') { self.selections(depth + 1)? } else { Vec::new() };
            fields.push(Field { alias, name, only_on: None, arguments, fields: below, at });
        }
        if fields.is_empty() { Err(self.unexpected("}")) } else { Ok(fields) }
    }

    /// `... on Type { … }`, without another fragment in it.
    fn fragment(&mut self, depth: usize) -> Result<Vec<Field>, Fault> {
        self.position += "...".len();
        match self.name()?.as_str() {
            "on" => {}
            other => return Err(self.unexpected(other)),
        }
        let kind = self.name()?;
        let mut fields = self.selections(depth + 1)?;
        for field in &mut fields {
            if field.only_on.replace(kind.clone()).is_some() {
                return Err(self.unexpected("..."));
            }
        }
        Ok(fields)
    }

    fn argument(&mut self, depth: usize) -> Result<Argument, Fault> {
        if depth > MAX_DEPTH {
            return Err(self.unexpected("{"));
        }
        if self.take('$') {
            return Ok(Argument::Variable(self.name()?));
        }
        if self.take('{') {
            let mut members = Vec::new();
            while !self.take('}') {
                let key = self.name()?;
                self.expect(':')?;
                members.push((key, self.argument(depth + 1)?));
            }
            return Ok(Argument::Object(members));
        }
        if let Some(word) = self.word() {
            return Ok(Argument::Literal(match word.as_str() {
                "true" => Value::Bool(true),
                "false" => Value::Bool(false),
                "null" => Value::Null,
                _ => Value::String(word),
            }));
        }
        self.scalar()
    }

    /// Texts and numbers are written as in JSON.
    fn scalar(&mut self) -> Result<Argument, Fault> {
        let number = |c: char| c.is_ascii_digit() || "+-.eE".contains(c);
        let digits = self.rest().find(|c: char| !number(c)).unwrap_or(self.rest().len());
        if digits > 0 {
            let value: Option<Value> = serde_json::from_str(&self.rest()[..digits]).ok();
            let value = value.ok_or_else(|| self.unexpected(&self.rest()[..digits]))?;
            self.position += digits;
            return Ok(Argument::Literal(value));
        }
        let mut values = serde_json::Deserializer::from_str(self.rest()).into_iter::<Value>();
        let value = match values.next() {
            Some(Ok(value)) if value.is_string() => value,
            Some(_) | None => return Err(self.unexpected(&self.rest().chars().take(1).collect::<String>())),
        };
        self.position += values.byte_offset();
        Ok(Argument::Literal(value))
    }
}

impl Argument {
    /// Names of the variables in it.
    pub fn variables<'a>(&'a self, found: &mut BTreeSet<&'a str>) {
        match self {
            Self::Variable(name) => drop(found.insert(name)),
            Self::Literal(_) => {}
            Self::Object(members) => members.iter().for_each(|(_, member)| member.variables(found)),
        }
    }

    /// Its value.
    pub fn fill(&self, variables: &Value) -> Value {
        match self {
            Self::Variable(name) => variables[name].clone(),
            Self::Literal(value) => value.clone(),
            Self::Object(members) => Value::Object(
                members.iter().map(|(key, one)| (key.clone(), one.fill(variables))).collect::<Map<_, _>>(),
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn documents_are_read() {
        let document = parse(
            "query Q($n: Int!, $l: [ID!]) { # a comment\n a: repository(owner: \"o\", n: $n, k: 1, l: -2.5) { id, name } }",
        );
        let document = document.expect("well formed");
        assert!(!document.mutation && document.declared.contains("n"));
        assert_eq!((document.fields[0].alias.as_str(), document.fields[0].name.as_str()), ("a", "repository"));
        assert_eq!(document.fields[0].fields.len(), 2);
        let document = parse("{ a { b ... on C { d } } }").expect("well formed");
        let conditions: Vec<_> = document.fields[0].fields.iter().map(|field| field.only_on.as_deref()).collect();
        assert_eq!(conditions, [None, Some("C")]);
        let nested = "{ a { ... on C { ... on D { e } } } }";
        for broken in ["", "{", "{}", "subscription { a }", "{ a(b: ) }", "{ a } x", "{ ...F }", nested] {
            assert!(parse(broken).is_err(), "{broken}");
        }
    }
}
