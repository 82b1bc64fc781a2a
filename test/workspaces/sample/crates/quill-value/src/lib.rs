//! The data model of quill: values, records, and how Rust types convert to and from them.

mod convert;
mod error;
mod record;
mod time;
mod value;

pub use convert::{FromValue, Schema, ToValue};
pub use error::ConvertError;
pub use quill_derive::Record as DeriveRecord;
pub use record::{Record, Table};
pub use time::Date;
pub use value::{Kind, Value};
