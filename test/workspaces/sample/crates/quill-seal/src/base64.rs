use std::ffi::c_char;
use std::fmt;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotBase64 {
    pub length: usize,
}

impl fmt::Display for NotBase64 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} characters that are no base64", self.length)
    }
}

impl std::error::Error for NotBase64 {}

/// ```
/// assert_eq!(quill_seal::encode(b"light"), "bGlnaHQ=");
/// ```
pub fn encode(bytes: &[u8]) -> String {
    // SAFETY: pure arithmetic.
    let length = unsafe { quill_sys::quill_base64_length(bytes.len()) };
    let mut out = vec![0u8; length];
    // SAFETY: `out` has exactly the length that the library asks for.
    unsafe {
        quill_sys::quill_base64_encode(
            bytes.as_ptr(),
            bytes.len(),
            out.as_mut_ptr().cast::<c_char>(),
        );
    }
    String::from_utf8(out).expect("base64 is ASCII")
}

/// ```
/// assert_eq!(quill_seal::decode("bGlnaHQ=").unwrap(), b"light");
/// assert!(quill_seal::decode("not base64!").is_err());
/// ```
pub fn decode(text: &str) -> Result<Vec<u8>, NotBase64> {
    let mut out = vec![0u8; text.len() / 4 * 3];
    // SAFETY: decoding never writes more than three bytes for four characters.
    let written = unsafe {
        quill_sys::quill_base64_decode(text.as_ptr().cast::<c_char>(), text.len(), out.as_mut_ptr())
    };
    let written = usize::try_from(written).map_err(|_| NotBase64 { length: text.len() })?;
    out.truncate(written);
    Ok(out)
}
