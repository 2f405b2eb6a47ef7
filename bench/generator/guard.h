/* SPDX-License-Identifier: GPL-3.0-or-later */
/** The generator floods; this keeps it on a wire that leads nowhere. */
#ifndef BENCH_GENERATOR_GUARD_H
#define BENCH_GENERATOR_GUARD_H

#define BENCH_PREFIX "swb"

/** Refuse every interface but one end of a veth pair that the bench made for itself.
 *
 * The name starts with BENCH_PREFIX, the driver is veth, the network namespace has a name that starts
 * with it too, and holds nothing besides this interface and `lo`.
 * @return NULL when it may be used, or the reason why not
 */
const char *bench_interface_refuse(const char *name);

#endif
