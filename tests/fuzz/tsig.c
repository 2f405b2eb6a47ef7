/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Signatures of messages: nobody without the key is believed, what is signed comes back as it was, and in a
 * stream with messages that are not signed between (RFC 8945 s5.3.1) nothing is believed that its signer did
 * not send.
 *
 * The first byte says which: a message of anybody; a message to sign, and one byte of it to change; a stream.
 */
#include "wire/tsig.h"
#include "wire/message.h"
#include <errno.h>
#include <libdnssec/error.h>
#include <libknot/libknot.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MESSAGE_MAX 65535
#define UNSIGNED_MAX 99

static const struct sw_tsig_key key = {.name = "\3key", .secret = "secret", .secret_len = 6};
static uint8_t bytes[MESSAGE_MAX];

static void require(bool holds)
{
	if (!holds)
		abort();
}

static uint64_t now(void)
{
	return (uint64_t)time(NULL);
}

static const struct sw_tsig_key *find(void *arg, const uint8_t *name, enum sw_tsig_algorithm algorithm)
{
	(void)arg;
	return algorithm == key.algorithm && sw_name_equal(name, key.name) ? &key : NULL;
}

/* ---- of anybody ---- */

static void raw(const uint8_t *data, size_t size)
{
	struct sw_tsig tsig, asking = {.key = &key, .mac_len = 32};
	size_t len = size < MESSAGE_MAX ? size : MESSAGE_MAX, reply_len;
	memcpy(bytes, data, len);
	const struct sw_tsig_key *claimed = sw_tsig_claimed(find, NULL, data, len);
	int rcode = sw_tsig_check_query(&tsig, find, NULL, bytes, &len, now());
	require(rcode == 0 || rcode == SW_RCODE_FORMERR || rcode == SW_RCODE_NOTAUTH);
	require(rcode != 0 || tsig.key == NULL); /* whoever has the key is in `changed` */
	require((rcode == SW_RCODE_NOTAUTH) == (tsig.error != 0));
	require(claimed == NULL || (claimed == &key && rcode != 0 && tsig.error != SW_TSIG_BADKEY));
	require(len <= size && tsig.mac_len <= sizeof(tsig.mac));
	if (len >= SW_HEADER_LEN) {
		reply_len = len;
		int err = sw_tsig_sign_reply(&tsig, bytes, &reply_len, MESSAGE_MAX, now());
		require(err == 0 || err == -ENOSPC);
		require(reply_len <= MESSAGE_MAX && (reply_len > len) == (err == 0 && tsig.error != 0));
	}
	sw_tsig_end(&tsig);
	len = size < MESSAGE_MAX ? size : MESSAGE_MAX;
	memcpy(bytes, data, len);
	require(sw_tsig_check_reply(&asking, bytes, &len, true, now()) != 0);
	require(len <= size);
	sw_tsig_end(&asking);
}

/* ---- one byte changed ---- */

static void changed(const uint8_t *data, size_t size)
{
	static uint8_t plain[MESSAGE_MAX];
	struct sw_tsig asking, answering;
	if (size < 3 + SW_HEADER_LEN)
		return;
	size_t at = (size_t)data[0] << 8 | data[1], plain_len = size - 3 < 32768 ? size - 3 : 32768, len;
	memcpy(plain, data + 3, plain_len);
	memcpy(bytes, plain, plain_len);
	len = plain_len;
	if (knot_wire_get_arcount(plain) == UINT16_MAX)
		return;
	require(sw_tsig_sign_query(&asking, &key, bytes, &len, MESSAGE_MAX, now()) == 0);
	require(len > plain_len && len - plain_len <= SW_TSIG_ROOM);
	bytes[at % len] ^= data[2];
	int rcode = sw_tsig_check_query(&answering, find, NULL, bytes, &len, now());
	bool is_believed = rcode == 0 && answering.key != NULL;
	/* What cannot be read to its end has no signature. What is believed is what was signed. */
	require(!is_believed || (len == plain_len && memcmp(bytes, plain, len) == 0));
	sw_tsig_end(&asking);
	sw_tsig_end(&answering);
}

/* ---- streams ---- */

enum step { SIGNED, UNSIGNED, INSERTED, FLIPPED };

struct stream {
	struct sw_tsig asking;
	uint8_t digest[64]; /* of the last that was signed */
	size_t digest_len;
	unsigned count, since;	   /* messages signed; unsigned since */
	bool is_inserted;	   /* one of those is not its signer's */
	uint8_t covered[128 * 64]; /* what the next signature is over */
	size_t covered_len;
};

static size_t message_make(uint8_t *message, uint8_t number)
{
	memset(message, 0, SW_HEADER_LEN);
	message[2] = 0x80;
	message[5] = 1;
	memcpy(message + SW_HEADER_LEN, "\1a\0\0\1\0\1", 7);
	message[SW_HEADER_LEN + 1] = number;
	return SW_HEADER_LEN + 7;
}

static size_t message_sign(struct stream *stream, uint8_t *message, size_t len)
{
	knot_tsig_key_t its = {
		.algorithm = DNSSEC_TSIG_HMAC_SHA256,
		.name = (knot_dname_t *)(uintptr_t)key.name,
		.secret = {.size = key.secret_len, .data = (uint8_t *)(uintptr_t)key.secret},
	};
	uint8_t digest[64];
	size_t digest_len = sizeof(digest);
	memcpy(stream->covered + stream->covered_len, message, len);
	stream->covered_len += len;
	int err = stream->count == 0 ? knot_tsig_sign(message, &len, MESSAGE_MAX, stream->digest,
					       stream->digest_len, digest, &digest_len, &its, 0, 0)
				     : knot_tsig_sign_next(message, &len, MESSAGE_MAX, stream->digest,
					       stream->digest_len, digest, &digest_len, &its, stream->covered,
					       stream->covered_len);
	require(err == KNOT_EOK);
	memcpy(stream->digest, digest, digest_len);
	stream->digest_len = digest_len;
	stream->covered_len = 0;
	stream->count++;
	return len;
}

/** @return whether the stream goes on */
static bool step_take(struct stream *stream, enum step step, uint8_t number)
{
	size_t plain_len = message_make(bytes, number), len = plain_len;
	uint8_t plain[64];
	memcpy(plain, bytes, plain_len);
	bool is_signed = step == SIGNED || step == FLIPPED;
	bool was_first = stream->count == 0;
	if (is_signed)
		len = message_sign(stream, bytes, len);
	if (step == FLIPPED)
		bytes[2 + number % (len - 2)] ^= 1; /* not the ID, which is not signed */
	if (step == UNSIGNED) {
		memcpy(stream->covered + stream->covered_len, bytes, len);
		stream->covered_len += len;
	}
	int err = sw_tsig_check_reply(&stream->asking, bytes, &len, false, now());
	require(err == 0 || err == -EBADMSG || err == -EKEYREJECTED || err == -ETIME);
	/* a flip may hide the signature: then it is an unsigned message, which nobody sent */
	bool is_hidden = is_signed && err == 0 && stream->asking.unsigned_count > 0;
	if (is_signed && !is_hidden) {
		require(step != SIGNED || (err == 0) == !stream->is_inserted);
		require(err != 0 ||
			(!stream->is_inserted && len == plain_len && memcmp(bytes, plain, len) == 0));
		stream->since = 0;
		return err == 0;
	}
	require(step != SIGNED && (err == 0) == (!was_first && stream->since < UNSIGNED_MAX));
	stream->since++;
	stream->is_inserted |= step != UNSIGNED;
	return err == 0;
}

static void stream(const uint8_t *data, size_t size)
{
	static struct stream stream;
	stream = (struct stream){.count = 0};
	size_t len = message_make(bytes, 0);
	require(sw_tsig_sign_query(&stream.asking, &key, bytes, &len, MESSAGE_MAX, now()) == 0);
	memcpy(stream.digest, stream.asking.mac, stream.asking.mac_len);
	stream.digest_len = stream.asking.mac_len;
	for (size_t i = 0; i < size; i++) {
		if (!step_take(&stream, data[i] & 3, data[i] >> 2))
			break;
	}
	/* one more: the signed message that was judged with them */
	require(stream.asking.unsigned_count <= UNSIGNED_MAX + 1);
	sw_tsig_end(&stream.asking);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (*const kinds[])(const uint8_t *, size_t) = {raw, changed, stream};
	if (size > 0)
		kinds[data[0] % 3](data + 1, size - 1);
	return 0;
}
