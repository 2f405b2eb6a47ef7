# SPDX-License-Identifier: GPL-3.0-or-later
"""Drives `seawall answer`: messages in, replies out, framed by two bytes of length (0: no reply)."""
import os
import struct
import subprocess

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SEAWALL = os.environ.get('SEAWALL', os.path.join(ROOT, 'build', 'seawall'))
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


def command(engine, zones, options=()):
    argv = [SEAWALL, 'answer', '--engine', engine]
    for origin, path in zones:
        argv += ['--zone', '%s=%s' % (origin, path)]
    return argv + list(options)


def answer(engine, zones, messages, options=(), limit_s=120):
    """Answer all messages with one start of an engine.

    @param zones    pairs of origin and path
    @param options  further arguments, as --time
    @return replies in the order of the messages, b'' where there is none
    """
    try:
        done = subprocess.run(command(engine, zones, options), input=frame(messages), capture_output=True,
                              timeout=limit_s, check=False)
    except (OSError, subprocess.TimeoutExpired) as e:
        raise EngineFailed(str(e)) from e
    if done.returncode:
        raise EngineFailed('exit %d: %s' % (done.returncode, done.stderr.decode(errors='replace').strip()))
    replies = unframe(done.stdout)
    if len(replies) != len(messages):
        raise EngineFailed('%d messages, %d replies' % (len(messages), len(replies)))
    return replies
