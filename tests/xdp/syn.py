# SPDX-License-Identifier: GPL-3.0-or-later
"""TCP in the kernel part: a SYN flood on a real interface, clients and connections in the middle of it, and ACKs of nothing.

All runs on one core: the kernel part counts SYNs core by core, so the clients' arrive among those of the flood.
"""

import contextlib
import functools
import os
import socket
import struct
import threading
import time

import lab
import node
import tap

FIN, SYN, RST, ACK = 1, 2, 4, 16
SETTING = "/proc/sys/net/ipv4/tcp_syncookies"
CONFIG = "guard: {syn-budget: 20}\n"
FLOOD_PPS, BURST = 4000, 40
PLACES = [lab.SERVER4, lab.SERVER6]
CLIENTS = 10  # of each family


def segment(to, number, flags=SYN, ack=0, wrong=0):
    """A TCP segment with an MSS option, from an address that nobody has. `wrong` is added to its checksum."""
    ethernet = bytes.fromhex((lab.SERVER_MAC + lab.CLIENT_MAC).replace(":", ""))
    header = struct.pack("!HHIIHHHH", 1024 + number % 60000, node.PORT, number, ack, 0x6000 | flags, 65535, 0, 0)
    header += struct.pack("!BBH", 2, 4, 1460)
    if ":" in to:
        addresses = socket.inet_pton(socket.AF_INET6, f"2001:db8:1::f{number % 4096:x}") + socket.inet_pton(socket.AF_INET6, to)
        ethernet += b"\x86\xdd"
        ip = struct.pack("!IHBB", 6 << 28, len(header), socket.IPPROTO_TCP, 64) + addresses
    else:
        addresses = socket.inet_aton(f"198.51.100.{100 + number % 100}") + socket.inet_aton(to)
        ethernet += b"\x08\x00"
        ip = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(header), 1, 0, 64, socket.IPPROTO_TCP, 0) + addresses
        ip = ip[:10] + struct.pack("!H", 0xFFFF ^ lab.ones_sum(ip)) + ip[12:]
    pseudo = addresses + struct.pack("!HH", socket.IPPROTO_TCP, len(header))
    check = (0xFFFF ^ lab.ones_sum(pseudo + header)) + wrong & 0xFFFF
    return ethernet + ip + header[:16] + struct.pack("!H", check) + header[18:]


@functools.cache
def syns(wrong):
    """So many that none comes again soon: the stack may still have a half-open connection for those it has let in."""
    return [segment(to, 0x10000 + number, wrong=wrong) for number in range(15000) for to in PLACES]


@contextlib.contextmanager
def flood(wrong=0):
    """SYNs over both families, as long as this lasts."""
    frames = syns(wrong)
    is_over = threading.Event()

    def run():
        wire = lab.Wire("c0")
        number = 0
        while not is_over.wait(BURST / FLOOD_PPS):
            for _ in range(BURST):
                wire.send(frames[number % len(frames)])
                number += 1

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()


def serve(wired, native=False, before=()):
    wired.set_programs(native)
    return node.Node(config=CONFIG, options=["--xdp", "s0"], before=[*wired.server.enter, *before])


def verdicts(daemon, *names):
    counted = daemon.status()["kernel"]["verdicts"]
    return [counted[name] for name in names]


def setting(wired):
    return int(wired.server.run("cat", SETTING))


def cookies_taken(wired):
    """Connections that the server's stack has made of a cookie."""
    names, values = [line.split() for line in wired.server.run("cat", "/proc/net/netstat").splitlines()[:2]]
    return int(values[names.index("SyncookiesRecv")])


def ask(address, stream=None):
    """Whether a query over TCP is answered; on a connection of its own unless there is one."""
    wire = node.query()
    try:
        if stream:
            return node.answers(stream.ask(wire), wire)
        with node.Stream(address) as client:
            return not client.was_reset and node.answers(client.ask(wire), wire)
    except OSError:
        return False


def clients():
    """Many at once would hide one: each after the other."""
    for address in PLACES * CLIENTS:
        start = time.monotonic()
        if not ask(address):
            yield f"no answer from {address}"
        elif time.monotonic() - start > 0.9:
            yield f"{address}: {time.monotonic() - start:.1f} s, so a SYN or an ACK was lost"


def is_defended(wired, daemon):
    return setting(wired) == 2 and verdicts(daemon, "tcp_cookie")[0] > 0


def under_flood(native, wrong=0):
    with lab.wired() as wired, serve(wired, native) as daemon:
        node.wait_for(lambda: all(map(ask, PLACES)), "the server")
        with node.Stream(lab.SERVER4) as old4, node.Stream(lab.SERVER6) as old6:
            if not ask(None, old4) or not ask(None, old6):
                yield "no answer before the flood"
            with flood(wrong):
                node.wait_for(lambda: is_defended(wired, daemon), "cookies")
                taken = cookies_taken(wired)
                yield from clients()
                node.wait_for(lambda: verdicts(daemon, "tcp_cookie")[0] > 2 * FLOOD_PPS, "two seconds of flood")
                yield from clients()
                if cookies_taken(wired) - taken < 2 * len(PLACES) * CLIENTS:
                    yield f"{cookies_taken(wired) - taken} connections made of cookies"
                if not ask(None, old4) or not ask(None, old6):
                    yield "a connection from before the flood is lost"
            dropped, = verdicts(daemon, "drop_tcp_state")
            if dropped > 0:
                yield f"{dropped} segments of good connections dropped"
            if not ask(None, old4) or not ask(None, old6):
                yield "a connection from before the flood is lost after it"
        yield from afterwards(wired, daemon)


def afterwards(wired, daemon):
    """Everything is as it was."""
    node.wait_for(lambda: setting(wired) == 1, "the setting to be put back")
    passed, cookies = verdicts(daemon, "tcp_syn", "tcp_cookie")
    taken = cookies_taken(wired)
    yield from clients()
    more, same = verdicts(daemon, "tcp_syn", "tcp_cookie")
    if (more - passed, same - cookies, cookies_taken(wired) - taken) != (len(PLACES) * CLIENTS, 0, 0):
        yield f"after the flood: {more - passed} SYNs passed, {same - cookies} cookies"
    for text in ("SYN flood: the kernel part answers", "SYN flood: over"):
        if daemon.log().count(text) != 1:
            yield f"the log says {daemon.log().count(text)} times '{text}'"


def check_flood_generic():
    """Generic XDP: under a flood clients get their answers through cookies, connections live on; then all is as before."""
    yield from under_flood(False)


def check_flood_native():
    """Native XDP: the same."""
    yield from under_flood(True)


def check_flood_of_broken():
    """The same while every SYN of the flood is one that the stack throws away."""
    yield from under_flood(False, wrong=1)


def check_stopped():
    """Stopping in the middle of a flood puts the setting back."""
    with lab.wired() as wired, serve(wired) as daemon, flood():
        node.wait_for(lambda: is_defended(wired, daemon), "cookies")
        daemon.stop()
        if setting(wired) != 1:
            yield f"left at {setting(wired)}"


def check_denied():
    """Where the setting may not be written SYNs go on passing, and the log says once what to do."""
    bind = ["unshare", "--mount", "sh", "-c", 'mount --bind -o ro /proc/sys /proc/sys && exec "$0" "$@"']
    with lab.wired() as wired, serve(wired, before=bind) as daemon:
        node.wait_for(lambda: all(map(ask, PLACES)), "the server")
        before, = verdicts(daemon, "tcp_syn")
        with flood():
            node.wait_for(lambda: verdicts(daemon, "tcp_syn")[0] > before + 2 * FLOOD_PPS, "two seconds of flood")
            yield from clients()
        if verdicts(daemon, "tcp_cookie") != [0] or setting(wired) != 1:
            yield f"cookies {verdicts(daemon, 'tcp_cookie')}, setting {setting(wired)}"
        if daemon.log().count("sysctl -w net.ipv4.tcp_syncookies=2") != 1:
            yield daemon.log()


def check_loopback():
    """Generic XDP on the loopback interface, far more connections than the budget: all are answered."""
    with node.Node(config="guard: {syn-budget: 1}\n", options=["--xdp", "lo"], listen=["127.0.0.1", "::1"]) as daemon:
        def is_on():
            return ask("127.0.0.1") and ask("::1") and verdicts(daemon, "tcp_cookie")[0] > 0

        node.wait_for(is_on, "cookies")
        failed = sum(not ask(address) for address in ["127.0.0.1", "::1"] * 50)
        if failed:
            yield f"{failed} of 100 were not answered"
        if verdicts(daemon, "drop_tcp_state") != [0]:
            yield f"segments of good connections dropped: {daemon.status()['kernel']['verdicts']}"


def arriving(wire):
    """TCP flags of what has come from the server so far."""
    wire.socket.setblocking(False)
    with contextlib.suppress(BlockingIOError):
        while True:
            frame, address = wire.socket.recvfrom(65535)
            kind, packet = lab.payload_of(frame)
            at = {0x0800: 20, 0x86DD: 40}.get(kind)
            protocol = at and packet[9 if at == 20 else 6]
            if address[2] != socket.PACKET_OUTGOING and protocol == socket.IPPROTO_TCP:
                yield packet[at + 13]


def check_out_of_state():
    """In peace: ACK, FIN, RST and SYN-ACK of no connection get no RST and are counted; a SYN is still answered."""
    with lab.wired() as wired, serve(wired) as daemon:
        node.wait_for(lambda: all(map(ask, PLACES)), "the server")
        kinds = (ACK, FIN | ACK, RST, RST | ACK, SYN | ACK, ACK | 8)
        with lab.Wire("c0") as wire:
            for number, flags in enumerate(kinds):
                for to in PLACES:
                    wire.send(segment(to, 7 + number, flags, ack=0x12345678))
            sent = len(kinds) * len(PLACES)
            node.wait_for(lambda: verdicts(daemon, "drop_tcp_state")[0] >= sent, "them to be counted")
            if not all(map(ask, PLACES)):
                yield "a good client is not answered"
            if any(flags & RST for flags in arriving(wire)):
                yield "the server has sent a RST"
        if verdicts(daemon, "drop_tcp_state") != [sent]:
            yield f"{verdicts(daemon, 'drop_tcp_state')} counted, {sent} sent"


def check_half_closed():
    """A client that closes its half first, and one that lingers, are not cut off."""
    with lab.wired() as wired, serve(wired) as daemon:
        node.wait_for(lambda: all(map(ask, PLACES)), "the server")
        for address in PLACES:
            with node.Stream(address) as client:
                client.send(*(node.query("big.example.com", "TXT", message_id=number) for number in range(20)))
                client.socket.shutdown(socket.SHUT_WR)
                got = sum(client.frame() is not None for _ in range(20))
                if got != 20 or client.frame() is not None:
                    yield f"{address}: {got} of 20 answers, then the end"
        if verdicts(daemon, "drop_tcp_state") != [0]:
            yield f"{verdicts(daemon, 'drop_tcp_state')} segments dropped"


if __name__ == "__main__":
    node.enter_namespace()
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    tap.run(globals())
