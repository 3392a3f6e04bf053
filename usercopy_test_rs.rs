// SPDX-License-Identifier: GPL-2.0

//! The kernel's user-copy self test: every way between kernel and user memory,
//! tried where it must work and where it must be refused.
//!
//! The module maps memory into the process that loads it, followed by a page that is not
//! mapped, and runs every case, also after one has failed. The load succeeds only when all
//! pass.
//!
//! ```sh
//! insmod usercopy_test_rs.ko
//! dmesg | tail -n 2     # usercopy_test_rs: 27 of 27 cases passed
//!                       # usercopy_test_rs: tests passed.
//! insmod usercopy_test_rs.ko wrong=put_get_u32     # Invalid argument
//! ```
//!
//! `wrong=` inverts what is expected, which shows that a case can fail: all that one case
//! expects, or only one thing by its name, as in `wrong="clear/the byte behind
//! untouched"`.
//!
//! The original also tests `copy_struct_from_user`, an inline function of C that Rust
//! cannot call. A *reversed* copy, from a user address as if it were the kernel's, does
//! not compile here: the kernel's side is a slice. (In C it ends in an Oops with SMAP, and
//! is left out there too.) Beyond the original: all offsets and lengths, page borders,
//! partly mapped ranges, strings, the copies that do not sleep, and `UserSlice` of the
//! `kernel` crate.
//!
//! Source: `lib/test_user_copy.c`, today `lib/tests/usercopy_kunit.c`.

use abstractions::{
    param::string_parameters,
    usercopy::{
        check_zeroed_user,
        clear_user,
        copy_from_user,
        copy_from_user_nofault,
        copy_to_user,
        copy_to_user_nofault,
        get_user,
        put_user,
        strncpy_from_user,
        strnlen_user,
        UserMemory,
        UserScalar, //
    }, //
};
use core::fmt::Debug;
use kernel::{
    page::PAGE_SIZE,
    prelude::*,
    uaccess::{
        UserPtr,
        UserSlice, //
    }, //
};

mod abstractions;

module! {
    type: UserCopyTest,
    name: "usercopy_test_rs",
    authors: ["lkmpg-rs authors"],
    description: "Tests the copies between kernel and user memory when loaded",
    license: "GPL",
}

string_parameters! {
    module: "usercopy_test_rs",
    wrong: "The expectations to turn around: case,case/check...",
}

/// A case: its name, and what it does with the checks and the user memory.
type Case = (&'static str, fn(&mut Checks, &UserMemory) -> Result);

/// All cases.
const CASES: &[Case] = &[
    ("copy_round_trip", copy_round_trip),
    ("copy_over_page_border", copy_over_page_border),
    ("copy_whole_pages", copy_whole_pages),
    ("copy_from_partly_unmapped", copy_from_partly_unmapped),
    ("copy_to_partly_unmapped", copy_to_partly_unmapped),
    ("clear", clear),
    ("clear_partly_unmapped", clear_partly_unmapped),
    ("put_get_u8", |c, m| put_get(c, m, 0x5au8)),
    ("put_get_u16", |c, m| put_get(c, m, 0x5a5bu16)),
    ("put_get_u32", |c, m| put_get(c, m, 0x5a5b_5c5du32)),
    ("put_get_u64", |c, m| {
        put_get(c, m, 0x5a5b_5c5d_6a6b_6c6du64)
    }),
    ("put_get_partly_unmapped", put_get_partly_unmapped),
    ("strncpy", strncpy),
    ("strncpy_partly_unmapped", strncpy_partly_unmapped),
    ("strnlen", strnlen),
    ("strnlen_partly_unmapped", strnlen_partly_unmapped),
    ("check_zeroed", check_zeroed),
    ("copy_nofault", copy_nofault),
    ("user_slice", user_slice),
    ("user_slice_partly_unmapped", user_slice_partly_unmapped),
    ("kernel_address", kernel_address),
    ("null_address", |c, _| refused(c, 0)),
    ("unmapped_address", |c, m| {
        refused(c, m.at(m.len()).as_const_ptr().addr())
    }),
    ("first_address_beyond_user", |c, _| {
        refused(c, 0x7fff_ffff_f000)
    }),
    ("non_canonical_address", |c, _| {
        refused(c, 0x1234_5678_9abc_def0)
    }),
    ("non_canonical_kernel_address", |c, _| refused(c, 1 << 63)),
    ("last_address", |c, _| refused(c, usize::MAX)),
];

/// The longest copy, and the largest offset, of those that are tried in full.
const MAX_LEN: usize = 64;
const MAX_OFFSET: usize = 16;

/// What a case compares, and whether all of it held.
struct Checks {
    case: &'static str,
    /// The parameter.
    wrong: &'static [u8],
    failures: usize,
}

impl Checks {
    /// Returns whether the expectation of a check is to be turned around.
    fn is_wrong(&self, what: &str) -> bool {
        let names = self.wrong.split(|byte| *byte == b',');
        let of_case = |name: &'static [u8]| name.strip_prefix(self.case.as_bytes());
        names.filter_map(of_case).any(|rest| match rest {
            [] => true,
            [b'/', check @ ..] => check == what.as_bytes(),
            _ => false,
        })
    }

    /// Checks that `what` came out as expected; logs the first one of a case that
    /// did not.
    fn equal<T: PartialEq + Debug>(&mut self, what: &str, actual: T, expected: T) {
        let (equal, wrong) = (actual == expected, self.is_wrong(what));
        if equal != wrong {
            return;
        }
        self.failures += 1;
        if self.failures == 1 {
            let case = self.case;
            let but = if wrong { "anything but " } else { "" };
            pr_err!("{case}: {what} is {actual:?}, expected {but}{expected:?}\n");
        }
    }

    /// Checks that something holds.
    fn holds(&mut self, what: &str, actual: bool) {
        self.equal(what, actual, true);
    }
}

struct UserCopyTest;

impl kernel::Module for UserCopyTest {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        let wrong = string_parameters::wrong
            .value()
            .map_or(&b""[..], CStr::to_bytes);
        let mut passed = 0;
        for (case, run) in CASES {
            // Each gets memory of its own: zeroed, and not touched yet.
            let memory = UserMemory::new(2)?;
            let mut checks = Checks {
                case,
                wrong,
                failures: 0,
            };
            run(&mut checks, &memory)?;
            passed += usize::from(checks.failures == 0);
        }
        pr_info!("{passed} of {} cases passed\n", CASES.len());
        if passed < CASES.len() {
            return Err(EINVAL);
        }
        pr_info!("tests passed.\n");
        Ok(Self)
    }
}

/// Returns bytes that all differ from their neighbours, from 0 and from [`FILL`].
fn pattern<const N: usize>() -> [u8; N] {
    core::array::from_fn(|i| i as u8 % 100 + 1)
}

/// What stands in memory that a copy must leave alone.
const FILL: u8 = 0xa5;

/// Copies `len` bytes there and back at `start`, and looks at both neighbours.
fn round_trip(checks: &mut Checks, memory: &UserMemory, start: usize, len: usize) {
    const ROOM: usize = MAX_LEN + 2;
    let data = pattern::<ROOM>();
    checks.equal(
        "rest of the fill",
        copy_to_user(memory.at(start - 1), &[FILL; ROOM]),
        0,
    );

    let rest = copy_to_user(memory.at(start), &data[..len]);
    checks.equal("rest of copy_to_user", rest, 0);
    let mut back = [0; ROOM];
    let rest = copy_from_user(&mut back[..len + 2], memory.at(start - 1));
    checks.equal("rest of copy_from_user", rest, 0);
    checks.holds("what came back equal", back[1..=len] == data[..len]);
    checks.holds("the byte before untouched", back[0] == FILL);
    checks.holds("the byte behind untouched", back[len + 1] == FILL);
}

fn copy_round_trip(checks: &mut Checks, memory: &UserMemory) -> Result {
    for offset in 0..=MAX_OFFSET {
        for len in 0..=MAX_LEN {
            round_trip(checks, memory, MAX_OFFSET + offset, len);
        }
    }
    Ok(())
}

fn copy_over_page_border(checks: &mut Checks, memory: &UserMemory) -> Result {
    for before in 0..=MAX_LEN {
        for len in 0..=MAX_LEN {
            round_trip(checks, memory, PAGE_SIZE - before, len);
        }
    }
    Ok(())
}

fn copy_whole_pages(checks: &mut Checks, memory: &UserMemory) -> Result {
    let there = KVec::from_elem(0x3a, memory.len(), GFP_KERNEL)?;
    let mut back = KVec::from_elem(0, memory.len(), GFP_KERNEL)?;
    checks.equal(
        "rest of copy_to_user",
        copy_to_user(memory.at(0), &there),
        0,
    );
    checks.equal(
        "rest of copy_from_user",
        copy_from_user(&mut back, memory.at(0)),
        0,
    );
    checks.holds("what came back equal", there[..] == back[..]);
    Ok(())
}

fn copy_from_partly_unmapped(checks: &mut Checks, memory: &UserMemory) -> Result {
    let data = pattern::<MAX_LEN>();
    for mapped in 0..=MAX_LEN {
        let start = memory.at(memory.len() - mapped);
        checks.equal(
            "rest of copy_to_user",
            copy_to_user(start, &data[..mapped]),
            0,
        );
        let mut back = [FILL; MAX_LEN];
        let rest = copy_from_user(&mut back, start);
        checks.equal("rest of copy_from_user", rest, MAX_LEN - mapped);
        checks.holds("what is mapped copied", back[..mapped] == data[..mapped]);
        checks.holds(
            "the tail zeroed",
            back[mapped..].iter().all(|byte| *byte == 0),
        );
    }
    Ok(())
}

fn copy_to_partly_unmapped(checks: &mut Checks, memory: &UserMemory) -> Result {
    let data = pattern::<MAX_LEN>();
    for mapped in 0..=MAX_LEN {
        let start = memory.at(memory.len() - mapped);
        checks.equal(
            "rest of the fill",
            copy_to_user(start, &[FILL; MAX_LEN][..mapped]),
            0,
        );
        let rest = copy_to_user(start, &data);
        checks.equal("rest of copy_to_user", rest, MAX_LEN - mapped);
        let mut back = [0; MAX_LEN];
        checks.equal(
            "rest of copy_from_user",
            copy_from_user(&mut back[..mapped], start),
            0,
        );
        checks.holds("what is mapped copied", back[..mapped] == data[..mapped]);
    }
    Ok(())
}

fn clear(checks: &mut Checks, memory: &UserMemory) -> Result {
    const ROOM: usize = MAX_LEN + 2;
    for start in Iterator::chain(1..=MAX_OFFSET + 1, PAGE_SIZE - MAX_LEN..=PAGE_SIZE) {
        for len in 0..=MAX_LEN {
            let before = memory.at(start - 1);
            checks.equal("rest of the fill", copy_to_user(before, &[FILL; ROOM]), 0);
            let rest = clear_user(memory.at(start), len);
            checks.equal("rest of clear_user", rest, 0);
            let mut back = [0x3a; ROOM];
            let rest = copy_from_user(&mut back, before);
            checks.equal("rest of copy_from_user", rest, 0);
            checks.holds("zeros", back[1..=len].iter().all(|byte| *byte == 0));
            checks.holds("the byte before untouched", back[0] == FILL);
            checks.holds(
                "the byte behind untouched",
                back[len + 1..].iter().all(|byte| *byte == FILL),
            );
        }
    }
    Ok(())
}

// ANCHOR: partly
fn clear_partly_unmapped(checks: &mut Checks, memory: &UserMemory) -> Result {
    for mapped in 0..=MAX_LEN {
        let start = memory.at(memory.len() - mapped);
        let fill = &[FILL; MAX_LEN][..mapped];
        checks.equal("rest of the fill", copy_to_user(start, fill), 0);
        let rest = clear_user(start, MAX_LEN);
        checks.equal("rest of clear_user", rest, MAX_LEN - mapped);
        let zeroed = check_zeroed_user(start, mapped);
        checks.equal("check_zeroed_user", zeroed, Ok(true));
    }
    Ok(())
}
// ANCHOR_END: partly

fn put_get<T>(checks: &mut Checks, memory: &UserMemory, value: T) -> Result
where
    T: UserScalar + PartialEq + Debug,
{
    let mut put_get_at = |start| {
        checks.equal("put_user", put_user(value, memory.at(start)), Ok(()));
        checks.equal("get_user", get_user(memory.at(start)), (Ok(()), value));
    };
    (0..=MAX_OFFSET).for_each(&mut put_get_at);
    (PAGE_SIZE - size_of::<T>()..=PAGE_SIZE).for_each(&mut put_get_at);
    // The last that fits.
    put_get_at(memory.len() - size_of::<T>());

    // Nothing else is written: the bytes before and behind.
    let mut bytes = [0; 10];
    let all = size_of::<T>() + 2;
    checks.equal(
        "rest of the fill",
        copy_to_user(memory.at(0), &[FILL; 10]),
        0,
    );
    checks.equal("put_user", put_user(value, memory.at(1)), Ok(()));
    checks.equal(
        "rest of copy_from_user",
        copy_from_user(&mut bytes, memory.at(0)),
        0,
    );
    checks.holds("the byte before untouched", bytes[0] == FILL);
    checks.holds("the byte behind untouched", bytes[all - 1] == FILL);
    checks.holds("the value written", !bytes[1..all - 1].contains(&FILL));
    Ok(())
}

fn put_get_partly_unmapped(checks: &mut Checks, memory: &UserMemory) -> Result {
    for mapped in 1..8 {
        let start = memory.at(memory.len() - mapped);
        checks.equal(
            "rest of the fill",
            copy_to_user(start, &[FILL; 8][..mapped]),
            0,
        );
        if mapped < 2 {
            refuse_scalar(checks, start, 0x5a5bu16);
        }
        if mapped < 4 {
            refuse_scalar(checks, start, 0x5a5b_5c5du32);
        }
        refuse_scalar(checks, start, 0x5a5b_5c5d_6a6b_6c6du64);
        let mut bytes = [0; 8];
        checks.equal(
            "rest of copy_from_user",
            copy_from_user(&mut bytes[..mapped], start),
            0,
        );
        checks.holds(
            "what is mapped untouched",
            bytes[..mapped] == [FILL; 8][..mapped],
        );
    }
    Ok(())
}

/// Writes a string with its NUL.
fn put_string(checks: &mut Checks, to: UserPtr, string: &[u8]) {
    checks.equal("rest of the string", copy_to_user(to, string), 0);
    let end = to.wrapping_byte_add(string.len());
    checks.equal("put_user of NUL", put_user(0u8, end), Ok(()));
}

/// Returns where strings are tried: unaligned in all ways, and over the page border.
fn string_starts() -> impl Iterator<Item = usize> {
    // `pin_init`, which the prelude brings along, has a `chain` too.
    Iterator::chain(0..=MAX_OFFSET, PAGE_SIZE - MAX_LEN..=PAGE_SIZE)
}

fn strncpy(checks: &mut Checks, memory: &UserMemory) -> Result {
    let data = pattern::<MAX_LEN>();
    for start in string_starts() {
        for len in 0..=MAX_LEN {
            put_string(checks, memory.at(start), &data[..len]);
            let mut back = [FILL; MAX_LEN + 1];
            let copied = strncpy_from_user(&mut back, memory.at(start));
            checks.equal("length", copied, Ok(len));
            checks.holds(
                "the string copied",
                back[..len] == data[..len] && back[len] == 0,
            );

            // Cut off: as many bytes as there is room for, and no NUL.
            let mut back = [FILL; MAX_LEN];
            let copied = strncpy_from_user(&mut back[..len / 2], memory.at(start));
            checks.equal("length that is cut off", copied, Ok(len / 2));
            checks.holds("a part copied", back[..len / 2] == data[..len / 2]);
            checks.holds(
                "the rest untouched",
                back[len / 2..].iter().all(|b| *b == FILL),
            );
        }
    }
    Ok(())
}

fn strncpy_partly_unmapped(checks: &mut Checks, memory: &UserMemory) -> Result {
    let data = pattern::<MAX_LEN>();
    for len in 0..MAX_LEN {
        let mut back = [FILL; MAX_LEN + 1];
        // The NUL is the last byte that is mapped.
        let start = memory.at(memory.len() - len - 1);
        put_string(checks, start, &data[..len]);
        checks.equal("length", strncpy_from_user(&mut back, start), Ok(len));
        checks.holds(
            "the string copied",
            back[..len] == data[..len] && back[len] == 0,
        );

        // There is none before the end.
        let start = memory.at(memory.len() - len);
        checks.equal("rest of the bytes", copy_to_user(start, &data[..len]), 0);
        let copied = strncpy_from_user(&mut back, start);
        checks.equal("length without NUL", copied, Err(EFAULT));
    }
    Ok(())
}

fn strnlen(checks: &mut Checks, memory: &UserMemory) -> Result {
    let data = pattern::<MAX_LEN>();
    for start in string_starts() {
        for len in 0..=MAX_LEN {
            put_string(checks, memory.at(start), &data[..len]);
            let string = memory.at(start);
            checks.equal("size", strnlen_user(string, MAX_LEN + 1), len + 1);
            checks.equal("size at the limit", strnlen_user(string, len + 1), len + 1);
            // It reads whole words, so the number may be any above the limit; a limit
            // of 0 finds nothing.
            let found = strnlen_user(string, len);
            checks.equal("a longer one above the limit", found > len, len > 0);
        }
    }
    Ok(())
}

fn strnlen_partly_unmapped(checks: &mut Checks, memory: &UserMemory) -> Result {
    let data = pattern::<MAX_LEN>();
    for len in 0..MAX_LEN {
        let start = memory.at(memory.len() - len - 1);
        put_string(checks, start, &data[..len]);
        checks.equal("size", strnlen_user(start, MAX_LEN), len + 1);

        let start = memory.at(memory.len() - len);
        checks.equal("rest of the bytes", copy_to_user(start, &data[..len]), 0);
        checks.equal("size without NUL", strnlen_user(start, MAX_LEN), 0);
    }
    Ok(())
}

fn check_zeroed(checks: &mut Checks, memory: &UserMemory) -> Result {
    // Zeros between two others, over the page border; every part of it.
    let mut data = [0; MAX_LEN];
    data[..8].copy_from_slice(&pattern::<8>());
    data[MAX_LEN - 8..].copy_from_slice(&pattern::<8>());
    let start = PAGE_SIZE - MAX_LEN / 2;
    checks.equal(
        "rest of copy_to_user",
        copy_to_user(memory.at(start), &data),
        0,
    );
    for from in 0..=MAX_LEN {
        for to in from..=MAX_LEN {
            let zeroed = data[from..to].iter().all(|byte| *byte == 0);
            let found = check_zeroed_user(memory.at(start + from), to - from);
            checks.equal("check_zeroed_user", found, Ok(zeroed));
        }
    }
    let found = check_zeroed_user(memory.at(memory.len() - 8), 9);
    checks.equal("check_zeroed_user of the hole", found, Err(EFAULT));
    Ok(())
}

fn copy_nofault(checks: &mut Checks, memory: &UserMemory) -> Result {
    let data = pattern::<MAX_LEN>();
    let mut back = [0; MAX_LEN];
    // Never touched, so not resident: the others would have it brought in.
    let start = memory.at(PAGE_SIZE - MAX_LEN / 2);
    checks.equal(
        "copy from an absent page",
        copy_from_user_nofault(&mut back, start),
        Err(EFAULT),
    );
    checks.equal(
        "copy to an absent page",
        copy_to_user_nofault(start, &data),
        Err(EFAULT),
    );

    checks.equal("rest of the fill", copy_to_user(start, &[FILL; MAX_LEN]), 0);
    checks.equal(
        "copy to both pages",
        copy_to_user_nofault(start, &data),
        Ok(()),
    );
    checks.equal(
        "copy from both pages",
        copy_from_user_nofault(&mut back, start),
        Ok(()),
    );
    checks.holds("what came back equal", back == data);

    let start = memory.at(memory.len() - 1);
    checks.equal(
        "copy from the hole",
        copy_from_user_nofault(&mut back, start),
        Err(EFAULT),
    );
    checks.equal(
        "copy to the hole",
        copy_to_user_nofault(start, &data),
        Err(EFAULT),
    );
    Ok(())
}

fn user_slice(checks: &mut Checks, memory: &UserMemory) -> Result {
    let data = pattern::<MAX_LEN>();
    let slice = || UserSlice::new(memory.at(PAGE_SIZE - MAX_LEN / 2), MAX_LEN);

    let mut writer = slice().writer();
    checks.equal("write_slice", writer.write_slice(&data[..40]), Ok(()));
    checks.equal(
        "write_slice beyond the end",
        writer.write_slice(&data),
        Err(EFAULT),
    );
    checks.equal(
        "write_slice of the rest",
        writer.write_slice(&data[40..]),
        Ok(()),
    );
    checks.equal("room left", writer.len(), 0);

    let mut reader = slice().reader();
    let mut back = [0; MAX_LEN];
    checks.equal("read_slice", reader.read_slice(&mut back[..40]), Ok(()));
    checks.equal(
        "read_slice beyond the end",
        reader.read_slice(&mut [0; 25]),
        Err(EFAULT),
    );
    checks.equal(
        "read_slice of the rest",
        reader.read_slice(&mut back[40..]),
        Ok(()),
    );
    checks.holds("what came back equal", back == data);

    let mut all = KVec::new();
    checks.equal("read_all", slice().read_all(&mut all, GFP_KERNEL), Ok(()));
    checks.holds("all that came back equal", all[..] == data);

    put_string(checks, memory.at(0), b"hello");
    let mut buffer = [FILL; 8];
    let string = UserSlice::new(memory.at(0), 8)
        .reader()
        .strcpy_into_buf(&mut buffer);
    checks.equal("strcpy_into_buf", string, Ok(c"hello"));
    let string = UserSlice::new(memory.at(0), 8)
        .reader()
        .strcpy_into_buf(&mut buffer[..4]);
    checks.equal("strcpy_into_buf that is cut off", string, Ok(c"hel"));
    Ok(())
}

fn user_slice_partly_unmapped(checks: &mut Checks, memory: &UserMemory) -> Result {
    let slice = || UserSlice::new(memory.at(memory.len() - 8), MAX_LEN);
    let mut back = [FILL; MAX_LEN];
    let read = slice().reader().read_slice(&mut back);
    checks.equal("read_slice", read, Err(EFAULT));
    checks.holds("the tail zeroed", back[8..].iter().all(|byte| *byte == 0));
    let written = slice().writer().write_slice(&back);
    checks.equal("write_slice", written, Err(EFAULT));
    Ok(())
}

fn kernel_address(checks: &mut Checks, _memory: &UserMemory) -> Result {
    let kernel = KBox::new([FILL; MAX_LEN], GFP_KERNEL)?;
    refused(checks, kernel.as_ptr().addr())?;
    checks.holds("kernel memory untouched", *kernel == [FILL; MAX_LEN]);
    Ok(())
}

/// Checks that a number is neither read from nor written to an address.
fn refuse_scalar<T>(checks: &mut Checks, at: UserPtr, value: T)
where
    T: UserScalar + PartialEq + Debug + Default,
{
    let got = get_user::<T>(at);
    checks.equal("get_user", got, (Err(EFAULT), T::default()));
    checks.equal("put_user", put_user(value, at), Err(EFAULT));
}

/// Checks that every function refuses an address, and leaves zeros where it promises
/// them.
fn refused(checks: &mut Checks, address: usize) -> Result {
    let at = UserPtr::from_addr(address);
    let data = pattern::<MAX_LEN>();
    for len in 1..=MAX_LEN {
        let mut back = [FILL; MAX_LEN];
        let rest = copy_from_user(&mut back[..len], at);
        checks.equal("rest of copy_from_user", rest, len);
        checks.holds(
            "the destination zeroed",
            back[..len].iter().all(|byte| *byte == 0),
        );
        let rest = copy_to_user(at, &data[..len]);
        checks.equal("rest of copy_to_user", rest, len);
        checks.equal("rest of clear_user", clear_user(at, len), len);
    }
    refuse_scalar(checks, at, 0x5au8);
    refuse_scalar(checks, at, 0x5a5bu16);
    refuse_scalar(checks, at, 0x5a5b_5c5du32);
    refuse_scalar(checks, at, 0x5a5b_5c5d_6a6b_6c6du64);

    let mut back = [FILL; MAX_LEN];
    checks.equal(
        "strncpy_from_user",
        strncpy_from_user(&mut back, at),
        Err(EFAULT),
    );
    checks.equal("strnlen_user", strnlen_user(at, MAX_LEN), 0);
    checks.equal("check_zeroed_user", check_zeroed_user(at, 8), Err(EFAULT));
    checks.equal(
        "copy_from_user_nofault",
        copy_from_user_nofault(&mut back, at),
        Err(EFAULT),
    );
    checks.equal(
        "copy_to_user_nofault",
        copy_to_user_nofault(at, &data),
        Err(EFAULT),
    );

    let slice = || UserSlice::new(at, MAX_LEN);
    let read = slice().reader().read_slice(&mut back);
    checks.equal("UserSlice read_slice", read, Err(EFAULT));
    let written = slice().writer().write_slice(&data);
    checks.equal("UserSlice write_slice", written, Err(EFAULT));
    Ok(())
}
