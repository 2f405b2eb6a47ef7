# SPDX-License-Identifier: GPL-3.0-or-later
"""Signs zones for tests: NSEC by ldns-signzone (ldnsutils), NSEC3 by dnssec-signzone (bind9-dnsutils).

Two signers on purpose: their zones differ in order, case and in how they write empty bitmaps.
"""
import os
import subprocess

# From the beginning of 2020 to the end of 2037: the tests must not depend on the day they run.
INCEPTION, EXPIRATION = '20200101000000', '20371231000000'


class SigningFailed(Exception):
    """The signer's own words."""


def run(argv, directory):
    done = subprocess.run(argv, cwd=directory, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SigningFailed('%s: %s' % (argv[0], done.stderr.strip()))
    return done.stdout.strip()


def sign_nsec(origin, path, out):
    directory = os.path.dirname(os.path.abspath(out))
    key = run(['ldns-keygen', '-a', 'ECDSAP256SHA256', '-k', origin], directory)
    run(['ldns-signzone', '-i', INCEPTION, '-e', EXPIRATION, '-o', origin, '-f', out, path, key], directory)


def sign_nsec3(origin, path, out, opt_out=False, iterations=0, salt='-'):
    """@param salt  hex, or '-' for none (RFC 9276 s3.1)"""
    directory = os.path.dirname(os.path.abspath(out))
    key = run(['dnssec-keygen', '-q', '-a', 'ECDSAP256SHA256', '-f', 'KSK', origin], directory)
    run(['dnssec-signzone', '-q', '-P', '-z', '-S', '-K', directory, '-s', INCEPTION, '-e', EXPIRATION, '-O', 'full',
         '-3', salt, '-H', str(iterations), *(['-A'] if opt_out else []), '-o', origin, '-f', out, path, key], directory)
