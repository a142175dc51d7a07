"""Certificates in memory, and an authority that does as a test says."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache

from cryptography import x509 as cx509

from mailhub.core.certificates import Certificates
from mailhub.core.hosted import Hosted
from mailhub.core.profiles import Profiles
from mailhub.core.provisioning import Provisioning
from mailhub.core.websites import Websites
from mailhub.model.acme import DNS_01, HTTP_01, Challenge, OpenOrder
from mailhub.model.certificate import Certificate
from mailhub.model.errors import NotFound
from mailhub.model.settings import ProfileSettings, SitesSettings
from mailhub.model.settings_acme import ACMESettings
from mailhub.net.together import together
from mailhub.wire import x509
from tests.authority import Authority, key
from tests.world import HOSTNAME, Unsigned, World

ADDRESS = "192.0.2.25"


@cache
def _signing() -> Authority:
    """What every place's authority signs with: keys and signatures are dear."""
    return Authority("Test Authority")


@cache
def _own() -> tuple[x509.Key, str]:
    """Every place's own key, and the certificate that it begins with."""
    own = key()
    return own, Authority.self_signed([HOSTNAME], own)


class MemoryFiles:
    """`ports.CertificateFiles`."""

    def __init__(self, authority: Authority) -> None:
        self._authority = authority
        self._key, text = _own()
        self._kept = {"": text.encode()}
        self.keys: dict[str, bytes] = {}

    def all(self) -> Sequence[Certificate]:
        return [
            x509.describe(x509.read_chain(text.decode()), self.authorities())
            for text in self._kept.values()
        ]

    def system_key(self) -> x509.Key:
        return self._key

    def authorities(self) -> Sequence[x509.Authority]:
        return [self._authority.certificate]

    def chain(self, id: str) -> bytes:
        if id not in self._kept:
            raise NotFound("No such certificate")
        return self._kept[id]

    def keep(self, id: str, chain: bytes, key: bytes = b"") -> None:
        self._kept[id] = chain
        self.keys[id] = key

    def is_installed(self, id: str) -> bool:
        return bool(id) and id in self._kept

    def drop(self, id: str) -> None:
        self.chain(id)
        del self._kept[id]

    def watch(self, changed: Callable[[], object]) -> None:
        """Nobody is told."""


class NoFolders:
    """`ports.SiteFolders` without any."""

    def place(self, name: str) -> str:
        return f"/www/{name}"

    def find(self, name: str) -> str:
        return ""


@dataclass
class FakeAuthority:
    """`ports.CertificateAuthority`. `failures`: raised by the next orders, in turn. `visible`:
    asked for each challenge whether it can be seen. `wish`: when it wants certificates to be
    renewed, and to be asked again; `asked`: for which it was."""

    signing: Authority
    failures: list[Exception] = field(default_factory=list)
    visible: Callable[[Challenge], bool] = lambda one: True
    days: tuple[int, int] = (0, 90)
    orders: list[tuple[str, ...]] = field(default_factory=list)
    revoked: list[str] = field(default_factory=list)
    wish: tuple[float, float] | Exception = (0.0, 0.0)
    asked: list[str] = field(default_factory=list)

    async def open(self, names: Sequence[str], request: bytes) -> OpenOrder:
        self.orders.append(tuple(names))
        asked = cx509.load_pem_x509_csr(request)
        found = []
        for name in names:
            kind = DNS_01 if name.startswith("*.") else HTTP_01
            token = "" if kind == DNS_01 else f"token-{name}"
            found.append(Challenge(name.removeprefix("*."), kind, token, f"proof-{name}"))
        return OpenOrder(tuple(found), asked)

    async def finish(self, order: OpenOrder) -> str:
        if self.failures:
            raise self.failures.pop(0)
        assert all(self.visible(one) for one in order.challenges)
        asked = order.handle
        assert isinstance(asked, cx509.CertificateSigningRequest)
        extension = asked.extensions.get_extension_for_class(cx509.SubjectAlternativeName)
        names = extension.value.get_values_for_type(cx509.DNSName)
        return self.signing.issue(names, days=self.days, public=asked.public_key())

    async def revoke(self, chain: str) -> None:
        self.revoked.append(chain)

    async def renewal(self, chain: str) -> tuple[float, float]:
        self.asked.append(chain)
        if isinstance(self.wish, Exception):
            raise self.wish
        return self.wish


@dataclass
class Certified:
    """All of it, over a world."""

    files: MemoryFiles
    authority: FakeAuthority
    certificates: Certificates
    hosted: Hosted
    provisioning: Provisioning
    websites: Websites
    profiles: Profiles


def certify(here: World, settings: ACMESettings | None = None, **given: object) -> Certified:
    """`given`: see `Provisioning`."""
    signing = _signing()
    files, authority = MemoryFiles(signing), FakeAuthority(signing)
    settings = settings or ACMESettings()
    notes = here.store.certificates
    certificates = Certificates(files, notes, here.clock, here.log, HOSTNAME)
    hosted = Hosted(here.store, HOSTNAME, settings.names)
    provisioning = Provisioning(
        certificates,
        hosted,
        files,
        notes,
        authority,
        here.resolver,
        here.counters,
        here.clock,
        here.log,
        together,
        settings,
        own=lambda: (ADDRESS,),
        **given,  # type: ignore[arg-type]
    )
    websites = Websites(hosted, NoFolders(), here.clock, SitesSettings())
    profiles = Profiles(ProfileSettings(), HOSTNAME, Unsigned(), here.randomness)
    return Certified(files, authority, certificates, hosted, provisioning, websites, profiles)
