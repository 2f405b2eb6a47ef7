-- SPDX-License-Identifier: GPL-3.0-or-later
-- dnsdist in front of PowerDNS at one POP: a packet cache, and clients that ask too much are sent to TCP.
$locals
setACL({"0.0.0.0/0", "::/0"})
setSecurityPollSuffix("")
controlSocket("127.0.0.1:5199")
setKey("$key")

-- The only backend is on this machine: to stop asking it because a check was lost in a wave would end all service.
local backend = newServer({address="127.0.0.1:5300", sockets=4, useClientSubnet=false})
backend:setUp()

-- What is authoritative must not age.
local cache = newPacketCache(200000, {maxTTL=3600, maxNegativeTTL=60, temporaryFailureTTL=1, dontAge=true})
getPool(""):setCache(cache)

setMaxTCPClientThreads(1)
setMaxTCPQueuedConnections(1000)
setMaxTCPConnectionsPerClient(50)
setMaxTCPConnectionDuration(60)
setTCPRecvTimeout(5)
setTCPSendTimeout(5)
setUDPTimeout(1)

-- Rates per address over five seconds, so many times what the busiest resolver asks in peace.
setRingBuffersSize(200000, 4)
local limits = dynBlockRulesGroup()
limits:setMasks(32, 64, 0)
limits:setQueryRate($queries, 5, "too many queries", 60, DNSAction.Truncate)
limits:setRCodeRate(DNSRCode.NXDOMAIN, $nxdomains, 5, "too many names that do not exist", 60, DNSAction.Truncate)
limits:setRCodeRate(DNSRCode.REFUSED, $nxdomains, 5, "too many zones that are not ours", 60, DNSAction.Truncate)
limits:setRCodeRate(DNSRCode.SERVFAIL, $nxdomains, 5, "too many failures", 60, DNSAction.Truncate)

function maintenance()
    limits:apply()
end
