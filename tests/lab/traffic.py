# SPDX-License-Identifier: GPL-3.0-or-later
"""The drill's traffic program from outside: what it refuses to do, and whether its resolvers retry as real ones."""

import json
import os
import pathlib
import subprocess
import tempfile

import tap

TRAFFIC = tap.BUILD / "lab" / "traffic"
SCENARIO = tap.ROOT / "lab" / "scenarios" / "smoke.json"
# Inside namespaces of its own, with a /run of its own: whatever is made there goes with the process.
ALONE = ["unshare", "--net", "--mount", "sh", "-ec"]
OWN_RUN = "mount -t tmpfs tmpfs /run; mkdir /run/netns; "
NAMED = OWN_RUN + "touch /run/netns/inet; mount --bind /proc/self/ns/net /run/netns/inet; "


def traffic(*words, shell=None):
    command = [str(word) for word in (TRAFFIC, *words)]
    if shell is not None:
        command = [*ALONE, f"{shell} exec {' '.join(command)}"]
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)


def full(links, scenario=SCENARIO, *more):
    return ["--scenario", scenario, "--names", "/dev/null", "--victim", "example.test.", "--links", links,
            "--out", "/dev/null", *more]


def refusal(reason, *words, shell=None):
    """Yields when the program does not end with status 2 and this reason."""
    done = traffic(*words, shell=shell)
    if done.returncode != 2 or reason not in done.stderr:
        yield f"expected a refusal ({reason}), got status {done.returncode}: {done.stderr.strip()}"


def check_own_namespace():
    """Interfaces of the machine's own namespace are refused."""
    yield from refusal("not the lab's network namespace", *full("lo,lo,lo,lo"))


def check_nameless_namespace():
    """So are those of a namespace that is not the lab's."""
    setup = OWN_RUN + "ip link add p0 type veth peer name q0;"
    yield from refusal("not the lab's network namespace", *full("p0,p0,p0,p0"), shell=setup)


def check_missing_interface():
    """An interface that is not there."""
    yield from refusal("no such interface", *full("p0,p1,p2,p3"), shell=NAMED)


def check_foreign_interface():
    """An interface that is no end of a veth pair; and with one in the namespace, no other is taken either."""
    yield from refusal("no end of a veth pair", *full("lo,lo,lo,lo"), shell=NAMED)
    setup = NAMED + "ip link add d0 type bridge; ip link add p0 type veth peer name q0;"
    yield from refusal("has an interface that is no end of a veth pair", *full("p0,p0,p0,p0"), shell=setup)


def check_foreign_peer():
    """A veth pair whose other end is not in a POP of the lab."""
    setup = NAMED + "ip link add p0 type veth peer name q0;"
    yield from refusal("other end is not in the lab's POP", *full("p0,p0,p0,p0"), shell=setup)
    setup += "unshare --net sh -c 'touch /run/netns/pop0; mount --bind /proc/self/ns/net /run/netns/pop0';"
    yield from refusal("other end is not in the lab's POP", *full("p0,p0,p0,p0"), shell=setup)


def check_destination_is_no_option():
    """Where packets are sent to cannot be chosen."""
    for option in ("--destination", "--server", "--to", "--target"):
        yield from refusal("unrecognized option", option, "192.0.2.1")
    yield from refusal("unknown argument", *full("p0,p1,p2,p3"), "198.51.100.1")


def check_usage():
    """Missing and wrong options are told."""
    yield from refusal("--scenario", "--seed", "1")
    yield from refusal("four interfaces", *full("p0,p1"))
    yield from refusal("--unit", *full("p0,p1,p2,p3"), "--unit", "0")
    yield from refusal("--seed", *full("p0,p1,p2,p3"), "--seed", "x")


def check_scenarios_are_strict():
    """A scenario with a mistake is refused, and the mistake named."""
    good = json.loads(SCENARIO.read_text(encoding="ascii"))
    faults = {
        "unknown key": {"flow": {"vector": "syn", "rate": 1, "pop": ["eu"]}},
        "no vector": {"flow": {"vector": "sin", "rate": 1}},
        "no POP": {"flow": {"vector": "syn", "rate": 1, "pops": ["mars"]}},
        "no shape": {"flow": {"vector": "syn", "rate": 1, "shape": "round"}},
        "out of range": {"flow": {"vector": "syn", "rate": 1, "from": 5, "until": 4}},
        "name or seconds": {"phase": {"seconds": 0}},
        "killed: pop": {"phase": {"killed": {"pop": "mars", "at": 1, "restart": 2}}},
        "restart is missing": {"phase": {"killed": {"pop": "eu", "at": 2, "restart": 11}}},
        "no such variant": {"flow": {"vector": "syn", "rate": 1, "variant": 2}},
        "not of a flow of gre": {"flow": {"vector": "gre", "rate": 1, "look": {}}},
        "labels are those of random": {"flow": {"vector": "existing", "rate": 1, "look": {"labels": ["??"]}}},
        "labels \"a..b\"": {"flow": {"vector": "random", "rate": 1, "look": {"labels": ["a..b"]}}},
        "alphabet wants": {"flow": {"vector": "random", "rate": 1, "look": {"labels": ["?"], "alphabet": ""}}},
        "no flag": {"flow": {"vector": "random", "rate": 1, "look": {"labels": ["?"], "flags": ["ra"]}}},
        "in hexadecimal": {"flow": {"vector": "syn", "rate": 1, "look": {"options": "0g"}}},
        "want EDNS": {"flow": {"vector": "existing", "rate": 1, "look": {"options": "00010000"}}},
        "whole words": {"flow": {"vector": "syn", "rate": 1, "look": {"options": "01"}}},
        "look: type": {"flow": {"vector": "existing", "rate": 1, "look": {"type": "B"}}},
        "ports out of range": {"flow": {"vector": "existing", "rate": 1, "look": {"ports": [9, 8]}}},
    }
    for reason, fault in faults.items():
        phase = {"name": "P0", "seconds": 10, **fault.get("phase", {}), "flows": [fault["flow"]] if "flow" in fault else []}
        with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
            json.dump({**good, "phases": [phase]}, file)
            file.flush()
            yield from refusal(reason, "--check", file.name)
    done = traffic("--check", SCENARIO)
    if done.returncode:
        yield f"{SCENARIO.name}: {done.stderr}"


def check_scenarios_fit_the_drill():
    """The scenarios of the drill are right, and the small profile has the phases and lengths of its specification."""
    for path in sorted((tap.ROOT / "lab" / "scenarios").glob("*.json")):
        done = traffic("--check", path)
        if done.returncode:
            yield f"{path.name}: {done.stderr.strip()}"
    small = json.loads((tap.ROOT / "lab" / "scenarios" / "small.json").read_text(encoding="ascii"))
    lengths = {phase["name"]: phase["seconds"] for phase in small["phases"] if not phase.get("optional")}
    wanted = dict(zip((f"P{i}" for i in range(10)), (60, 10, 50, 15, 50, 10, 40, 15, 20, 30)))
    if lengths != wanted:
        yield f"phases {lengths}"
    wave = {flow["vector"]: flow["rate"] for phase in small["phases"] if phase["name"] == "P2" for flow in phase["flows"]}
    if sum(rate for vector, rate in wave.items() if vector != "scan") != 45:
        yield f"wave 1 is not 45 L: {wave}"


def multiplier(loss, seed=1):
    return float(traffic("--simulate", loss, "--seed", seed).stdout)


def check_no_loss_no_retries():
    """Without loss every question is asked once."""
    if abs(multiplier(0) - 1) > 0.01:
        yield f"{multiplier(0)} times"


def check_retries_at_heavy_loss():
    """90 % loss: 8 ± 3 times the load (Moura et al., IMC 2018)."""
    for seed in (1, 2, 3):
        if not 5 <= multiplier(0.9, seed) <= 11:
            yield f"seed {seed}: {multiplier(0.9, seed)} times"


def check_retries_at_total_loss():
    """Nothing answered: 10 to 20 times (Dyn, 2016)."""
    for seed in (1, 2, 3):
        if not 10 <= multiplier(1, seed) <= 20:
            yield f"seed {seed}: {multiplier(1, seed)} times"


if __name__ == "__main__":
    os.chdir(pathlib.Path(tap.ROOT))
    tap.run(globals())
