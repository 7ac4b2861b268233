//! Several shards locked at once without a deadlock.

/// Shards locked together, in the order of their indices (I6).
pub struct Locked<'s, T> {
    guards: Vec<Option<parking_lot::MutexGuard<'s, T>>>,
}

impl<'s, T> Locked<'s, T> {
    /// Locks every shard that is wanted, each once.
    pub fn lock(shards: &'s [parking_lot::Mutex<T>], wanted: impl Iterator<Item = usize>) -> Locked<'s, T> {
        let mut lock = vec![false; shards.len()];
        wanted.for_each(|index| lock[index] = true);
        let guards = shards
            .iter()
            .zip(lock)
            .map(|(shard, lock)| lock.then(|| shard.lock()))
            .collect();
        Locked { guards }
    }

    /// A shard that was wanted.
    pub fn get(&self, index: usize) -> &T {
        self.guards[index]
            .as_ref()
            .expect("every wanted shard was locked")
    }

    /// A shard that was wanted, to change.
    pub fn get_mut(&mut self, index: usize) -> &mut T {
        self.guards[index]
            .as_mut()
            .expect("every wanted shard was locked")
    }
}
