"""Mail-in-a-Box's users: form fields to accounts and back, and the rules of their fields, in the
order in which they are looked at. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from mailhub.core.accounts import PASSWORD_LIMIT
from mailhub.http.mailinabox.names import by_domain, readable_domain
from mailhub.http.mailinabox.replies import Refusal
from mailhub.http.mailinabox.shapes import Form, Shown, text
from mailhub.model.account import Account, RemovedAccount, Role
from mailhub.model.errors import Invalid
from mailhub.wire import address as grammar

ADMIN = "admin"
PRIVILEGES = "privileges"
"""Where the metadata of an account keep privileges that mean nothing here."""
SHORTEST_PASSWORD = 8
LONGEST_EMAIL = 255
NO_EMAIL = "No email address provided."
BAD_EMAIL = "Invalid email address."
NARROW = (
    "User account email addresses may only use the lowercase ASCII letters a-z, the digits 0-9, "
    "underscore (_), hyphen (-), and period (.)."
)
RESERVED = (
    "You may not make a user account for that address because it is frequently used for domain "
    "control validation. Use an alias instead if necessary."
)
_USER = re.compile(r"[a-z0-9._-]+@[a-z0-9._-]+")
_QUOTA = re.compile(r"([0-9]{1,12})([GM]?)")
_UNITS = {"": 1, "M": 1 << 20, "G": 1 << 30}
_LINE = re.compile(r"[^\r\n\x00]*")


class NewUser(Form):
    """POST /mail/users/add."""

    email: str = text()
    password: str = text()
    privileges: str = text("privileges", "privilege")
    quota: str = text()


class NewPassword(Form):
    """POST /mail/users/password."""

    email: str = text()
    password: str = text()


class Named(Form):
    """Which user is meant."""

    email: str = text()


class Privilege(Form):
    """POST /mail/users/privileges/add and /remove. A client library calls it privileges."""

    email: str = text()
    privilege: str = text("privilege", "privileges")


class NewQuota(Form):
    """POST /mail/users/quota."""

    email: str = text()
    quota: str = text()


class User(Shown):
    """One of a domain's users. `mailbox`: of those alone that are archived."""

    email: str
    privileges: list[str]
    status: str
    quota: str = ""
    box_quota: int = 0
    box_size: str = ""
    percent: str = ""
    mailbox: str = ""


class DomainUsers(Shown):
    """The users of a domain."""

    domain: str
    users: list[User]


def check_email(email: str) -> None:
    """Raises Refusal."""
    if not email.strip():
        raise Refusal(NO_EMAIL)
    try:
        grammar.split(email)
    except Invalid:
        raise Refusal(BAD_EMAIL) from None
    if len(email) > LONGEST_EMAIL or _USER.fullmatch(email) is None:
        raise Refusal(NARROW)


def check_password(password: str) -> None:
    """Raises Refusal."""
    if not password.strip():
        raise Refusal("No password provided.")
    if len(password) < SHORTEST_PASSWORD:
        raise Refusal("Passwords must be at least eight characters.")
    if "\x00" in password or grammar.octets(password) > PASSWORD_LIMIT:
        raise Refusal(f"Passwords must be at most {PASSWORD_LIMIT} bytes, without NUL.")


def check_privilege(privilege: str) -> str:
    """The privilege itself. Raises Refusal."""
    if not privilege.strip() or _LINE.fullmatch(privilege) is None or len(privilege) > 100:
        raise Refusal(f"That's not a valid privilege ({privilege}).")
    return privilege


def given_privileges(written: str) -> Sequence[str]:
    """One a line. Raises Refusal."""
    if not written.strip():
        return ()
    return tuple(check_privilege(one) for one in written.replace("\r\n", "\n").split("\n"))


def octets(quota: str) -> int:
    """`10G` as a number of octets; 0 for no limit. Raises Refusal."""
    quota = quota.strip().upper()
    if re.search(r"[\s,.]", quota):
        raise Refusal("Quotas cannot contain spaces, commas, or decimal points.")
    found = _QUOTA.fullmatch(quota)
    if found is None:
        raise Refusal("Invalid quota.")
    return int(found[1]) * _UNITS[found[2]]


def quota_text(limit: int) -> str:
    """So many octets as short as they can be written."""
    for unit in "GM":
        if limit and limit % _UNITS[unit] == 0:
            return f"{limit // _UNITS[unit]}{unit}"
    return str(limit)


def privileges(account: Account) -> list[str]:
    """What the account has, of which `admin` alone means something."""
    other = other_privileges(account)
    return [ADMIN, *other] if account.role is Role.ADMIN else other


def other_privileges(account: Account) -> list[str]:
    """Those that are kept and mean nothing here."""
    kept = account.metadata.get(PRIVILEGES)
    return [str(one) for one in kept] if isinstance(kept, list) else []


def with_privileges(metadata: Mapping[str, object], others: Iterable[str]) -> dict[str, object]:
    """Metadata with these privileges, of which `admin` is none."""
    kept = list(dict.fromkeys(one for one in others if one != ADMIN))
    rest = {name: value for name, value in metadata.items() if name != PRIVILEGES}
    return rest | {PRIVILEGES: kept} if kept else rest


def active(account: Account) -> dict[str, object]:
    """A user that is here."""
    limit, used = account.limits.storage, account.used_storage
    return {
        "email": account.address,
        "privileges": privileges(account),
        "status": "active",
        "quota": quota_text(limit),
        "box_quota": limit,
        "box_size": size_text(used),
        "percent": f"{used * 100 / limit:.0f}%" if limit else "",
    }


def inactive(account: RemovedAccount) -> dict[str, object]:
    """A user that was archived: its mailbox is a name, and no folder."""
    local, _, domain = account.username.rpartition("@")
    return {
        "email": account.username,
        "privileges": [],
        "status": "inactive",
        "quota": "",
        "box_quota": 0,
        "box_size": size_text(account.used_storage),
        "percent": "",
        "mailbox": f"mail/mailboxes/{domain}/{local}",
    }


def size_text(octets: int) -> str:
    """Octets for people."""
    size = float(octets)
    for unit in ("", "K", "M", "G"):
        if size < 1024:
            return f"{size:.0f}{unit}" if size > 99 or not unit else f"{size:.1f}{unit}"
        size /= 1024
    return f"{size:.1f}T"


def listed(users: Sequence[Mapping[str, object]], hostname: str) -> list[dict[str, object]]:
    """Users by domain: that of this server first, and in each the active ones first."""
    in_order = sorted(users, key=lambda one: (one["status"] != "active", str(one["email"])))
    grouped = by_domain(in_order, lambda one: str(one["email"]), hostname)
    return [{"domain": readable_domain(name), "users": rows} for name, rows in grouped]
