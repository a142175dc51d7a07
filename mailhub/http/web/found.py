"""What programs look for to find a domain's mail servers, and what other servers look for.

These are documents, made from the settings, under the names and paths where they are looked for.

Every HTTP listener answers these, to whoever asks: no API, no secrets.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterable

from mailhub.core.certificates import Certificates
from mailhub.core.profiles import Profiles
from mailhub.core.websites import Websites
from mailhub.http.call import Answer, Call
from mailhub.http.routing import MethodNotAllowed, Route
from mailhub.model.errors import MailhubError, NotFound, Unavailable
from mailhub.model.website import SiteKind, Website
from mailhub.policy import sts_announced
from mailhub.wire import autoconfig

XML = "text/xml; charset=utf-8"
TEXT = "text/plain; charset=utf-8"
APPLE = "application/x-apple-aspen-config"
CHALLENGE = "/.well-known/acme-challenge/"
THUNDERBIRD = ("/mail/config-v1.1.xml", "/.well-known/autoconfig/mail/config-v1.1.xml")
OUTLOOK = ("/autodiscover/autodiscover.xml", "/Autodiscover/Autodiscover.xml")
"""As it is written, and as old programs ask for it."""
POLICY = "/.well-known/mta-sts.txt"
PROFILES = ("/mail.mobileconfig", "/mailinabox.mobileconfig")
"""Under a name that says what it is, and where Mail-in-a-Box has it."""
_TOKEN = re.compile(r"[A-Za-z0-9_-]{1,512}")
_Document = Callable[[Call, Website], Awaitable[Answer]]


class Found:
    """The dialect of these paths. Which domain is meant, the name that was asked for says."""

    name = "well-known"

    def __init__(self, certificates: Certificates, websites: Websites, profiles: Profiles) -> None:
        self._certificates = certificates
        self._websites = websites
        self._profiles = profiles
        self._documents: dict[tuple[str, str], _Document] = {
            ("GET", POLICY): self._policy,
            **{("GET", path): self._thunderbird for path in THUNDERBIRD},
            **{("POST", path): self._outlook for path in OUTLOOK},
            **{("GET", path): self._profile for path in PROFILES},
        }

    def routes(self) -> Iterable[Route]:
        """All of them."""
        yield Route("GET", f"{CHALLENGE}<token>", self._routed)
        for method, path in self._documents:
            yield Route(method, path, self._routed)

    async def answer(self, call: Call) -> Answer | None:
        """What a call asks for; None where it is none of these paths. Raises NotFound where the
        document does not exist under this name, MethodNotAllowed, Unavailable."""
        if call.path.startswith(CHALLENGE):
            return await self._challenge(call.path.removeprefix(CHALLENGE))
        method = "GET" if call.method == "HEAD" else call.method
        document = self._documents.get((method, call.path))
        if document is None:
            allowed = sorted(how for how, path in self._documents if path == call.path)
            if allowed:
                raise MethodNotAllowed(allowed)
            return None
        site = await self._websites.get(host_of(call))
        if site is None:
            raise NotFound("There is no such page")
        return await document(call, site)

    def failure(self, error: MailhubError | None) -> Answer:
        """Words, for who reads them in a browser."""
        return said(error)

    async def _routed(self, call: Call) -> Answer:
        found = await self.answer(call)
        assert found is not None
        return found

    async def _challenge(self, token: str) -> Answer:
        """Proves to an authority that this name leads here (RFC 8555 8.3)."""
        content = None
        if _TOKEN.fullmatch(token) is not None:
            content = await self._certificates.answer(token)
        if content is None:
            raise NotFound("No such challenge")
        return Answer(200, content.encode(), "application/octet-stream")

    async def _policy(self, call: Call, site: Website) -> Answer:
        """The policy of MTA-STS, under `mta-sts.` alone (RFC 8461 3.3)."""
        if site.kind is not SiteKind.SERVICE or not site.name.startswith("mta-sts."):
            raise NotFound("There is no such page")
        document = sts_announced.document(self._certificates.hostname)
        return Answer(200, document, TEXT, (("Cache-Control", "max-age=300"),))

    async def _thunderbird(self, call: Call, site: Website) -> Answer:
        return Answer(200, autoconfig.thunderbird(site.domain, self._profiles.servers()), XML)

    async def _outlook(self, call: Call, site: Website) -> Answer:
        address = autoconfig.outlook_address(call.body)
        return Answer(200, autoconfig.outlook(address, self._profiles.servers()), XML)

    async def _profile(self, call: Call, site: Website) -> Answer:
        name = 'attachment; filename="mail.mobileconfig"'
        headers = (("Content-Disposition", name),)
        return Answer(200, await self._profiles.blank(site.domain), APPLE, headers)


def host_of(call: Call) -> str:
    """The name that a call asks for."""
    return host_name(call.header("host"))


def host_name(field: str) -> str:
    """A Host field in lower case, without port and last dot."""
    host = field.lower()
    if not host.startswith("["):
        host = host.partition(":")[0]
    return host.removesuffix(".")


def said(error: MailhubError | None) -> Answer:
    """An error for people."""
    headers: tuple[tuple[str, str], ...] = ()
    status = 500
    if isinstance(error, MethodNotAllowed):
        status, headers = 405, (("Allow", ", ".join(_with_head(error.allowed))),)
    elif isinstance(error, NotFound):
        status = 404
    elif isinstance(error, Unavailable):
        status = 503
    text = error.text if error is not None else "Internal failure"
    return Answer(status, f"{text}\n".encode(), TEXT, headers)


def _with_head(allowed: Iterable[str]) -> list[str]:
    return sorted({*allowed, *(("HEAD",) if "GET" in allowed else ())})
