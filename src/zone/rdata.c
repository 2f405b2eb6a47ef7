/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "zone/rdata.h"
#include "wire/name.h"
#include <libknot/libknot.h>

/** @return length of a well-formed name at the start, or 0 */
static size_t name_at(const uint8_t *bytes, size_t len)
{
	if (len > SW_NAME_MAX)
		len = SW_NAME_MAX;
	for (size_t at = 0; at < len; at += 1u + bytes[at]) {
		if (bytes[at] == 0)
			return at + 1;
		if (bytes[at] > SW_LABEL_MAX)
			return 0;
	}
	return 0;
}

/** Order, preference and three character strings (RFC 3403 s4.1). @return their length, or 0 */
static size_t naptr_header_at(const uint8_t *bytes, size_t len)
{
	size_t at = 4;
	for (int i = 0; i < 3; i++) {
		if (at >= len)
			return 0;
		at += 1u + bytes[at];
	}
	return at <= len ? at : 0;
}

/** Least length of types that the descriptors only call "remainder", where we or a client read fields. */
static size_t remainder_min(uint16_t type)
{
	switch (type) {
	case KNOT_RRTYPE_DS:
	case KNOT_RRTYPE_CDS:
	case KNOT_RRTYPE_DNSKEY:
	case KNOT_RRTYPE_CDNSKEY:
		return 4;
	case KNOT_RRTYPE_NSEC3:
		return 6;
	case KNOT_RRTYPE_NSEC3PARAM:
		return 5;
	case KNOT_RRTYPE_TXT:
		return 1;
	default:
		return 0;
	}
}

bool sw_rdata_is_valid(uint16_t type, const uint8_t *rdata, size_t len)
{
	const knot_rdata_descriptor_t *form = knot_get_rdata_descriptor(type);
	if (len < remainder_min(type))
		return false;
	for (int i = 0; form->block_types[i] != KNOT_RDATA_WF_END; i++) {
		size_t used = 0;
		switch (form->block_types[i]) {
		case KNOT_RDATA_WF_REMAINDER:
			return true;
		case KNOT_RDATA_WF_FIXED_DNAME:
		case KNOT_RDATA_WF_COMPRESSIBLE_DNAME:
		case KNOT_RDATA_WF_DECOMPRESSIBLE_DNAME:
			used = name_at(rdata, len);
			break;
		case KNOT_RDATA_WF_NAPTR_HEADER:
			used = naptr_header_at(rdata, len);
			break;
		default:
			used = (size_t)form->block_types[i];
		}
		if (used == 0 || used > len)
			return false;
		rdata += used;
		len -= used;
	}
	return len == 0;
}
