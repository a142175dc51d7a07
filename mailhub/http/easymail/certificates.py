"""EasyMail's calls about certificates: decode, one core call, encode."""

from __future__ import annotations

from mailhub.core.certificates import Certificates as CoreCertificates
from mailhub.core.provisioning import Provisioning
from mailhub.core.rights import Resource, creates, reads, updates
from mailhub.http.about import About
from mailhub.http.call import Answer, Call
from mailhub.http.easymail import replies, shapes
from mailhub.http.easymail.replies import Refusal
from mailhub.http.routing import route
from mailhub.model.acme import Result
from mailhub.model.errors import Invalid, NotFound
from mailhub.wire import address as grammar
from mailhub.wire import x509


class Certificates:
    """The calls."""

    def __init__(self, certificates: CoreCertificates, provisioning: Provisioning) -> None:
        self._certificates = certificates
        self._provisioning = provisioning

    @route(
        "POST",
        "/ssl/letsencrypt/install",
        About(takes=shapes.Hostname, answers={200: shapes.Ordered}, errors=(404, 409)),
        right=creates(Resource.CERTIFICATES),
    )
    async def order(self, call: Call) -> Answer:
        """Asks an authority for a certificate, and installs it."""
        name = _name(shapes.read(shapes.Hostname, call).hostname)
        try:
            done = await self._provisioning.provision(call.actor, [name], force=True)
        except NotFound as error:
            raise Refusal(404, error.text) from None
        said = " ".join(line for one in done for line in one.log)
        if not done or any(one.result is not Result.INSTALLED for one in done):
            raise Refusal(409, said or "Nothing could be asked for")
        return replies.done(message=said)

    @route(
        "POST",
        "/ssl/get-left-days",
        About(takes=shapes.Hostname, answers={200: shapes.Days}, errors=(404,)),
        right=reads(Resource.CERTIFICATES),
    )
    async def days(self, call: Call) -> Answer:
        """How many days are left until the certificate of a name ends."""
        name = _name(shapes.read(shapes.Hostname, call).hostname)
        days = self._certificates.days_left(name)
        if days is None:
            raise Refusal(404, f"{name} has no certificate here")
        return replies.shown({"days_left": days})

    @route(
        "POST",
        "/ssl/upload",
        About(takes=shapes.NewCertificate, answers={200: shapes.Done}),
        right=updates(Resource.CERTIFICATES),
    )
    async def upload(self, call: Call) -> Answer:
        """Installs a certificate with its chain and key, and shows it from then on."""
        given = shapes.read(shapes.NewCertificate, call)
        if not given.ssl_certificate.strip():
            raise Refusal(400, "ssl_certificate is required")
        leaf = x509.read_chain(given.ssl_certificate)[0]
        name = given.hostname or next(iter(x509.names_of(leaf)), "")
        await self._certificates.install(
            name,
            given.ssl_certificate,
            "",
            call.actor,
            key=given.ssl_certificate_key,
        )
        return replies.done()


def _name(written: str) -> str:
    try:
        return grammar.domain(written.strip().lower())
    except Invalid:
        raise Refusal(400, "hostname is required") from None
