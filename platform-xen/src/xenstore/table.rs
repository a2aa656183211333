//! A small map from numbers: a list in order. There are never many requests or watches, and a tree of each would be
//! kilobytes of code in every kernel.

use alloc::vec::Vec;

/// Values by their numbers.
pub(super) struct Table<V>(Vec<(u32, V)>);

impl<V> Table<V> {
    pub(super) const fn new() -> Table<V> {
        Table(Vec::new())
    }

    fn place(&self, number: u32) -> Result<usize, usize> {
        self.0.binary_search_by_key(&number, |(number, _)| *number)
    }

    /// Puts a value there, in place of another.
    pub(super) fn insert(&mut self, number: u32, value: V) {
        match self.place(number) {
            Ok(at) => self.0[at].1 = value,
            Err(at) => self.0.insert(at, (number, value)),
        }
    }

    pub(super) fn get(&self, number: u32) -> Option<&V> {
        self.place(number).ok().map(|at| &self.0[at].1)
    }

    pub(super) fn get_mut(&mut self, number: u32) -> Option<&mut V> {
        self.place(number).ok().map(|at| &mut self.0[at].1)
    }

    pub(super) fn remove(&mut self, number: u32) -> Option<V> {
        self.place(number).ok().map(|at| self.0.remove(at).1)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &(u32, V)> {
        self.0.iter()
    }

    pub(super) fn retain(&mut self, keep: impl FnMut(&(u32, V)) -> bool) {
        self.0.retain(keep);
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}

impl<V> Default for Table<V> {
    fn default() -> Self {
        Table::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::collections::BTreeMap;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn it_is_a_map(steps: Vec<(u8, bool, u16)>) {
            let (mut table, mut model) = (Table::new(), BTreeMap::new());
            for (number, add, value) in steps {
                let number = u32::from(number % 16);
                if add {
                    table.insert(number, value);
                    model.insert(number, value);
                } else {
                    prop_assert_eq!(table.remove(number), model.remove(&number));
                }
                prop_assert_eq!(table.get(number), model.get(&number));
                prop_assert!(table.iter().map(|(n, v)| (n, v)).eq(model.iter()));
                prop_assert_eq!(table.len(), model.len());
            }
        }
    }
}
