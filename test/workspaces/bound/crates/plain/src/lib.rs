//! Nothing in here knows where it was built.

/// The last part of a path.
///
/// ```
/// assert_eq!(plain::last_part("/a/b"), "b");
/// ```
pub fn last_part(path: &str) -> &str {
    path.trim_end_matches('/')
        .rsplit('/')
        .next()
        .unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::last_part;

    #[test]
    fn of_odd_paths() {
        assert_eq!(last_part("a"), "a");
        assert_eq!(last_part("/a/"), "a");
        assert_eq!(last_part(""), "");
    }
}
