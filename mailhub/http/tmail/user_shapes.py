"""tmail's users: JSON to accounts and back, and the rules of their fields. Pure."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from mailhub.core.accounts import AccountOrder
from mailhub.http.tmail.shapes import Given, Shown
from mailhub.model.account import Account, Limits, Sending
from mailhub.model.errors import Invalid

QUOTA = "mailboxQuota"
"""Where the metadata of an account keep the quota as it was written."""
SHORTEST_LOGIN, LONGEST_LOGIN, SHORTEST_PASSWORD = 4, 256, 6
_QUOTA = re.compile(r"(\d{1,15})([KMGT]?)", re.IGNORECASE | re.ASCII)
_UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}
_LARGEST = 1 << 62


def _password_needed(schema: dict[str, Any]) -> None:
    """For the description alone, as the two below: what breaks one of these rules can be read, and
    is refused with 422; what has another type cannot, which is 400."""
    del schema["properties"]["passwd"]["default"]
    schema["required"] = ["passwd"]


_RULES = ConfigDict(json_schema_extra=_password_needed)
_Password = Annotated[str, Field(json_schema_extra={"minLength": SHORTEST_PASSWORD})]
_Quota = Annotated[str, Field(json_schema_extra={"pattern": "^([0-9]{1,15}[KMGTkmgt]?)?$"})]


class NewUser(Given):
    """POST /users/LOGIN."""

    model_config = _RULES

    passwd: _Password = ""
    auth_relay: bool = False
    have_mailbox: bool = False
    is_catchall: bool = False
    mailbox_quota: _Quota = ""

    def order(self, login: str) -> AccountOrder:
        """The order for core. A user without a mailbox has no address, and so nothing to write
        as: one that may relay may write as anybody. Raises Invalid."""
        if not SHORTEST_LOGIN <= len(login) <= LONGEST_LOGIN:
            raise Invalid("login must have 4 to 256 characters")
        check_password(self.passwd)
        storage = octets(self.mailbox_quota)
        if self.is_catchall and not self.have_mailbox:
            raise Invalid("a catchall needs a mailbox")
        if not self.have_mailbox:
            sending = Sending.ANY if self.auth_relay else Sending.LOCAL
            return AccountOrder(username=login, password=self.passwd, address="", sending=sending)
        if "@" not in login:
            raise Invalid("the login of a user with a mailbox must be an address")
        return AccountOrder(
            username=login,
            password=self.passwd,
            limits=Limits(storage=storage),
            metadata={QUOTA: self.mailbox_quota} if self.mailbox_quota else {},
            sending=Sending.OWN if self.auth_relay else Sending.LOCAL,
        )


class NewPassword(Given):
    """PUT /users/LOGIN."""

    model_config = _RULES

    passwd: _Password = ""


class UserPath(BaseModel):
    """Whose user it is about."""

    model_config = ConfigDict(frozen=True)

    login: Annotated[str, Field(min_length=1)]


class NewUserPath(BaseModel):
    """Whose login a new user's is to be; of one with a mailbox it is the address."""

    model_config = ConfigDict(frozen=True)

    login: Annotated[str, Field(min_length=SHORTEST_LOGIN, max_length=LONGEST_LOGIN)]


class User(Shown):
    """A user as GET shows it."""

    id: int
    login: str
    passwd: str
    dove_passwd: str
    active: Literal["Y", "N"]
    auth_relay: bool
    have_mailbox: bool
    is_catchall: bool
    mailbox_quota: str
    home: str


def shown(account: Account, hashed: str, is_catchall: bool) -> User:
    """`hashed`: the password's hash, empty for callers without the right to see it."""
    return User(
        id=account.number,
        login=account.username,
        passwd=hashed,
        dove_passwd=dovecot(hashed),
        active="N" if account.disabled or account.suspended else "Y",
        auth_relay=account.sending is not Sending.LOCAL,
        have_mailbox=bool(account.address),
        is_catchall=is_catchall,
        mailbox_quota=_quota(account),
        home=_home(account.address),
    )


def check_password(password: str) -> None:
    """Raises Invalid."""
    if len(password) < SHORTEST_PASSWORD:
        raise Invalid("password must have at least 6 characters")


def octets(quota: str) -> int:
    """`1G` as a number; empty is 0, the server's default. Raises Invalid."""
    if not quota:
        return 0
    found = _QUOTA.fullmatch(quota)
    number = int(found[1]) * _UNITS[found[2].upper()] if found else _LARGEST
    if number >= _LARGEST:
        raise Invalid("mailboxQuota must be a number, with K, M, G or T behind it or without")
    return number


def dovecot(hashed: str) -> str:
    """A crypt hash as Dovecot's `passdb` reads it: glibc's own kinds stand alone, others behind
    the name of their scheme."""
    if hashed.startswith("$argon2"):
        return f"{{{hashed[1:].partition('$')[0].upper()}}}{hashed}"
    if hashed.startswith("$2"):
        return f"{{BLF-CRYPT}}{hashed}"
    return hashed


def _quota(account: Account) -> str:
    """As it was written, unless it was changed elsewhere since."""
    written = str(account.metadata.get(QUOTA) or "")
    storage = account.limits.storage
    try:
        if octets(written) == storage:
            return written
    except Invalid:
        pass
    return str(storage) if storage else ""


def _home(address: str) -> str:
    """Where tmail would keep the mailbox. Here it is a name and no folder."""
    local, _, domain = address.rpartition("@")
    return f"/mailboxes/{domain[0]}/{domain}/{local[0]}/{local}" if local and domain else ""
