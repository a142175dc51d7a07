"""Settings of accounts and their mailboxes, and of what they may use."""

from __future__ import annotations

from dataclasses import dataclass

from mailhub.model.setting import STRICT, setting


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountSettings:
    """`[accounts]`: what new accounts start with, and how old ones go."""

    __pydantic_config__ = STRICT

    grace: int = setting(
        172800, "how long a removed account and its mail can be brought back", "seconds"
    )
    language: str = setting(
        "", "of the mailbox names of accounts that name none; empty: Sent, Trash, Drafts, Junk"
    )
    archive: bool = setting(True, "new accounts have a mailbox for \\Archive too")
    trash_time: int = setting(
        2592000,
        "longest time that mail stays in Trash and Junk of new accounts; 0: as long as elsewhere",
        "seconds",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitSettings:
    """`[limits]`: what one peer may use, over all services."""

    __pydantic_config__ = STRICT

    connections: int = setting(12000, "connections in all, per service", "connections")
    connections_per_network: int = setting(
        100, "connections per address (IPv6: per /64) and service", "connections"
    )
    guesses_per_address: int = setting(10, "wrong passwords a minute from one address")
    guesses_per_network: int = setting(30, "wrong passwords a minute from one /24 or /64")
    guesses_per_account: int = setting(
        30, "wrong passwords a minute for one account from addresses that never logged in to it"
    )
    guesses_in_all: int = setting(
        1000, "wrong passwords a minute in all from networks that never logged in to the account"
    )
    recipients: int = setting(
        0, "recipients a day for an account without a limit of its own; 0: no limit"
    )
    forwards: int = setting(
        0, "forwarded messages a day for an account without a limit of its own; 0: no limit"
    )
    received: int = setting(
        0, "messages a minute from other servers for an account without a limit; 0: no limit"
    )
    imap_upload: int = setting(0, "bytes a day appended over IMAP, likewise; 0: no limit", "bytes")
    imap_download: int = setting(
        0, "bytes a day of messages read over IMAP, likewise; 0: no limit", "bytes"
    )
    pop3_download: int = setting(
        0, "bytes a day of messages read over POP3, likewise; 0: no limit", "bytes"
    )
    imap_connections: int = setting(
        0, "IMAP sessions of one account at a time, likewise; 0: no limit"
    )
    exempt_networks: tuple[str, ...] = setting(
        (), "clients that no connection or guess limit applies to"
    )
