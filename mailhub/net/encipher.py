"""Run as a module by `net.encrypting`: encrypts one message with OpenPGP, and ends.

It reads the length of a key on a line, the armored key, and the message up to the end of its
standard input; it writes the encrypted message, without armor. It holds a few hundred KiB of it at
a time, however large it is. It may import nothing of mailhub.
"""

from __future__ import annotations

import os
import resource
import sys

MEMORY = 512 * 1024 * 1024
"""Bytes of address space."""
LENGTH = 20
"""Digits and the line's end."""


def main() -> None:
    """What the child process does."""
    for limit, value in (
        (resource.RLIMIT_AS, MEMORY),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(limit, (value, value))
    import pysequoia

    # Nothing may be read ahead: what comes behind the key is the library's.
    key = _read(int(_line()))
    certificate = pysequoia.Cert.from_bytes(key)
    pysequoia.encrypt_file("/dev/stdin", "/dev/stdout", [certificate], armor=False)


def _line() -> bytes:
    found = b""
    while not found.endswith(b"\n") and len(found) < LENGTH:
        found += _read(1)
    return found


def _read(length: int) -> bytes:
    found = b""
    while len(found) < length:
        piece = os.read(0, length - len(found))
        if not piece:
            sys.exit("the key is cut off")
        found += piece
    return found


if __name__ == "__main__":
    main()
