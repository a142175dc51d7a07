"""Rules of one web site, from the words of its settings to values: pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote

from mailhub.model.errors import Invalid
from mailhub.model.settings_sites import SiteSettings
from mailhub.model.website import Proxy, Redirect
from mailhub.wire import address, weburl

HALF_A_YEAR = 15_768_000
HSTS: Mapping[str, str] = {
    "no": "",
    "yes": f"max-age={HALF_A_YEAR}",
    "preload": f"max-age={HALF_A_YEAR}; includeSubDomains; preload",
}
"""Values of Strict-Transport-Security (RFC 6797), by their names."""
FLAGS = ("pass-http-host", "no-proxy-redirect", "frame-options-sameorigin", "web-sockets")
LONGEST = 2000
"""Characters of a pattern."""
_GROUP = re.compile(r"\$(\d)")


@dataclass(frozen=True, slots=True)
class Rules:
    """What is in front of a site's files. `hsts`: a header's value; None: as everywhere."""

    hsts: str | None = None
    redirects: tuple[Redirect, ...] = ()
    proxies: tuple[Proxy, ...] = ()
    aliases: tuple[tuple[str, str], ...] = ()


def rules(one: SiteSettings) -> Rules:
    """Checked; of paths the longest first, as the longest decides. Raises Invalid (`field`)."""
    address.domain(one.domain)
    if one.hsts and one.hsts not in HSTS:
        raise Invalid(f"{one.hsts!r} is none of {', '.join(HSTS)}", "hsts")
    proxies = [_proxy(words) for words in one.proxies]
    aliases = [(_path(path, "aliases"), folder) for path, folder in one.aliases]
    return Rules(
        HSTS[one.hsts] if one.hsts else None,
        tuple(_redirect(*pair) for pair in one.redirects),
        tuple(sorted(proxies, key=lambda proxy: -len(proxy.path))),
        tuple(sorted(aliases, key=lambda alias: -len(alias[0]))),
    )


def led(redirect: Redirect, path: str) -> str:
    """Where `path` (decoded, with its slash) leads; empty where the pattern does not match it from
    its beginning. What a group found is put into the URL so that it stays one part of it."""
    found = redirect.pattern.match(path[:LONGEST])
    if found is None:
        return ""

    def group(number: re.Match[str]) -> str:
        return quote(found[int(number[1])] or "", safe="/-._~!$&'()*+,;=:@")

    return _GROUP.sub(group, redirect.target)


def _redirect(pattern: str, target: str) -> Redirect:
    if len(pattern) > LONGEST:
        raise Invalid("A pattern is too long", "redirects")
    try:
        compiled = re.compile(pattern)
    except re.error as error:
        raise Invalid(f"{pattern!r} is no regular expression ({error})", "redirects") from None
    if not target.startswith(("/", "http://", "https://")) or not target.isprintable():
        raise Invalid(f"{target!r} is no URL", "redirects")
    wanted = [int(one) for one in _GROUP.findall(target)]
    if max(wanted, default=0) > compiled.groups:
        raise Invalid(f"{pattern!r} has not so many groups", "redirects")
    return Redirect(compiled, target)


def _proxy(words: Sequence[str]) -> Proxy:
    if len(words) < 2:
        raise Invalid("A proxy is a path and a URL", "proxies")
    path, url, *flags = words
    for flag in flags:
        if flag not in FLAGS:
            raise Invalid(f"{flag!r} is none of {', '.join(FLAGS)}", "proxies")
    if weburl.parse(url, "proxies").scheme != "http":
        raise Invalid(f"{url!r} is no http: URL", "proxies")
    return Proxy(
        _path(path, "proxies"),
        url,
        keeps_host="pass-http-host" in flags,
        keeps_location="no-proxy-redirect" in flags,
        framed="frame-options-sameorigin" in flags,
        sockets="web-sockets" in flags,
    )


def _path(path: str, field: str) -> str:
    if not path.startswith("/"):
        raise Invalid(f"{path!r} does not begin with a slash", field)
    return path
