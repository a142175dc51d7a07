"""EasyMail's calls about domains: decode, one core call, encode."""

from __future__ import annotations

from mailhub.core.accounts import AccountOrder, Accounts, check_password
from mailhub.core.addresses import Addresses
from mailhub.core.clearing import Clearing
from mailhub.core.domains import Domains as CoreDomains
from mailhub.core.rights import Resource, creates, deletes, reads
from mailhub.core.signing import Keys, record, record_name
from mailhub.http.about import About
from mailhub.http.call import Answer, Call
from mailhub.http.easymail import replies, shapes
from mailhub.http.easymail.replies import Refusal
from mailhub.http.easymail.users import check_email, mains
from mailhub.http.routing import route
from mailhub.model.dkim import KeyState
from mailhub.model.errors import AlreadyExists, Invalid, MailhubError, NotFound
from mailhub.wire import address as grammar
from mailhub.wire import zonefile

THERE = "Domain is already exist"
"""EasyMail's words."""
NO_SUCH = "No such domain"


class Domains:
    """The calls."""

    def __init__(
        self,
        accounts: Accounts,
        addresses: Addresses,
        domains: CoreDomains,
        clearing: Clearing,
        keys: Keys,
    ) -> None:
        self._accounts = accounts
        self._addresses = addresses
        self._domains = domains
        self._clearing = clearing
        self._keys = keys

    @route("GET", "/domains", About(answers={200: shapes.Domains}), right=reads(Resource.DOMAINS))
    async def all(self, call: Call) -> Answer:
        """Every domain, the newest first, and how many users it has."""
        rows = []
        for one in sorted(await self._domains.all(), key=lambda one: -one.number):
            if not one.relay:
                count = len(await mains(self._addresses, one.name))
                rows.append(shapes.Domain(id=one.number, name=one.name, users_count=count))
        return replies.shown(shapes.Domains(domains=rows).model_dump())

    @route(
        "POST",
        "/domains",
        About(takes=shapes.NewDomain, answers={200: shapes.Made}, errors=(409,)),
        right=creates(Resource.DOMAINS),
    )
    async def create(self, call: Call) -> Answer:
        """A new domain and its first user, or neither."""
        given = shapes.read(shapes.NewDomain, call)
        if not (given.domain and given.username and given.password):
            raise Refusal(400, "domain, username and password are required")
        # What can be known before is looked at before: a domain that is made leaves a trace.
        check_email(given.username, _name(given.domain))
        check_password(given.password)
        try:
            domain = await self._domains.add(given.domain, call.actor)
        except AlreadyExists:
            raise Refusal(409, THERE) from None
        try:
            order = AccountOrder(username=given.username, password=given.password)
            made = await self._accounts.create(order, call.actor)
        except MailhubError:
            await self._domains.remove(domain.name, call.actor)
            raise
        return replies.done(id=domain.number, user_id=made.number)

    @route(
        "DELETE",
        "/domain",
        About(takes=shapes.DomainName, answers={200: shapes.Done}, errors=(404, 409)),
        right=deletes(Resource.DOMAINS),
    )
    async def remove(self, call: Call) -> Answer:
        """The domain with its users, aliases and keys is no more."""
        try:
            await self._clearing.remove(shapes.read(shapes.DomainName, call).domain, call.actor)
        except NotFound:
            raise Refusal(404, NO_SUCH) from None
        return replies.done()

    @route(
        "POST",
        "/dkim/add-new-domain",
        About(takes=shapes.NewKey, answers={200: shapes.Key}, errors=(404, 409)),
        right=creates(Resource.DOMAINS),
    )
    async def key(self, call: Call) -> Answer:
        """The key that signs a domain's mail, made where there is none; `rotate=1`: another one,
        which signs when its record is in the DNS."""
        given = shapes.read(shapes.NewKey, call)
        try:
            if given.rotate == "1":
                found = list(await self._keys.rotate(given.domain, call.actor))
            else:
                found = list(await self._keys.found(given.domain, call.actor))
        except NotFound:
            raise Refusal(404, NO_SUCH) from None
        live = [one for one in found if one.state is not KeyState.RETIRED] or found
        key = next((one for one in live if one.algorithm == "rsa"), live[0])
        line = zonefile.line(record_name(key), "TXT", record(key))
        return replies.done(public=line, private=key.private, selector=key.selector)


def _name(written: str) -> str:
    try:
        return grammar.domain(written)
    except Invalid as error:
        raise Refusal(400, error.text) from None
