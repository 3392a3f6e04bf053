// SPDX-License-Identifier: GPL-2.0

//! The message that `procfs_rw_rs` and `sleep_rs` keep.

use kernel::{
    iov::IovIterSource,
    prelude::*, //
};

/// The longest message, in bytes. The original has a buffer of 80 with a NUL.
pub(crate) const MAX_LEN: usize = 79;

/// What stands before the message when it is read.
const HEAD: &[u8] = b"Last input:";

/// The last input: bytes, not text.
#[derive(Clone, Copy)]
pub(crate) struct Message {
    /// What is read: the head, and the input.
    text: [u8; HEAD.len() + MAX_LEN],
    /// The length of the input.
    len: usize,
}

impl Message {
    /// Returns an empty message.
    pub(crate) fn new() -> Self {
        let mut text = [0; HEAD.len() + MAX_LEN];
        text[..HEAD.len()].copy_from_slice(HEAD);
        Self { text, len: 0 }
    }

    /// Replaces the input by `input`, of at most [`MAX_LEN`] bytes.
    pub(crate) fn set(&mut self, input: &[u8]) {
        self.text[HEAD.len()..][..input.len()].copy_from_slice(input);
        self.len = input.len();
    }

    /// Returns what is read: `Last input:<bytes>`.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.text[..HEAD.len() + self.len]
    }
}

/// Takes input from userspace, at most [`MAX_LEN`] bytes of what there is.
///
/// EFAULT for a bad pointer. May sleep, for as long as userspace likes (its memory may
/// be a userfaultfd), so no lock may be held.
pub(crate) fn from_user<'a>(
    input: &mut IovIterSource<'_>,
    buffer: &'a mut [u8; MAX_LEN],
) -> Result<&'a [u8]> {
    let text = &mut buffer[..input.len().min(MAX_LEN)];
    if input.copy_from_iter(text) < text.len() {
        return Err(EFAULT);
    }
    Ok(text)
}
