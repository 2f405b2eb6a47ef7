/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Writing the reply: header, then each part with its compression pointers completed.
 *
 * The question stands already: in the kernel it never moves, user space copies it first. The kernel needs
 * the UDP checksum too; pieces come with the sum of their bytes, so only what is changed is added.
 *
 * SW_OUT is where the message goes: in the kernel the program's context, whose packet is looked up again
 * after every call that could have changed it; in user space nothing, it is work->reply.
 */
#ifndef SW_ANSWER_WRITE_H
#define SW_ANSWER_WRITE_H

#include "answer/finish.h"

#ifdef SW_BPF

#ifndef SW_OUT
#error "SW_OUT: the type of the program's context"
#endif

/** `size` bytes at message offset `at`, or NULL; SW_END is where the packet ends. */
#define SW_MESSAGE_MASK 0xfff
#define SW_MESSAGE(out, work, at) \
	((uint8_t *)(long)(out)->data + (((work)->message_at & 0xff) + ((at)&SW_MESSAGE_MASK)))
#define SW_END(out) ((uint8_t *)(long)(out)->data_end)
#define SW_COPY_MAX 1536u  /* bytes of one part; udp_max is at most 1,452 */
#define SW_RELOCS_MAX 256u /* a record has two at most in 14 bytes, and 1,452 bytes are sent */

#else

#define SW_OUT void
#define SW_MESSAGE_MASK 0x1ffff
#define SW_MESSAGE(out, work, at) ((void)(out), (work)->reply + (at))
#define SW_END(out) ((uint8_t *)UINTPTR_MAX)
#define SW_COPY_MAX 65536u
#define SW_RELOCS_MAX 65536u

#endif

#define SW_LITERAL_MAX 544u /* DNAME's CNAME has 12 + 255 bytes at most, CHAOS 269, options 166 */

/** Fold to 16 bits. */
SW_INLINE uint16_t sw_sum_fold(uint64_t sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

/** A 16-bit sum of bytes that start at message offset `at`: odd offsets swap its bytes (RFC 1071 s2). */
SW_INLINE uint64_t sw_sum_at(uint32_t at, uint16_t sum)
{
	uint32_t twice = (uint32_t)sum << 16 | sum;
	return (twice >> (8 * (at & 1))) & 0xffff;
}

/** Complete the compression pointers of a part that stands in the message.
 * @param position  of the first, in the piece */
SW_INLINE int sw_relocate(SW_OUT *out, struct sw_work *work, const struct sw_part *part, uint32_t at,
	const uint8_t *position, uint32_t count)
{
	const uint8_t *end = SW_END(out);
	uint8_t *message = SW_MESSAGE(out, work, 0);
	uint64_t sum = 0;
	for (uint32_t i = 0; i < SW_RELOCS_MAX; i++) {
		if (i >= count)
			break;
		uint32_t field_at = (at + SW_LOAD16(position + 2 * i)) & SW_MESSAGE_MASK;
		uint8_t *field = message + field_at;
		if (field + 2 > end)
			return -1;
		uint16_t stored = sw_be16(SW_LOAD16(field));
		uint32_t target = (stored & SW_POINTER_MAX) + part->base[stored >> 14];
		if (target > SW_POINTER_MAX)
			return -1;
		uint16_t pointer = sw_be16((uint16_t)(SW_POINTER | target));
		SW_STORE16(field, pointer);
		sum += sw_sum_at(field_at, pointer) + sw_sum_at(field_at, (uint16_t)~sw_be16(stored));
	}
	work->sum += sum;
	return 0;
}

/** Copy bytes to message offset `at`: four words at a time, then single ones, then one that overlaps. Parts
 * have 8 bytes at least: a record is 11. */
SW_INLINE int sw_copy(SW_OUT *out, const struct sw_work *work, uint32_t at, const uint8_t *from, uint32_t len)
{
	const uint8_t *start = from, *end = SW_END(out);
	uint8_t *to = SW_MESSAGE(out, work, at);
	uint32_t i;
	for (i = 0; i < SW_COPY_MAX; i += 32) {
		if (i + 32 > len)
			break;
		if (to + 32 > end)
			return -1;
		SW_STORE64(to, SW_LOAD64(from));
		SW_STORE64(to + 8, SW_LOAD64(from + 8));
		SW_STORE64(to + 16, SW_LOAD64(from + 16));
		SW_STORE64(to + 24, SW_LOAD64(from + 24));
		to += 32;
		from += 32;
	}
	for (uint32_t word = 0; word < 3; word++) {
		if (i + 8 > len)
			break;
		if (to + 8 > end)
			return -1;
		SW_STORE64(to, SW_LOAD64(from));
		to += 8;
		from += 8;
		i += 8;
	}
	if ((len & 7) == 0)
		return 0;
	uint32_t last = len - 8;
#ifdef SW_BPF
	if (last >= SW_COPY_MAX)
		return -1;
#endif
	to = SW_MESSAGE(out, work, at + last);
	if (to + 8 > end)
		return -1;
	SW_STORE64(to, SW_LOAD64(start + last));
	return 0;
}

/** Write one piece. */
SW_FN int sw_write_piece(SW_OUT *out, struct sw_work *work, uint32_t section, uint32_t index)
{
	if (!work || section >= SW_SECTIONS)
		return -1;
	struct sw_part *part = &work->part[section][index & (SW_PARTS_MAX - 1)];
	const struct sw_piece *piece = (const void *)sw_image_at(work, part->ref);
	if (!piece || part->len == 0)
		return piece ? 0 : -1;
	if (section == SW_ADDITIONAL && part->base[SW_BASE_FIRST] == 0)
		part->base[SW_BASE_FIRST] = (uint16_t)work->referral_at;
	uint32_t relocs = piece->reloc_count[SW_FULL], len = part->len, start = 0, first = 0;
	uint32_t at = part->base[SW_BASE_SELF], last = piece->reloc_count[part->form != SW_PLAIN];
	uint16_t sum = piece->sum[part->form != SW_PLAIN];
	if (part->form == SW_SIGNATURES) {
		start = piece->len[SW_PLAIN];
		first = piece->reloc_count[SW_PLAIN];
		/* what the full form has beyond the plain one; an odd start swaps the bytes */
		sum = sw_sum_fold((uint64_t)sum + (uint16_t)~piece->sum[SW_PLAIN]);
		sum = (uint16_t)sw_sum_at(start, sum);
	}
	uint32_t bytes_at = (uint32_t)sizeof(*piece) + 2 * relocs + start;
	uint32_t relocs_at = (uint32_t)sizeof(*piece) + 2 * first;
#ifdef SW_BPF
	if (relocs > SW_RELOCS_MAX || len > SW_COPY_MAX || start > SW_SKIP_MAX || first > SW_RELOCS_MAX)
		return -1;
	/* Linux 6.1 checks copies of these and then reads them back from the stack without their bounds. */
	sw_opaque(bytes_at);
	sw_opaque(relocs_at);
	bytes_at &= 0xfff;
	relocs_at &= 0xfff;
#endif
	if (sw_copy(out, work, at, (const uint8_t *)piece + bytes_at, len))
		return -1;
	work->sum += sw_sum_at(at, sum);
	return sw_relocate(out, work, part, at - start, (const uint8_t *)piece + relocs_at, last - first);
}

/** Write `len` bytes from buf[source] at message offset `at`, summing them up on the way. Fewer than eight
 * also overwrite what stands before them. */
SW_FN int sw_write_literal(SW_OUT *out, struct sw_work *work, uint32_t at, uint32_t source, uint32_t len)
{
	if (!work)
		return -1;
	uint64_t sum = 0, word;
	uint8_t *to = SW_MESSAGE(out, work, at);
	for (uint32_t i = 0; i + 8 < SW_LITERAL_MAX; i += 8) {
		if (i + 8 > len)
			break;
		if (to + i + 8 > SW_END(out))
			return -1;
		word = sw_buf64(work, source + i);
		SW_STORE64(to + i, word);
		sum += (word & 0xffffffff) + (word >> 32);
	}
	if (len & 7) { /* one more word that overlaps; only its new bytes count */
		to = SW_MESSAGE(out, work, at + len - 8);
		if (to + 8 > SW_END(out))
			return -1;
		word = sw_buf64(work, source + len - 8);
		SW_STORE64(to, word);
		word >>= 64 - 8 * (len & 7);
		sum += (word & 0xffffffff) + (word >> 32);
	}
	work->sum += sw_sum_at(at, sw_sum_fold(sum));
	return 0;
}

/** Write the A records of the addresses that the slot holds. */
SW_INLINE int sw_write_addresses(SW_OUT *out, struct sw_work *work, uint32_t at, uint32_t count)
{
	uint8_t *to = SW_MESSAGE(out, work, at);
	/* owner pointer, type A, class IN, and the TTL's first half behind them: one word */
	uint64_t head = sw_be16((uint16_t)(SW_POINTER | work->owner_at)) |
			(uint64_t)sw_be16(SW_TYPE_A) << 16 | (uint64_t)sw_be16(SW_CLASS_IN) << 32 |
			(uint64_t)(work->slot.name.ttl & 0xffff) << 48;
	uint64_t tail = work->slot.name.ttl >> 16 | (uint64_t)sw_be16(4) << 16, sum = 0;
	for (uint32_t i = 0; i < SW_SLOT_ADDRESSES; i++) {
		if (i >= count)
			break;
		uint32_t address = work->slot.name.address[i];
		if (to + 16 * i + 16 > SW_END(out))
			return -1;
		SW_STORE64(to + 16 * i, head);
		SW_STORE64(to + 16 * i + 8, tail | (uint64_t)address << 32);
		sum += (head & 0xffffffff) + (head >> 32) + tail + address;
	}
	work->sum += sw_sum_at(at, sw_sum_fold(sum));
	return 0;
}

/** Write the OPT record (RFC 6891 s6.1.2), its options first: those may overwrite what stands before them. */
SW_INLINE int sw_write_opt(SW_OUT *out, struct sw_work *work, const struct sw_control *control)
{
	uint32_t at = work->write_at, options_len = work->options_len;
	if (options_len > 0 && sw_write_literal(out, work, at + SW_OPT_LEN, work->options_at, options_len))
		return -1;
	uint8_t *to = SW_MESSAGE(out, work, at);
	if (to + SW_OPT_LEN > SW_END(out))
		return -1;
	/* root, type, payload size, upper bits of the rcode, version 0, flags; less than 256 bytes of options
	 */
	uint64_t head = (uint64_t)SW_TYPE_OPT << 16 | (uint64_t)sw_be16(control->udp_max) << 24 |
			(uint64_t)(work->rcode >> 4) << 40 | (uint64_t)(work->wants_dnssec ? 0x80 : 0) << 56;
	SW_STORE64(to, head);
	SW_STORE16(to + 8, 0);
	to[10] = (uint8_t)options_len;
	work->sum += sw_sum_at(at, sw_sum_fold((head & 0xffffffff) + (head >> 32) + (uint8_t)options_len));
	return 0;
}

#ifdef SW_BPF
/** Sum of the question, which stays: in words as the query was copied, from the one that the header ends in.
 */
SW_INLINE uint64_t sw_sum_question(struct sw_work *work)
{
	uint32_t end = work->question_end, rest = end & 7;
	uint64_t sum = (uint32_t)(sw_buf64(work, 8) >> 32), word;
	if (end <= SW_HEADER_LEN)
		return 0;
	for (uint32_t i = 16; i < SW_HEADER_LEN + SW_NAME_MAX + 1 + 4; i += 8) {
		if (i + 8 > end)
			break;
		word = sw_buf64(work, i);
		sum += (word & 0xffffffff) + (word >> 32);
	}
	if (rest && end > 16) {
		word = sw_buf64(work, end & ~7u) & sw_first_bytes(rest);
		sum += (word & 0xffffffff) + (word >> 32);
	}
	return sum;
}
#endif

/** Header of the reply. */
SW_INLINE int sw_write_header(SW_OUT *out, struct sw_work *work)
{
	uint32_t has_question = work->question_end > SW_HEADER_LEN;
	uint32_t additional = work->records[SW_ADDITIONAL] + work->has_edns;
	uint32_t first = work->id | (uint32_t)sw_be16(sw_reply_flags(work)) << 16;
	uint32_t second = sw_be32(has_question << 16 | work->records[SW_ANSWER]);
	uint32_t third = sw_be32(work->records[SW_AUTHORITY] << 16 | additional);
	uint8_t *header = SW_MESSAGE(out, work, 0);
	if (header + SW_HEADER_LEN > SW_END(out))
		return -1;
	SW_STORE32(header, first);
	SW_STORE32(header + 4, second);
	SW_STORE32(header + 8, third);
	work->sum += (uint64_t)first + second + third;
	return 0;
}

/** Write the parts of one section, from work->write_at on. */
SW_INLINE int sw_write_section(SW_OUT *out, struct sw_work *work, uint32_t section)
{
	for (uint32_t i = 0; i < SW_PARTS_MAX; i++) {
		if (i >= work->part_count[section])
			break;
		struct sw_part *part = &work->part[section][i];
		uint32_t at = work->write_at;
		int error;
		part->base[SW_BASE_SELF] = (uint16_t)at;
		if (section == SW_AUTHORITY && i == work->referral_part)
			work->referral_at = at;
		if (part->ref)
			error = sw_write_piece(out, work, section, i);
		else if (part->source)
			error = sw_write_literal(out, work, at, part->source, part->len);
		else
			error = sw_write_addresses(out, work, at, part->count);
		if (error)
			return -1;
		work->write_at = at + part->len;
	}
	return 0;
}

/** Write header and parts; afterwards work->sum is the one's complement sum of the message.
 * @return 0, or -1 when the packet is shorter than reply_len */
SW_INLINE int sw_write(SW_OUT *out, struct sw_work *work)
{
	const struct sw_control *control = sw_control_of(work);
	if (!control)
		return -1;
#ifdef SW_BPF
	work->sum = sw_sum_question(work);
#endif
	if (sw_write_header(out, work))
		return -1;
	work->write_at = work->question_end;
	if (sw_write_section(out, work, SW_ANSWER) || sw_write_section(out, work, SW_AUTHORITY) ||
		sw_write_section(out, work, SW_ADDITIONAL))
		return -1;
	return work->has_edns ? sw_write_opt(out, work, control) : 0;
}

#endif
