# SPDX-License-Identifier: GPL-3.0-or-later
"""The traffic generator: the queries it makes, the answers it accepts, and the interfaces it refuses."""

import json
import os
import re
import subprocess
import sys
import tempfile

import dns.flags
import dns.message
import tap

BUILD = os.environ["SW_BUILD"]
GENERATOR = f"{BUILD}/bench/generator"
sys.path.insert(0, str(tap.ROOT / "bench"))
sys.dont_write_bytecode = True
import lab  # noqa: E402  pylint: disable=wrong-import-position

QUERY = ["--server", lab.SERVER, "--query", "h%?.bench.test", "--count", "1000"]


def generate(*words, prefix=()):
    return subprocess.run([*prefix, GENERATOR, *QUERY, *map(str, words)], check=False, capture_output=True, text=True)


def frames_of(*words):
    with tempfile.NamedTemporaryFile() as file:
        generate("--dump", file.name, "--dump-count", 200, *words)
        data = file.read()
    while data:
        size = int.from_bytes(data[:2], "big")
        yield data[2 : 2 + size]
        data = data[2 + size :]


def ones_sum(data):
    total = sum(int.from_bytes(data[i : i + 2].ljust(2, b"\0"), "big") for i in range(0, len(data), 2))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total


def refusal(interface, reason, prefix=()):
    done = generate("--interface", interface, "--seconds", 0.01, prefix=prefix)
    if done.returncode != 2 or reason not in done.stderr:
        yield f"{interface}: expected a refusal ({reason}), got {done.returncode}: {done.stderr}"


def check_guard_names():
    """Interfaces of other names are refused."""
    yield from refusal("lo", "does not start with")
    yield from refusal("eth0", "does not start with")


def check_guard_namespace():
    """An interface outside the bench's namespaces is refused, whatever its name."""
    yield from refusal("swb0", "network namespace is none")


def check_guard_kind():
    """What is no end of a veth pair, or is not alone, is refused."""
    namespace = f"{lab.PREFIX}{os.getpid()}g"
    inside = ("ip", "netns", "exec", namespace)
    lab.command("ip", "netns", "add", namespace)
    try:
        lab.command("ip", "-n", namespace, "tuntap", "add", "swbone", "mode", "tap")
        yield from refusal("swbone", "no end of a veth pair", inside)
        lab.command("ip", "-n", namespace, "link", "add", "swbtwo", "type", "veth", "peer", "name", "swbthree")
        yield from refusal("swbtwo", "holds other interfaces", inside)
    finally:
        lab.namespace_remove(namespace)


def check_queries():
    """Queries are well formed, all different, with right checksums."""
    names = set()
    for frame in frames_of("--edns", "--do"):
        message = dns.message.from_wire(frame[42:])
        name = message.question[0].name.to_text()
        names.add(name)
        if not re.fullmatch(r"h0000\d{3}[a-p]{8}\.bench\.test\.", name):
            yield f"a name of another form: {name}"
        if message.payload != 1232 or not message.ednsflags & dns.flags.DO:
            yield "no EDNS with 1232 bytes and DO"
        if ones_sum(frame[14:34]) != 0xFFFF:
            yield "IP header checksum"
        pseudo = frame[26:34] + b"\0\x11" + len(frame[34:]).to_bytes(2, "big")
        if ones_sum(pseudo + frame[34:]) != 0xFFFF:
            yield "UDP checksum"
    if len(names) != 200:
        yield f"{len(names)} different names in 200 queries"


def measure(lab_, *words):
    done = subprocess.run(lab_.generator_command(
        GENERATOR, *QUERY, "--interface", lab_.generator_interface, "--server-mac", lab_.server_mac, "--edns",
        "--account", lab_.napi_process, "--seconds", 0.2, "--warmup", 0.1, "--sample-one-in", 16, *words),
        check=False, capture_output=True, text=True)
    return json.loads(done.stdout) if done.returncode == 0 else {"failure": done.stderr}


def check_loops():
    """Against the reflector, closed and open loops count right, and a wrong expectation finds nothing."""
    with lab.Lab(BUILD) as lab_:
        lab_.xdp_set("obj", lab.reflector_object(BUILD), "program", "reflect")
        loops = ("--closed", 64), ("--closed", 64, "--poll"), ("--open",), ("--rate", 10000), ("--rate", 10000, "--hold", 64)
        for loop in loops:
            run = measure(lab_, "--expect", "nodata", "--echo", *loop)
            if not run.get("right") or not run["runtime_ns"] or not run["checked"] or run["wrong"]:
                yield f"{loop}: {run}"
            elif "--closed" in loop and (run["lost"] or run["unmatched"]):
                yield f"{loop}: losses in a closed loop: {run}"
        run = measure(lab_, "--expect", "nxdomain", "--closed", 64)
        if run.get("right") != 0 or not run["wrong"]:
            yield f"the reflector's echo taken for NXDOMAIN: {run}"
    if os.path.exists(f"/run/netns/{lab_.server_namespace}"):
        yield "the namespace is still there"


def check_hold():
    """Where nobody answers, what is held back goes out when what waits has been given up: a hold each 20 ms, and no rate."""
    with lab.Lab(BUILD) as lab_:
        run = measure(lab_, "--expect", "nodata", "--rate", 100000, "--batch", 10, "--hold", 100)
        if not 100 <= run.get("sent", 0) <= 12 * 110:
            yield f"{run}"


if __name__ == "__main__":
    tap.run(globals())
