"""Settings of accounts' Sieve scripts, and of ManageSieve, by which clients keep them."""

from __future__ import annotations

from dataclasses import dataclass

from mailhub.model.setting import STRICT, setting


@dataclass(frozen=True, slots=True, kw_only=True)
class SieveSettings:
    """`[sieve]`: scripts that accounts have for mail that comes for them."""

    __pydantic_config__ = STRICT

    scripts: int = setting(16, "most scripts of one account; 0: none, scripts are switched off")
    size: int = setting(65536, "largest script", "bytes")
    total: int = setting(524288, "all scripts of one account together", "bytes")
    redirects: int = setting(4, "most addresses that one message is redirected to")
    copies: int = setting(32, "most copies of one message that a script keeps")
    steps: int = setting(20_000, "most commands and tests that one run takes")
    time: int = setting(1000, "most processor time that one run takes", "milliseconds")
    body: int = setting(1 << 20, "how much of a message's body a script looks at", "bytes")
    reply_pause: int = setting(
        3600, "shortest time between two vacation replies of a script to one sender", "seconds"
    )
    shared: str = setting(
        "", "folder of *.sieve files that every script may include (:global); empty: none"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ManageSieveSettings:
    """`[managesieve]`: keeping Sieve scripts over the network (RFC 5804)."""

    __pydantic_config__ = STRICT

    idle_timeout: int = setting(1800, "silence after which a session ends", "seconds")
    login_timeout: int = setting(60, "time a client has to log in", "seconds")
    plaintext_auth: bool = setting(False, "allow AUTHENTICATE without TLS")
    errors: int = setting(20, "refused commands after which a connection is closed")
