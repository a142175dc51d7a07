"""Who is calling: turns whatever credential a request carries into one `Caller`.

What a caller may then do is core's affair. A token is compared in constant time and logged never.
"""

from __future__ import annotations

import hmac
import re

from mailhub.core.rights import Caller, Right
from mailhub.http.call import Call
from mailhub.model.errors import AuthenticationFailed

_LOOPBACK = re.compile(r"127(?:\.\d{1,3}){3}|::1|unix")
_LOCAL_HOST = re.compile(r"(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])(?::\d+)?", re.IGNORECASE)


class Guard:
    """`token`: the root token; empty: only programs on this machine come in."""

    def __init__(self, token: str) -> None:
        self._token = token.encode()

    def who(self, call: Call) -> Caller:
        """The caller. Raises AuthenticationFailed."""
        if not (self._has_token(call) if self._token else self._is_local(call)):
            raise AuthenticationFailed("Invalid accessToken value")
        return Caller(call.peer.address)

    async def admit(self, call: Call, right: Right) -> Caller:
        """The caller, who has `right` on what the call names. Raises AuthenticationFailed."""
        return self.who(call)

    def _has_token(self, call: Call) -> bool:
        """As query field `accessToken`, header `X-Access-Token`, or bearer token (RFC 6750)."""
        scheme, _, bearer = call.header("authorization").partition(" ")
        given = [
            call.fields().get("accessToken", ""),
            call.header("x-access-token"),
            bearer.strip() if scheme.lower() == "bearer" else "",
        ]
        tokens = [text.encode("utf-8", "replace") for text in given if text]
        return bool(tokens) and all(hmac.compare_digest(token, self._token) for token in tokens)

    def _is_local(self, call: Call) -> bool:
        """From this machine, by its own name, and not by a web page that a browser here shows:
        a page can send requests to loopback, and rebind its name to it."""
        host = call.header("host")
        site = call.header("sec-fetch-site")
        return (
            _LOOPBACK.fullmatch(call.peer.address) is not None
            and (not host or _LOCAL_HOST.fullmatch(host) is not None)
            and site in ("", "none", "same-origin")
            and (not call.header("origin") or site == "same-origin")
        )
