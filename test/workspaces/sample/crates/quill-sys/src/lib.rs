//! Raw bindings; `quill-seal` wraps them safely.

use std::ffi::c_char;

extern "C" {
    pub fn quill_adler32(adler: u32, bytes: *const u8, length: usize) -> u32;
    pub fn quill_base64_length(length: usize) -> usize;
    pub fn quill_base64_encode(bytes: *const u8, length: usize, out: *mut c_char);
    pub fn quill_base64_decode(text: *const c_char, length: usize, out: *mut u8) -> isize;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_library_is_linked() {
        let text = b"Wikipedia";
        // SAFETY: pointer and length describe one slice.
        let sum = unsafe { quill_adler32(1, text.as_ptr(), text.len()) };
        assert_eq!(sum, 0x11e6_0398);
        // SAFETY: pure arithmetic.
        assert_eq!(unsafe { quill_base64_length(4) }, 8);
    }
}
