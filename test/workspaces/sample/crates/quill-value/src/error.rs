use crate::Kind;
use std::error::Error;
use std::fmt;

/// Why a value is not what a type needs, and in which field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConvertError {
    wanted: &'static str,
    found: Kind,
    path: Vec<String>,
}

impl ConvertError {
    pub fn new(wanted: &'static str, found: Kind) -> Self {
        Self {
            wanted,
            found,
            path: Vec::new(),
        }
    }

    /// The same problem, seen from one level further out.
    pub fn in_field(mut self, name: &str) -> Self {
        self.path.insert(0, name.to_string());
        self
    }

    pub fn path(&self) -> String {
        self.path.join(".")
    }
}

impl fmt::Display for ConvertError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path())?;
        }
        write!(f, "expected {}, found {}", self.wanted, self.found)
    }
}

impl Error for ConvertError {}
