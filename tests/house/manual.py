# SPDX-License-Identifier: GPL-3.0-or-later
"""The manual page formats without warnings and knows every command and option; the documents name files that exist."""

import os
import re
import subprocess

import tap

PAGE = tap.ROOT / "docs" / "man" / "seawall.1"
SEAWALL = tap.BUILD / "src" / "cli" / "seawall"
COMMANDS = ["serve", "check", "reload", "status", "guard", "incident", "answer", "unload", "zone", "key", "convert"]
OPTION = re.compile(r"(?<![\w-])--[a-z][a-z0-9-]*")


def formatted():
    """The page as plain text, and what the formatter warned about."""
    ran = subprocess.run(
        ["man", "--warnings", "-E", "UTF-8", "-l", "-Tascii", PAGE],
        env={**os.environ, "LC_ALL": "C.UTF-8", "MANWIDTH": "80", "MAN_KEEP_FORMATTING": ""},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    plain = re.sub(r".\x08|\x1b\[[0-9;]*m", "", ran.stdout)
    # A hyphen at the end of a line may be the formatter's; options are never broken in the page.
    return plain, ran.stderr.splitlines()


def help_of(*command):
    """What a command prints about itself."""
    ran = subprocess.run(
        [SEAWALL, *command, "--help"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    return ran.stdout if ran.returncode == 0 else None


def check_warnings():
    """The manual page formats without warnings."""
    plain, warnings = formatted()
    yield from warnings
    if "SEAWALL(1)" not in plain:
        yield "nothing was formatted"


def check_options():
    """Every option of --help is in the manual page, and the other way round."""
    helps = [help_of()] + [help_of(command) for command in COMMANDS]
    for command, text in zip(["seawall", *COMMANDS], helps):
        if text is None:
            yield f"--help of {command} fails"
    in_help = set(OPTION.findall("\n".join(filter(None, helps))))
    in_page = set(OPTION.findall(formatted()[0]))
    yield from (f"{option} is in --help, not in the page" for option in sorted(in_help - in_page))
    yield from (f"{option} is in the page, not in --help" for option in sorted(in_page - in_help))


def check_commands():
    """Every command of --help has its section, and the other way round."""
    in_page = set(re.findall(r"^\.Ss seawall (\w+)$", PAGE.read_text(encoding="utf-8"), re.MULTILINE))
    if in_page != set(COMMANDS):
        yield f"sections for {sorted(in_page)}"
    text = help_of() or ""
    yield from (f"{name} is not in --help" for name in COMMANDS if not re.search(rf"\b{name}\b", text))


def check_paths():
    """Every file and link named in the documents exists."""
    for document in [tap.ROOT / "README.md", *sorted((tap.ROOT / "docs").rglob("*.md"))]:
        text = document.read_text(encoding="utf-8")
        named = re.findall(r"`((?:src|tests|script|docs|examples|bench|lab|fuzz)/[\w./-]+)`", text)
        paths = [(name, tap.ROOT / name) for name in named]
        links = re.findall(r"\]\((?!https?:|#)([^)#]+)", text)
        paths += [(link, document.parent / link) for link in links]
        for name, path in paths:
            if not path.exists():
                yield f"{document.relative_to(tap.ROOT)} names {name}, which is not there"


if __name__ == "__main__":
    tap.run(globals())
