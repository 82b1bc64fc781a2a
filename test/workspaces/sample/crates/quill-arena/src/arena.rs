use std::fmt;
use std::marker::PhantomData;
use std::ops::{Index, IndexMut};

/// Names one value of one arena; a freed slot never answers to an old name.
pub struct Id<T> {
    slot: u32,
    generation: u32,
    of: PhantomData<fn() -> T>,
}

impl<T> Clone for Id<T> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<T> Copy for Id<T> {}
impl<T> PartialEq for Id<T> {
    fn eq(&self, other: &Self) -> bool {
        self.slot == other.slot && self.generation == other.generation
    }
}
impl<T> Eq for Id<T> {}
impl<T> std::hash::Hash for Id<T> {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        (self.slot, self.generation).hash(state);
    }
}
impl<T> fmt::Debug for Id<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}.{}", self.slot, self.generation)
    }
}

#[derive(Clone, Debug)]
enum Slot<T> {
    Free { generation: u32, next: Option<u32> },
    Used { generation: u32, value: T },
}

/// Values with stable names and O(1) insert and remove.
///
/// ```
/// let mut arena = quill_arena::Arena::new();
/// let ink = arena.insert("ink");
/// assert_eq!(arena[ink], "ink");
/// assert_eq!(arena.remove(ink), Some("ink"));
/// let pen = arena.insert("pen");
/// assert!(arena.get(ink).is_none());
/// assert_eq!(arena.get(pen), Some(&"pen"));
/// ```
#[derive(Clone, Debug)]
pub struct Arena<T> {
    slots: Vec<Slot<T>>,
    free: Option<u32>,
    used: usize,
}

impl<T> Default for Arena<T> {
    fn default() -> Self {
        Self {
            slots: Vec::new(),
            free: None,
            used: 0,
        }
    }
}

impl<T> Arena<T> {
    pub fn new() -> Self {
        Self::default()
    }

    pub fn len(&self) -> usize {
        self.used
    }

    pub fn is_empty(&self) -> bool {
        self.used == 0
    }

    pub fn insert(&mut self, value: T) -> Id<T> {
        self.used += 1;
        if let Some(slot) = self.free {
            let place = &mut self.slots[slot as usize];
            let Slot::Free { generation, next } = *place else {
                unreachable!("the free list names a used slot")
            };
            self.free = next;
            *place = Slot::Used { generation, value };
            return Id {
                slot,
                generation,
                of: PhantomData,
            };
        }
        let slot = u32::try_from(self.slots.len()).expect("fewer than 2^32 values");
        self.slots.push(Slot::Used {
            generation: 0,
            value,
        });
        Id {
            slot,
            generation: 0,
            of: PhantomData,
        }
    }

    pub fn remove(&mut self, id: Id<T>) -> Option<T> {
        let place = self.slots.get_mut(id.slot as usize)?;
        match place {
            Slot::Used { generation, .. } if *generation == id.generation => {}
            _ => return None,
        }
        let freed = Slot::Free {
            generation: id.generation.wrapping_add(1),
            next: self.free,
        };
        let Slot::Used { value, .. } = std::mem::replace(place, freed) else {
            unreachable!("checked above")
        };
        self.free = Some(id.slot);
        self.used -= 1;
        Some(value)
    }

    pub fn get(&self, id: Id<T>) -> Option<&T> {
        match self.slots.get(id.slot as usize)? {
            Slot::Used { generation, value } if *generation == id.generation => Some(value),
            _ => None,
        }
    }

    pub fn get_mut(&mut self, id: Id<T>) -> Option<&mut T> {
        match self.slots.get_mut(id.slot as usize)? {
            Slot::Used { generation, value } if *generation == id.generation => Some(value),
            _ => None,
        }
    }

    pub fn iter(&self) -> impl Iterator<Item = (Id<T>, &T)> {
        self.slots
            .iter()
            .enumerate()
            .filter_map(|(slot, place)| match place {
                Slot::Used { generation, value } => Some((
                    Id {
                        slot: slot as u32,
                        generation: *generation,
                        of: PhantomData,
                    },
                    value,
                )),
                Slot::Free { .. } => None,
            })
    }
}

impl<T> Index<Id<T>> for Arena<T> {
    type Output = T;
    fn index(&self, id: Id<T>) -> &T {
        self.get(id).unwrap_or_else(|| panic!("{id:?} was removed"))
    }
}

impl<T> IndexMut<Id<T>> for Arena<T> {
    fn index_mut(&mut self, id: Id<T>) -> &mut T {
        self.get_mut(id)
            .unwrap_or_else(|| panic!("{id:?} was removed"))
    }
}

impl<T> FromIterator<T> for Arena<T> {
    fn from_iter<I: IntoIterator<Item = T>>(values: I) -> Self {
        let mut arena = Self::new();
        for value in values {
            arena.insert(value);
        }
        arena
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reuses_slots_under_new_names() {
        let mut arena: Arena<u32> = (0..4).collect();
        let names: Vec<_> = arena.iter().map(|(id, _)| id).collect();
        assert_eq!(arena.remove(names[1]), Some(1));
        assert_eq!(arena.remove(names[1]), None);
        let new = arena.insert(9);
        assert_ne!(new, names[1]);
        assert_eq!(arena.len(), 4);
        assert_eq!(arena.iter().map(|(_, v)| *v).sum::<u32>(), 14);
    }

    #[test]
    #[should_panic(expected = "was removed")]
    fn indexing_a_removed_value_panics() {
        let mut arena = Arena::new();
        let id = arena.insert(());
        arena.remove(id);
        arena[id];
    }
}
