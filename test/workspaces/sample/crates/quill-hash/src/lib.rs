//! Checksums and hash functions that need no allocation.

use std::hash::{BuildHasherDefault, Hasher};

mod tables {
    include!(concat!(env!("OUT_DIR"), "/tables.rs"));
}

#[cfg(feature = "siphash")]
mod sip;
#[cfg(feature = "siphash")]
pub use sip::SipHash;

/// How many CRC polynomials the build script made tables for.
pub const TABLES: &str = env!("QUILL_HASH_TABLES");

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Polynomial {
    Ieee,
    Castagnoli,
}

/// A running CRC-32.
///
/// ```
/// use quill_hash::{Crc32, Polynomial};
/// let mut crc = Crc32::new(Polynomial::Ieee);
/// crc.update(b"1234");
/// crc.update(b"56789");
/// assert_eq!(crc.finish(), 0xcbf4_3926);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Crc32 {
    state: u32,
    tables: &'static [[u32; 256]; 8],
}

impl Crc32 {
    pub fn new(polynomial: Polynomial) -> Self {
        let tables = match polynomial {
            Polynomial::Ieee => &tables::IEEE,
            Polynomial::Castagnoli => &tables::CASTAGNOLI,
        };
        Self { state: !0, tables }
    }

    pub fn update(&mut self, bytes: &[u8]) {
        let mut chunks = bytes.chunks_exact(8);
        for chunk in &mut chunks {
            let low = u32::from_le_bytes([chunk[0], chunk[1], chunk[2], chunk[3]]) ^ self.state;
            let high = u32::from_le_bytes([chunk[4], chunk[5], chunk[6], chunk[7]]);
            let mut crc = 0;
            for (index, byte) in low
                .to_le_bytes()
                .into_iter()
                .chain(high.to_le_bytes())
                .enumerate()
            {
                crc ^= self.tables[7 - index][byte as usize];
            }
            self.state = crc;
        }
        for byte in chunks.remainder() {
            let index = ((self.state ^ u32::from(*byte)) & 0xff) as usize;
            self.state = (self.state >> 8) ^ self.tables[0][index];
        }
    }

    pub fn finish(self) -> u32 {
        !self.state
    }

    pub fn of(polynomial: Polynomial, bytes: &[u8]) -> u32 {
        let mut crc = Self::new(polynomial);
        crc.update(bytes);
        crc.finish()
    }
}

/// FNV-1a: good for short keys.
#[derive(Clone, Copy, Debug)]
pub struct Fnv(u64);

impl Default for Fnv {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Hasher for Fnv {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
    fn finish(&self) -> u64 {
        self.0
    }
}

pub type FnvBuild = BuildHasherDefault<Fnv>;
pub type FnvMap<K, V> = std::collections::HashMap<K, V, FnvBuild>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crc_of_known_texts() {
        assert_eq!(Crc32::of(Polynomial::Ieee, b"123456789"), 0xcbf4_3926);
        assert_eq!(Crc32::of(Polynomial::Castagnoli, b"123456789"), 0xe306_9283);
        assert_eq!(Crc32::of(Polynomial::Ieee, b""), 0);
    }

    #[test]
    fn chunking_does_not_matter() {
        let bytes: Vec<u8> = (0..1000u32).map(|n| (n * 31 % 251) as u8).collect();
        let whole = Crc32::of(Polynomial::Castagnoli, &bytes);
        for size in [1, 3, 8, 9, 64, 999] {
            let mut crc = Crc32::new(Polynomial::Castagnoli);
            bytes.chunks(size).for_each(|chunk| crc.update(chunk));
            assert_eq!(crc.finish(), whole, "chunks of {size}");
        }
    }

    #[test]
    fn fnv_of_a_known_text() {
        let mut hasher = Fnv::default();
        hasher.write(b"foobar");
        assert_eq!(hasher.finish(), 0x8594_4171_f739_67e8);
        assert_eq!(TABLES, "2");
        assert!(cfg!(wide_tables));
    }
}
