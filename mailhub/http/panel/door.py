"""Who is signed in: a cookie that no script can read, and a proof with every form that it was our
page that sent it.

The cookie holds a token of `core.sign_ins`, so it ends with the password, the account and the
token; the browser is told how long it would keep, and told anew while it is used.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar
from urllib.parse import urlsplit

from mailhub.core.accounts import Accounts
from mailhub.core.elsewhere import Elsewheres
from mailhub.core.rights import Caller, Right, Role, Standing, check
from mailhub.core.sign_ins import SignIns
from mailhub.core.tokens import Tokens
from mailhub.http.call import Answer, Call, form, pairs
from mailhub.http.panel import browsers, pages
from mailhub.http.routing import route
from mailhub.model.account import Account
from mailhub.model.account import Role as AccountRole
from mailhub.model.errors import AuthenticationFailed, Invalid, NotPermitted
from mailhub.wire import multipart

_Page = TypeVar("_Page", bound=Callable[[Any, "Visitor"], Awaitable[Answer]])
FORM = "application/x-www-form-urlencoded"
PARTS = "multipart/form-data"
PLAIN, SECURE = "mailhub", "__Host-mailhub"
"""Names of the cookie; the second can be set by a page of this very host over TLS alone."""
_LOCAL = re.compile(r"127(?:\.\d{1,3}){3}|::1|unix")


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who looks at a page. `csrf`: what their forms carry; `fields`: of the form that was sent.
    `cookies`: what their browser is told with the page."""

    call: Call
    account: Account
    caller: Caller
    csrf: str
    fields: dict[str, str]
    cookies: tuple[tuple[str, str], ...] = ()

    @property
    def administers(self) -> bool:
        """Whether the pages of administrators are theirs."""
        return self.account.role is AccountRole.ADMIN

    def require(self, right: Right) -> None:
        """Raises NotPermitted where they have not this right on what the page is about."""
        caller = self.caller
        if self.administers and caller.standing is Standing.WHOLE:
            caller = replace(caller, role=Role.ROOT)
        check(caller, right, self.call.arguments.get("user", caller.id))

    def several(self, name: str) -> Sequence[str]:
        """All values of a field that a form may have many of. Raises Invalid."""
        if self.call.header("content-type").partition(";")[0].strip().lower() != FORM:
            return [self.fields[name]] if name in self.fields else []
        return [value for field, value in pairs(self.call.body.decode("ascii")) if field == name]

    @property
    def language(self) -> str:
        """Which of our languages they read."""
        return language(self.call, self.account)


class Door:
    """`secret`: of this server; only for proofs, which die with the token. `elsewheres`: accounts
    whose mail nobody has here yet, where it leads to mail."""

    def __init__(
        self,
        tokens: Tokens,
        sign_ins: SignIns,
        accounts: Accounts,
        secret: bytes,
        elsewheres: Elsewheres | None = None,
    ) -> None:
        self._elsewheres = elsewheres
        self._tokens = tokens
        self._sign_ins = sign_ins
        self._accounts = accounts
        self._secret = secret

    async def visitor(self, call: Call) -> Visitor:
        """Who calls: any who showed a password, though perhaps no second factor. Raises
        AuthenticationFailed, NotFound, NotPermitted (the form is not ours), Invalid,
        StillElsewhere."""
        caller = await self._tokens.caller(token_of(call), call.peer.address)
        if caller.account is None or caller.role is not Role.USER:
            raise AuthenticationFailed
        account = await self._accounts.get(caller.account)
        if self._elsewheres is not None:
            await self._elsewheres.check_here(account.id)
        csrf = hmac.digest(self._secret, f"panel {caller.session}".encode(), hashlib.sha256).hex()
        fields = sent(call)
        if call.method == "POST" and not hmac.compare_digest(
            fields.get("csrf", "").encode(), csrf.encode()
        ):
            raise NotPermitted("This form was made for another session: load the page again")
        life = await self._sign_ins.saw(caller)
        cookies = (cookie(call, token_of(call), life),) if life else ()
        return Visitor(replace(call, caller=caller), account, caller, csrf, fields, cookies)

    async def open(self, account: Account, call: Call) -> tuple[tuple[str, str], Caller]:
        """For who has shown the account's password: the header with the cookie, and what it is
        good for."""
        agent = browsers.name(call.header("user-agent"))
        token, caller = await self._sign_ins.open(account, call.peer.address, agent)
        return cookie(call, token, await self._sign_ins.saw(caller)), caller

    async def proven(self, caller: Caller) -> None:
        """The second factor was shown, too."""
        await self._tokens.proven(caller)

    async def again(self, visitor: Visitor, path: str) -> Answer:
        """Goes there; this browser stays signed in, where all sessions of the account ended."""
        account = await self._accounts.get(visitor.account.number)
        header, caller = await self.open(account, visitor.call)
        if visitor.caller.standing is Standing.WHOLE and account.factors:
            await self.proven(caller)
        return pages.seen(path, header)

    async def close(self, caller: Caller) -> None:
        """Ends the session."""
        await self._sign_ins.close(caller)


def kept(method: str, path: str, right: Right) -> Callable[[_Page], _Page]:
    """Marks a coroutine method as a page for who is signed in and has `right`: it takes the
    visitor, where `routing.route` hands over a call."""
    mark: Any = route(method, path, right=right)
    return mark  # type: ignore[no-any-return]


def language(call: Call, account: Account | None = None) -> str:
    """Which of our languages the page is in."""
    return pages.spoken(call.header("accept-language"), account.language if account else "")


def is_private(call: Call) -> bool:
    """Whether nobody on the way reads what is sent: TLS, or this machine, where a proxy may have
    ended TLS."""
    return call.peer.tls is not None or _LOCAL.fullmatch(call.peer.address) is not None


def sent(call: Call) -> dict[str, str]:
    """The form of a POST. Raises Invalid, NotPermitted for one that another site made."""
    if call.method != "POST":
        return {}
    site, origin = call.header("sec-fetch-site"), call.header("origin")
    if site not in ("", "same-origin", "none") or (
        origin and urlsplit(origin).netloc != call.header("host")
    ):
        raise NotPermitted("This form was made by another site")
    kind = call.header("content-type")
    if kind.partition(";")[0].strip().lower() == PARTS:
        return _texts(multipart.fields(call.body, multipart.boundary(kind)))
    if kind.partition(";")[0].strip().lower() != FORM:
        raise Invalid("A form is expected")
    try:
        return form(call.body.decode("ascii"))
    except UnicodeDecodeError:
        raise Invalid("The form fields cannot be decoded") from None


def _texts(fields: Mapping[str, bytes]) -> dict[str, str]:
    """Those that are text; what else is sent, files, is for who asks for it."""
    found = {}
    for name, value in fields.items():
        try:
            found[name] = value.decode()
        except UnicodeDecodeError:
            continue
    return found


def token_of(call: Call) -> str:
    """What the cookie holds; empty for none."""
    wanted = _name(call)
    for header in call.headers.get("cookie", ()):
        for pair in header.split(";"):
            name, _, value = pair.strip().partition("=")
            if name == wanted:
                return value
    return ""


def cookie(call: Call, token: str, life: int = 0) -> tuple[str, str]:
    """The header that sets it for `life` seconds; for no token, that takes it away. Other sites'
    forms are sent without it (`SameSite`), their links with it: who follows one here is still
    signed in."""
    kept = f"{_name(call)}={token}; Path=/; HttpOnly; SameSite=Lax"
    if call.peer.tls is not None:
        kept += "; Secure"
    return "Set-Cookie", f"{kept}; Max-Age={life if token else 0}"


def forgotten(call: Call) -> tuple[tuple[str, str], ...]:
    """What takes a cookie away that opens nothing, where there is one."""
    return (cookie(call, ""),) if token_of(call) else ()


def _name(call: Call) -> str:
    return SECURE if call.peer.tls is not None else PLAIN
