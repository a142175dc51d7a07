"""Settings of asking an authority for certificates."""

from __future__ import annotations

from dataclasses import dataclass

from mailhub.model.setting import STRICT, setting

LETS_ENCRYPT = "https://acme-v02.api.letsencrypt.org/directory"


@dataclass(frozen=True, slots=True, kw_only=True)
class ACMESettings:
    """`[acme]`: certificates from an authority (RFC 8555), asked for and renewed by themselves.

    The authority has to reach this server at port 80 of each name: an http listener without TLS.
    Only names that lead here are asked for: to one of `dns.addresses`, or to where `hostname` does.
    """

    __pydantic_config__ = STRICT

    agree: bool = setting(
        False, "ask for certificates: you agree to the terms of service of the authority"
    )
    directory: str = setting(LETS_ENCRYPT, "the URL of the authority's directory")
    contact: str = setting("", "mail address that the authority may write to; empty: none")
    names: tuple[str, ...] = setting(
        (),
        "names to ask for beside those that are served here; wildcards are proven by our own zones",
    )
    trusted: str = setting(
        "", "PEM certificates that the authority itself is verified by; empty: the system's"
    )
    review: int = setting(43_200, "how often certificates are looked at, about", "seconds")
    patience: int = setting(180, "longest time one certificate may take", "seconds")
