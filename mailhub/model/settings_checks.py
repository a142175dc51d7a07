"""Settings of the looks that are taken at the server and its domains."""

from __future__ import annotations

from dataclasses import dataclass

from mailhub.model.setting import STRICT, setting


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckSettings:
    """`[checks]`: looking over the server and its domains: the status page, and mail about it."""

    __pydantic_config__ = STRICT

    mail: bool = setting(
        True, "look once a day, and tell administrator@HOSTNAME by mail what changed"
    )
    addresses: str = setting(
        "zen.spamhaus.org",
        "list in the DNS that our addresses are looked up in; empty: none. It does not answer who "
        "asks through a public resolver",
    )
    domains: str = setting("dbl.spamhaus.org", "the same, of our domains")
    probe: str = setting(
        "",
        "a mail server outside, host or host:port, that is connected to as a proof that mail can "
        "leave here (port 25); empty: this is not tried",
    )
    ssh: str = setting(
        "/etc/ssh/sshd_config",
        "configuration of this machine's SSH server: passwords that it takes are warned of; empty: "
        "not looked at",
    )
    queue: int = setting(4 * 3600, "age of waiting mail from which it is warned of", "seconds")
