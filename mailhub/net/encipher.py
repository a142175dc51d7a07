"""Run as a module by `net.encrypting`: encrypts one message with OpenPGP, and ends.

It reads the length of a key on a line, the key, and the message up to the end of its
standard input; it writes the encrypted message in ASCII armor, with CRLF. It holds a few hundred
KiB of it at a time, however large it is. It may import nothing of mailhub.

The library writes armor line by line, and lets no other thread work meanwhile. So a second process
gathers what it writes: whoever reads this is woken once for 64 KiB, and not for each line.
"""

from __future__ import annotations

import os
import resource
import sys

MEMORY = 512 * 1024 * 1024
"""Bytes of address space."""
PIECE = 64 * 1024
"""Octets that are gathered."""
FAILED = 1
"""Exit status where the message is not whole."""
LENGTH = 20
"""Digits and the line's end."""


def main() -> None:
    """What the child process does."""
    os.setsid()  # a group of its own, so that both processes can be ended together
    for limit, value in (
        (resource.RLIMIT_AS, MEMORY),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(limit, (value, value))
    # Nothing may be read ahead: what comes behind the key is the library's.
    key = _read(int(_line()))
    come, go = os.pipe()
    process = os.fork()
    if not process:
        os.close(come)
        _encrypt(key, go)
        return
    os.close(go)
    _gather(come)
    _, status = os.waitpid(process, 0)
    sys.exit(os.waitstatus_to_exitcode(status) and FAILED)


def _encrypt(key: bytes, go: int) -> None:
    import pysequoia

    certificate = pysequoia.Cert.from_bytes(key)
    pysequoia.encrypt_file("/dev/stdin", f"/dev/fd/{go}", [certificate])


def _gather(come: int) -> None:
    """Passes on what the library writes, in large pieces and with the line ends of mail."""
    held = bytearray()
    while True:
        piece = os.read(come, PIECE)
        held += piece
        if len(held) >= PIECE or not piece:
            view = memoryview(bytes(held).replace(b"\n", b"\r\n"))
            while view:
                view = view[os.write(1, view) :]
            held.clear()
        if not piece:
            return


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
