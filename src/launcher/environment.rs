//! The environment that a child gets.

use crate::call::environment;
use crate::observe::watch;
use crate::reply::Run;

/// Ours, with what the node adds; nothing when it adds nothing.
pub fn environment_for(plan: &Run) -> Option<Vec<Vec<u8>>> {
    if plan.env.is_empty() && plan.observe.is_none() {
        return None;
    }
    let mut list: Vec<Vec<u8>> = environment().map(<[u8]>::to_vec).collect();
    for entry in &plan.env {
        list.retain(|other| name_of(other) != name_of(entry));
        list.push(entry.clone());
    }
    if let Some(observe) = &plan.observe {
        list = watch(list, observe);
    }
    Some(list)
}

fn name_of(entry: &[u8]) -> &[u8] {
    let end = entry.iter().position(|byte| *byte == b'=');
    &entry[..end.unwrap_or(entry.len())]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(env: &[&str]) -> Run {
        Run {
            argv: Vec::new(),
            env: env.iter().map(|entry| entry.as_bytes().to_vec()).collect(),
            unmap: Vec::new(),
            stat: Vec::new(),
            mkdirs: Vec::new(),
            ack_ms: 0,
            observe: None,
            front: None,
        }
    }

    #[test]
    fn entries_of_the_same_name_are_replaced() {
        let list = environment_for(&plan(&["PATH=/x", "PATHS=/y", "PATH=a=b"])).unwrap();
        let named = |name: &[u8]| -> Vec<Vec<u8>> {
            let of_name = list.iter().filter(|entry| name_of(entry) == name);
            of_name.cloned().collect()
        };
        assert_eq!(named(b"PATH"), [b"PATH=a=b"]);
        assert_eq!(named(b"PATHS"), [b"PATHS=/y"]);
    }

    #[test]
    fn without_additions_it_is_our_own() {
        assert!(environment_for(&plan(&[])).is_none());
    }
}
