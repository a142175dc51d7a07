"""Which of two a request goes to: the web sites, or the APIs and pages of the server itself.

A listener with root = "web" is open to the world. Under the name of a domain's site nothing but the
site is found there; APIs answer under the server's own name and under names that are no site, and
behind TLS alone, unless another server does that in front of this one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from twisted.internet.defer import Deferred
from twisted.web.resource import IResource, Resource
from twisted.web.server import NOT_DONE_YET

from mailhub.core.websites import Websites
from mailhub.http.routing import Served, leaf
from mailhub.http.web.found import host_name
from mailhub.http.web.sites import Sites
from mailhub.http.web.sockets import Sockets, is_wanted
from mailhub.model.errors import MailhubError

ROOT = "web"
HARMLESS = frozenset({"health"})
"""What tells nothing and takes nothing: it is answered without TLS too."""


class Doors(Resource):
    """`inside`: the resource of the APIs. `served`: theirs, which say how their paths begin.
    `hostname`: under which they are found beside the site. `https`: nobody's password comes in the
    clear."""

    isLeaf = True

    def __init__(
        self,
        sites: Sites,
        sockets: Sockets,
        websites: Websites,
        hostname: str,
        inside: IResource,
        served: Sequence[Served],
        *,
        https: bool,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._https = https
        self._sites = sites
        self._sockets = sockets
        self._websites = websites
        self._hostname = hostname.lower()
        self._inside: Any = inside
        self._outside: Any = leaf(sites.answer, "(site)", sites)
        self._first = frozenset(one.path.split("/", 2)[1] for one in served) - {"", ".well-known"}

    def render(self, request: Any) -> int:
        """See IResource."""
        work = Deferred.fromCoroutine(self._render(request))
        work.addErrback(request.processingFailed)
        return NOT_DONE_YET

    async def _render(self, request: Any) -> None:
        is_outside = await self._is_outside(request)
        if request._disconnected:
            return
        if not is_outside:
            self._inside.render(request)
            return
        if request.requestHeaders.hasHeader(b"upgrade"):
            call = request.call({})
            proxy = await self._sites.socket(call) if is_wanted(call) else None
            if proxy is not None:
                await self._sockets.join(request, call, proxy)
                return
        self._outside.render(request)

    async def _is_outside(self, request: Any) -> bool:
        first = request.path.split(b"/", 2)[1].decode("latin-1")
        if first not in self._first:
            return True
        if self._https and request.peer.tls is None and first not in HARMLESS:
            return True  # where visitors are sent on to https:
        hosts = request.requestHeaders.getRawHeaders("host", [""])
        name = host_name(hosts[0])
        try:
            return name != self._hostname and await self._websites.get(name) is not None
        except MailhubError:
            return True  # who answers there says that it cannot
