use std::ops::{BitAnd, BitOr, Sub};

/// A set of small numbers, 64 to a word.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct BitSet {
    words: Vec<u64>,
}

impl BitSet {
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether `bit` is new.
    pub fn insert(&mut self, bit: usize) -> bool {
        let (word, mask) = (bit / 64, 1u64 << (bit % 64));
        if self.words.len() <= word {
            self.words.resize(word + 1, 0);
        }
        let new = self.words[word] & mask == 0;
        self.words[word] |= mask;
        new
    }

    pub fn remove(&mut self, bit: usize) -> bool {
        let (word, mask) = (bit / 64, 1u64 << (bit % 64));
        let Some(word) = self.words.get_mut(word) else {
            return false;
        };
        let had = *word & mask != 0;
        *word &= !mask;
        self.trim();
        had
    }

    pub fn contains(&self, bit: usize) -> bool {
        self.words
            .get(bit / 64)
            .is_some_and(|word| word & (1 << (bit % 64)) != 0)
    }

    pub fn len(&self) -> usize {
        self.words
            .iter()
            .map(|word| word.count_ones() as usize)
            .sum()
    }

    pub fn is_empty(&self) -> bool {
        self.words.iter().all(|word| *word == 0)
    }

    pub fn iter(&self) -> impl Iterator<Item = usize> + '_ {
        self.words.iter().enumerate().flat_map(|(index, word)| {
            let mut left = *word;
            std::iter::from_fn(move || {
                if left == 0 {
                    return None;
                }
                let bit = left.trailing_zeros() as usize;
                left &= left - 1;
                Some(index * 64 + bit)
            })
        })
    }

    fn zip(&self, other: &Self, combine: impl Fn(u64, u64) -> u64) -> Self {
        let length = self.words.len().max(other.words.len());
        let at = |words: &[u64], index: usize| words.get(index).copied().unwrap_or(0);
        let words = (0..length)
            .map(|i| combine(at(&self.words, i), at(&other.words, i)))
            .collect();
        let mut set = Self { words };
        set.trim();
        set
    }

    /// Equal sets have equal words.
    fn trim(&mut self) {
        while self.words.last() == Some(&0) {
            self.words.pop();
        }
    }
}

impl FromIterator<usize> for BitSet {
    fn from_iter<I: IntoIterator<Item = usize>>(bits: I) -> Self {
        let mut set = Self::new();
        for bit in bits {
            set.insert(bit);
        }
        set
    }
}

macro_rules! set_operator {
    ($($operator:ident::$method:ident => $combine:expr;)*) => {$(
        impl $operator for &BitSet {
            type Output = BitSet;
            fn $method(self, other: &BitSet) -> BitSet {
                self.zip(other, $combine)
            }
        }
    )*};
}

set_operator! {
    BitAnd::bitand => |a, b| a & b;
    BitOr::bitor => |a, b| a | b;
    Sub::sub => |a, b| a & !b;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn behaves_like_a_set() {
        let evens: BitSet = (0..200).step_by(2).collect();
        let threes: BitSet = (0..200).step_by(3).collect();
        let sixes: BitSet = (0..200).step_by(6).collect();
        assert_eq!(&evens & &threes, sixes);
        assert_eq!(
            (&evens | &threes).len(),
            evens.len() + threes.len() - sixes.len()
        );
        assert_eq!((&evens - &evens), BitSet::new());
        assert_eq!(
            sixes.iter().collect::<Vec<_>>(),
            (0..200).step_by(6).collect::<Vec<_>>()
        );
    }

    #[test]
    fn removing_the_last_bit_leaves_the_empty_set() {
        let mut set = BitSet::new();
        assert!(set.insert(700));
        assert!(!set.insert(700));
        assert!(set.remove(700));
        assert_eq!(set, BitSet::new());
        assert!(set.is_empty());
    }
}
