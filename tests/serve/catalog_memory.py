# SPDX-License-Identifier: GPL-3.0-or-later
"""A catalog whose members cannot be taken for want of memory: they are when there is some again, without a new version."""

import catalog
import node
import tap

MORE = 777  # members: an array of one more is asked for, and nothing else in the daemon has that size


class Short(catalog.Consumer):
    """A consumer that is refused memory for that array while `short_of_memory` is there."""

    def __init__(self, zones):
        super().__init__(zones)
        self.short_of_memory = self.path / "short-of-memory"
        library = node.BUILD / "tests" / "serve" / "libno_memory.so"
        self.before = ["env", f"LD_PRELOAD={library}", f"SW_NO_MEMORY={self.short_of_memory}", f"SW_NO_MEMORY_COUNT={MORE + 1}"]


def check_members_that_could_not_be_taken():
    """The version is not called processed, members are as before it; they are taken when there is memory again"""
    with Short(catalog.FILE_CATALOG) as daemon:
        daemon.set(catalog.CATALOG, 1, [("a", "a.test")])
        daemon.start()
        daemon.short_of_memory.touch()
        members = [("a", "a.test"), *((f"m{number}", f"m{number}.example") for number in range(MORE))]
        daemon.turn(catalog.CATALOG, 2, members)
        shown = daemon.show(catalog.CATALOG)["catalog"]
        if shown["serial"] != 1 or shown["members"] != 1 or "memory" not in shown["reason"] or "memory" not in daemon.log():
            yield f"{shown}: {daemon.log()}"
        if catalog.rcode("a.test") != "NOERROR" or catalog.rcode("m0.example") != "REFUSED":
            yield f"{catalog.rcode('a.test')}, {catalog.rcode('m0.example')}"
        daemon.short_of_memory.unlink()
        try:
            node.wait_for(lambda: catalog.rcode(f"m{MORE - 1}.example") == "NOERROR", "the members")
        except TimeoutError as error:
            yield f"{error}: {daemon.log()[-2000:]}"
        shown = daemon.show(catalog.CATALOG)["catalog"]
        if shown["serial"] != 2 or shown["members"] != MORE + 1 or shown["broken"]:
            yield f"{shown}"


if __name__ == "__main__":
    node.enter_namespace()
    tap.run(globals())
