//! Reading TOML tables key by key, collecting every fault of the file on the way.
//!
//! serde stops at the first fault, so the tables are read by hand: each key is asked for by name, which also tells which
//! keys there are, and what nobody asked for is unknown.

use std::cell::RefCell;
use std::ops::Range;
use std::str::FromStr;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::problem::{Fault, nearest};

/// The faults found so far.
pub(super) type Faults = RefCell<Vec<Fault>>;

/// A TOML value with its place.
pub(super) type Value<'a> = Spanned<DeValue<'a>>;

/// The most tables of one name: policies are compared each with each.
const TABLES_MAX: usize = 1000;

/// A type that a TOML value can be turned into; an error says what was expected, as in "a duration such as \"30m\"".
pub(super) trait FromToml: Sized {
    fn from_toml(value: &Value<'_>, faults: &Faults) -> Result<Self, String>;
}

/// A table that is being read. [`Table::finish`] must be called at the end.
pub(super) struct Table<'a> {
    entries: &'a DeTable<'a>,
    faults: &'a Faults,
    /// Where to point when a key is missing.
    span: Range<usize>,
    name: String,
    known: Vec<&'static str>,
    /// Whether any key is known.
    takes_any: bool,
}

impl<'a> Table<'a> {
    pub(super) fn new(name: &str, entries: &'a DeTable<'a>, span: Range<usize>, faults: &'a Faults) -> Self {
        Table { entries, faults, span, name: name.to_owned(), known: Vec::new(), takes_any: false }
    }

    /// Where it begins, in bytes from the start of the file.
    pub(super) fn start(&self) -> usize {
        self.span.start
    }

    /// Where it is.
    pub(super) fn span(&self) -> Range<usize> {
        self.span.clone()
    }

    /// All keys and values, of a table whose keys are not known beforehand.
    pub(super) fn all(&mut self) -> Vec<(&'a str, &'a Value<'a>)> {
        self.takes_any = true;
        self.entries.iter().map(|(key, value)| (key.get_ref().as_ref(), value)).collect()
    }

    /// One of these values as a table.
    pub(super) fn of_value(&self, key: &str, value: &'a Value<'a>) -> Option<Table<'a>> {
        Table::of(&format!("`{key}`"), value, self.faults)
    }

    /// A value that is itself a table, or a fault.
    pub(super) fn of(name: &str, value: &'a Value<'a>, faults: &'a Faults) -> Option<Self> {
        match value.get_ref() {
            DeValue::Table(entries) => Some(Table::new(name, entries, value.span(), faults)),
            other => {
                faults.borrow_mut().push(Fault {
                    span: value.span(),
                    message: format!("{name} must be a table"),
                    label: format!("this is {}", article(other.type_str())),
                    help: None,
                });
                None
            }
        }
    }

    /// Reports a fault at a key of this table, or at the table where the key is not there.
    pub(super) fn fault(
        &self,
        key: &str,
        message: impl Into<String>,
        label: impl Into<String>,
        help: impl Into<String>,
    ) {
        let span = self.entries.get(key).map_or(self.span.clone(), Spanned::span);
        self.push(span, message.into(), label.into(), Some(help.into()));
    }

    fn push(&self, span: Range<usize>, message: String, label: String, help: Option<String>) {
        self.faults.borrow_mut().push(Fault { span, message, label, help });
    }

    pub(super) fn has(&self, key: &str) -> bool {
        self.entries.contains_key(key)
    }

    /// A key that is known without being asked for.
    pub(super) fn known(&mut self, key: &'static str) {
        if !self.known.contains(&key) {
            self.known.push(key);
        }
    }

    /// Whether the table under a key has a key of that name.
    pub(super) fn has_within(&self, key: &str, inner: &str) -> bool {
        let table = self.entries.get(key).and_then(|value| value.get_ref().as_table());
        table.is_some_and(|table| table.contains_key(inner))
    }

    fn value(&mut self, key: &'static str) -> Option<&'a Value<'a>> {
        self.known.push(key);
        self.entries.get(key)
    }

    pub(super) fn missing(&self, key: &str, form: &str) {
        let message = format!("`{key}` is missing in {}", self.name);
        self.push(self.span.clone(), message, format!("add `{form}`"), None);
    }

    /// The value of a key, or nothing if it is absent or faulty.
    pub(super) fn optional<T: FromToml>(&mut self, key: &'static str) -> Option<T> {
        let value = self.value(key)?;
        match T::from_toml(value, self.faults) {
            Ok(value) => Some(value),
            Err(expected) => {
                let label = format!("expected {expected}");
                self.push(value.span(), format!("`{key}` is not valid"), label, None);
                None
            }
        }
    }

    /// The value of a key that must be there.
    pub(super) fn required<T: FromToml>(&mut self, key: &'static str) -> Option<T> {
        if !self.has(key) {
            self.known.push(key);
            self.missing(key, &format!("{key} = …"));
            return None;
        }
        self.optional(key)
    }

    /// The value of a key, or a default.
    pub(super) fn or<T: FromToml>(&mut self, key: &'static str, default: T) -> T {
        self.optional(key).unwrap_or(default)
    }

    /// The table under a key.
    pub(super) fn table(&mut self, key: &'static str) -> Option<Table<'a>> {
        let value = self.value(key)?;
        Table::of(&format!("`{key}`"), value, self.faults)
    }

    /// The table under a key that must be there.
    pub(super) fn required_table(&mut self, key: &'static str) -> Option<Table<'a>> {
        if !self.has(key) {
            self.known.push(key);
            self.missing(key, &format!("{key} = {{ … }}"));
            return None;
        }
        self.table(key)
    }

    /// The tables of an array of tables; none if it is not there.
    pub(super) fn tables(&mut self, key: &'static str) -> Vec<Table<'a>> {
        let name = format!("[[{key}]]");
        let Some(value) = self.value(key) else { return Vec::new() };
        match value.get_ref() {
            DeValue::Array(items) => {
                if let Some(item) = items.get(TABLES_MAX) {
                    let help = format!("allowed: at most {TABLES_MAX}; divide the scenario into several");
                    let message = format!("there are {} {name}", items.len());
                    self.push(item.span(), message, "one too many".to_owned(), Some(help));
                }
                let items = items.iter().take(TABLES_MAX);
                items.filter_map(|item| Table::of(&name, item, self.faults)).collect()
            }
            other => {
                let label = format!("this is {}", article(other.type_str()));
                self.push(
                    value.span(),
                    format!("`{key}` must be a list of tables"),
                    label,
                    Some(format!("write {name}")),
                );
                Vec::new()
            }
        }
    }

    /// One of a list of words, or nothing if the key is not there.
    pub(super) fn optional_choice<T: Copy>(&mut self, key: &'static str, choices: &[(&str, T)]) -> Option<T> {
        if self.has(key) {
            return self.choice(key, None, choices);
        }
        self.known.push(key);
        None
    }

    /// One of a list of words.
    pub(super) fn choice<T: Copy>(
        &mut self,
        key: &'static str,
        default: Option<T>,
        choices: &[(&str, T)],
    ) -> Option<T> {
        let Some(value) = self.value(key) else {
            if default.is_none() {
                let first = choices.first().map_or("…", |(name, _)| *name);
                self.missing(key, &format!("{key} = \"{first}\""));
            }
            return default;
        };
        self.chosen(key, value, choices)
    }

    /// A list of choices, each of them at most once; none if the key is not there.
    pub(super) fn choices<T: Copy + PartialEq>(&mut self, key: &'static str, choices: &[(&str, T)]) -> Vec<T> {
        let Some(value) = self.value(key) else { return Vec::new() };
        let Some(items) = value.get_ref().as_array() else {
            let allowed = choices.iter().map(|(name, _)| format!("\"{name}\"")).collect::<Vec<_>>().join(", ");
            let label = "expected a list, in brackets".to_owned();
            self.push(value.span(), format!("`{key}` is not valid"), label, Some(format!("allowed: {allowed}")));
            return Vec::new();
        };
        let mut found = Vec::new();
        for item in items {
            match self.chosen(key, item, choices) {
                Some(choice) if found.contains(&choice) => {
                    let label = "named before".to_owned();
                    self.push(item.span(), format!("`{key}` is not valid"), label, Some("name it once".to_owned()));
                }
                Some(choice) => found.push(choice),
                None => {}
            }
        }
        found
    }

    /// The choice that a word stands for.
    fn chosen<T: Copy>(&self, key: &str, value: &Value<'_>, choices: &[(&str, T)]) -> Option<T> {
        let word = value.get_ref().as_str().unwrap_or_default();
        if let Some(&(_, choice)) = choices.iter().find(|(name, _)| *name == word) {
            return Some(choice);
        }
        let names = choices.iter().map(|(name, _)| *name);
        let label = match nearest(word, names.clone()) {
            Some(name) => format!("did you mean \"{name}\"?"),
            None => "not one of the allowed words".to_owned(),
        };
        let allowed = names.map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(", ");
        self.push(value.span(), format!("`{key}` is not valid"), label, Some(format!("allowed: {allowed}")));
        None
    }

    /// Reports the keys that nobody asked for.
    pub(super) fn finish(self) {
        for (key, _) in self.entries {
            let word = key.get_ref().as_ref();
            if self.takes_any || self.known.contains(&word) {
                continue;
            }
            let label = match nearest(word, self.known.iter().copied()) {
                Some(name) => format!("did you mean `{name}`?"),
                None => "unknown".to_owned(),
            };
            let known = self.known.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
            let message = format!("unknown key `{word}` in {}", self.name);
            self.push(key.span(), message, label, Some(format!("known keys here: {known}")));
        }
    }
}

fn article(kind: &str) -> String {
    let vowel = kind.starts_with(['a', 'e', 'i', 'o', 'u']);
    format!("{} {kind}", if vowel { "an" } else { "a" })
}

/// An integer, without losing any digit of it.
pub(super) fn integer<T: FromStr>(value: &Value<'_>) -> Option<T> {
    let integer = value.get_ref().as_integer()?;
    (integer.radix() == 10).then(|| integer.as_str().parse().ok())?
}

/// An integer or a float.
pub(super) fn number(value: &Value<'_>) -> Option<f64> {
    let text = match value.get_ref() {
        DeValue::Integer(integer) if integer.radix() == 10 => integer.as_str(),
        DeValue::Float(float) => float.as_str(),
        _ => return None,
    };
    text.parse().ok().filter(|number: &f64| number.is_finite())
}

impl FromToml for String {
    fn from_toml(value: &Value<'_>, _: &Faults) -> Result<Self, String> {
        value.get_ref().as_str().map(str::to_owned).ok_or_else(|| "a string in quotes".to_owned())
    }
}

impl FromToml for u64 {
    fn from_toml(value: &Value<'_>, _: &Faults) -> Result<Self, String> {
        integer(value).ok_or_else(|| format!("a whole number from 0 to {}", u64::MAX))
    }
}

impl FromToml for f64 {
    fn from_toml(value: &Value<'_>, _: &Faults) -> Result<Self, String> {
        number(value).ok_or_else(|| "a finite number, such as 0.001".to_owned())
    }
}

impl FromToml for bool {
    fn from_toml(value: &Value<'_>, _: &Faults) -> Result<Self, String> {
        value.get_ref().as_bool().ok_or_else(|| "true or false".to_owned())
    }
}
