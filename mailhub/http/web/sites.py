"""Web sites: which answer a request gets, by the name and the path that it asks for.

The table of sites is core's, files are `pages`', documents for programs `found`'s, and servers
behind us are asked by `behind`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from mailhub.core.websites import Websites
from mailhub.http.call import Answer, Call
from mailhub.http.routing import MethodNotAllowed, Route
from mailhub.http.web.behind import Behind
from mailhub.http.web.found import CHALLENGE, Found, host_of, said
from mailhub.http.web.pages import WITHOUT, Pages, target
from mailhub.model.errors import MailhubError, NotFound
from mailhub.model.website import Proxy, SiteKind, Website
from mailhub.wire.siterules import led

LONGEST = 255
"""Octets of a file's name."""
DEEPEST = 64
"""Folders inside one another."""
READ = ("GET", "HEAD")


class Sites:
    """`routing.Dialect` without routes: all that no other dialect has is its. `https`: visitors
    are sent there."""

    name = "web"

    def __init__(
        self, websites: Websites, found: Found, pages: Pages, behind: Behind, *, https: bool
    ) -> None:
        self._websites = websites
        self._found = found
        self._pages = pages
        self._behind = behind
        self._https = https

    def routes(self) -> Iterable[Route]:
        """None: see `answer`."""
        return ()

    def failure(self, error: MailhubError | None) -> Answer:
        """Words, for who reads them in a browser."""
        return said(error)

    async def site(self, call: Call) -> Website | None:
        """The site of the name that a call asks for. Raises Unavailable."""
        return await self._websites.get(host_of(call))

    async def answer(self, call: Call) -> Answer:
        """Whatever the path. Raises NotFound, MethodNotAllowed, Unavailable."""
        site = await self.site(call)
        if site is None:
            return await self._default(call)
        try:
            answer = await self._of(call, site)
        except MailhubError as error:
            answer = said(error)
        if site.hsts and call.peer.tls is not None:
            answer = replace(
                answer, headers=(*answer.headers, ("Strict-Transport-Security", site.hsts))
            )
        return answer

    async def socket(self, call: Call) -> Proxy | None:
        """The server that a call for a WebSocket goes through to, None where it does not. Raises
        Unavailable."""
        site = await self.site(call)
        if site is None or site.kind is not SiteKind.STATIC:
            return None
        if call.peer.tls is None and self._https:
            return None
        try:
            parts(call.path)
        except NotFound:
            return None
        if any(led(one, call.path) for one in site.redirects):
            return None
        proxy = proxied(site, call.path)
        return proxy if proxy is not None and proxy.sockets else None

    async def _default(self, call: Call) -> Answer:
        """A name that is none of ours: it may have been led here a moment ago."""
        found = await self._found.answer(call)
        if found is not None:
            return found
        site = self._websites.fallback()
        if site is None:
            raise NotFound("There is no such site")
        return await self._static(call, site)

    async def _of(self, call: Call, site: Website) -> Answer:
        is_clear = call.peer.tls is None
        if is_clear and self._https and not call.path.startswith(CHALLENGE):
            return _moved(f"https://{site.name}{target(call)}")
        found = await self._found.answer(call)
        if found is not None:
            return found
        if site.kind is SiteKind.SERVICE:
            raise NotFound("There is no such page")
        if site.kind is SiteKind.MOVED:
            scheme = "http" if is_clear else "https"
            return _moved(f"{scheme}://{site.target}{target(call)}")
        return await self._static(call, site)

    async def _static(self, call: Call, site: Website) -> Answer:
        names, slash = parts(call.path)
        for one in site.redirects:
            onward = led(one, call.path)
            if onward:
                return _moved(onward)
        proxy = proxied(site, call.path)
        if proxy is not None:
            return await self._behind.ask(call, proxy)
        if call.method not in READ:
            raise MethodNotAllowed(READ)
        for path, folder in site.aliases:
            if _is_below(call.path, path):
                names = names[len(parts(path)[0]) :]
                return await self._pages.answer(call, folder, names, slash=slash)
        return await self._pages.answer(call, site.root, names, slash=slash)


def proxied(site: Website, path: str) -> Proxy | None:
    """Who answers for a path instead of files."""
    return next((one for one in site.proxies if _is_below(path, one.path)), None)


def parts(path: str) -> tuple[Sequence[str], bool]:
    """The names of a path (decoded), and whether a slash is at its end.

    Raises NotFound for what is no path of a site: an empty part, `.` and `..`, a name that begins
    with a dot (`.git`, `.htpasswd`; but `.well-known` is meant to be seen), and names that no file
    has.
    """
    names = path[1:].split("/")
    slash = names[-1] == ""
    if slash:
        names.pop()
    if len(names) > DEEPEST or not all(
        _is_name(name) or (place == 0 and name == ".well-known") for place, name in enumerate(names)
    ):
        raise NotFound("There is no such page")
    return names, slash


def _is_name(name: str) -> bool:
    return (
        bool(name)
        and not name.startswith(".")
        and "\\" not in name
        and name.isprintable()
        and len(name.encode("utf-8", "surrogateescape")) <= LONGEST
    )


def _is_below(path: str, above: str) -> bool:
    return path == above or path.startswith(above if above.endswith("/") else f"{above}/")


def _moved(url: str) -> Answer:
    return Answer(301, type="text/html; charset=utf-8", headers=(("Location", url), *WITHOUT))
