"""GnuPG: keys of people who read encrypted mail, and what they make of what they get."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.live.peers import open_folder
from tests.programs import program

EPOCH = "20200101T000000!"
"""When keys were made that have expired since; time stands still then."""


class Keyring:
    """A folder of keys."""

    def __init__(self, folder: Path) -> None:
        self._home = folder
        folder.chmod(0o700)

    def run(self, *words: str, data: bytes = b"") -> bytes:
        """The output of one command that succeeds."""
        command = [program("gpg"), "--homedir", str(self._home), "--batch", "--quiet", "--yes"]
        loopback = ["--pinentry-mode", "loopback", "--passphrase", "", "--trust-model", "always"]
        done = subprocess.run(
            [*command, *loopback, *words], input=data, capture_output=True, timeout=60
        )
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout

    def make(self, user: str, *, encrypts: bool = True, expired: bool = False) -> str:
        """A new key pair's public key, armored."""
        when = ["--faked-system-time", EPOCH] if expired else []
        life = "1d" if expired else "never"
        self.run(*when, "--quick-generate-key", user, "ed25519", "sign", life)
        listed = self.run(*when, "--with-colons", "--list-keys", f"={user}").decode().split("\n")
        fingerprint = next(one.split(":")[9] for one in listed if one.startswith("fpr:"))
        if encrypts:
            self.run(*when, "--quick-add-key", fingerprint, "cv25519", "encr", life)
        return self.run("--armor", "--export", fingerprint).decode()

    def decrypted(self, data: bytes) -> bytes:
        return self.run("--decrypt", data=data)

    def signature(self, data: bytes, user: str) -> bytes:
        """A detached one, armored."""
        return self.run("--armor", "--local-user", f"={user}", "--detach-sign", data=data)

    def verify(self, data: bytes, signature: bytes) -> None:
        """Fails where the signature is not of these octets."""
        path = self._home / "signature.asc"
        path.write_bytes(signature)
        self.run("--verify", str(path), "-", data=data)


@contextmanager
def keyring() -> Iterator[Keyring]:
    """An empty one, in a folder with a name that is short enough for the agent's socket."""
    with open_folder() as folder:
        try:
            yield Keyring(folder)
        finally:
            agent = [program("gpgconf"), "--homedir", str(folder), "--kill", "gpg-agent"]
            subprocess.run(agent, check=False, timeout=20)
