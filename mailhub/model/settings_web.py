"""Settings of what is asked of other people's web servers, and of who is told of changes."""

from __future__ import annotations

from dataclasses import dataclass

from mailhub.model.setting import STRICT, setting


@dataclass(frozen=True, slots=True, kw_only=True)
class WebSettings:
    """`[web]`: servers that users and applications name, such as webhooks and targets of filters.
    They have to be on the public Internet."""

    __pydantic_config__ = STRICT

    allowed_networks: tuple[str, ...] = setting(
        (), "networks that may be reached although they are private, such as 10.1.2.0/24"
    )
    clear: bool = setting(True, "reach http: servers too; false: https: only")
    trusted: str = setting("", "PEM certificates that servers are verified by; empty: the system's")
    concurrency: int = setting(64, "most questions at a time")
    host_concurrency: int = setting(8, "most questions at a time to one host")
