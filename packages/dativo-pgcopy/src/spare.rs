//! Memory of batches that their consumer has released, for the batches that follow.
//!
//! Without it nearly half of the time goes into pages that the allocator gives back to the system
//! after each batch, and that the system clears before it hands them out again.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use arrow_buffer::{ArrowNativeType, Buffer, ToByteSlice};

/// How many buffers wait at most.
const MOST: usize = 2;
/// Smaller ones are not worth it; larger ones are not kept.
const BYTES: std::ops::RangeInclusive<usize> = (32 << 10)..=(4 << 20);

type Shelf<T> = Mutex<Vec<Vec<T>>>;

/// The buffers of one kind, in one column.
#[derive(Debug)]
pub struct Spare<T>(Arc<Shelf<T>>);

impl<T> Default for Spare<T> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<T: ArrowNativeType> Spare<T> {
    /// Return an empty vector with room for `expected` values, one that was used before if any is
    /// there.
    #[must_use]
    pub fn take(&self, expected: usize) -> Vec<T> {
        let mut free = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut values = free.pop().unwrap_or_default();
        drop(free);
        values.reserve(expected);
        values
    }

    /// Make a buffer of `values`, whose memory comes back when it is released.
    #[must_use]
    pub fn lend(&self, values: Vec<T>) -> Buffer {
        if !BYTES.contains(&(values.capacity() * size_of::<T>())) {
            return Buffer::from_vec(values);
        }
        let home = Arc::downgrade(&self.0);
        bytes::Bytes::from_owner(Lent { values, home }).into()
    }
}

struct Lent<T> {
    values: Vec<T>,
    /// Gone once the reader is.
    home: Weak<Shelf<T>>,
}

impl<T: ArrowNativeType> AsRef<[u8]> for Lent<T> {
    fn as_ref(&self) -> &[u8] {
        self.values.as_slice().to_byte_slice()
    }
}

impl<T> Drop for Lent<T> {
    fn drop(&mut self) {
        let Some(home) = self.home.upgrade() else {
            return;
        };
        let mut free = home.lock().unwrap_or_else(PoisonError::into_inner);
        if free.len() < MOST {
            let mut values = std::mem::take(&mut self.values);
            values.clear();
            free.push(values);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn full(spare: &Spare<i64>) -> (Buffer, *const u8) {
        let mut values = spare.take(10_000);
        values.extend(0..10_000);
        let buffer = spare.lend(values);
        let address = buffer.as_ptr();
        (buffer, address)
    }

    #[test]
    fn released_memory_is_used_again() {
        let spare = Spare::default();
        let (first, address) = full(&spare);
        assert_eq!(first.typed_data::<i64>()[9_999], 9_999);
        let (second, other) = full(&spare);
        assert_ne!(address, other);
        drop((first, second));
        let (_, third) = full(&spare);
        assert!(third == address || third == other);
    }

    #[test]
    fn no_more_waits_than_a_few_buffers() {
        let spare = Spare::default();
        let lent: Vec<_> = (0..9).map(|_| full(&spare)).collect();
        drop(lent);
        assert_eq!(spare.0.lock().expect("a shelf").len(), MOST);
    }

    #[test]
    fn buffers_outlive_the_reader() {
        let spare = Spare::default();
        let (buffer, _) = full(&spare);
        drop(spare);
        assert_eq!(buffer.typed_data::<i64>()[5], 5);
    }

    #[test]
    fn small_buffers_do_not_come_back() {
        let spare = Spare::<u8>::default();
        drop(spare.lend(vec![1, 2, 3]));
        assert!(spare.0.lock().expect("a shelf").is_empty());
    }
}
