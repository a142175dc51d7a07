"""Acts on certificates."""

from __future__ import annotations

from collections.abc import Mapping

from mailhub.control.acts import ACTOR, Act, Arguments, Json, Services
from mailhub.model.acme import Provision
from mailhub.model.certificate import Certificate, Status


async def tls_status(services: Services, arguments: Arguments) -> Json:
    """Every name that is served here, with its certificate."""
    return [_status(one) for one in await services.provisioning.statuses()]


async def tls_list(services: Services, arguments: Arguments) -> Json:
    """Every certificate."""
    return [_certificate(one) for one in services.certificates.all()]


async def tls_csr(services: Services, arguments: Arguments) -> Json:
    """A signing request, PEM."""
    country = arguments.text("country", "")
    return services.certificates.request(arguments.text("name"), country)


async def tls_install(services: Services, arguments: Arguments) -> Json:
    """Installs a certificate."""
    return _certificate(
        await services.certificates.install(
            arguments.text("name"),
            arguments.text("certificate"),
            arguments.text("chain", ""),
            ACTOR,
            key=arguments.text("key", ""),
        )
    )


async def tls_remove(services: Services, arguments: Arguments) -> Json:
    """Removes one that was installed."""
    await services.certificates.remove(arguments.text("id"), ACTOR)


async def tls_provision(services: Services, arguments: Arguments) -> Json:
    """Asks an authority for certificates."""
    done = await services.provisioning.provision(
        ACTOR, arguments.texts("names"), force=arguments.flag("force", False)
    )
    return [_provision(one) for one in done]


async def tls_revoke(services: Services, arguments: Arguments) -> Json:
    """Takes one back at its authority."""
    await services.provisioning.revoke(arguments.text("id"), ACTOR)


def _status(one: Status) -> Json:
    return {
        "name": one.name,
        "status": one.standing.value,
        "problem": one.problem.value if one.problem is not None else "",
        "days": one.days,
        "id": one.certificate.id if one.certificate is not None else "",
        "issuer": one.certificate.issuer if one.certificate is not None else "",
        "obstacle": one.obstacle,
        "failure": one.failure,
    }


def _certificate(one: Certificate) -> Json:
    return {
        "id": one.id,
        "names": list(one.names),
        "issuer": one.issuer,
        "begins": one.begins,
        "ends": one.ends,
        "self_signed": one.self_signed,
        "key": one.key,
        "problem": one.problem.value if one.problem is not None else "",
    }


def _provision(one: Provision) -> Json:
    return {"names": list(one.names), "result": one.result.value, "log": list(one.log)}


ACTS: Mapping[str, Act] = {
    "tls-status": tls_status,
    "tls-list": tls_list,
    "tls-csr": tls_csr,
    "tls-install": tls_install,
    "tls-remove": tls_remove,
    "tls-provision": tls_provision,
    "tls-revoke": tls_revoke,
}
"""Acts with one answer."""
