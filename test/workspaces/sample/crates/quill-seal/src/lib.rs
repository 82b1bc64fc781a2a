//! Envelopes: bytes with two checksums, printable as base64, safe over the C library.

use quill_hash::{Crc32, Polynomial, SipHash};
use std::fmt;
use std::str::FromStr;

mod base64;

pub use base64::{decode, encode, NotBase64};

/// Adler-32, from the C library.
///
/// ```
/// assert_eq!(quill_seal::adler32(b"Wikipedia"), 0x11e6_0398);
/// ```
pub fn adler32(bytes: &[u8]) -> u32 {
    // SAFETY: pointer and length describe one slice; the function only reads.
    unsafe { quill_sys::quill_adler32(1, bytes.as_ptr(), bytes.len()) }
}

/// Bytes that were checked when they were opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope {
    content: Vec<u8>,
    key: (u64, u64),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SealError {
    NotBase64(NotBase64),
    TooShort { bytes: usize },
    Checksum { which: &'static str },
}

impl fmt::Display for SealError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SealError::NotBase64(error) => error.fmt(f),
            SealError::TooShort { bytes } => write!(f, "an envelope of {bytes} bytes is too short"),
            SealError::Checksum { which } => write!(f, "the {which} checksum does not match"),
        }
    }
}

impl std::error::Error for SealError {}

impl From<NotBase64> for SealError {
    fn from(error: NotBase64) -> Self {
        SealError::NotBase64(error)
    }
}

const HEADER: usize = 4 + 4 + 8;

impl Envelope {
    pub fn new(content: impl Into<Vec<u8>>) -> Self {
        Self::keyed(content, (0, 0))
    }

    pub fn keyed(content: impl Into<Vec<u8>>, key: (u64, u64)) -> Self {
        Self {
            content: content.into(),
            key,
        }
    }

    pub fn content(&self) -> &[u8] {
        &self.content
    }

    pub fn into_content(self) -> Vec<u8> {
        self.content
    }

    pub fn seal(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(HEADER + self.content.len());
        out.extend(adler32(&self.content).to_le_bytes());
        out.extend(Crc32::of(Polynomial::Castagnoli, &self.content).to_le_bytes());
        out.extend(tag(&self.content, self.key).to_le_bytes());
        out.extend(&self.content);
        out
    }

    pub fn open(sealed: &[u8], key: (u64, u64)) -> Result<Self, SealError> {
        let Some((header, content)) = sealed.split_at_checked(HEADER) else {
            return Err(SealError::TooShort {
                bytes: sealed.len(),
            });
        };
        let checks: [(&'static str, &[u8], Vec<u8>); 3] = [
            (
                "Adler",
                &header[0..4],
                adler32(content).to_le_bytes().to_vec(),
            ),
            (
                "CRC",
                &header[4..8],
                Crc32::of(Polynomial::Castagnoli, content)
                    .to_le_bytes()
                    .to_vec(),
            ),
            (
                "keyed",
                &header[8..16],
                tag(content, key).to_le_bytes().to_vec(),
            ),
        ];
        for (which, found, expected) in checks {
            if found != expected {
                return Err(SealError::Checksum { which });
            }
        }
        Ok(Self {
            content: content.to_vec(),
            key,
        })
    }
}

fn tag(content: &[u8], (k0, k1): (u64, u64)) -> u64 {
    SipHash::new(k0, k1).update(content).finish()
}

impl fmt::Display for Envelope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&encode(&self.seal()))
    }
}

impl FromStr for Envelope {
    type Err = SealError;

    fn from_str(text: &str) -> Result<Self, SealError> {
        Self::open(&decode(text.trim())?, (0, 0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_sealed_opens() {
        for size in [0usize, 1, 2, 3, 255, 6000] {
            let envelope = Envelope::new(vec![size as u8; size]);
            assert_eq!(envelope.to_string().parse(), Ok(envelope));
        }
    }

    #[test]
    fn any_flipped_bit_is_noticed() {
        let sealed = Envelope::new(*b"ink and paper").seal();
        for bit in 0..sealed.len() * 8 {
            let mut wrong = sealed.clone();
            wrong[bit / 8] ^= 1 << (bit % 8);
            assert!(Envelope::open(&wrong, (0, 0)).is_err(), "bit {bit}");
        }
    }

    #[test]
    fn another_key_does_not_open() {
        let sealed = Envelope::keyed(*b"secret", (1, 2)).seal();
        assert_eq!(
            Envelope::open(&sealed, (1, 3)),
            Err(SealError::Checksum { which: "keyed" })
        );
    }
}
