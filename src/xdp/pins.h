/* SPDX-License-Identifier: GPL-3.0-or-later */
/** Links kept in a BPF filesystem: with their names there they outlive the process that made them, and the
 * kernel part goes on answering. The next process takes them over.
 *
 * One process at a time has a directory. It belongs to one network namespace, as interfaces do. */
#ifndef SW_XDP_PINS_H
#define SW_XDP_PINS_H

#include <stdbool.h>
#include <stddef.h>

#define SW_PINS_WHY_MAX 256

enum sw_pin { SW_PIN_XDP, SW_PIN_TC, SW_PIN_COUNT };

struct sw_pins;

/** Take a directory; with `make` it is made where it is missing.
 * @param why  SW_PINS_WHY_MAX bytes: on error what is wrong with it
 * @return 0; -EBUSY: another process has it; -ENOTSUP: not in a BPF filesystem; -errno */
int sw_pins_open(struct sw_pins **pins, const char *directory, bool make, char *why);
/** What is pinned stays. Takes NULL. */
void sw_pins_close(struct sw_pins *pins);

/** @return descriptor of a link, the caller's, or -errno (-ENOENT: there is none) */
int sw_pins_get(const struct sw_pins *pins, enum sw_pin kind, int ifindex);

/** Keep a link, in the place of another one if there is one: that stays until this one is kept.
 * @return 0 or -errno */
int sw_pins_put(const struct sw_pins *pins, enum sw_pin kind, int ifindex, int link);

/** Forget a link of an interface, or all of them; what nobody else holds is detached. */
void sw_pins_forget(const struct sw_pins *pins, enum sw_pin kind, int ifindex);
void sw_pins_drop(const struct sw_pins *pins, int ifindex);

/** Forget all links but those of some interfaces. @return how many there were, or -errno when one of them
 * cannot be forgotten */
int sw_pins_sweep(const struct sw_pins *pins, const int *ifindexes, size_t count);

#endif
