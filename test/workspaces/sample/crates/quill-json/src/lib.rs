//! JSON for quill values: a recursive-descent reader with positions, and a writer.

mod read;
mod write;

pub use read::{parse, parse_lines, ParseError};
pub use write::to_string;
#[cfg(feature = "pretty")]
pub use write::to_string_pretty;

/// The format version, as `major.minor` of this crate.
pub const FORMAT: &str = concat!(
    env!("CARGO_PKG_VERSION_MAJOR"),
    ".",
    env!("CARGO_PKG_VERSION_MINOR")
);
