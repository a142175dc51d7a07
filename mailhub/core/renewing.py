"""When a certificate is renewed: in the last third of its life, or when its authority wants it."""

from __future__ import annotations

from collections.abc import Iterable

from mailhub.model.certificate import Certificate
from mailhub.model.errors import MailhubError
from mailhub.ports import CertificateAuthority, CertificateFiles, Clock

OFTEN = 3600.0
"""Seconds between two questions for one certificate, at least."""
UNSAID = 6 * OFTEN
"""The same where the authority did not say."""


def renewal(certificate: Certificate, now: float) -> float:
    """When another one is asked for, epoch seconds: at once where it is worth nothing, else when a
    third of its life is left, and up to a thirtieth of it before: not all at the same moment."""
    if certificate.fault(now) is not None:
        return now
    life = certificate.ends - certificate.begins
    spread = int(certificate.id[:8], 16) / 0xFFFFFFFF
    return certificate.ends - life / 3 - spread * life / 30


def latest(certificate: Certificate) -> float:
    """The last moment that an authority's wish is followed to: a sixth of its life is left."""
    return certificate.ends - (certificate.ends - certificate.begins) / 6


class Wishes:
    """What the authority said of its certificates (RFC 9773): it may know of an end that comes
    sooner, or of a crowd. Forgotten with the process; then it is asked again."""

    def __init__(
        self, files: CertificateFiles, authority: CertificateAuthority, clock: Clock
    ) -> None:
        self._files = files
        self._authority = authority
        self._clock = clock
        self._said: dict[str, tuple[float, float]] = {}

    def due(self, certificate: Certificate) -> float:
        """When another one is asked for, epoch seconds."""
        said = self._said.get(certificate.id, (0.0, 0.0))[0]
        usual = renewal(certificate, self._clock.now())
        return min(said, latest(certificate)) if said else usual

    async def ask(self, certificates: Iterable[Certificate]) -> None:
        """Asks for those that were installed and are good, as often as the authority allows."""
        now, known = self._clock.now(), self._said
        good = {one.id for one in certificates if one.fault(now) is None}
        self._said = {id: known.get(id, (0.0, 0.0)) for id in good if self._files.is_installed(id)}
        for id, (due, again) in self._said.items():
            if again > now:
                continue
            try:
                due, again = await self._authority.renewal(self._files.chain(id).decode())
            except MailhubError:
                again = now + UNSAID
            self._said[id] = due, max(again, now + OFTEN)
