"""Senders of forwarded mail, rewritten so that SPF holds and bounces find their way back.

The sender rewriting scheme as its authors describe it (https://www.libsrs2.net/srs/srs.pdf):
`SRS0=hash=time=domain=local@us` for what came from its own domain, `SRS1=hash=first==rest@us`
for what another forwarder rewrote before. Pure: the time is an argument, nothing is stored.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re

from mailhub.model.errors import Invalid
from mailhub.wire import address as grammar

HASH = 6
"""Characters of the hash: thirty bits, the same in any case, as some servers fold local parts."""
DAY = 86400
DAYS = 1024
"""The time is a day in two characters, and so comes round again."""
LIFE = 21
"""Days for which a rewritten address leads back."""
_DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
_ZERO = re.compile(r"SRS0[=+-]([^=]+)=([A-Z2-7]{2})=([^=]+)=(.*)", re.IGNORECASE)
_ONE = re.compile(r"SRS1[=+-]([^=]+)=([^=]+)=([=+-].*)", re.IGNORECASE)
_FOREIGN = re.compile(r"SRS([01])([=+-])(.*)", re.IGNORECASE)


class SRS:
    """Rewrites in the name of `domain`. `secret`: bytes that nobody else knows."""

    def __init__(self, secret: bytes, domain: str) -> None:
        self._secret = secret
        self.domain = domain

    def forward(self, sender: str, now: float) -> str:
        """The sender to forward with. One that would grow longer than a local part may be (RFC
        5321 4.5.3.1.1), that is no address or that is ours already stays as it is."""
        try:
            local, domain = grammar.split(sender)
        except Invalid:
            return sender
        if domain == self.domain:
            return sender
        rewritten = f"{self._rewritten(local, domain, now)}@{self.domain}"
        try:
            grammar.split(rewritten)
        except Invalid:
            return sender
        return rewritten

    def _rewritten(self, local: str, domain: str, now: float) -> str:
        foreign = _FOREIGN.fullmatch(local)
        if foreign is None:
            day = int(now) // DAY % DAYS
            time = _DIGITS[day >> 5] + _DIGITS[day & 31]
            return grammar.quote_local(
                f"SRS0={self._hash(time, domain, local)}={time}={domain}={local}"
            )
        if foreign[1] == "0":
            first, rest = domain, foreign[2] + foreign[3]
        else:
            again = _ONE.fullmatch(local)
            if again is None:
                first, rest = domain, foreign[2] + foreign[3]
            else:
                first, rest = again[2], again[3]
        return grammar.quote_local(f"SRS1={self._hash(first, rest)}={first}={rest}")

    def claims(self, address: str) -> bool:
        """Whether `address` looks like one that was made here."""
        return (
            address[:3].upper() == "SRS"
            and address[3:5] in ("0=", "0+", "0-", "1=", "1+", "1-")
            and address.rpartition("@")[2].lower() == self.domain
        )

    def reverse(self, address: str, now: float) -> str:
        """Where mail to a rewritten address goes. Raises Invalid: forged, too old, malformed."""
        local, _ = grammar.split(address)
        zero = _ZERO.fullmatch(local)
        if zero is not None:
            self._check(zero[1], zero[2].upper(), zero[3].lower(), zero[4])
            self._check_age(zero[2].upper(), now)
            return grammar.join(*grammar.split(f"{grammar.quote_local(zero[4])}@{zero[3]}"))
        one = _ONE.fullmatch(local)
        if one is None:
            raise Invalid("The rewritten address is malformed", "address")
        self._check(one[1], one[2].lower(), one[3])
        return grammar.join(*grammar.split(f"{grammar.quote_local('SRS0' + one[3])}@{one[2]}"))

    def _hash(self, *parts: str) -> str:
        text = "=".join(parts).lower().encode()
        digest = hmac.new(self._secret, text, hashlib.sha256).digest()
        return base64.b32encode(digest[:10]).decode()[:HASH]

    def _check(self, said: str, *parts: str) -> None:
        if not hmac.compare_digest(said.upper().encode(), self._hash(*parts).encode()):
            raise Invalid("The rewritten address was not made here", "address")

    def _check_age(self, time: str, now: float) -> None:
        made = _DIGITS.index(time[0]) << 5 | _DIGITS.index(time[1])
        today = int(now) // DAY % DAYS
        # A day ahead is another server's clock, or our own that was set back since.
        if (today - made + 1) % DAYS > LIFE + 1:
            raise Invalid("The rewritten address is too old", "address")
