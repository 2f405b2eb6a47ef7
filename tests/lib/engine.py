# SPDX-License-Identifier: GPL-3.0-or-later
"""Drives `seawall answer`: messages in, replies out, framed by two bytes of length (0: no reply)."""
import os
import re
import struct
import subprocess
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SEAWALL = os.environ.get('SEAWALL') or next(
    (p for p in (os.path.join(ROOT, 'build', 'seawall'), os.path.join(ROOT, 'build', 'src', 'cli', 'seawall')) if os.path.exists(p)),
    os.path.join(ROOT, 'build', 'seawall'))
ENGINES = ('native', 'kernel')


class EngineFailed(Exception):
    """`seawall answer` did not do its work; the text is what it wrote to standard error."""


def frame(messages):
    return b''.join(struct.pack('!H', len(m)) + m for m in messages)


def unframe(data):
    replies, pos = [], 0
    while pos < len(data):
        if pos + 2 > len(data):
            raise EngineFailed('half a length at the end of the output')
        n = struct.unpack_from('!H', data, pos)[0]
        if pos + 2 + n > len(data):
            raise EngineFailed('half a reply at the end of the output')
        replies.append(data[pos + 2:pos + 2 + n])
        pos += 2 + n
    return replies


def command(engine, zones, options=(), config=None):
    argv = [SEAWALL, 'answer', '--engine', engine] + ([config] if config else [])
    for origin, path in zones:
        argv += ['--zone', '%s=%s' % (origin, path)]
    return argv + list(options)


class Answers(list):
    """Replies in the order of the messages, b'' where there is none; `punted` of them were made in user space."""

    punted = 0


def punted_in(text):
    """From the line that --punted makes."""
    found = re.search(r'^punted: (\d+) of \d+$', text, re.M)
    if not found:
        raise EngineFailed('--punted said nothing: %s' % text)
    return int(found.group(1))


def answer(engine, zones, messages, options=(), config='', limit_s=120):
    """Answer all messages with one start of an engine.

    @param zones    pairs of origin and path
    @param options  further arguments, as --time
    @param config   text of a configuration file, '' for none
    @return Answers
    """
    options = list(options) + (['--punted'] if engine == 'kernel' else [])
    with tempfile.NamedTemporaryFile('w', prefix='seawall.', suffix='.yaml') as f:
        f.write(config)
        f.flush()
        try:
            done = subprocess.run(command(engine, zones, options, f.name if config else None), input=frame(messages),
                                  capture_output=True, timeout=limit_s, check=False)
        except (OSError, subprocess.TimeoutExpired) as e:
            raise EngineFailed(str(e)) from e
    text = done.stderr.decode(errors='replace').strip()
    if done.returncode:
        said = [line for line in text.splitlines() if ': warning: ' not in line]
        raise EngineFailed('exit %d: %s' % (done.returncode, '\n'.join(said[-10:])))
    replies = Answers(unframe(done.stdout))
    if len(replies) != len(messages):
        raise EngineFailed('%d messages, %d replies' % (len(messages), len(replies)))
    replies.punted = punted_in(text) if engine == 'kernel' else 0
    return replies
