/* SPDX-License-Identifier: GPL-3.0-or-later */
/** What differs between the two targets of the answer path.
 *
 * Kernel (SW_BPF defined): control page and segments are maps, functions marked SW_FN are global functions,
 * which the verifier checks once and alone instead of at every call. User space: both are plain memory
 * (struct sw_image_view), SW_FN is static.
 *
 * Where the processor needs "return thunks" (AMD until family 26, many of Intel's), each return from a BPF
 * function costs some 7 ns, a tenth of a whole answer. So what most queries pass through is SW_INLINE, up to
 * the program's entry; SW_FN is for what few need, what loops, and what stands in several places.
 *
 * The same source also has the same rules for both: offsets are masked right where they are added to a
 * pointer, because the verifier of Linux 6.1 forgets a number's upper bound once it was spilled to the stack.
 */
#ifndef SW_ANSWER_TARGET_H
#define SW_ANSWER_TARGET_H

#include "image/image.h"
#include "wire/message.h"

#ifdef SW_BPF

#include <linux/bpf.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#define SW_FN __attribute__((noinline))
#define SW_INLINE static __always_inline
#define sw_be16(x) bpf_htons(x)
#define sw_be32(x) bpf_htonl(x)
#define sw_be64(x) bpf_cpu_to_be64(x)
/* Call step(i, context) until it returns 1, `count` times at most. The kernel's helper (Linux 5.17) has the
 * verifier look at the step once, not at every turn: for loops whose turns it cannot tell apart. */
#define sw_repeat(count, step, context) bpf_loop(count, step, context, 0)
/* Keep the compiler from reasoning about a value across this point. */
#define sw_opaque(x) asm volatile("" : "+r"(x))

#else

#include <endian.h>
#include <string.h>
#include <time.h>

#define SW_FN static
#define SW_INLINE static inline
#define sw_be16(x) htobe16(x)
#define sw_be32(x) htobe32(x)
#define sw_be64(x) htobe64(x)
#define sw_opaque(x) ((void)(x))

static inline void sw_repeat(uint32_t count, long (*step)(uint64_t i, void *context), void *context)
{
	for (uint32_t i = 0; i < count && step(i, context) == 0; i++)
		;
}

#endif

/* Loads through a pointer stay behind this point, and what decided that it is reached before it;
 * sw_pin_behind(): those of three numbers, too. No instruction comes of it. */
#define sw_pin(pointer) asm volatile("" : "+r"(pointer))
#define sw_pin_behind(pointer, a, b, c) asm volatile("" : "+r"(pointer) : "r"(a), "r"(b), "r"(c))

/* Numbers at any address inside messages, slots and pieces. For BPF they are not called packed: clang would
 * take them apart into bytes, while the kernels this runs on (x86-64, arm64) load them whole. */
#ifdef SW_BPF
#define SW_ANYWHERE __attribute__((may_alias))
#else
#define SW_ANYWHERE __attribute__((packed, may_alias))
#endif
struct sw_u16 {
	uint16_t v;
} SW_ANYWHERE;
struct sw_u32 {
	uint32_t v;
} SW_ANYWHERE;
struct sw_u64 {
	uint64_t v;
} SW_ANYWHERE;
#define SW_LOAD16(p) (((const struct sw_u16 *)(p))->v)
#define SW_LOAD32(p) (((const struct sw_u32 *)(p))->v)
#define SW_LOAD64(p) (((const struct sw_u64 *)(p))->v)
#define SW_STORE16(p, x) (((struct sw_u16 *)(p))->v = (x))
#define SW_STORE32(p, x) (((struct sw_u32 *)(p))->v = (x))
#define SW_STORE64(p, x) (((struct sw_u64 *)(p))->v = (x))

#endif
