"""What checks found, in the words of Authentication-Results (RFC 8601 2.7, RFC 8617 10, RFC 9989).

Says what is so; what follows from it is not known here.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from mailhub.policy import arc, dkim, dmarc, iprev, spf
from mailhub.policy.authres import Result

_PLAIN = re.compile(r"[A-Za-z0-9._+/=-]{1,253}")
"""What a signature says of itself that is worth repeating."""


def of_spf(found: spf.Checked, sender: str) -> Result:
    """`sender`: the reverse path's address, where that is what was checked."""
    if found.identity == "mailfrom":
        return Result("spf", found.result, (("smtp.mailfrom", sender),))
    return Result("spf", found.result, (("smtp.helo", found.domain),))


def of_iprev(found: iprev.Checked, address: str) -> Result:
    """`address`: the client's."""
    return Result("iprev", found.result, (("policy.iprev", address),))


def of_dkim(found: Sequence[dkim.Checked]) -> tuple[Result, ...]:
    """One for each signature; `none` where there is none."""
    return tuple(_of_signature(one) for one in found) or (Result("dkim", "none"),)


def _of_signature(one: dkim.Checked) -> Result:
    said = one.label
    properties = (
        ("header.d", one.domain or said.domain),
        ("header.s", said.selector),
        ("header.a", said.algorithm),
        ("header.b", said.start),
    )
    present = tuple((name, value) for name, value in properties if _PLAIN.fullmatch(value))
    return Result("dkim", one.result, present, one.reason)


def of_arc(found: arc.Chain, address: str) -> Result:
    """`address`: the client's, which who seals next passes on (RFC 8617 10.2)."""
    return Result("arc", found.result, (("smtp.remote-ip", address),), found.reason)


def of_dmarc(found: dmarc.Checked, believed: str = "") -> Result:
    """`believed`: whose seal makes that a failure does not count."""
    properties = [("header.from", found.domain)]
    if found.result == "fail":
        properties.append(("policy.dmarc", "none" if believed else found.policy.value))
    reason = f"{believed} is believed to have seen a pass" if believed else found.reason
    return Result("dmarc", found.result, tuple(properties), reason)
