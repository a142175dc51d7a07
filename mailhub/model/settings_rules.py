"""Settings of what accounts may want done with mail that comes for them."""

from __future__ import annotations

from dataclasses import dataclass

from mailhub.model.setting import STRICT, setting


@dataclass(frozen=True, slots=True, kw_only=True)
class FilterSettings:
    """`[filters]`: accounts' filters and automatic replies."""

    __pydantic_config__ = STRICT

    most: int = setting(400, "filters of an account without a limit of its own")
    text: int = setting(1 << 20, "how much of a message's text filters look through", "characters")
    reply_pause: int = setting(
        14_400, "time between two automatic replies of an account to one sender", "seconds"
    )
    upload_timeout: int = setting(
        60, "longest time for posting one message to a target URL", "seconds"
    )
