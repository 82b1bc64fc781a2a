//! Having the compiler watched: the environment under which the observer comes with it.

use crate::reply::Observe;

/// `NAME=value` each, with the library before what the user preloads.
pub fn watch(environment: Vec<Vec<u8>>, observe: &Observe) -> Vec<Vec<u8>> {
    let mut list: Vec<Vec<u8>> = Vec::new();
    let mut preload = [b"LD_PRELOAD=", &observe.library[..]].concat();
    for entry in environment {
        if let Some(others) = entry.strip_prefix(b"LD_PRELOAD=") {
            if !others.is_empty() {
                preload.push(b':');
                preload.extend_from_slice(others);
            }
        } else if !entry.starts_with(b"VRIFT_OBSERVED=") {
            list.push(entry);
        }
    }
    list.push(preload);
    list.push([b"VRIFT_OBSERVED=", &observe.log[..]].concat());
    list
}
