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


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateSettings:
    """`[updates]`: streams of changes that applications listen to over HTTP."""

    __pydantic_config__ = STRICT

    listeners: int = setting(20_000, "most streams at a time")
    replay: int = setting(
        21_600, "how far back a stream begins for who was away, at least 10800", "seconds"
    )
    heartbeat: int = setting(15, "silence after which a comment is sent", "seconds")
    buffer: int = setting(
        1 << 20, "events of one account that wait for its slowest listener", "bytes"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookSettings:
    """`[webhooks]`: requests that tell applications of changes."""

    __pydantic_config__ = STRICT

    timeout: int = setting(10, "longest time one request may take", "seconds")
    together: int = setting(8, "requests at a time to one webhook, each about another account")
    retry: tuple[int, ...] = setting(
        (1, 2, 5, 10, 30, 60, 300), "waits after failures; the last one again and again", "seconds"
    )
    give_up: int = setting(
        259_200, "time after which an event that cannot be told is left out", "seconds"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalSettings:
    """`[journal]`: the record of every change, from which streams and webhooks are read."""

    __pydantic_config__ = STRICT

    keep: int = setting(
        30, "how long entries are kept, unless something still needs them; 0: for ever", "days"
    )
