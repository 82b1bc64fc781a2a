//! Collections that the standard library does not have: a generational arena, a bit set and an
//! ordered map that keeps its entries in sorted runs.

mod arena;
mod bits;
mod runs;

pub use arena::{Arena, Id};
pub use bits::BitSet;
pub use runs::RunMap;

/// The version that this crate was built as.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
