"""EasyMail's parameters, wherever they stand: query, form, parts of a form, or JSON; with every
method, as `curl -F` sends them. And what it shows. Pure."""

from __future__ import annotations

from typing import TypeVar

from pydantic import BaseModel, ConfigDict

from mailhub.http import body
from mailhub.http.call import Call
from mailhub.http.easymail.replies import Refusal
from mailhub.model.account import Account
from mailhub.model.errors import Invalid, Unsupported
from mailhub.wire import multipart

PARTS = "multipart/form-data"


class Given(BaseModel):
    """What a client sends: texts, and empty ones for what it does not."""

    model_config = ConfigDict(frozen=True)


class Login(Given):
    """POST /auth."""

    username: str = ""
    password: str = ""


class DomainName(Given):
    """Which domain is meant."""

    domain: str = ""


class NewDomain(Given):
    """POST /domains: a domain, and its first user."""

    domain: str = ""
    username: str = ""
    password: str = ""


class NewKey(Given):
    """POST /dkim/add-new-domain. `rotate`: 1 for another key."""

    domain: str = ""
    rotate: str = ""


class Exported(Given):
    """GET /export/domain. `format`: json for the manifest alone."""

    domain: str = ""
    format: str = ""


class DomainId(Given):
    """Which domain is meant, by its number."""

    domain_id: str = ""


class NewUser(Given):
    """POST /user/ID. `is_encrypted`: anything says that the password is a hash."""

    domain_id: str = ""
    email: str = ""
    password: str = ""
    is_encrypted: str = ""


class NewPassword(Given):
    """POST /user-change-password."""

    id: str = ""
    password: str = ""
    domain_id: str = ""
    is_encrypted: str = ""


class Email(Given):
    """Which user is meant."""

    email: str = ""


class Hostname(Given):
    """POST /ssl/…"""

    hostname: str = ""


class NewCertificate(Given):
    """POST /ssl/upload. `hostname`: empty for the first that the certificate is for."""

    ssl_certificate: str = ""
    ssl_certificate_key: str = ""
    hostname: str = ""


class Failure(BaseModel):
    """Every refusal: the same words under three names."""

    result: bool
    msg: str
    error_msg: str
    error: str


class Done(BaseModel):
    """Success."""

    result: bool


class Token(Done):
    """POST /auth."""

    token: str


class Domain(BaseModel):
    """One domain."""

    id: int
    name: str
    users_count: int


class Domains(BaseModel):
    """All of them, the newest first."""

    domains: list[Domain]


class User(BaseModel):
    """One user."""

    id: int
    domain_id: int
    email: str


class Users(BaseModel):
    """Those of a domain, the newest first."""

    users: list[User]


class Made(Done):
    """What was made."""

    id: int
    user_id: int = 0


class Key(Done):
    """A key that signs mail: its record as a zone file has it, and the key itself, PEM."""

    public: str
    private: str
    selector: str


class Credential(BaseModel):
    """An account of a domain, and the hash of its password, empty where the caller may not have
    it."""

    email: str
    password: str


class Pair(BaseModel):
    """A key that signs mail: its record, and the key itself, empty where the caller may not have
    it."""

    public: str
    private: str


class Manifest(BaseModel):
    """What an archive begins with."""

    format: str
    version: int
    software: str
    domainName: str
    generatedAt: str
    export_filename: str
    dkim: Pair
    accounts: list[Credential]


class Ordered(Done):
    """What came of asking for a certificate."""

    message: str


class Days(BaseModel):
    """Whole days until a certificate ends; negative: since."""

    days_left: int


_Given = TypeVar("_Given", bound=Given)


def read(shape: type[_Given], call: Call) -> _Given:
    """The call's parameters: those of its path, its body, and its query, in this order of
    precedence. Raises Refusal, TooLarge."""
    try:
        found = {**call.fields(), **_body(call), **call.arguments}
    except (Invalid, Unsupported) as error:
        raise Refusal(400, error.text) from None
    texts = {name: str(value) for name, value in found.items() if isinstance(value, str | int)}
    return shape.model_validate(texts)


def _body(call: Call) -> dict[str, object]:
    kind = call.header("content-type")
    if call.body and kind.partition(";")[0].strip().lower() == PARTS:
        parts = multipart.fields(call.body, multipart.boundary(kind))
        try:
            return {name: value.decode() for name, value in parts.items()}
        except UnicodeDecodeError:
            raise Invalid("A field of the form is not UTF-8") from None
    return dict(body.fields(call))


def number(written: str, what: str) -> int:
    """The number of a thing. Raises Refusal."""
    if not (written.isascii() and written.isdigit() and len(written) < 19):
        raise Refusal(404, f"No such {what}")
    return int(written)


def user(account: Account, domain: int) -> User:
    """As it is shown."""
    return User(id=account.number, domain_id=domain, email=account.address)
