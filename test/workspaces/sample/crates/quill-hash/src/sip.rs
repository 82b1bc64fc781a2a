/// SipHash-2-4 with a key of two words.
#[derive(Clone, Debug)]
pub struct SipHash {
    v: [u64; 4],
    tail: Vec<u8>,
    length: usize,
}

impl SipHash {
    pub fn new(k0: u64, k1: u64) -> Self {
        Self {
            v: [
                k0 ^ 0x736f_6d65_7073_6575,
                k1 ^ 0x646f_7261_6e64_6f6d,
                k0 ^ 0x6c79_6765_6e65_7261,
                k1 ^ 0x7465_6462_7974_6573,
            ],
            tail: Vec::with_capacity(8),
            length: 0,
        }
    }

    pub fn update(&mut self, bytes: &[u8]) -> &mut Self {
        self.length += bytes.len();
        for byte in bytes {
            self.tail.push(*byte);
            if let Ok(word) = <[u8; 8]>::try_from(self.tail.as_slice()) {
                self.absorb(u64::from_le_bytes(word));
                self.tail.clear();
            }
        }
        self
    }

    pub fn finish(&self) -> u64 {
        let mut last = self.clone();
        let mut word = [0u8; 8];
        word[..self.tail.len()].copy_from_slice(&self.tail);
        word[7] = self.length as u8;
        last.absorb(u64::from_le_bytes(word));
        last.v[2] ^= 0xff;
        for _ in 0..4 {
            last.round();
        }
        last.v.iter().fold(0, |hash, word| hash ^ word)
    }

    fn absorb(&mut self, word: u64) {
        self.v[3] ^= word;
        self.round();
        self.round();
        self.v[0] ^= word;
    }

    fn round(&mut self) {
        let v = &mut self.v;
        v[0] = v[0].wrapping_add(v[1]);
        v[2] = v[2].wrapping_add(v[3]);
        v[1] = v[1].rotate_left(13) ^ v[0];
        v[3] = v[3].rotate_left(16) ^ v[2];
        v[0] = v[0].rotate_left(32);
        v[2] = v[2].wrapping_add(v[1]);
        v[0] = v[0].wrapping_add(v[3]);
        v[1] = v[1].rotate_left(17) ^ v[2];
        v[3] = v[3].rotate_left(21) ^ v[0];
        v[2] = v[2].rotate_left(32);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matches_the_reference_vectors() {
        let key = |from: u8| u64::from_le_bytes(std::array::from_fn(|i| from + i as u8));
        let text: Vec<u8> = (0..15).collect();
        let mut hash = SipHash::new(key(0), key(8));
        assert_eq!(hash.finish(), 0x726f_db47_dd0e_0e31);
        assert_eq!(hash.update(&text).finish(), 0xa129_ca61_49be_45e5);
    }
}
