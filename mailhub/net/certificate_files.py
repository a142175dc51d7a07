"""The certificates' files below the data folder, and those that the settings name.

    tls/system.key         the key of the server, made once and kept for ever
    tls/self-signed.crt    what it shows until it has a better one
    tls/installed/ID.crt   what was installed, leaf first; ID is the leaf's SHA-256
    tls/installed/ID.key   its key, where it is not the server's

A file appears whole or not at all, a key before its certificate. Which certificate a name gets is
`net.tls`' business; who may install one is core's.
"""

from __future__ import annotations

import os
import re
import ssl
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from cryptography import x509
from cryptography.utils import CryptographyDeprecationWarning

from mailhub.model.certificate import Certificate, best
from mailhub.model.errors import Invalid, NotFound, Unavailable
from mailhub.model.settings import TLSSettings
from mailhub.net.certificate import (
    Pair,
    make_key,
    make_self_signed,
    read_key,
    read_pair,
    write_private,
    write_public,
)
from mailhub.ports import Log
from mailhub.wire.x509 import Authority, Key, describe, usable

BUNDLES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/cert.pem",
)
"""Where systems keep the authorities that everybody knows, all in one file."""
FRESH = 1.0
"""Seconds for which files are not looked at again."""
_ID = re.compile("[0-9a-f]{64}")
END = b"-----END CERTIFICATE-----"

Stamp = tuple[int, int, int]
"""Modification time, size and inode of a file."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """A pair that was read, and what it says. `is_default`: shown to who asks for no name, where
    there is none for the server's own."""

    pair: Pair
    facts: Certificate
    is_default: bool


class CertificateFolder:
    """`ports.CertificateFiles`. `hostname`: whom the first certificate is for."""

    def __init__(
        self,
        settings: TLSSettings,
        data: Path,
        hostname: str,
        log: Log,
        seconds: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = settings
        self._folder = data / "tls"
        self._hostname = hostname
        self._log = log
        self._seconds = seconds
        self._loaded: Sequence[Loaded] = ()
        self._facts: tuple[Certificate, ...] = ()
        self._fresh_until = 0.0
        self._stamps: dict[Path, Stamp] = {}
        self._authorities: Sequence[Authority] | None = None
        self._asked = False
        self._watchers: list[Callable[[], object]] = []

    # -- what is there

    def load(self) -> Sequence[Loaded]:
        """Reads every file. Raises Invalid where the default pair is unusable; another bad pair
        is logged and left out."""
        certificate, key = self.default()
        stamps = stamp(certificate, key)
        loaded = [self._describe(read_pair(certificate, key), True)]
        for certificate, key in self._others():
            stamps |= stamp(certificate, key)
            try:
                loaded.append(self._describe(read_pair(certificate, key), False))
            except Invalid as error:
                self._log.event("certificate", outcome="refused", reason=error.text)
        self._loaded, self._stamps = loaded, stamps
        self._facts = tuple(one.facts for one in loaded)
        return loaded

    def has_changed(self) -> bool:
        """Whether a file came, went or changed since they were read."""
        return self._look() != self._stamps

    def seen(self) -> None:
        """The files as they are now are not to be tried again."""
        self._stamps = self._look()

    def default(self) -> tuple[Path, Path]:
        """The configured pair, else the one that is made here."""
        settings = self._settings
        if settings.certificate:
            return Path(settings.certificate), Path(settings.key or settings.certificate)
        certificate, key = self._folder / "self-signed.crt", self._folder / "system.key"
        former = self._folder / "self-signed.key"
        if not key.exists() and former.exists():
            former.rename(key)  # its name in earlier versions
        if not key.exists():
            make_key(key)
        if not certificate.exists():
            names = dict.fromkeys([self._hostname, "localhost", "127.0.0.1", "::1"])
            make_self_signed(certificate, key, list(names))
        return certificate, key

    def vouching(self) -> Pair | None:
        """What the server's own name is shown with; None while nobody else vouches for that.
        Raises Invalid."""
        loaded = self.load() if self.has_changed() or not self._loaded else self._loaded
        fit = [one for one in loaded if one.facts.key == loaded[0].facts.key]
        found = best((one.facts for one in fit), self._hostname.lower(), time.time())
        chosen = next((one for one in fit if one.facts is found), loaded[0])
        is_own = chosen.facts.self_signed and not self._settings.certificate
        return None if is_own else chosen.pair

    # -- see `ports.CertificateFiles`

    def all(self) -> Sequence[Certificate]:
        if self._loaded and self._seconds() < self._fresh_until:
            return self._facts
        try:
            if self.has_changed():
                self.load()
            self._fresh_until = self._seconds() + FRESH
        except Invalid as error:
            self.seen()
            self._log.event("certificate", outcome="refused", reason=error.text)
            if not self._loaded:
                raise Unavailable("The server's certificate cannot be read") from None
        except OSError as error:
            raise Unavailable(f"Certificates cannot be read ({error.strerror})") from error
        return self._facts

    def system_key(self) -> Key:
        try:
            return usable(read_key(self.default()[1]))
        except (Invalid, OSError):
            raise Unavailable("The server's key cannot be read") from None

    def authorities(self) -> Sequence[Authority] | None:
        if not self._asked:
            self._asked = True
            self._authorities = _authorities(self._settings.authorities)
        return self._authorities

    def chain(self, id: str) -> bytes:
        for certificate, key in [self.default(), *self._others()]:
            try:
                pair = read_pair(certificate, key)
            except Invalid:
                continue
            if describe(pair.chain).id == id:
                return certificate.read_bytes()
        raise NotFound("No such certificate")

    def keep(self, id: str, chain: bytes, key: bytes = b"") -> None:
        folder = self._installed
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if key:
                write_private(folder / f"{id}.key", key)
            write_public(folder / f"{id}.crt", chain)
        except OSError as error:
            raise Unavailable(f"It cannot be written ({error.strerror})") from error
        self._told()

    def is_installed(self, id: str) -> bool:
        return _ID.fullmatch(id) is not None and (self._installed / f"{id}.crt").is_file()

    def drop(self, id: str) -> None:
        folder = self._installed
        if not self.is_installed(id):
            raise NotFound("No such certificate was installed")
        try:
            (folder / f"{id}.crt").unlink()
            (folder / f"{id}.key").unlink(missing_ok=True)
        except OSError as error:
            raise Unavailable(f"It cannot be removed ({error.strerror})") from error
        self._told()

    def watch(self, changed: Callable[[], object]) -> None:
        self._watchers.append(changed)

    # -- files

    @property
    def _installed(self) -> Path:
        return self._folder / "installed"

    def _told(self) -> None:
        self._fresh_until = 0.0
        for watcher in self._watchers:
            watcher()

    def _others(self) -> Sequence[tuple[Path, Path]]:
        found = [(path, path.with_suffix(".key")) for path in sorted(self._installed.glob("*.crt"))]
        system = self.default()[1]
        found = [(path, key if key.exists() else system) for path, key in found]
        if self._settings.directory:
            named = sorted(Path(self._settings.directory).glob("*.crt"))
            found = [*((path, path.with_suffix(".key")) for path in named), *found]
        return found

    def _look(self) -> dict[Path, Stamp]:
        return stamp(*(path for pair in [self.default(), *self._others()] for path in pair))

    def _describe(self, pair: Pair, is_default: bool) -> Loaded:
        facts = describe(pair.chain, self.authorities())
        return Loaded(pair, replace(facts, names=pair.names), is_default)


def stamp(*paths: Path) -> dict[Path, Stamp]:
    """What tells that a file changed."""
    stamps = {}
    for path in paths:
        try:
            facts = os.stat(path)
        except OSError:
            stamps[path] = (0, 0, 0)
        else:
            stamps[path] = (facts.st_mtime_ns, facts.st_size, facts.st_ino)
    return stamps


def _authorities(more: str) -> Sequence[Authority] | None:
    """The system's authorities with those of the file `more`; None where there are none."""
    found: dict[Authority, None] = {}
    named = os.environ.get("SSL_CERT_FILE") or ssl.get_default_verify_paths().cafile
    bundles = [path for path in (named, *BUNDLES) if path and os.path.exists(path)][:1]
    for path in [*bundles, *([more] if more else [])]:
        try:
            text = Path(path).read_bytes()
        except OSError:
            continue
        found |= dict.fromkeys(_parsed(text))
    return tuple(found) or None


def _parsed(text: bytes) -> Iterator[Authority]:
    """Each that can be read: in the bundles of systems are some that bend the rules."""
    for block in text.split(END)[:-1]:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", CryptographyDeprecationWarning)
            try:
                yield x509.load_pem_x509_certificate(block + END)
            except ValueError:
                continue
