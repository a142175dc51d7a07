"""Settings of what becomes of deleted messages."""

from __future__ import annotations

from dataclasses import dataclass

from mailhub.model.setting import STRICT, setting


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchiveSettings:
    """`[archive]`: deleted messages can be had back for a while, and count for no quota then."""

    __pydantic_config__ = STRICT

    keep: int = setting(
        14 * 86_400, "how long a deleted message can be had back; 0: not at all", "seconds"
    )
    expunged: bool = setting(
        True, "also what IMAP and POP3 clients delete; false: only what applications delete"
    )
    sweep: int = setting(60, "between two looks for what is no longer kept", "seconds")
