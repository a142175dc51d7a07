"""Settings of the web sites that this server shows."""

from __future__ import annotations

from dataclasses import dataclass

from mailhub.model.setting import STRICT, setting


@dataclass(frozen=True, slots=True, kw_only=True)
class SitesSettings:
    """`[sites]`: web sites of the mail domains, on http listeners with root = "web"."""

    __pydantic_config__ = STRICT

    folder: str = setting(
        "", "where files are: a folder for each domain, and `default`; empty: www below data"
    )
    https: bool = setting(True, "send who comes by http: on to https:")
    hsts: str = setting("yes", "tell browsers to come by https: alone: no, yes or preload")


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteSettings:
    """One `[[site]]`: what is different about the web site of a domain."""

    __pydantic_config__ = STRICT

    domain: str = setting("", "whose site it is")
    hsts: str = setting("", "as sites.hsts, for this one; empty: as there")
    redirects: tuple[tuple[str, str], ...] = setting(
        (),
        "pairs of a regular expression that a path is compared with and a URL to go to, for good; "
        "$1 stands for what the first group found",
    )
    proxies: tuple[tuple[str, ...], ...] = setting(
        (),
        "lists of a path, the http: URL of a server that answers for all below it, and words: "
        "pass-http-host, no-proxy-redirect, frame-options-sameorigin, web-sockets",
    )
    aliases: tuple[tuple[str, str], ...] = setting(
        (), "pairs of a path and a folder that has the files below it"
    )
