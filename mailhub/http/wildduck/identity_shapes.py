"""Logins, second factors, app passwords and the log of logins as WildDuck spells them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, StringConstraints
from pydantic_core import PydanticCustomError

from mailhub.http.wildduck.shapes import (
    Boolean,
    HexId,
    Number,
    Page,
    Parameters,
    Result,
    Shown,
    Trimmed,
    UserCall,
)
from mailhub.model.account import Factor, Scope
from mailhub.model.identity import MAIL, UNBOUND, AppPassword, AuthEntry

ALL = "*"
WORDS = (ALL, *(scope.value for scope in (Scope.IMAP, Scope.POP3, Scope.SMTP)))
LONGEST_TTL = 10 * 365 * 86400


def _scopes(value: object) -> object:
    """An array, or words with commas between them."""
    words = value.split(",") if isinstance(value, str) else value
    if not isinstance(words, list):
        raise PydanticCustomError("array", "must be an array")
    folded = [word.strip().lower() if isinstance(word, str) else word for word in words]
    if not folded or any(word not in WORDS for word in folded):
        raise PydanticCustomError("scope", f"must be one of [{', '.join(WORDS)}]")
    return folded


def _line(value: str) -> str:
    if any(mark < " " or "\x7f" <= mark <= "\x9f" for mark in value):
        raise PydanticCustomError("control", "must not contain control characters")
    return value


def _token(value: str) -> str:
    if len(value) != 6:
        raise PydanticCustomError("length", "length must be 6 characters long")
    return value


Optional = Annotated[str | None, Field(exclude_if=lambda value: value is None)]
"""A text that is left out where there is none."""
Scopes = Annotated[list[str], BeforeValidator(_scopes)]
Token = Annotated[Trimmed, AfterValidator(_token)]
Line = Annotated[Trimmed, Field(max_length=255), AfterValidator(_line)]


# -- logging in


class Login(Parameters):
    """POST /authenticate."""

    username: Annotated[Trimmed, Field(min_length=1, max_length=254)]
    password: Annotated[str, Field(min_length=1, max_length=256)]
    scope: Annotated[Trimmed, StringConstraints(to_lower=True), Field(max_length=64)] = "master"
    protocol: Annotated[Line, Field(max_length=64)] = "API"
    token: Boolean = False
    app_id: Annotated[str, Field(max_length=255)] = ""


class LoggedIn(Result):
    """Its answer. `require2fa`: the second factors to ask for, false for none."""

    id: str
    username: str
    address: str
    scope: str
    require2fa: list[str] | Literal[False] = Field(alias="require2fa")
    require_password_change: bool


class Tokened(LoggedIn):
    """The same with a token, which waits for the second factor where there is one."""

    token: str


class Name(Parameters):
    """POST /preauth."""

    username: Annotated[Trimmed, Field(min_length=1, max_length=254)]
    scope: Annotated[Trimmed, StringConstraints(to_lower=True), Field(max_length=64)] = "master"


class Known(Result):
    """Its answer: who would log in by this name. `require2fa` as of a login."""

    id: str
    username: str
    address: str
    scope: str
    require2fa: list[str] | Literal[False] = Field(alias="require2fa")


def factors(enabled: tuple[Factor, ...]) -> list[str] | Literal[False]:
    """Those to ask for."""
    return [factor.value for factor in enabled] or False


# -- second factors


class Setup(UserCall):
    """POST …/2fa/totp/setup."""

    issuer: Line = ""
    label: Line = ""
    fresh: Boolean = False


class SeedShown(Result):
    """Its answer: the seed, and the picture of it as a data URL."""

    seed: str
    qrcode: str


class Code(UserCall):
    """POST …/2fa/totp/enable and …/check. `totp_nonce`: newer clients hand back what a login gave
    them; nothing depends on it here."""

    token: Token
    totp_nonce: Annotated[str, Field(max_length=40)] = ""


class NewPassword(Result):
    """The answer of …/password/reset."""

    password: str


# -- app passwords


class AppPasswordList(UserCall):
    """GET …/asps. `show_all`: those too that end by themselves."""

    show_all: Boolean = False


class AppPasswordCall(UserCall):
    """A call on one app password."""

    asp: HexId


class NewAppPassword(UserCall):
    """POST …/asps."""

    description: Annotated[Line, Field(min_length=1)]
    scopes: Scopes = Field(default=[ALL])
    generate_mobileconfig: Boolean = False
    address: Annotated[Trimmed, Field(max_length=254)] = ""
    password: Annotated[str, StringConstraints(pattern="^[a-z]{16}$")] = ""
    ttl: Annotated[Number, Field(le=LONGEST_TTL)] = 0

    def bound(self) -> frozenset[Scope]:
        """The scopes as core has them."""
        return UNBOUND if ALL in self.scopes else frozenset(map(Scope, self.scopes))


class LastUse(Shown):
    """When an app password was last used, and the log's entry of that."""

    time: str | Literal[False]
    event: str | Literal[False]


class AppPasswordShown(Shown):
    """One app password; never the password."""

    id: str
    description: str
    scopes: list[str]
    created: str
    last_use: LastUse
    expires: str | Literal[False]


class AppPasswordOne(AppPasswordShown, Result):
    """GET …/asps/{asp}."""


class AppPasswords(Result):
    """GET …/asps."""

    results: list[AppPasswordShown]


class AppPasswordMade(Result):
    """The answer of POST …/asps, with the password for the only time."""

    id: str
    password: str


class AppPasswordWithProfile(AppPasswordMade):
    """The same with a profile for Apple's clients, in base64."""

    mobileconfig: str


def app_password(row: AppPassword) -> dict[str, object]:
    """The fields of `AppPasswordShown`."""
    return {
        "id": row.id,
        "description": row.description,
        "scopes": [ALL] if row.scopes >= MAIL else sorted(scope.value for scope in row.scopes),
        "created": moment(row.created),
        "last_use": LastUse(
            time=moment(row.last_used) if row.last_used else False, event=row.last_event or False
        ),
        "expires": moment(row.expires) if row.expires else False,
    }


# -- the log


class Log(Page, UserCall):
    """GET …/authlog; `sess`, `ip` and `filterip` narrow it. Unlike other lists it takes no
    unknown field."""

    model_config = ConfigDict(extra="forbid")

    action: Annotated[Trimmed, Field(max_length=100)] = ""
    filterip: Annotated[Trimmed, Field(max_length=64)] = ""


class LogCall(UserCall):
    """GET …/authlog/{event}."""

    event: HexId


class Entry(Shown):
    """An entry of the log. `asp`, `aname`: the app password it is about."""

    id: str
    action: str
    result: str
    protocol: Optional = None
    source: Optional = None
    ip: Optional = None
    sess: Optional = None
    asp: Optional = None
    aname: Optional = None
    target: Optional = None
    events: int
    created: str
    last: str
    expires: str


class EntryOne(Entry, Result):
    """GET …/authlog/{event}."""


class Entries(Result):
    """GET …/authlog."""

    total: int
    page: int
    previous_cursor: str | Literal[False]
    next_cursor: str | Literal[False]
    action: Optional = None
    results: list[Entry]


def entry(row: AuthEntry) -> dict[str, object]:
    """The fields of `Entry`."""
    event = row.event
    about_app = event.action in ("create asp", "delete asp", "authentication")
    target = event.target or None
    return {
        "id": row.id,
        "action": event.action,
        "result": event.result,
        "protocol": event.protocol or None,
        "source": ("asp" if target else "master") if event.action == "authentication" else None,
        "ip": event.ip or None,
        "sess": event.session or None,
        "asp": target if about_app else None,
        "aname": (event.target_name or None) if about_app else None,
        "target": None if about_app else target,
        "events": row.events,
        "created": moment(row.created),
        "last": moment(row.last),
        "expires": moment(row.expires),
    }


def moment(seconds: int) -> str:
    """Epoch seconds as JavaScript writes a date."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
