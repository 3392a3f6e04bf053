// SPDX-License-Identifier: GPL-2.0
/* The twin of usercopy_test_rs.rs: the same cases; a UserSlice is an iov_iter here. */

#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include <linux/uio.h>

static char *wrong = "";
module_param(wrong, charp, 0);
MODULE_PARM_DESC(wrong, "The expectations to turn around: case,case/check...");

/* The longest copy, and the largest offset, of those that are tried in full. */
#define MAX_LEN 64
#define MAX_OFFSET 16
/* A copy with both its neighbours. */
#define ROOM (MAX_LEN + 2)
/* What stands in memory that a copy must leave alone. */
#define FILL 0xa5
/* The size of the user memory, behind which nothing is mapped. */
#define SIZE (2 * PAGE_SIZE)

/* Bytes that all differ from their neighbours, from 0 and from FILL; and those alone. */
static u8 data[ROOM], fill[ROOM];

/* What a case compares, and whether all of it held. */
struct checks {
	const char *name;
	unsigned int failures;
};

/* Whether the expectation of a check is to be turned around: `wrong` names it, or its case. */
static bool is_wrong(const char *name, const char *what)
{
	for (const char *at = wrong; *at; at += strcspn(at, ","), at += *at == ',') {
		const char *end = at + str_has_prefix(at, name);

		if (end > at && *end == '/' && str_has_prefix(end + 1, what))
			end += 1 + strlen(what);
		if (end > at && (!*end || *end == ','))
			return true;
	}
	return false;
}

/* Logs the first one of a case that is not as expected. */
static void equal(struct checks *checks, const char *what, long actual, long expected)
{
	bool turned = is_wrong(checks->name, what);

	if ((actual == expected) != turned)
		return;
	if (++checks->failures == 1)
		pr_err("%s: %s is %ld, expected %s%ld\n", checks->name, what, actual,
		       turned ? "anything but " : "", expected);
}

static void holds(struct checks *checks, const char *what, bool actual)
{
	equal(checks, what, actual, true);
}

static bool all(const void *bytes, u8 byte, size_t len)
{
	return !memchr_inv(bytes, byte, len);
}

static void put(struct checks *checks, u8 __user *to, const u8 *from, size_t len)
{
	equal(checks, "rest of copy_to_user", copy_to_user(to, from, len), 0);
}

static void get(struct checks *checks, u8 *to, const u8 __user *from, size_t len)
{
	equal(checks, "rest of copy_from_user", copy_from_user(to, from, len), 0);
}

static void round_trip(struct checks *checks, u8 __user *start, size_t len)
{
	u8 back[ROOM];

	put(checks, start - 1, fill, ROOM);
	put(checks, start, data, len);
	get(checks, back, start - 1, len + 2);
	holds(checks, "what came back equal", !memcmp(back + 1, data, len));
	holds(checks, "the byte before untouched", back[0] == FILL);
	holds(checks, "the byte behind untouched", back[len + 1] == FILL);
}

static int copy_round_trip(struct checks *checks, u8 __user *memory)
{
	for (size_t offset = 0; offset <= MAX_OFFSET; offset++)
		for (size_t len = 0; len <= MAX_LEN; len++)
			round_trip(checks, memory + MAX_OFFSET + offset, len);
	return 0;
}

static int copy_over_page_border(struct checks *checks, u8 __user *memory)
{
	for (size_t before = 0; before <= MAX_LEN; before++)
		for (size_t len = 0; len <= MAX_LEN; len++)
			round_trip(checks, memory + PAGE_SIZE - before, len);
	return 0;
}

static int copy_whole_pages(struct checks *checks, u8 __user *memory)
{
	u8 *there __free(kfree) = kmalloc(SIZE, GFP_KERNEL);
	u8 *back __free(kfree) = kzalloc(SIZE, GFP_KERNEL);

	if (!there || !back)
		return -ENOMEM;
	memset(there, 0x3a, SIZE);
	put(checks, memory, there, SIZE);
	get(checks, back, memory, SIZE);
	holds(checks, "what came back equal", !memcmp(there, back, SIZE));
	return 0;
}

static int copy_from_partly_unmapped(struct checks *checks, u8 __user *memory)
{
	for (size_t mapped = 0; mapped <= MAX_LEN; mapped++) {
		u8 __user *start = memory + SIZE - mapped;
		u8 back[MAX_LEN];

		put(checks, start, data, mapped);
		memset(back, FILL, MAX_LEN);
		equal(checks, "rest of copy_from_user",
		      copy_from_user(back, start, MAX_LEN), MAX_LEN - mapped);
		holds(checks, "what is mapped copied", !memcmp(back, data, mapped));
		holds(checks, "the tail zeroed", all(back + mapped, 0, MAX_LEN - mapped));
	}
	return 0;
}

static int copy_to_partly_unmapped(struct checks *checks, u8 __user *memory)
{
	for (size_t mapped = 0; mapped <= MAX_LEN; mapped++) {
		u8 __user *start = memory + SIZE - mapped;
		u8 back[MAX_LEN];

		put(checks, start, fill, mapped);
		equal(checks, "rest of copy_to_user",
		      copy_to_user(start, data, MAX_LEN), MAX_LEN - mapped);
		get(checks, back, start, mapped);
		holds(checks, "what is mapped copied", !memcmp(back, data, mapped));
	}
	return 0;
}

static void clear_at(struct checks *checks, u8 __user *start)
{
	for (size_t len = 0; len <= MAX_LEN; len++) {
		u8 back[ROOM];

		put(checks, start - 1, fill, ROOM);
		equal(checks, "rest of clear_user", clear_user(start, len), 0);
		get(checks, back, start - 1, ROOM);
		holds(checks, "zeros", all(back + 1, 0, len));
		holds(checks, "the byte before untouched", back[0] == FILL);
		holds(checks, "the byte behind untouched",
		      all(back + len + 1, FILL, ROOM - len - 1));
	}
}

static int clear(struct checks *checks, u8 __user *memory)
{
	for (size_t start = 1; start <= MAX_OFFSET + 1; start++)
		clear_at(checks, memory + start);
	for (size_t start = PAGE_SIZE - MAX_LEN; start <= PAGE_SIZE; start++)
		clear_at(checks, memory + start);
	return 0;
}

static int clear_partly_unmapped(struct checks *checks, u8 __user *memory)
{
	for (size_t mapped = 0; mapped <= MAX_LEN; mapped++) {
		u8 __user *start = memory + SIZE - mapped;

		put(checks, start, fill, mapped);
		equal(checks, "rest of clear_user", clear_user(start, MAX_LEN), MAX_LEN - mapped);
		equal(checks, "check_zeroed_user", check_zeroed_user(start, mapped), true);
	}
	return 0;
}

/* put_get_TYPE(), and refuse_TYPE(): neither read from nor written to an address. */
#define PUT_GET(type, value)							\
static void put_get_##type##_at(struct checks *checks, type __user *at)		\
{										\
	type got = 0;								\
										\
	equal(checks, "put_user", put_user((type)(value), at), 0);		\
	equal(checks, "get_user", get_user(got, at), 0);			\
	equal(checks, "what came back", got, (type)(value));			\
}										\
										\
static int put_get_##type(struct checks *checks, u8 __user *memory)		\
{										\
	const size_t size = sizeof(type);					\
	u8 bytes[sizeof(type) + 2];						\
										\
	for (size_t at = 0; at <= MAX_OFFSET; at++)				\
		put_get_##type##_at(checks, (type __user *)(memory + at));	\
	for (size_t at = PAGE_SIZE - size; at <= PAGE_SIZE; at++)		\
		put_get_##type##_at(checks, (type __user *)(memory + at));	\
	/* The last that fits. */						\
	put_get_##type##_at(checks, (type __user *)(memory + SIZE - size));	\
										\
	/* Nothing else is written: the bytes before and behind. */		\
	put(checks, memory, fill, size + 2);					\
	equal(checks, "put_user",						\
	      put_user((type)(value), (type __user *)(memory + 1)), 0);		\
	get(checks, bytes, memory, size + 2);					\
	holds(checks, "the byte before untouched", bytes[0] == FILL);		\
	holds(checks, "the byte behind untouched", bytes[size + 1] == FILL);	\
	holds(checks, "the value written", !memchr(bytes + 1, FILL, size));	\
	return 0;								\
}										\
										\
static void refuse_##type(struct checks *checks, u8 __user *at)			\
{										\
	type got = (type)(value);						\
										\
	equal(checks, "get_user", get_user(got, (type __user *)at), -EFAULT);	\
	equal(checks, "what get_user left", got, 0);				\
	equal(checks, "put_user",						\
	      put_user((type)(value), (type __user *)at), -EFAULT);		\
}

PUT_GET(u8, 0x5a)
PUT_GET(u16, 0x5a5b)
PUT_GET(u32, 0x5a5b5c5d)
PUT_GET(u64, 0x5a5b5c5d6a6b6c6d)

static int put_get_partly_unmapped(struct checks *checks, u8 __user *memory)
{
	for (size_t mapped = 1; mapped < 8; mapped++) {
		u8 __user *start = memory + SIZE - mapped;
		u8 bytes[8];

		put(checks, start, fill, mapped);
		if (mapped < 2)
			refuse_u16(checks, start);
		if (mapped < 4)
			refuse_u32(checks, start);
		refuse_u64(checks, start);
		get(checks, bytes, start, mapped);
		holds(checks, "what is mapped untouched", all(bytes, FILL, mapped));
	}
	return 0;
}

/* Writes a string with its NUL. */
static void put_string(struct checks *checks, u8 __user *to, const u8 *string, size_t len)
{
	put(checks, to, string, len);
	equal(checks, "put_user of NUL", put_user(0, to + len), 0);
}

/* Runs `at` where strings are tried: unaligned in all ways, and over the page border. */
static void strings(struct checks *checks, u8 __user *memory,
		    void (*at)(struct checks *checks, u8 __user *start))
{
	for (size_t start = 0; start <= MAX_OFFSET; start++)
		at(checks, memory + start);
	for (size_t start = PAGE_SIZE - MAX_LEN; start <= PAGE_SIZE; start++)
		at(checks, memory + start);
}

static void strncpy_at(struct checks *checks, u8 __user *start)
{
	for (size_t len = 0; len <= MAX_LEN; len++) {
		u8 back[MAX_LEN + 1];
		size_t part = len / 2;

		put_string(checks, start, data, len);
		memset(back, FILL, sizeof(back));
		equal(checks, "length", strncpy_from_user(back, start, sizeof(back)), len);
		holds(checks, "the string copied", !memcmp(back, data, len) && !back[len]);

		/* Cut off: as many bytes as there is room for, and no NUL. */
		memset(back, FILL, sizeof(back));
		equal(checks, "length that is cut off", strncpy_from_user(back, start, part), part);
		holds(checks, "a part copied", !memcmp(back, data, part));
		holds(checks, "the rest untouched", all(back + part, FILL, MAX_LEN - part));
	}
}

static int strncpy_case(struct checks *checks, u8 __user *memory)
{
	strings(checks, memory, strncpy_at);
	return 0;
}

static int strncpy_partly_unmapped(struct checks *checks, u8 __user *memory)
{
	for (size_t len = 0; len < MAX_LEN; len++) {
		/* The NUL is the last byte that is mapped. */
		u8 __user *start = memory + SIZE - len - 1;
		u8 back[MAX_LEN + 1];

		memset(back, FILL, sizeof(back));
		put_string(checks, start, data, len);
		equal(checks, "length", strncpy_from_user(back, start, sizeof(back)), len);
		holds(checks, "the string copied", !memcmp(back, data, len) && !back[len]);

		/* There is none before the end. */
		start++;
		put(checks, start, data, len);
		equal(checks, "length without NUL",
		      strncpy_from_user(back, start, sizeof(back)), -EFAULT);
	}
	return 0;
}

static void strnlen_at(struct checks *checks, u8 __user *start)
{
	for (size_t len = 0; len <= MAX_LEN; len++) {
		put_string(checks, start, data, len);
		equal(checks, "size", strnlen_user(start, MAX_LEN + 1), len + 1);
		equal(checks, "size at the limit", strnlen_user(start, len + 1), len + 1);
		/*
		 * It reads whole words, so the number may be any above the limit; a limit
		 * of 0 finds nothing.
		 */
		equal(checks, "a longer one above the limit",
		      strnlen_user(start, len) > len, len > 0);
	}
}

static int strnlen_case(struct checks *checks, u8 __user *memory)
{
	strings(checks, memory, strnlen_at);
	return 0;
}

static int strnlen_partly_unmapped(struct checks *checks, u8 __user *memory)
{
	for (size_t len = 0; len < MAX_LEN; len++) {
		u8 __user *start = memory + SIZE - len - 1;

		put_string(checks, start, data, len);
		equal(checks, "size", strnlen_user(start, MAX_LEN), len + 1);

		start++;
		put(checks, start, data, len);
		equal(checks, "size without NUL", strnlen_user(start, MAX_LEN), 0);
	}
	return 0;
}

static int check_zeroed(struct checks *checks, u8 __user *memory)
{
	/* Zeros between two others, over the page border; every part of it. */
	u8 __user *start = memory + PAGE_SIZE - MAX_LEN / 2;
	u8 bytes[MAX_LEN] = {};

	memcpy(bytes, data, 8);
	memcpy(bytes + MAX_LEN - 8, data, 8);
	put(checks, start, bytes, MAX_LEN);
	for (size_t from = 0; from <= MAX_LEN; from++)
		for (size_t to = from; to <= MAX_LEN; to++)
			equal(checks, "check_zeroed_user",
			      check_zeroed_user(start + from, to - from),
			      all(bytes + from, 0, to - from));
	equal(checks, "check_zeroed_user of the hole",
	      check_zeroed_user(memory + SIZE - 8, 9), -EFAULT);
	return 0;
}

static int copy_nofault(struct checks *checks, u8 __user *memory)
{
	/* Never touched, so not resident: the others would have it brought in. */
	u8 __user *start = memory + PAGE_SIZE - MAX_LEN / 2;
	u8 back[MAX_LEN];

	equal(checks, "copy from an absent page",
	      copy_from_user_nofault(back, start, MAX_LEN), -EFAULT);
	equal(checks, "copy to an absent page",
	      copy_to_user_nofault(start, data, MAX_LEN), -EFAULT);

	put(checks, start, fill, MAX_LEN);
	equal(checks, "copy to both pages", copy_to_user_nofault(start, data, MAX_LEN), 0);
	equal(checks, "copy from both pages", copy_from_user_nofault(back, start, MAX_LEN), 0);
	holds(checks, "what came back equal", !memcmp(back, data, MAX_LEN));

	start = memory + SIZE - 1;
	equal(checks, "copy from the hole", copy_from_user_nofault(back, start, MAX_LEN), -EFAULT);
	equal(checks, "copy to the hole", copy_to_user_nofault(start, data, MAX_LEN), -EFAULT);
	return 0;
}

static int user_slice(struct checks *checks, u8 __user *memory)
{
	u8 __user *start = memory + PAGE_SIZE - MAX_LEN / 2;
	u8 back[MAX_LEN], beyond[25], text[8], *copy;
	struct iov_iter iter;

	equal(checks, "import_ubuf", import_ubuf(ITER_DEST, start, MAX_LEN, &iter), 0);
	holds(checks, "copy_to_iter", copy_to_iter_full(data, 40, &iter));
	holds(checks, "refusal beyond the end", !copy_to_iter_full(data, MAX_LEN, &iter));
	holds(checks, "copy_to_iter of the rest", copy_to_iter_full(data + 40, 24, &iter));
	equal(checks, "room left", iov_iter_count(&iter), 0);

	equal(checks, "import_ubuf", import_ubuf(ITER_SOURCE, start, MAX_LEN, &iter), 0);
	holds(checks, "copy_from_iter", copy_from_iter_full(back, 40, &iter));
	holds(checks, "refusal beyond the end", !copy_from_iter_full(beyond, 25, &iter));
	holds(checks, "copy_from_iter of the rest", copy_from_iter_full(back + 40, 24, &iter));
	holds(checks, "what came back equal", !memcmp(back, data, MAX_LEN));

	copy = memdup_user(start, MAX_LEN);
	if (IS_ERR(copy))
		return PTR_ERR(copy);
	holds(checks, "all that came back equal", !memcmp(copy, data, MAX_LEN));
	kfree(copy);

	put_string(checks, memory, "hello", 5);
	equal(checks, "length", strncpy_from_user(text, memory, sizeof(text)), 5);
	holds(checks, "the string copied", !strcmp(text, "hello"));
	equal(checks, "length that is cut off", strncpy_from_user(text, memory, 3), 3);
	return 0;
}

/* Whether nothing of MAX_LEN bytes can be copied as a whole. */
static void refused_slice(struct checks *checks, u8 __user *at)
{
	struct iov_iter iter;
	u8 back[MAX_LEN];

	holds(checks, "refusal to read", import_ubuf(ITER_SOURCE, at, MAX_LEN, &iter) ||
	      !copy_from_iter_full(back, MAX_LEN, &iter));
	holds(checks, "refusal to write", import_ubuf(ITER_DEST, at, MAX_LEN, &iter) ||
	      !copy_to_iter_full(data, MAX_LEN, &iter));
}

static int user_slice_partly_unmapped(struct checks *checks, u8 __user *memory)
{
	refused_slice(checks, memory + SIZE - 8);
	return 0;
}

static int refused(struct checks *checks, u8 __user *at)
{
	u8 back[MAX_LEN];

	for (size_t len = 1; len <= MAX_LEN; len++) {
		memset(back, FILL, MAX_LEN);
		equal(checks, "rest of copy_from_user", copy_from_user(back, at, len), len);
		holds(checks, "the destination zeroed", all(back, 0, len));
		equal(checks, "rest of copy_to_user", copy_to_user(at, data, len), len);
		equal(checks, "rest of clear_user", clear_user(at, len), len);
	}
	refuse_u8(checks, at);
	refuse_u16(checks, at);
	refuse_u32(checks, at);
	refuse_u64(checks, at);
	equal(checks, "strncpy_from_user", strncpy_from_user(back, at, MAX_LEN), -EFAULT);
	equal(checks, "strnlen_user", strnlen_user(at, MAX_LEN), 0);
	equal(checks, "check_zeroed_user", check_zeroed_user(at, 8), -EFAULT);
	equal(checks, "copy_from_user_nofault",
	      copy_from_user_nofault(back, at, MAX_LEN), -EFAULT);
	equal(checks, "copy_to_user_nofault", copy_to_user_nofault(at, data, MAX_LEN), -EFAULT);
	refused_slice(checks, at);
	return 0;
}

static int kernel_address(struct checks *checks, u8 __user *memory)
{
	u8 *kernel __free(kfree) = kmemdup(fill, MAX_LEN, GFP_KERNEL);

	if (!kernel)
		return -ENOMEM;
	refused(checks, (__force u8 __user *)kernel);
	holds(checks, "kernel memory untouched", all(kernel, FILL, MAX_LEN));
	return 0;
}

static int unmapped_address(struct checks *checks, u8 __user *memory)
{
	return refused(checks, memory + SIZE);
}

#define REFUSED(name, address)						\
static int name(struct checks *checks, u8 __user *memory)		\
{									\
	return refused(checks, (u8 __user *)(address));			\
}

REFUSED(null_address, 0)
REFUSED(first_address_beyond_user, 0x7ffffffff000)
REFUSED(non_canonical_address, 0x123456789abcdef0)
REFUSED(non_canonical_kernel_address, BIT(63))
REFUSED(last_address, ULONG_MAX)

static const struct {
	const char *name;
	int (*run)(struct checks *checks, u8 __user *memory);
} cases[] = {
#define CASE(name) { #name, name }
	CASE(copy_round_trip),
	CASE(copy_over_page_border),
	CASE(copy_whole_pages),
	CASE(copy_from_partly_unmapped),
	CASE(copy_to_partly_unmapped),
	CASE(clear),
	CASE(clear_partly_unmapped),
	CASE(put_get_u8),
	CASE(put_get_u16),
	CASE(put_get_u32),
	CASE(put_get_u64),
	CASE(put_get_partly_unmapped),
	{ "strncpy", strncpy_case },
	CASE(strncpy_partly_unmapped),
	{ "strnlen", strnlen_case },
	CASE(strnlen_partly_unmapped),
	CASE(check_zeroed),
	CASE(copy_nofault),
	CASE(user_slice),
	CASE(user_slice_partly_unmapped),
	CASE(kernel_address),
	CASE(null_address),
	CASE(unmapped_address),
	CASE(first_address_beyond_user),
	CASE(non_canonical_address),
	CASE(non_canonical_kernel_address),
	CASE(last_address),
};

/* Runs a case in memory of its own: zeroed, and not touched yet. */
static int run_case(size_t i, struct checks *checks)
{
	unsigned long start = vm_mmap(NULL, 0, SIZE + PAGE_SIZE, PROT_READ | PROT_WRITE,
				      MAP_PRIVATE | MAP_ANONYMOUS, 0);
	int ret;

	if (IS_ERR_VALUE(start))
		return start;
	vm_munmap(start + SIZE, PAGE_SIZE);
	ret = cases[i].run(checks, (u8 __user *)start);
	vm_munmap(start, SIZE);
	return ret;
}

static int __init usercopy_test_init(void)
{
	unsigned int passed = 0;

	for (size_t i = 0; i < ROOM; i++)
		data[i] = i % 100 + 1;
	memset(fill, FILL, ROOM);

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct checks checks = {
			.name = cases[i].name,
		};
		int ret = run_case(i, &checks);

		if (ret)
			return ret;
		passed += !checks.failures;
	}
	pr_info("%u of %zu cases passed\n", passed, ARRAY_SIZE(cases));
	if (passed < ARRAY_SIZE(cases))
		return -EINVAL;
	pr_info("tests passed.\n");
	return 0;
}

static void __exit usercopy_test_exit(void)
{
}

module_init(usercopy_test_init);
module_exit(usercopy_test_exit);
MODULE_AUTHOR("lkmpg-rs authors");
MODULE_DESCRIPTION("Tests the copies between kernel and user memory when loaded");
MODULE_LICENSE("GPL");
