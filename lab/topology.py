# SPDX-License-Identifier: GPL-3.0-or-later
"""The world of the drill: four POPs, the internet between them and everybody else, and a few real users.

      users ───────── u0                     ┌─ p0 ──────── net0  pop0  (us-east)
      resolvers,         inet                ├─ p1 ──────── net1  pop1  (us-west)
      stub clients       router, all         ├─ p2 ──────── net2  pop2  (eu)
                         modelled sources    └─ p3 ──────── net3  pop3  (apac)

Every POP has the service addresses on its lo and announces their prefixes by BGP. In `inet` the source of a packet
decides its catchment, and each catchment has a routing table with the POP that is nearest and announces. The modelled
sources are all local to `inet`: what a POP sends them arrives there, and goes no further.

Names of namespaces and interfaces are fixed, since the namespaces of namespaces are: see warden.py. All of it goes when
the `with` block is left, or with the warden.
"""

import contextlib
import ctypes
import json
import os
import pathlib
import resource
import socket
import string
import subprocess
import time

HERE = pathlib.Path(__file__).resolve().parent
POPS = ("us-east", "us-west", "eu", "apac")
# Where the traffic of a catchment goes when its own POP does not announce: next best first.
NEAREST = ((0, 1, 2, 3), (1, 0, 3, 2), (2, 0, 1, 3), (3, 1, 2, 0))
SERVICE = ("192.0.2.53", "192.0.2.54", "2001:db8:53::53", "2001:db8:53::54")
SOURCES = ("10.0.0.0/8", "fd00::/8")
CATCHMENTS4 = tuple(f"10.{64 * i}.0.0/10" for i in range(4))
CATCHMENTS6 = tuple(f"fd{64 * i:02x}::/10" for i in range(4))
USERS = ("172.31.0.0/16", "2001:db8:31::/48")
USERS4 = tuple(f"172.31.{64 * i}.0/18" for i in range(4))
USERS6 = tuple(f"2001:db8:31:{4 * i:x}000::/50" for i in range(4))
FIRST_TABLE = 100
POP_CORE = 0
WORLD_CORE = 1
NICE_IDLE = 19  # /proc/stat has its time apart
BOTH_CORES = f"{POP_CORE},{WORLD_CORE}"
# The ends on the internet's side gather what arrives as a network card moderates its interrupts: waking the other
# core for each answer would be charged to the server (bench/lab.py).
DEFER_NS = 200_000
OPEN_FILES = 65536
CLONE_NEWNET = 0x40000000

# Before there are interfaces, so that these have it from their first moment.
SETTINGS = """
sysctl -qw net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.default.rp_filter=0
sysctl -qw net.ipv6.conf.all.accept_dad=0 net.ipv6.conf.default.accept_dad=0
sysctl -qw net.ipv6.conf.all.accept_ra=0 net.ipv6.conf.default.accept_ra=0
"""
ROUTER_SETTINGS = """
sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
"""
# For whole prefixes that are local: IPv6 wants to be told that it is meant to bind to addresses nobody has set up.
SOURCE_SETTINGS = """
sysctl -qw net.ipv6.ip_nonlocal_bind=1
"""
# As an operator sets up a busy server.
POP_SETTINGS = """
sysctl -qw net.core.somaxconn=4096 net.ipv4.tcp_max_syn_backlog=4096 net.ipv4.tcp_syncookies=1
"""
# With GRO on, a veth end has a NAPI, and takes XDP frames, even without a program of its own.
RECEIVING = """
ethtool -K $interface gro on
echo 1 >/sys/class/net/$interface/threaded
"""
# Frames carry whole checksums, as from a wire.
INTERNET_END = """
ethtool -K $interface tx off
echo 1000 >/sys/class/net/$interface/napi_defer_hard_irqs
echo $defer >/sys/class/net/$interface/gro_flush_timeout
"""


class LabFailed(Exception):
    """The lab is not as it should be; the text says what is wrong."""


class Link:
    """A wire between `inet` and another namespace: an address per end and family, and both hardware addresses."""

    def __init__(self, index, namespace, here, there):
        self.namespace, self.here, self.there = namespace, here, there
        self.here4, self.there4 = f"172.30.{index}.1", f"172.30.{index}.2"
        self.here6, self.there6 = f"2001:db8:30:{index}::1", f"2001:db8:30:{index}::2"
        self.here_mac, self.there_mac = f"02:00:00:00:{index:02x}:01", f"02:00:00:00:{index:02x}:02"


LINKS = tuple(Link(index, f"pop{index}", f"p{index}", f"net{index}") for index in range(len(POPS)))
USERS_LINK = Link(99, "users", "u0", "net")
NAMESPACES = ("inet", *(link.namespace for link in LINKS), "users")


def modelled_address(pop, number, family=socket.AF_INET):
    """The n-th modelled source in the catchment of a POP, n up to 16383; each in a /24 or /64 of its own."""
    if family == socket.AF_INET:
        return f"10.{64 * pop + (number >> 8)}.{number & 255}.1"
    return f"fd{64 * pop:02x}:{number:x}::1"


def user_address(pop, number, family=socket.AF_INET):
    """The same for the namespace of the users, n up to 63."""
    if family == socket.AF_INET:
        return f"172.31.{64 * pop + number}.1"
    return f"2001:db8:31:{4 * pop:x}0{number:02x}::1"


class Lab:
    """The namespaces with all that is in them but the servers."""

    def __init__(self, warden, build, state):
        """
        @param warden  places the receiving threads; see warden.py
        @param build   the directory of the build, for the BPF program of the internet's ends
        @param state   a directory for configurations, sockets and logs of BIRD; a short name, because of the sockets,
                       and below /run if it is to go with the rest
        """
        self.warden = warden
        self.build = pathlib.Path(build).resolve()
        self.state = pathlib.Path(state)
        self.unpinned = []  # interfaces whose receiving threads run wherever they like
        self.birds = {}

    def __enter__(self):
        if os.cpu_count() < 2:
            raise LabFailed("two cores are needed, one for the POPs and one for the rest of the world")
        try:
            self.state.mkdir(parents=True, exist_ok=True)
            self._namespaces()
            self._wire()
            self._receive()
            self._stay_awake()
            self._route()
            self._attach_pass()
            self._announce()
        except BaseException:
            self._remove()
            raise
        return self

    def __exit__(self, *_):
        self._remove()

    # Building

    def _namespaces(self):
        more = {"inet": ROUTER_SETTINGS + SOURCE_SETTINGS, "users": SOURCE_SETTINGS}
        for namespace in NAMESPACES:
            command("ip", "netns", "add", namespace)
            self.shell(namespace, SETTINGS + more.get(namespace, POP_SETTINGS))
            self.ip(namespace, "link set lo up")

    def _wire(self):
        queues = "numtxqueues 1 numrxqueues 1"
        for link in (*LINKS, USERS_LINK):
            batch([f"link add {link.here} netns inet address {link.here_mac} {queues} type veth "
                   f"peer name {link.there} netns {link.namespace} address {link.there_mac} {queues}"])
            # Neighbours are known for ever: the kernel need not ask, and BPF programs find them from the first packet.
            self.ip("inet", *addressed(link.here, link.here4, link.here6),
                    *neighbours(link.here, link.there_mac, link.there4, link.there6))
            self.ip(link.namespace, *addressed(link.there, link.there4, link.there6),
                    *neighbours(link.there, link.here_mac, link.here4, link.here6))
        for link in LINKS:
            self.ip(link.namespace, *(f"address add {address} dev lo" for address in SERVICE))

    def _receive(self):
        """Receiving is the work of threads that can be placed: a POP's on its core, the world's on the other."""
        here = "".join(fill(RECEIVING + INTERNET_END, interface=link.here, defer=DEFER_NS) for link in LINKS)
        self.shell("inet", here)
        for link in LINKS:
            self.shell(link.namespace, fill(RECEIVING, interface=link.there))
            # In an open loop the generator would take its core from the answers: receiving goes first there.
            for interface, core, policy in ((link.here, WORLD_CORE, "fifo"), (link.there, POP_CORE, "nice")):
                if not self.warden.pin(interface, core, policy):
                    self.unpinned.append(interface)

    def _stay_awake(self):
        """On a virtual machine a core that has nothing to do is given away, and comes back milliseconds after it was called.

        Meanwhile a veth end overflows, and the idler a server is, the more of its packets are lost. So something of the
        lowest priority always runs on the POPs' core; it is in nobody's way, and counts as idle.
        """
        spin = ("chrt", "--idle", "0", "nice", "-n", NICE_IDLE, "sh", "-c", "while :; do :; done")
        self.start_piped("inet", POP_CORE, spin, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def _route(self):
        for namespace, prefixes in (("inet", SOURCES), ("users", USERS)):
            self.ip(namespace, *(f"route add local {prefix} dev lo" for prefix in prefixes))
        self.ip("inet", *(f"route add {prefix} via {via}"
                          for prefix, via in zip(USERS, (USERS_LINK.there4, USERS_LINK.there6))))
        self.ip("users", *(f"route add default via {via}" for via in (USERS_LINK.here4, USERS_LINK.here6)))
        for family, *sources in (("-4", CATCHMENTS4, USERS4), ("-6", CATCHMENTS6, USERS6)):
            rules = [f"rule add from {prefixes[pop]} lookup {FIRST_TABLE + pop}"
                     for pop in range(len(POPS)) for prefixes in sources]
            self.ip("inet", *rules, family=family)
        for link in LINKS:
            self.ip(link.namespace, *(f"route add {prefix} via {link.here6 if ':' in prefix else link.here4}"
                                      for prefix in (*SOURCES, *USERS)))

    def _attach_pass(self):
        """What a server sends with XDP_TX arrives only at an end that has a program itself."""
        program = f"obj {self.build / 'bench' / 'reflector.bpf.o'} program pass"
        for link in LINKS:
            self.ip("inet", f"link set dev {link.here} xdpdrv {program}")

    def _announce(self):
        for link in LINKS:
            text = template("pop.conf", own4=link.there4, peer4=link.here4, own6=link.there6, peer6=link.here6)
            self._bird(link.namespace, text)
        self._bird("inet", template("inet.conf", sessions="".join(map(session, range(len(POPS)))),
                                    catchments="".join(map(catchment, range(len(POPS))))))

    def _bird(self, namespace, text):
        config = self.state / f"{namespace}.bird.conf"
        config.write_text(text)
        words = ("bird", "-f", "-c", config, "-s", self.state / f"{namespace}.ctl")
        self.birds[namespace] = self.start(namespace, WORLD_CORE, words, self.state / f"{namespace}.bird.log")

    def _remove(self):
        for namespace in NAMESPACES:
            for process in self.processes(namespace):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(process, 9)
            subprocess.run(["ip", "netns", "delete", namespace], check=False, capture_output=True)
        for bird in self.birds.values():
            bird.wait()
        self.birds = {}

    # Announcements

    def homes(self):
        """Which POP each catchment goes to now: {(catchment, family): POP or None}."""
        homes = {(pop, family): None for pop in range(len(POPS)) for family in (4, 6)}
        for family in (4, 6):
            listed = command("ip", "-n", "inet", f"-{family}", "-json", "route", "show", "table", "all")
            for route in json.loads(listed):
                table, device = str(route.get("table", "")), route.get("dev", "")
                if table.isdigit() and device.startswith("p"):
                    homes[int(table) - FIRST_TABLE, family] = int(device[1:])
        return homes

    def wait_announced(self, pops=range(len(POPS)), limit_s=20.0):
        """Wait until every catchment goes to the nearest of these POPs, the only ones that announce."""
        def is_so():
            return all(home == next((pop for pop in NEAREST[catchment_] if pop in pops), None)
                       for (catchment_, _), home in self.homes().items())
        wait_for(is_so, "routes as announced", limit_s, self._why)

    def withdraw(self, pop):
        """A POP takes its announcements back. Returns at once; wait_announced(the others) when it must be done."""
        self._birdc(pop, "disable")

    def announce(self, pop):
        self._birdc(pop, "enable")

    def _birdc(self, pop, verb):
        command("birdc", "-s", self.state / f"pop{pop}.ctl", verb, '"announce*"')

    def _why(self):
        logs = [(self.state / f"{namespace}.bird.log").read_text() for namespace in self.birds]
        return f"they are {self.homes()}. {' '.join(logs)}"

    # Living in it

    def ip(self, namespace, *lines, family=None):
        batch(lines, "-n", namespace, *([family] if family else []))

    def shell(self, namespace, script):
        return command("ip", "netns", "exec", namespace, "sh", "-e", "-c", script)

    def command(self, namespace, *words):
        return command("ip", "netns", "exec", namespace, *words)

    def start(self, namespace, cores, words, log, **options):
        """Start a process that runs on these cores, in a session of its own, and writes what it says to a file."""
        with open(log, "wb") as output:
            process = self.start_piped(namespace, cores, words, stdout=output, stderr=subprocess.STDOUT, **options)
        if cores != WORLD_CORE:
            favour(process)
        return process

    def start_piped(self, namespace, cores, words, **options):
        """The same, with what it says going where the options lead it."""
        prefix = ("ip", "netns", "exec", namespace, "taskset", "-c", cores)
        return subprocess.Popen([str(word) for word in (*prefix, *words)], stdin=subprocess.DEVNULL,
                                start_new_session=True, preexec_fn=raise_limits, **options)

    def link_counters(self):
        """What each POP's link has carried and lost, both ways: {POP: {"sent", "lost", "replies", "replies_lost"}}.

        A veth end holds 256 packets for a receiver that has no time; what comes then is lost at once.
        """
        carried = {namespace: transmitted(namespace) for namespace in ("inet", *(link.namespace for link in LINKS))}
        counters = {}
        for pop, link in zip(POPS, LINKS):
            sent, lost = carried["inet"][link.here]
            replies, replies_lost = carried[link.namespace][link.there]
            counters[pop] = {"sent": sent, "lost": lost, "replies": replies, "replies_lost": replies_lost}
        return counters

    def processes(self, namespace):
        done = subprocess.run(["ip", "netns", "pids", namespace], check=False, capture_output=True, text=True)
        return [int(word) for word in done.stdout.split()]

    def socket(self, namespace, family=socket.AF_INET, kind=socket.SOCK_DGRAM, source=None):
        """A socket in a namespace, bound to a source if one is given; it stays there, whoever uses it."""
        with inside(namespace):
            made = socket.socket(family, kind)
        if source:
            made.bind((source, 0))
        return made


def session(index):
    link = LINKS[index]
    return template("session.conf", pop=POPS[index], index=index, own4=link.here4, peer4=link.there4, own6=link.here6,
                    peer6=link.there6)


def catchment(index):
    preferences = "\n".join(f'    if proto ~ "pop{pop}v*" then preference = {200 - place};'
                            for place, pop in enumerate(NEAREST[index]))
    return template("catchment.conf", pop=POPS[index], index=index, preferences=preferences, table=FIRST_TABLE + index)


@contextlib.contextmanager
def inside(namespace):
    """Have the calling thread in a namespace for a while."""
    with open("/proc/thread-self/ns/net", "rb") as own, open(f"/run/netns/{namespace}", "rb") as other:
        set_namespace(other)
        try:
            yield
        finally:
            set_namespace(own)


def transmitted(namespace):
    """Packets that each interface of a namespace has sent, and those it had to drop, XDP frames among both."""
    with inside(namespace), open("/proc/thread-self/net/dev", encoding="ascii") as table:
        lines = [line.replace(":", " ").split() for line in table][2:]
    return {words[0]: (int(words[10]), int(words[12])) for words in lines}


def set_namespace(file):
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.setns(file.fileno(), CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "setns")


def addressed(interface, four, six):
    # Without link-local addresses: BGP then gives the others as next hops, and they are in the neighbour tables.
    return [f"link set dev {interface} addrgenmode none", f"link set dev {interface} up",
            f"address add {four}/24 dev {interface}", f"address add {six}/64 dev {interface}"]


def neighbours(interface, mac, *addresses):
    return [f"neighbour add {address} lladdr {mac} dev {interface} nud permanent" for address in addresses]


def favour(process):
    """Have a process weigh as much as the thread that receives for it, and more than others on its core.

    With autogroups the kernel weighs a session as a whole against kernel threads, and the nice values inside do not
    matter; without them they do (bench/lab.py).
    """
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, process.pid, -20)
        pathlib.Path(f"/proc/{process.pid}/autogroup").write_text("-20")


def raise_limits():
    """For a child: as many connections as a service manager would let it have."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    soft = OPEN_FILES if hard == resource.RLIM_INFINITY else min(hard, OPEN_FILES)
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def family_of(address):
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def fill(text, **fields):
    return string.Template(text).substitute(fields)


def template(name, **fields):
    return fill((HERE / "bird" / name).read_text(), **fields)


def command(*words, **options):
    """Run a command and return what it prints; what it says of a failure is in the exception."""
    done = subprocess.run([str(word) for word in words], check=False, capture_output=True, text=True, **options)
    if done.returncode:
        raise LabFailed(f"{' '.join(map(str, words))}: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout


def batch(lines, *options):
    command("ip", *options, "-batch", "-", input="".join(f"{line}\n" for line in lines))


def wait_for(condition, what, limit_s=10.0, why=lambda: "", pause_s=0.02):
    """Wait until a condition holds, and return what it gave; `why` tells more when it does not."""
    end = time.monotonic() + limit_s
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise LabFailed(f"no {what} within {limit_s:g} s {why()}".strip())
        time.sleep(pause_s)
