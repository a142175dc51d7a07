"""Settings of who may call an API."""

from __future__ import annotations

from dataclasses import dataclass

from mailhub.model.setting import STRICT, setting


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenSettings:
    """`[tokens]`: tokens that an API gives to who logs in."""

    __pydantic_config__ = STRICT

    life: int = setting(1_209_600, "time without use after which a token ends", "seconds")
    longest: int = setting(15_552_000, "time after which it ends however it is used", "seconds")
    browser_life: int = setting(
        259_200,
        "time without use after which a browser is signed out of panel and webmail",
        "seconds",
    )
    browser_longest: int = setting(
        2_592_000, "time after which that ends however it is used", "seconds"
    )
