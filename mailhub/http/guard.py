"""Who is calling: turns whatever credential a request carries into one `Caller`.

What a caller may then do stands in `core.rights`. A token is compared in constant time and logged
never.
"""

from __future__ import annotations

import hmac
import re
from dataclasses import replace

from mailhub.core.elsewhere import Elsewheres
from mailhub.core.rights import MAIL, Caller, Right, check
from mailhub.core.tokens import Tokens
from mailhub.http.call import Answer, Call, Leash
from mailhub.http.outflow import drop
from mailhub.model.errors import AuthenticationFailed, MailhubError

ME = "me"
"""What an account's token may call its own account in a path."""
_LOOPBACK = re.compile(r"127(?:\.\d{1,3}){3}|::1|unix")
_LOCAL_HOST = re.compile(r"(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])(?::\d+)?", re.IGNORECASE)


class Guard:
    """`token`: the root token; empty: only programs on this machine come in. `tokens`: those that
    stand for an account or a role. `elsewheres`: accounts whose mail nobody has here yet; None:
    there are none."""

    def __init__(self, token: str, tokens: Tokens, elsewheres: Elsewheres | None = None) -> None:
        self._elsewheres = elsewheres
        self._token = token.encode()
        self._tokens = tokens

    def root(self, call: Call) -> Caller:
        """The operator, who calls. Raises AuthenticationFailed."""
        given = _given(call)
        if not (self._is_root(given) if self._token else not given and self._is_local(call)):
            raise AuthenticationFailed("Invalid accessToken value")
        return Caller(call.peer.address)

    async def admit(self, call: Call, right: Right) -> Call:
        """The call with its caller, who has `right` on what it names; `me` is put in words.

        Raises AuthenticationFailed, NotPermitted, StillElsewhere, Unavailable.
        """
        caller = await self._caller(call)
        subject = call.arguments.get("user")
        if subject == ME and caller.id:
            subject = caller.id
            call = replace(call, arguments={**call.arguments, "user": subject})
        check(caller, right, subject.lower() if subject is not None else None)
        if self._elsewheres is not None and subject is not None and right.resource in MAIL:
            await self._elsewheres.check_here(subject)
        return replace(call, caller=caller)

    async def hold(self, call: Call, answer: Answer) -> Answer:
        """A stream that ends with the token of its caller. Raises as `admit`."""
        if answer.stream is None:
            return answer
        try:
            return replace(answer, leash=await self._leash(call))
        except MailhubError:
            await drop(answer)
            raise

    async def expect(self, call: Call, right: Right) -> Leash | None:
        """As `admit`, for a call whose body has yet to come; the leash is pulled where its caller's
        token ends meanwhile. Raises as `admit`."""
        return await self._leash(await self.admit(call, right))

    async def _leash(self, call: Call) -> Leash | None:
        caller = call.caller
        if caller is None or not caller.session:
            return None
        leash = Leash()
        leash.let_go = self._tokens.watch(caller, leash.pull)
        try:
            await self._caller(call)  # the token may have ended since it was looked at
        except MailhubError:
            leash.let_go()
            raise
        return leash

    async def _caller(self, call: Call) -> Caller:
        given = _given(call)
        if not given or self._is_root(given):
            return self.root(call)
        if not self._token and not self._is_local(call):
            raise AuthenticationFailed("Invalid accessToken value")
        return await self._tokens.caller(given, call.peer.address)

    def _is_root(self, given: str) -> bool:
        token = given.encode("utf-8", "replace")
        return bool(self._token) and hmac.compare_digest(token, self._token)

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


def _given(call: Call) -> str:
    """The token: query field `accessToken`, header `X-Access-Token`, or bearer token (RFC 6750);
    empty for none. Raises AuthenticationFailed for several, or a header that stands twice."""
    if len(call.headers.get("x-access-token", ())) > 1:
        raise AuthenticationFailed("Invalid accessToken value")
    scheme, _, bearer = call.header("authorization").partition(" ")
    given = {
        call.fields().get("accessToken", ""),
        call.header("x-access-token"),
        bearer.strip() if scheme.lower() == "bearer" else "",
    } - {""}
    if len(given) > 1:
        raise AuthenticationFailed("Invalid accessToken value")
    return next(iter(given), "")
