use std::borrow::Borrow;
use std::cmp::Ordering;
use std::fmt;

const RUN: usize = 32;

/// An ordered map of sorted runs: cheap to iterate, cheap to append in order.
#[derive(Clone)]
pub struct RunMap<K, V> {
    runs: Vec<Vec<(K, V)>>,
    len: usize,
}

impl<K, V> Default for RunMap<K, V> {
    fn default() -> Self {
        Self {
            runs: Vec::new(),
            len: 0,
        }
    }
}

impl<K: Ord, V> RunMap<K, V> {
    pub fn new() -> Self {
        Self::default()
    }

    pub fn len(&self) -> usize {
        self.len
    }

    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The value that `key` had before.
    pub fn insert(&mut self, key: K, value: V) -> Option<V> {
        if self.runs.is_empty() {
            self.runs.push(Vec::with_capacity(RUN));
        }
        let at = self.run_for(&key);
        let run = &mut self.runs[at];
        match run.binary_search_by(|(have, _)| have.cmp(&key)) {
            Ok(index) => Some(std::mem::replace(&mut run[index].1, value)),
            Err(index) => {
                run.insert(index, (key, value));
                self.len += 1;
                if run.len() == RUN {
                    let upper = run.split_off(RUN / 2);
                    self.runs.insert(at + 1, upper);
                }
                None
            }
        }
    }

    pub fn get<Q>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
        Q: Ord + ?Sized,
    {
        let run = self.runs.get(self.run_for(key))?;
        let index = run
            .binary_search_by(|(have, _)| have.borrow().cmp(key))
            .ok()?;
        Some(&run[index].1)
    }

    pub fn remove<Q>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
        Q: Ord + ?Sized,
    {
        let at = self.run_for(key);
        let run = self.runs.get_mut(at)?;
        let index = run
            .binary_search_by(|(have, _)| have.borrow().cmp(key))
            .ok()?;
        let (_, value) = run.remove(index);
        if run.is_empty() {
            self.runs.remove(at);
        }
        self.len -= 1;
        Some(value)
    }

    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (&K, &V)> {
        self.runs.iter().flatten().map(|(key, value)| (key, value))
    }

    /// Entries from `from` on, in order.
    pub fn starting_at<'a>(&'a self, from: &'a K) -> impl Iterator<Item = (&'a K, &'a V)> + 'a {
        self.runs[self.run_for(from).min(self.runs.len())..]
            .iter()
            .flatten()
            .skip_while(move |(key, _)| key < from)
            .map(|(key, value)| (key, value))
    }

    fn run_for<Q>(&self, key: &Q) -> usize
    where
        K: Borrow<Q>,
        Q: Ord + ?Sized,
    {
        let found = self.runs.binary_search_by(|run| match run.first() {
            Some((first, _)) if first.borrow() > key => Ordering::Greater,
            _ => match run.last() {
                Some((last, _)) if last.borrow() < key => Ordering::Less,
                _ => Ordering::Equal,
            },
        });
        match found {
            Ok(at) => at,
            Err(after) => after.saturating_sub(1),
        }
    }
}

impl<K: Ord, V> FromIterator<(K, V)> for RunMap<K, V> {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(entries: I) -> Self {
        let mut map = Self::new();
        for (key, value) in entries {
            map.insert(key, value);
        }
        map
    }
}

impl<K: fmt::Debug, V: fmt::Debug> fmt::Debug for RunMap<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map()
            .entries(self.runs.iter().flatten().map(|(k, v)| (k, v)))
            .finish()
    }
}

impl<K: Ord, V: PartialEq> PartialEq for RunMap<K, V> {
    fn eq(&self, other: &Self) -> bool {
        self.len == other.len && self.iter().eq(other.iter())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    /// A small generator, so that the test needs no crate.
    fn numbers(seed: u64) -> impl Iterator<Item = u64> {
        let mut state = seed;
        std::iter::from_fn(move || {
            state = state
                .wrapping_mul(6364136223846793005)
                .wrapping_add(1442695040888963407);
            Some(state >> 40)
        })
    }

    #[test]
    fn agrees_with_the_standard_map() {
        let mut ours = RunMap::new();
        let mut theirs = BTreeMap::new();
        for (index, number) in numbers(7).take(5000).enumerate() {
            let key = number % 700;
            if number % 5 == 0 {
                assert_eq!(ours.remove(&key), theirs.remove(&key));
            } else {
                assert_eq!(ours.insert(key, index), theirs.insert(key, index));
            }
        }
        assert_eq!(ours.len(), theirs.len());
        assert!(ours.iter().eq(theirs.iter()));
        assert!(ours.starting_at(&350).eq(theirs.range(350..)));
    }
}
