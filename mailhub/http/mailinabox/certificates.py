"""The /ssl calls: decode, one core call, encode."""

from __future__ import annotations

from mailhub.core.certificates import Certificates
from mailhub.core.hosted import Hosted
from mailhub.core.provisioning import Provisioning
from mailhub.core.rights import Resource, creates, reads, updates
from mailhub.http.about import About
from mailhub.http.call import Answer, Call
from mailhub.http.mailinabox import certificate_shapes, replies, shapes
from mailhub.http.mailinabox.certificate_shapes import (
    NO_DOMAIN,
    Country,
    DomainPath,
    NewCertificate,
    Requests,
    Statuses,
)
from mailhub.http.mailinabox.effects import Effects
from mailhub.http.mailinabox.replies import TEXT
from mailhub.http.routing import route
from mailhub.model.certificate import CertificateRefused
from mailhub.model.errors import InUse, Invalid, Unavailable


class CertificateCalls:
    """The calls."""

    def __init__(
        self,
        certificates: Certificates,
        hosted: Hosted,
        provisioning: Provisioning,
        effects: Effects,
    ) -> None:
        self._certificates = certificates
        self._hosted = hosted
        self._provisioning = provisioning
        self._effects = effects

    @route("GET", "/ssl/status", About(answers={200: Statuses}), right=reads(Resource.CERTIFICATES))
    async def status(self, call: Call) -> Answer:
        """The certificate of each name, and which ones can be asked for."""
        found = await self._provisioning.statuses()
        elsewhere = {one.name for one in await self._hosted.all() if one.elsewhere}
        able = [
            one.name
            for one in found
            if not one.obstacle
            and one.name not in elsewhere
            and self._provisioning.is_due(one.name)
        ]
        rows = [certificate_shapes.status(one) for one in found]
        return replies.shown({"can_provision": able, "status": rows})

    @route(
        "POST",
        "/ssl/csr/<domain>",
        About(path=DomainPath, form=Country, answers={200: None}, media=TEXT),
        right=reads(Resource.CERTIFICATES),
    )
    async def request(self, call: Call) -> Answer:
        """A certificate signing request with this server's key, for any domain."""
        country = shapes.read(Country, call).countrycode
        return replies.text(self._certificates.request(call.arguments["domain"], country))

    @route(
        "POST",
        "/ssl/install",
        About(form=NewCertificate, answers={200: None}, media=TEXT),
        right=updates(Resource.CERTIFICATES),
    )
    async def install(self, call: Call) -> Answer:
        """Shows a certificate from now on. Why it does not is said with 200, too."""
        given = shapes.read(NewCertificate, call)
        if await self._hosted.get(given.domain.strip()) is None:
            return replies.text(NO_DOMAIN)
        try:
            await self._certificates.install(given.domain, given.cert, given.chain, call.actor)
        except CertificateRefused as error:
            return replies.text(certificate_shapes.refused(error))
        except Invalid:
            return replies.text(NO_DOMAIN)
        return replies.lines("OK", *await self._effects.after(call.actor))

    @route(
        "POST",
        "/ssl/provision",
        About(answers={200: Requests}),
        right=creates(Resource.CERTIFICATES),
    )
    async def provision(self, call: Call) -> Answer:
        """Asks for every certificate that is due."""
        try:
            done = await self._provisioning.provision(call.actor)
        except (InUse, Unavailable) as error:
            told = {"domains": [], "log": [f"{error.text}."], "result": "error"}
            return replies.shown({"requests": [told]})
        await self._effects.after(call.actor)
        return replies.shown({"requests": [certificate_shapes.request(one) for one in done]})
