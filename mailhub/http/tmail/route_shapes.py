"""Routes in tmail's manner of JSON, its string of local addresses included. Pure."""

from __future__ import annotations

import re
from typing import Literal

from mailhub.core.routes import RouteOrder
from mailhub.http.tmail.shapes import Given, Shown
from mailhub.model.errors import Invalid
from mailhub.model.route import Route, TLSLevel

TLS = Literal["none", "opportunistic", "required", "verified"]
_FAILOVER, _RANDOM = "&", "|"


class NewRoute(Given):
    """POST /routes. `host`: the recipients' domain, or `*`; `local_ip`: addresses with `&` (the
    first that works) or `|` (any) between them."""

    host: str = ""
    remote_host: str = ""
    remote_port: int = 25
    mail_from: str = ""
    user: str = ""
    priority: int = 0
    weight: int = 1
    local_ip: str = ""
    smtp_auth_login: str = ""
    smtp_auth_passwd: str = ""
    tls: TLS = "opportunistic"

    def order(self) -> RouteOrder:
        """The order for core. Raises Invalid."""
        spread = _RANDOM in self.local_ip
        if spread and _FAILOVER in self.local_ip:
            raise Invalid("localIp has either & or | between its addresses", field="localIp")
        return RouteOrder(
            destination=self.host,
            host=self.remote_host,
            port=self.remote_port,
            sender=self.mail_from,
            user=self.user,
            priority=self.priority,
            weight=self.weight,
            sources=tuple(one for one in re.split("[&|]", self.local_ip) if one),
            spread=spread,
            username=self.smtp_auth_login,
            password=self.smtp_auth_passwd,
            tls=self.tls,
        )


class ShownRoute(Shown):
    """A route. Its password is never shown."""

    id: int
    host: str
    remote_host: str
    remote_port: int
    mail_from: str
    user: str
    priority: int
    weight: int
    local_ip: str
    smtp_auth_login: str
    tls: TLSLevel


def shown(route: Route, user: str) -> ShownRoute:
    """`user`: the login that the route is for, if it is for one."""
    return ShownRoute(
        id=route.number,
        host=route.destination,
        remote_host=route.host,
        remote_port=route.port,
        mail_from=route.sender,
        user=user,
        priority=route.priority,
        weight=route.weight,
        local_ip=(_RANDOM if route.spread else _FAILOVER).join(route.sources),
        smtp_auth_login=route.username,
        tls=route.tls,
    )
