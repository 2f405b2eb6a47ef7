# SPDX-License-Identifier: GPL-3.0-or-later
"""The kernel part on real interfaces: veth pairs between namespaces, a router between, tags, what stays behind."""

import json
import re
import signal
import socket
import subprocess
import sys

import dns.message
import lab
import node
import tap

BOTH = ("--xdp", "s0", "--xdp", "s1")
NAME = "www.example.com"
# A reply longer than its query, one shorter, one as long: the packet must grow, shrink, and neither.
SHAPES = {
    "longer": {"name": NAME},
    "shorter": {"name": NAME, "use_edns": 0, "pad": 400},
    "as long": {"name": "www.example.net"},
}
PLACES = [("c0", lab.SERVER4), ("c0", lab.SERVER6), ("c1", lab.ROUTED4), ("c1", lab.ROUTED6)]


def serve(wired, *options, native=False, **more):
    """A daemon in the server's namespace; native XDP where the other ends have programs themselves."""
    wired.set_programs(native)
    return node.Node(options=[*BOTH, *options], before=wired.server.enter, **more)


def is_reached(address):
    """Neighbours and routes are known: a query is answered."""
    wire = node.query()
    return node.answers(node.datagram(address, wire, wait_s=0.5)[0], wire)


def ways(daemon):
    """How often a query was answered by the kernel, left to user space for want of room, answered by sockets."""
    status = daemon.status()
    verdicts = status["kernel"]["verdicts"]
    return [verdicts["answered"], verdicts["punt_room"], status["udp"]["verdicts"]["answered"]]


def asked(command, *words, address=lab.SERVER4):
    """What dig or kdig prints."""
    run = subprocess.run([command, f"@{address}", "-p", str(node.PORT), *words], capture_output=True, text=True, check=False)
    return run.stdout + run.stderr


def engines(daemon):
    return {interface["engine"] for interface in daemon.status()["interfaces"]}


def replies(daemon):
    """All places and shapes, and that the kernel answered each."""
    for interface, address in PLACES:
        node.wait_for(lambda address=address: is_reached(address), f"{address} to be reached")
        for shape, words in SHAPES.items():
            before = sum(daemon.status()["kernel"]["verdicts"][name] for name in ("answered", "refused"))
            wire = node.query(**words)
            with lab.Wire(interface) as arriving:
                reply, _ = node.datagram(address, wire, wait_s=2)
                faults = arriving.reply()
            if not node.answers(reply, wire):
                yield f"{address}, {shape}: no reply; at the interface: {faults}"
            elif faults:
                yield f"{address}, {shape}: wrong {', '.join(faults)}"
            elif sum(daemon.status()["kernel"]["verdicts"][name] for name in ("answered", "refused")) != before + 1:
                yield f"{address}, {shape}: not answered by the kernel"


def every_reply(native, offload):
    with lab.wired() as wired:
        wired.offload(offload)
        with serve(wired, native=native) as daemon:
            wanted = {"native XDP" if native else "generic XDP"}
            if engines(daemon) != wanted:
                yield daemon.log()
            yield from replies(daemon)
            if daemon.status()["kernel"]["punted_share"] != 0:
                yield f"punted: {daemon.status()['kernel']}"


def check_generic():
    """A veth whose other end has no program: generic XDP, direct and routed, checksums right."""
    yield from every_reply(False, "on")


def check_generic_without_offload():
    """The same, checksums worked out before sending."""
    yield from every_reply(False, "off")


def check_native():
    """A veth whose other end has a program: native XDP, direct and routed, checksums right."""
    yield from every_reply(True, "on")


def check_native_without_offload():
    """The same, checksums worked out before sending."""
    yield from every_reply(True, "off")


def check_reason():
    """The reason for generic XDP is told."""
    with lab.wired() as wired, serve(wired) as daemon:
        reason = daemon.status()["interfaces"][0]["reason"]
        if "other end of this veth" not in reason:
            yield reason


def tc_missing(crowded, wanted):
    with lab.wired() as wired, wired.server.crowded(crowded):
        with serve(wired, "--zone", f"signed.test={lab.signed_zone(wired)}", native=True) as daemon:
            bare = [one["interface"] for one in daemon.status()["interfaces"] if "no tc program" in one["reason"]]
            if bare != [crowded]:
                yield f"{crowded} is full of tc programs; those that found no place: {bare}"
            node.wait_for(lambda: is_reached(lab.SERVER4), "s0 to be reached")
            before = ways(daemon)
            wire = node.query("signed.test", "DNSKEY", want_dnssec=True)
            if not node.answers(node.datagram(lab.SERVER4, wire, wait_s=2)[0], wire):
                yield "no reply"
            took = [now - then for now, then in zip(ways(daemon), before)]
            if took != wanted:
                yield f"{took} answered by the kernel, left to user space, answered there; not {wanted}"


def check_tc_missing_here():
    """Where there is no tc program, what has no room is left to the sockets, and counted so."""
    yield from tc_missing("s0", [0, 1, 1])


def check_tc_missing_elsewhere():
    """Where there is one, it answers, whatever another interface lacks."""
    yield from tc_missing("s1", [1, 0, 0])


def check_tools():
    """dig and kdig: an answer, a signed one, one that is truncated and comes over TCP; nothing is punted."""
    with lab.wired() as wired:
        with serve(wired, "--zone", f"signed.test={lab.signed_zone(wired)}", native=True) as daemon:
            for address in (lab.SERVER4, lab.SERVER6):
                if "192.0.2.2" not in asked("dig", NAME, "A", "+short", "+tries=1", address=address):
                    yield f"dig at {address}: {asked('dig', NAME, address=address)}"
            text = asked("kdig", "+dnssec", "signed.test", "DNSKEY")
            if "RRSIG" not in text or "NOERROR" not in text:
                yield text
            if "NSEC" not in asked("kdig", "+dnssec", "nothere.signed.test"):
                yield "no proof that a name does not exist"
            text = asked("kdig", "big.example.com", "TXT")
            if "TCP" not in text or text.count("TXT") < 240:
                yield text[-500:]
            kernel = daemon.status()["kernel"]
            if kernel["punted_share"] != 0 or not kernel["verdicts"]["truncated"] or not kernel["verdicts"]["nxdomain"]:
                yield f"{kernel}"


def tagged(native):
    with lab.wired() as wired, serve(wired, native=native) as daemon:
        node.wait_for(lambda: is_reached(lab.SERVER4), "the server")
        for tags in ([], [(0x8100, 7)], [(0x88A8, 8), (0x8100, 9)], [(0x8100, 0xE005)]):
            for shape, words in SHAPES.items():
                wire = node.query(**words)
                sent = lab.frame_of(tags, wire)
                with lab.Wire("c0") as arriving:
                    arriving.send(sent)
                    got = arriving.frame()
                end = 14 + 4 * len(tags)
                if got is None:
                    yield f"tags {tags}, {shape}: no reply"
                elif got[:end] != sent[6:12] + sent[:6] + sent[12:end]:
                    yield f"tags {tags}, {shape}: returned under {got[:end].hex()}"
                elif lab.faults_of(got) or not node.answers(lab.message_of(got), wire):
                    yield f"tags {tags}, {shape}: {lab.faults_of(got)} {got.hex()}"
        if daemon.status()["kernel"]["punted_share"] != 0:
            yield f"{daemon.status()['kernel']}"


def check_tags_generic():
    """One tag and two: the reply carries them back; generic XDP."""
    yield from tagged(False)


def check_tags_native():
    """One tag and two: the reply carries them back; native XDP."""
    yield from tagged(True)


def check_address_goes():
    """An address taken from the machine is answered for no longer, the others go on; one that comes has its place."""
    first, second = "198.51.100.61", "198.51.100.62"
    with lab.wired() as wired:
        # whatever the server's stack thinks of it, packets for these addresses come
        wired.client.ip(*(f"neighbour add {one} lladdr {lab.SERVER_MAC} dev c0" for one in (first, second)))
        wired.server.ip(f"address add {first}/32 dev s0")
        with serve(wired) as daemon:
            node.wait_for(lambda: is_reached(first), "the address")
            wired.server.ip(f"address del {first}/32 dev s0")
            node.wait_for(lambda: not is_reached(first), "an address that is gone to fall silent")
            wired.server.ip(f"address add {second}/32 dev s0")
            node.wait_for(lambda: is_reached(second), "an address that came")
            before = ways(daemon)
            if not is_reached(lab.SERVER4) or not is_reached(lab.SERVER6) or not is_reached(second):
                yield "an address that stayed is silent"
            if ways(daemon)[0] != before[0] + 3:
                yield f"{before}, then {ways(daemon)}: not answered by the kernel"
            if is_reached(first):
                yield "the first address answers again"


def left_behind(space):
    """Programs that are still attached in a namespace."""
    attached = [space.run("ip", "-details", "link", "show", "s0"), space.run("bpftool", "net", "show", "dev", "s0"),
                space.run("tc", "filter", "show", "dev", "s0", "ingress")]
    return [text for text in attached if re.search(r"prog/xdp|\bid \d+|\bbpf\b", text)]


def ending(how):
    with lab.wired() as wired, serve(wired) as daemon:
        if not left_behind(wired.server):
            yield "nothing is attached while it serves"
        how(daemon)
        node.wait_for(lambda: not left_behind(wired.server), f"nothing to be left: {left_behind(wired.server)}", limit_s=5)


def check_stopped():
    """SIGTERM leaves nothing on the interface."""
    yield from ending(lambda daemon: daemon.stop())


def check_killed():
    """Nor does SIGKILL: the kernel takes the programs off with the process."""
    def kill(daemon):
        daemon.process.send_signal(signal.SIGKILL)
        daemon.process.wait(node.LIMIT_S)

    yield from ending(kill)


if __name__ == "__main__":
    node.enter_namespace()
    tap.run(globals())
