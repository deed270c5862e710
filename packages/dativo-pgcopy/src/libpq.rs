//! Rows from a connection of libpq, through the functions of the library that made it.

use std::ffi::{c_char, c_int, c_void};
use std::ptr;

use crate::batches::Source;
use crate::fault::Failure;
use crate::rows::Block;

/// `PQgetCopyData`.
pub type GetCopyData = unsafe extern "C" fn(*mut c_void, *mut *mut c_char, c_int) -> c_int;
/// `PQfreemem`.
pub type FreeMemory = unsafe extern "C" fn(*mut c_void);

/// A connection in the state `PGRES_COPY_OUT`.
pub struct Connection {
    handle: *mut c_void,
    get_copy_data: GetCopyData,
    free: FreeMemory,
}

// SAFETY: libpq lets a connection be used by any thread, one at a time; whoever holds this value
// mutably is that one, as `Connection::new` demands.
unsafe impl Send for Connection {}

impl Connection {
    /// Read from the connection that `handle` points to.
    ///
    /// # Safety
    /// The functions must be those of the libpq that opened the connection.  It must stay open, and
    /// be used by nobody else but for cancelling, as long as this value is used.
    #[must_use]
    pub const unsafe fn new(
        handle: *mut c_void,
        get_copy_data: GetCopyData,
        free: FreeMemory,
    ) -> Self {
        Self {
            handle,
            get_copy_data,
            free,
        }
    }
}

/// Memory that libpq has allocated.
struct Message {
    start: *mut c_char,
    free: FreeMemory,
}

impl Drop for Message {
    fn drop(&mut self) {
        // SAFETY: libpq allocated it, it is freed once, and NULL is allowed.
        unsafe { (self.free)(self.start.cast()) };
    }
}

impl Source for Connection {
    fn pull(&mut self, block: &mut Block) -> Result<bool, Failure> {
        let mut message = Message {
            start: ptr::null_mut(),
            free: self.free,
        };
        // SAFETY: `new` demands a connection that is ours; the message is written to a place of our
        // own.  0 means that the call waits for the next one.
        let length = unsafe { (self.get_copy_data)(self.handle, &raw mut message.start, 0) };
        match usize::try_from(length) {
            Ok(length) if length > 0 && !message.start.is_null() => {
                // SAFETY: libpq has written a message of so many bytes, which lives until `message`
                // is dropped, after the last use of `bytes`.
                let bytes = unsafe { std::slice::from_raw_parts(message.start.cast(), length) };
                block.append(bytes)?;
                Ok(true)
            }
            _ if length == -1 => Ok(false),
            _ => Err(Failure::Stopped),
        }
    }

    fn cut_short(&self) -> Failure {
        // The server sent an error in place of the next row.
        Failure::Stopped
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    unsafe extern "C" fn nothing(_: *mut c_void) {}

    unsafe extern "C" fn lost(_: *mut c_void, _: *mut *mut c_char, _: c_int) -> c_int {
        -2
    }

    unsafe extern "C" fn done(_: *mut c_void, _: *mut *mut c_char, _: c_int) -> c_int {
        -1
    }

    fn pull(get_copy_data: GetCopyData) -> Result<bool, Failure> {
        // SAFETY: these functions touch no memory.
        let mut source = unsafe { Connection::new(ptr::null_mut(), get_copy_data, nothing) };
        source.pull(&mut Block::new(0))
    }

    #[test]
    fn a_lost_connection_stops_the_stream() {
        assert!(matches!(pull(lost), Err(Failure::Stopped)));
        assert!(matches!(pull(done), Ok(false)));
    }
}
