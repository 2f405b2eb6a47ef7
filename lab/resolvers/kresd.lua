-- SPDX-License-Identifier: GPL-3.0-or-later
-- Knot Resolver among the users. What is below test. it asks the drill's servers for; of the rest it knows nothing.
net.listen("$listen", 53, { kind = "dns" })
net.outgoing_v4("$source4")
net.outgoing_v6("$source6")
cache.open(16 * MB, "lmdb://$state/cache")
log_level("err")

-- There is no root, so nothing to validate from, and nothing to keep up to date.
trust_anchors.remove(".")
modules.unload("ta_update")
modules.unload("ta_signal_query")
modules.unload("priming")
modules.unload("detect_time_skew")

policy.add(policy.suffix(policy.STUB({$servers}), {todname("test.")}))
