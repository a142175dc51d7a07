"""An exported domain as a file: read from its begin to its end, in memory that does not grow.

What is no archive of ours, what is cut short or was changed, and what would unpack to more than
anybody has room for, is refused before anything is done with it.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from mailhub.cli.client import Refused
from mailhub.core import domainfile as files
from mailhub.model.errors import Invalid
from mailhub.wire import tarball
from mailhub.wire.tarball import Member

PIECE = 64 * 1024
MOST_MANIFEST = 256 << 20
"""Octets; a million accounts need less."""
LARGEST = 1 << 30
"""Octets of one message: what one act takes."""


@dataclass(frozen=True, slots=True)
class Checked:
    """What a whole archive holds. `octets`: unpacked."""

    manifest: dict[str, Any]
    accounts: int
    messages: int
    octets: int

    @property
    def domain(self) -> str:
        """Whose it is."""
        return str(self.manifest["domainName"])


class Opened:
    """One reading of the file. Members come in their order; `pieces` or `whole` gives the bytes
    of the last one, and what is not asked for is passed over."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._left = 0
        self._behind = 0
        self.digest = hashlib.sha256()
        self.members = self.octets = 0

    def _read(self, size: int) -> bytes:
        try:
            return self._stream.read(size)
        except (OSError, EOFError, zlib.error) as error:
            raise Refused(f"the archive is damaged, or cut short ({error})") from None

    def next(self) -> Member | None:
        """The next member. Raises Refused."""
        for _ in self.pieces():
            continue
        if len(self._read(self._behind)) < self._behind:
            raise Refused("the archive is cut short")
        try:
            member = tarball.next_member(self._read)
        except Invalid as error:
            raise Refused(error.text) from None
        if member is None:
            if self._read(1):
                raise Refused("something stands behind the archive's end")
            return None
        if member.size > max(LARGEST, MOST_MANIFEST) or (member.folder and member.size):
            raise Refused(f"{tarball.shown(member.path)} is too large")
        self._left, self._behind = member.size, -member.size % 512
        if member.path != files.COMPLETE:
            self.members += 1
            self.octets += member.size
            self.digest.update(f"{member.path}\0{member.size}\0".encode())
        self._counted = member.path != files.COMPLETE
        return member

    def pieces(self) -> Iterator[bytes]:
        """The bytes of the last member that are left. Raises Refused."""
        while self._left:
            piece = self._read(min(PIECE, self._left))
            if not piece:
                raise Refused("the archive is cut short")
            self._left -= len(piece)
            if self._counted:
                self.digest.update(piece)
            yield piece

    def whole(self, most: int) -> bytes:
        """All of them. Raises Refused where they are more than `most`."""
        if self._left > most:
            raise Refused("a file of the archive is too large to be what it should be")
        return b"".join(self.pieces())


def opened(path: Path) -> Opened:
    """Raises Refused."""
    try:
        return Opened(gzip.open(path, "rb"))  # type: ignore[arg-type]
    except OSError as error:
        raise Refused(f"{path}: {error.strerror}") from None


def check(path: Path, seen: Callable[[int], None] = lambda octets: None) -> Checked:
    """Reads all of it. `seen` hears how far it came. Raises Refused for what is not whole."""
    archive = opened(path)
    first = archive.next()
    if first is None or first.path != files.MANIFEST:
        raise Refused("this is no exported domain: it does not begin with a manifest")
    manifest = _manifest(archive.whole(MOST_MANIFEST))
    messages, last = 0, first
    while (member := archive.next()) is not None:
        if last.path == files.COMPLETE:
            raise Refused("something stands behind what should be the last file")
        last = member
        messages += is_message(member)
        seen(archive.octets)
        if member.path == files.COMPLETE:
            told = _complete(archive.whole(PIECE))
    if last.path != files.COMPLETE:
        raise Refused("the archive is not whole: it was broken off while it was made")
    facts = (told.members, told.digest, told.messages)
    if facts != (archive.members, archive.digest.hexdigest(), messages):
        raise Refused("the archive is not what it was when it was made")
    return Checked(manifest, told.accounts, messages, archive.octets)


def is_message(member: Member) -> bool:
    """Whether it is somebody's mail."""
    words = member.path.split("/")
    return words[0] == files.MAIL and not member.folder and words[-2:-1] in (["cur"], ["new"])


def _manifest(data: bytes) -> dict[str, Any]:
    try:
        manifest = json.loads(data)
    except (ValueError, RecursionError):
        raise Refused("the manifest cannot be read") from None
    if not isinstance(manifest, dict) or not isinstance(manifest.get("domainName"), str):
        raise Refused("the manifest names no domain")
    if manifest.get("format") != files.FORMAT:
        raise Refused("the manifest is another product's: `import maildir` takes its mail")
    if manifest.get("version") != files.VERSION:
        raise Refused(f"the archive is of version {manifest.get('version')!r}, and not of 1")
    return manifest


def _complete(data: bytes) -> files.CompleteFile:
    try:
        return files.load(files.CompleteFile, data, files.COMPLETE)
    except Invalid as error:
        raise Refused(error.text) from None
