"""The machine's SSH host keys, as SSHFP records tell of them (RFC 4255, RFC 6594, RFC 7479).

Reads what anybody may read: the public halves.
"""

from __future__ import annotations

import binascii
import hashlib
from base64 import b64decode
from collections.abc import Mapping, Sequence
from pathlib import Path

LARGEST = 16384
ALGORITHMS: Mapping[str, int] = {
    "ssh-rsa": 1,
    "ecdsa-sha2-nistp256": 3,
    "ecdsa-sha2-nistp384": 3,
    "ecdsa-sha2-nistp521": 3,
    "ssh-ed25519": 4,
}
SHA256 = 2


class HostKeyFolder:
    """`ports.HostKeys` over OpenSSH's folder; an empty one has none."""

    def __init__(self, folder: str) -> None:
        self._folder = folder

    def fingerprints(self) -> Sequence[str]:
        """See `ports.HostKeys`. A file that cannot be read or is no key is passed over."""
        if not self._folder:
            return []
        paths = sorted(Path(self._folder).glob("ssh_host_*_key.pub"))
        return sorted({found for found in map(_fingerprint, paths) if found})


def _fingerprint(path: Path) -> str:
    try:
        with path.open("rb") as file:
            words = file.read(LARGEST).split()
        algorithm = ALGORITHMS[words[0].decode("ascii")]
        key = b64decode(words[1], validate=True)
    except (OSError, IndexError, KeyError, UnicodeDecodeError, binascii.Error):
        return ""
    return f"{algorithm} {SHA256} {hashlib.sha256(key).hexdigest()}"
