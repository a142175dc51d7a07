"""The /mfa calls: decode, one core call, encode."""

from __future__ import annotations

from mailhub.core.accounts import Accounts
from mailhub.core.one_time import OneTimeCodes
from mailhub.core.rights import Resource, deletes, reads, updates
from mailhub.http.about import About
from mailhub.http.call import Answer, Call
from mailhub.http.mailinabox import replies, shapes
from mailhub.http.mailinabox.replies import TEXT, Refusal
from mailhub.http.mailinabox.shapes import Form, Shown
from mailhub.http.routing import route
from mailhub.model.account import Account
from mailhub.model.errors import Invalid, LimitReached, NotFound
from mailhub.wire import otp
from mailhub.wire.qrcode import png

NOBODY = "User does not exist."
NO_SUCH = "Invalid user or MFA id."
KIND = "totp"


class Whose(Form):
    """POST /mfa/status. `user`: empty for oneself."""

    user: str = shapes.text()


class NewDevice(Form):
    """POST /mfa/totp/enable. The document calls the token a code."""

    secret: str = shapes.text()
    token: str = shapes.text("token", "code")
    label: str = shapes.text()


class OldDevice(Form):
    """POST /mfa/disable. `mfa-id`: empty for all. The document writes it with an underscore."""

    user: str = shapes.text()
    mfa_id: str = shapes.text("mfa-id", "mfa_id")


class Enabled(Shown):
    """A device whose codes are taken."""

    id: int
    type: str
    label: str


class NewSeed(Shown):
    """What a new device has to know, as text and as a PNG picture to be read by it."""

    type: str
    secret: str
    qr_code_base64: str


class NewFactors(Shown):
    """What could be enabled, of each kind one."""

    totp: NewSeed | None = None


class Factors(Shown):
    """What somebody has to prove beside the password, and may turn on."""

    enabled_mfa: list[Enabled]
    new_mfa: NewFactors | None = None


class FactorCalls:
    """The calls. `hostname`: what devices show beside the address."""

    def __init__(self, accounts: Accounts, codes: OneTimeCodes, hostname: str) -> None:
        self._accounts = accounts
        self._codes = codes
        self._hostname = hostname

    @route(
        "POST",
        "/mfa/status",
        About(form=Whose, answers={200: Factors}),
        right=reads(Resource.FACTORS),
    )
    async def status(self, call: Call) -> Answer:
        """Which devices show codes for somebody; and, for oneself, a seed for a further one."""
        account = await self._find(call, shapes.read(Whose, call).user)
        devices = await self._codes.devices(account)
        rows = [{"id": one.number, "type": KIND, "label": one.label} for one in devices]
        told: dict[str, object] = {"enabled_mfa": rows}
        assert call.caller is not None
        if call.caller.account == account.number:
            told["new_mfa"] = {KIND: self._fresh(account)}
        return replies.shown(told)

    @route(
        "POST",
        "/mfa/totp/enable",
        About(form=NewDevice, answers={200: None}, media=TEXT),
        right=updates(Resource.FACTORS),
    )
    async def enable(self, call: Call) -> Answer:
        """From now on a code of this device, too, is wanted beside the caller's password."""
        wanted = shapes.read(NewDevice, call)
        if not {"token", "code"} & set(shapes.fields(call)):
            raise Refusal("Bad Input")
        if not wanted.secret.strip():
            raise Refusal("No secret provided.")
        account = await self._find(call, "")
        try:
            await self._codes.enroll(
                account, wanted.secret, wanted.token, wanted.label, call.peer, call.actor
            )
        except Invalid as error:
            raise Refusal(_WORDS.get(error.field, f"{error.text}.")) from None
        except LimitReached as error:
            raise Refusal(f"{error.text}.") from None
        return replies.text("OK")

    @route(
        "POST",
        "/mfa/disable",
        About(form=OldDevice, answers={200: None}, media=TEXT),
        right=deletes(Resource.FACTORS),
    )
    @route(
        "POST",
        "/mfa/totp/disable",
        About(form=OldDevice, answers={200: None}, media=TEXT),
        right=deletes(Resource.FACTORS),
    )
    async def disable(self, call: Call) -> Answer:
        """Codes of one device, or of all, are no longer wanted."""
        wanted = shapes.read(OldDevice, call)
        id = wanted.mfa_id.strip()
        try:
            account = await self._find(call, wanted.user)
            if not id:
                await self._codes.disable(account, call.actor)
            elif id.isascii() and id.isdigit() and len(id) < 10:
                await self._codes.forget(account, int(id), call.actor)
            else:
                raise Refusal(NO_SUCH)
        except (NotFound, Refusal):
            raise Refusal(NO_SUCH) from None
        return replies.text("OK")

    def _fresh(self, account: Account) -> dict[str, str]:
        seed = self._codes.fresh_seed()
        picture = png(otp.link(seed, account.address or account.username, self._hostname))
        return {"type": KIND, "secret": seed, "qr_code_base64": picture.partition("base64,")[2]}

    async def _find(self, call: Call, name: str) -> Account:
        """Who is named, or calls. Raises Refusal."""
        assert call.caller is not None
        try:
            if name.strip():
                return await self._accounts.by_name(name)
            if call.caller.account is not None:
                return await self._accounts.get(call.caller.account)
        except NotFound:
            pass
        raise Refusal(NOBODY)


_WORDS = {
    "code": "Invalid token.",
    "seed": "Secret should be a 32 characters base32 string",
    "label": "The label is one line of at most 100 characters.",
}
