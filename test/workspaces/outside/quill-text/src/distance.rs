/// Damerau-Levenshtein distance with transpositions of neighbours, in characters.
///
/// ```
/// assert_eq!(quill_text::distance("select", "selcet"), 1);
/// assert_eq!(quill_text::distance("", "abc"), 3);
/// ```
pub fn distance(a: &str, b: &str) -> usize {
    let a: Vec<char> = a.chars().collect();
    let b: Vec<char> = b.chars().collect();
    let columns = b.len() + 1;
    let mut rows = vec![vec![0usize; columns]; a.len() + 1];
    for (i, row) in rows.iter_mut().enumerate() {
        row[0] = i;
    }
    for (j, cell) in rows[0].iter_mut().enumerate() {
        *cell = j;
    }
    for i in 1..=a.len() {
        for j in 1..=b.len() {
            let cost = usize::from(a[i - 1] != b[j - 1]);
            let mut best = (rows[i - 1][j] + 1)
                .min(rows[i][j - 1] + 1)
                .min(rows[i - 1][j - 1] + cost);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(rows[i - 2][j - 2] + 1);
            }
            rows[i][j] = best;
        }
    }
    rows[a.len()][b.len()]
}

/// What the user may have meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suggestion<'a> {
    pub word: &'a str,
    pub distance: usize,
}

/// The nearest of `words`, unless all are further away than a third of what was typed.
pub fn closest<'a, I>(typed: &str, words: I) -> Option<Suggestion<'a>>
where
    I: IntoIterator<Item = &'a str>,
{
    let limit = typed.chars().count() / 3 + 1;
    words
        .into_iter()
        .map(|word| Suggestion {
            word,
            distance: distance(typed, word),
        })
        .filter(|suggestion| suggestion.distance <= limit)
        .min_by(|a, b| a.distance.cmp(&b.distance).then_with(|| a.word.cmp(b.word)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_symmetric_and_zero_only_for_equal_words() {
        let words = ["where", "were", "when", "group", "gruop", ""];
        for a in words {
            for b in words {
                assert_eq!(distance(a, b), distance(b, a));
                assert_eq!(distance(a, b) == 0, a == b);
            }
        }
    }

    #[test]
    fn suggests_only_what_is_near() {
        assert_eq!(closest("ordr", ["order", "group"]).unwrap().word, "order");
        assert!(closest("zzz", ["order", "group"]).is_none());
    }
}
