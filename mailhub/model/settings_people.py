"""Settings of accounts and their mailboxes."""

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
