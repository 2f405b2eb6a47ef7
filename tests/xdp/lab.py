# SPDX-License-Identifier: GPL-3.0-or-later
"""Network namespaces joined by veth pairs: a client (this program's own), a router, a server.

      client c0 ────────────────────── s0 server       plain, and frames with VLAN tags
      client c1 ───── r0 router r1 ─── s1 server       every reply is forwarded once

Namespaces have no names: they end with this program, and nothing is left behind.
"""

import contextlib
import os
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time

import node
import signing

CLIENT4, SERVER4, ROUTED4 = "198.51.100.1", "198.51.100.53", "203.0.113.53"
CLIENT6, SERVER6, ROUTED6 = "2001:db8:1::1", "2001:db8:1::53", "2001:db8:3::53"
CLIENT_MAC, SERVER_MAC = "02:00:00:00:00:01", "02:00:00:00:00:53"
ETHERTYPE_ALL = 3
SOL_PACKET, PACKET_AUXDATA, TP_STATUS_VLAN_VALID = 263, 8, 0x10
CROWD = str(node.ROOT / "tests" / "xdp" / "crowd.py")
PASS_OBJECT = os.environ.get("SW_PASS_OBJECT", str(node.BUILD / "tests" / "xdp" / "pass.bpf.o"))


class Namespace:
    """Another network namespace; commands and daemons can be run inside."""

    def __init__(self):
        self.holder = subprocess.Popen(["unshare", "--net", "cat"], stdin=subprocess.PIPE)
        path = f"/proc/{self.holder.pid}/ns/net"
        node.wait_for(lambda: os.readlink(path) != os.readlink("/proc/self/ns/net"), "a namespace")
        self.enter = ["nsenter", f"--net={path}"]

    def run(self, *command):
        return subprocess.run([*self.enter, *command], capture_output=True, text=True, check=True).stdout

    def ip(self, *lines):
        subprocess.run([*self.enter, "ip", "-batch", "-"], input="\n".join(lines) + "\n", text=True, check=True)

    @contextlib.contextmanager
    def crowded(self, interface):
        """Leave no place on an interface for a tc program."""
        command = [*self.enter, sys.executable, CROWD, interface]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as crowd:
            if int(crowd.stdout.readline()) == 0:
                raise RuntimeError("not even the first tc program can be attached")
            yield
            crowd.stdin.close()

    def end(self):
        self.holder.stdin.close()
        self.holder.wait()


class Here(Namespace):
    """The namespace of this program."""

    def __init__(self):  # pylint: disable=super-init-not-called
        self.enter = []

    def end(self):
        pass


def addressed(interface, four, six):
    return [f"address add {four}/24 dev {interface}", f"address add {six}/64 dev {interface} nodad",
            f"link set {interface} up"]


class Lab:
    """The three namespaces, wired."""

    def __init__(self):
        self.directory = tempfile.TemporaryDirectory(prefix="seawall-test-")
        self.client, self.router, self.server = Here(), Namespace(), Namespace()
        router, server = (space.holder.pid for space in (self.router, self.server))
        self.client.ip(
            f"link add c0 address {CLIENT_MAC} type veth peer name s0 address {SERVER_MAC} netns {server}",
            f"link add c1 type veth peer name r0 netns {router}",
            *addressed("c0", CLIENT4, CLIENT6),
            *addressed("c1", "192.0.2.1", "2001:db8:2::1"),
            "route add 203.0.113.0/24 via 192.0.2.254",
            "route add 2001:db8:3::/64 via 2001:db8:2::fe",
        )
        self.router.ip(
            f"link add r1 type veth peer name s1 netns {server}",
            *addressed("r0", "192.0.2.254", "2001:db8:2::fe"),
            *addressed("r1", "203.0.113.254", "2001:db8:3::fe"),
        )
        self.router.run("sysctl", "-qw", "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1")
        self.server.ip(
            "link set lo up",
            *addressed("s0", SERVER4, SERVER6),
            *addressed("s1", ROUTED4, ROUTED6),
            "route add default via 203.0.113.254",
            "route add default via 2001:db8:3::fe",
        )

    def offload(self, state):
        """Checksums left to the (absent) hardware, or worked out before sending."""
        for space, interfaces in ((self.client, ("c0", "c1")), (self.router, ("r0", "r1")), (self.server, ("s0", "s1"))):
            for interface in interfaces:
                space.run("ethtool", "-K", interface, "rx", state, "tx", state)

    def set_programs(self, wanted):
        """Programs that pass everything at the ends opposite to the server's: a native program answers only those."""
        for space, interface in ((self.client, "c0"), (self.router, "r1")):
            words = ("obj", PASS_OBJECT, "sec", "xdp") if wanted else ("off",)
            space.run("ip", "link", "set", "dev", interface, "xdpdrv", *words)

    def end(self):
        for name in ("c0", "c1"):
            self.client.ip(f"link del {name}")
        self.router.end()
        self.server.end()
        self.directory.cleanup()


@contextlib.contextmanager
def meanwhile(ask, every_s):
    """Call something again and again, as long as this lasts."""
    is_over = threading.Event()

    def run():
        while not is_over.wait(every_s):
            ask()

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()


@contextlib.contextmanager
def wired():
    """A lab for the time of one check."""
    lab = Lab()
    try:
        yield lab
    finally:
        lab.end()


# ---- what arrives at the client, byte by byte ----


def ones_sum(data):
    """One's complement sum (RFC 1071): 0xffff over data that holds its own right checksum."""
    total = sum(struct.unpack(f"!{len(data) // 2 + len(data) % 2}H", data + bytes(len(data) % 2)))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total


def payload_of(frame):
    """Ethernet payload and its type, without tags."""
    at, kind = 14, struct.unpack("!H", frame[12:14])[0]
    while kind in (0x8100, 0x88A8):
        kind, at = struct.unpack("!H", frame[at + 2:at + 4])[0], at + 4
    return kind, frame[at:]


def faults_of(frame):
    """What is wrong with the checksums and lengths of a UDP datagram; None when the frame is something else."""
    kind, packet = payload_of(frame)
    if kind == 0x0800 and packet[9] == socket.IPPROTO_UDP:
        header, addresses = 4 * (packet[0] & 15), packet[12:20]
        length = struct.unpack("!H", packet[2:4])[0] - header
        faults = [] if ones_sum(packet[:header]) == 0xFFFF else ["IPv4 header checksum"]
    elif kind == 0x86DD and packet[6] == socket.IPPROTO_UDP:
        header, addresses, faults = 40, packet[8:40], []
        length = struct.unpack("!H", packet[4:6])[0]
    else:
        return None
    datagram = packet[header:header + length]
    if len(datagram) != length or struct.unpack("!H", datagram[4:6])[0] != length:
        return faults + ["length"]
    pseudo = addresses + struct.pack("!IHH", length, 0, socket.IPPROTO_UDP)
    if datagram[6:8] == b"\0\0" or ones_sum(pseudo + datagram) != 0xFFFF:
        faults.append("UDP checksum")
    return faults


def with_tag(frame, ancillary):
    """The kernel takes the outer tag out of a frame and tells it beside (struct tpacket_auxdata); put it back."""
    for level, kind, data in ancillary:
        if (level, kind) == (SOL_PACKET, PACKET_AUXDATA):
            status, *_, tci, protocol = struct.unpack("=IIIHHHH", data[:20])
            if status & TP_STATUS_VLAN_VALID:
                return frame[:12] + struct.pack("!HH", protocol, tci) + frame[12:]
    return frame


def frame_of(tags, message):
    """A query from c0 to s0 over IPv4, under tags (protocol, TCI)."""
    ethernet = bytes.fromhex((SERVER_MAC + CLIENT_MAC).replace(":", ""))
    ethernet += b"".join(struct.pack("!HH", *tag) for tag in tags) + b"\x08\x00"
    addresses = socket.inet_aton(CLIENT4) + socket.inet_aton(SERVER4)
    length = 8 + len(message)
    head = struct.pack("!HHH", 40000, node.PORT, length)
    pseudo = addresses + struct.pack("!HH", socket.IPPROTO_UDP, length)
    datagram = head + struct.pack("!H", 0xFFFF ^ ones_sum(pseudo + head + b"\0\0" + message) or 0xFFFF) + message
    ip = struct.pack("!BBHHHBBH", 0x45, 0, 20 + length, 1, 0, 64, socket.IPPROTO_UDP, 0) + addresses
    return ethernet + ip[:10] + struct.pack("!H", 0xFFFF ^ ones_sum(ip)) + ip[12:] + datagram


def message_of(frame):
    """The DNS message of a datagram over IPv4."""
    _, packet = payload_of(frame)
    length = struct.unpack("!H", packet[24:26])[0]
    return packet[28:20 + length]


class Wire:
    """Reads the frames that arrive at one interface of the client."""

    def __init__(self, interface):
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETHERTYPE_ALL))
        self.socket.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
        self.socket.bind((interface, ETHERTYPE_ALL))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, frame):
        self.socket.send(frame)

    def frame(self, limit_s=2.0):
        """The next UDP datagram that arrives, as a frame with its tags; None when none came in time."""
        end = time.monotonic() + limit_s
        while (left := end - time.monotonic()) > 0:
            self.socket.settimeout(left)
            try:
                frame, ancillary, _, address = self.socket.recvmsg(65535, socket.CMSG_SPACE(20))
            except TimeoutError:
                break
            if address[2] != socket.PACKET_OUTGOING and faults_of(frame) is not None:
                return with_tag(frame, ancillary)
        return None

    def reply(self):
        """Faults of the next UDP datagram that arrives; None when none came in time."""
        frame = self.frame()
        return faults_of(frame) if frame else None


def signed_zone(wired):
    """A zone signed with NSEC3, in a directory that goes with the lab."""
    path = os.path.join(wired.directory.name, "signed.test.zone")
    with open(path, "w", encoding="utf-8") as zone:
        zone.write(node.zone_text().replace("ns1", "ns1.signed.test."))
    signing.sign_nsec3("signed.test.", path, path + ".signed", opt_out=False, salt="-")
    return path + ".signed"
