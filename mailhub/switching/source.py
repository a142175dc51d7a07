"""The file that says where a move comes from: which product, where its API and its IMAP are, how
to log in, and what becomes of passwords that nobody tells.

It holds secrets: a file that others may read is refused. Reading it asks nobody anything.
"""

from __future__ import annotations

import os
import re
import stat
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, dataclass, field, fields
from enum import Enum
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

from mailhub.switching.faults import SwitchFault

LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_Values = TypeVar("_Values")


class Kind(Enum):
    """The products."""

    WILDDUCK = "wildduck"
    MAILINABOX = "mailinabox"
    TMAIL = "tmail"
    EASYMAIL = "easymail"


class Unknown(Enum):
    """What becomes of an account whose hash nobody tells."""

    NONE = "none"
    """No password logs in, until one is set or learned."""
    RANDOM = "random"
    """It gets one, which is written into a file."""
    RESET = "reset"
    """It gets one that opens nothing but the setting of another; that is written into a file."""


class Login(Enum):
    """As whom mail is read."""

    EACH = "each"
    """As each account, with a password from a file."""
    MASTER = "master"
    """As `account<separator>master`, with the master's password (Dovecot)."""
    PROXY = "proxy"
    """As the master, for the account: SASL PLAIN with an authorization identity (RFC 4616)."""
    XOAUTH2 = "xoauth2"
    """As each account, with a token from the file."""


class Tls(Enum):
    """How a connection is protected."""

    IMPLICIT = "implicit"
    STARTTLS = "starttls"
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Api:
    """Where the API is. `token`: of WildDuck; `user`, `password`: of the others; `code`: of a
    second factor. `plain`: without TLS to another machine. `timeout`: seconds."""

    url: str
    token: str = ""
    token_in_query: bool = False
    user: str = ""
    password: str = ""
    code: str = ""
    ca: str = ""
    plain: bool = False
    timeout: float = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Imap:
    """Where mail is read. `credentials`: a CSV file of accounts and their secrets; `separator`:
    between the account's name and the master's. `connections`: at one time; `rate`: octets a
    second of all together, 0 for no bound. `timeout`: seconds of silence."""

    host: str
    port: int = 0
    tls: Tls = Tls.IMPLICIT
    ca: str = ""
    plain: bool = False
    login: Login = Login.EACH
    credentials: str = ""
    master: str = ""
    password: str = ""
    separator: str = "*"
    connections: int = 2
    rate: int = 0
    timeout: float = 120.0

    @property
    def door(self) -> int:
        """The port."""
        return self.port or (993 if self.tls is Tls.IMPLICIT else 143)


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What the API does not tell, in files. `hashes`: CSV of accounts and hashes; `aliases`: lines
    of an address and where it leads; `keys`: PEM files by `domain/selector`."""

    hashes: str = ""
    aliases: str = ""
    keys: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Elsewhere:
    """Where sessions and mail of new accounts lead until they are cut over, as URLs that `mailhub
    elsewhere set` takes; empty for none."""

    imap: str = ""
    pop3: str = ""
    mail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """The whole file. `name`: of the folder that notes how far the move came. `only`: domains;
    empty for all."""

    kind: Kind
    api: Api
    name: str
    imap: Imap | None = None
    elsewhere: Elsewhere | None = None
    given: Given = Given()
    passwords: Unknown = Unknown.NONE
    only: tuple[str, ...] = ()


def read(path: Path) -> Source:
    """Raises SwitchFault with what is wrong."""
    try:
        values = tomllib.loads(path.read_text())
    except OSError as error:
        raise SwitchFault(f"{path}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SwitchFault(f"{path}: {error}") from None
    _check_closed(path)
    try:
        return parse(values, path.parent)
    except SwitchFault as fault:
        raise SwitchFault(f"{path}: {fault}") from None


def _check_closed(path: Path) -> None:
    """Raises SwitchFault for a file of secrets that others may read."""
    try:
        mode = path.stat().st_mode
    except OSError as error:
        raise SwitchFault(f"{path}: {error.strerror}") from None
    if mode & (stat.S_IRGRP | stat.S_IROTH):
        raise SwitchFault(f"{path}: others may read it, and it holds secrets: chmod 600 {path}")


def parse(values: Mapping[str, Any], folder: Path) -> Source:
    """`folder`: against which the files in it are named. Raises SwitchFault."""
    known = {"kind", "name", "api", "imap", "elsewhere", "given", "passwords", "only"}
    _unknown(values, known, "")
    kind = _choice(values, "kind", Kind, None)
    api = _section(Api, values.get("api"), "api", {}, folder)
    _check_api(api, kind)
    imap = None
    if "imap" in values:
        choices = {"tls": Tls, "login": Login}
        imap = _section(Imap, values["imap"], "imap", choices, folder)
        _check_imap(imap)
    elsewhere = None
    if "elsewhere" in values:
        elsewhere = _section(Elsewhere, values["elsewhere"], "elsewhere", {}, folder)
    passwords = _choice(values, "passwords", Unknown, Unknown.NONE)
    if elsewhere is not None and passwords is not Unknown.NONE:
        raise SwitchFault("passwords: with [elsewhere] they are learned, and none are given out")
    name = values.get("name") or f"{kind.value}-{urlsplit(api.url).hostname}"
    if not isinstance(name, str) or _NAME.fullmatch(name) is None:
        raise SwitchFault("name: letters, digits, . _ and - only")
    only = values.get("only", [])
    if not isinstance(only, list) or not all(isinstance(one, str) for one in only):
        raise SwitchFault("only: a list of domains")
    return Source(
        kind=kind,
        api=api,
        name=name,
        imap=imap,
        elsewhere=elsewhere,
        given=_section(Given, values.get("given", {}), "given", {}, folder),
        passwords=passwords,
        only=tuple(one.lower() for one in only),
    )


def _check_api(api: Api, kind: Kind) -> None:
    parts = urlsplit(api.url)
    if parts.scheme not in ("https", "http") or not parts.hostname or parts.query:
        raise SwitchFault("api.url: an http or https URL")
    if parts.username or parts.password:
        raise SwitchFault("api.url: who logs in is told by `user` and `password`")
    if parts.scheme == "http" and parts.hostname not in LOOPBACK and not api.plain:
        raise SwitchFault("api.url: secrets would go in the clear; `plain = true` allows it")
    if kind is not Kind.WILDDUCK and not (api.user and api.password):
        raise SwitchFault("api: `user` and `password` are missing")


def _check_imap(imap: Imap) -> None:
    if imap.tls is Tls.NONE and imap.host not in LOOPBACK and not imap.plain:
        raise SwitchFault("imap.tls: secrets would go in the clear; `plain = true` allows it")
    if imap.login in (Login.MASTER, Login.PROXY) and not (imap.master and imap.password):
        raise SwitchFault("imap: `master` and `password` are missing")
    if imap.login in (Login.EACH, Login.XOAUTH2) and not imap.credentials:
        raise SwitchFault("imap: `credentials`, a file of accounts and their secrets, is missing")
    if not 1 <= imap.connections <= 32:
        raise SwitchFault("imap.connections: 1 to 32")
    if imap.rate < 0 or not 0 <= imap.port < 65536:
        raise SwitchFault("imap: `rate` and `port` are no negative numbers")


def _section(
    shape: Callable[..., _Values],
    values: object,
    name: str,
    choices: Mapping[str, type[Enum]],
    folder: Path,
) -> _Values:
    """A table of the file as a value of this module."""
    if not isinstance(values, dict):
        raise SwitchFault(f"{name}: a table [{name}] is missing")
    known = {one.name: one for one in fields(shape)}  # type: ignore[arg-type]
    _unknown(values, set(known), f"{name}.")
    given: dict[str, Any] = {}
    for key, one in known.items():
        if key not in values:
            if one.default is MISSING and one.default_factory is MISSING:
                raise SwitchFault(f"{name}.{key} is missing")
            continue
        value = values[key]
        if key in choices:
            given[key] = _choice(values, key, choices[key], None, f"{name}.")
            continue
        default = "" if one.default is MISSING else one.default
        wanted = dict if one.default_factory is not MISSING else type(default)
        if wanted is float and isinstance(value, int) and not isinstance(value, bool):
            value = float(value)
        if type(value) is not wanted:
            raise SwitchFault(f"{name}.{key}: not a {_WORDS[wanted]}")
        given[key] = value
    for key in ("ca", "credentials", "hashes", "aliases"):
        if given.get(key):
            given[key] = _path(given[key], folder)
    if isinstance(given.get("keys"), dict):
        given["keys"] = {place: _path(str(one), folder) for place, one in given["keys"].items()}
    return shape(**given)


_WORDS: Mapping[type, str] = {
    str: "text",
    bool: "true or false",
    int: "whole number",
    float: "number",
    dict: "table",
}


def _path(text: str, folder: Path) -> str:
    return os.path.normpath(folder / text)


def _unknown(values: Mapping[str, Any], known: set[str], where: str) -> None:
    for name in values:
        if name not in known:
            raise SwitchFault(f"{where}{name} is none of {', '.join(sorted(known))}")


_Choice = TypeVar("_Choice", bound=Enum)


def _choice(
    values: Mapping[str, Any],
    name: str,
    kind: type[_Choice],
    default: _Choice | None,
    where: str = "",
) -> _Choice:
    value = values.get(name)
    if value is None and default is not None:
        return default
    for one in kind:
        if one.value == value:
            return one
    raise SwitchFault(f"{where}{name}: one of {', '.join(str(one.value) for one in kind)}")


def pairs(path: str, what: str) -> Mapping[str, str]:
    """A CSV file of two columns, by the first in lower case; lines with # and empty ones do not
    count. The second column is the rest of the line: a secret, as all that stands here. Raises
    SwitchFault."""
    found: dict[str, str] = {}
    _check_closed(Path(path))
    for number, line in enumerate(_lines(path), 1):
        if not line.strip() or line.startswith("#"):
            continue
        name, comma, value = line.partition(",")
        if not comma or not name.strip() or not value:
            raise SwitchFault(f"{path}: line {number}: not an account, a comma and {what}")
        found[name.strip().lower()] = value
    return found


def alias_lines(path: str) -> Sequence[tuple[str, tuple[str, ...]]]:
    """Lines of an address, white space, and where it leads, with commas between. Raises
    SwitchFault."""
    found = []
    for number, line in enumerate(_lines(path), 1):
        if not line.strip() or line.startswith("#"):
            continue
        words = line.split(None, 1)
        targets = [one.strip() for one in words[-1].split(",") if one.strip()]
        if len(words) != 2 or not targets:
            raise SwitchFault(f"{path}: line {number}: not an address and where it leads")
        found.append((words[0], tuple(targets)))
    return found


def _lines(path: str) -> Sequence[str]:
    try:
        return Path(path).read_text().splitlines()
    except OSError as error:
        raise SwitchFault(f"{path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise SwitchFault(f"{path}: no UTF-8 text") from None
