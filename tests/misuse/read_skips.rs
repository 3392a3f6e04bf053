// SPDX-License-Identifier: GPL-2.0

//! A `read(2)` that skips memory as if it had filled it: `splice(2)` would show what other
//! processes have left there.

use abstractions::iov::Dest;

mod abstractions;

fn skip(iov: &mut Dest<'_>, bytes: usize) -> usize {
    #[cfg(misuse)]
    {
        iov.advance(bytes); //~ ERROR no method named `advance` found [E0599]
        iov.iter.advance(bytes); //~ ERROR field `iter` of struct `Dest` is private [E0616]
    }
    #[cfg(not(misuse))]
    let bytes = iov.copy_to_iter(&[0; 16][..bytes.min(16)]);
    bytes
}
