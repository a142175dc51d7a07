"""What proves a login beside the password, as one part: joined here, each in a file of its own."""

from __future__ import annotations

from dataclasses import dataclass

from mailhub.core.app_passwords import AppPasswords
from mailhub.core.authlog import AuthLog
from mailhub.core.custom_factor import CustomFactor
from mailhub.core.ids import Ids
from mailhub.core.login import Login
from mailhub.core.one_time import OneTimeCodes
from mailhub.core.profiles import Profiles
from mailhub.core.recovery import Recovery
from mailhub.core.security_keys import SecurityKeys
from mailhub.model.settings import LimitSettings
from mailhub.ports import Clock, Counters, Hashing, Randomness, Storage


@dataclass(frozen=True, slots=True)
class Identity:
    """App passwords, second factors, reset passwords, and the log of logins."""

    app_passwords: AppPasswords
    codes: OneTimeCodes
    keys: SecurityKeys
    custom: CustomFactor
    recovery: Recovery
    authlog: AuthLog
    profiles: Profiles


def identity(
    storage: Storage,
    hashing: Hashing,
    login: Login,
    counters: Counters,
    limits: LimitSettings,
    clock: Clock,
    ids: Ids,
    randomness: Randomness,
    profiles: Profiles,
    secret: bytes,
) -> Identity:
    """All of it, on the same ports. `secret`: of this server."""
    return Identity(
        app_passwords=AppPasswords(storage, hashing, clock, ids, randomness),
        codes=OneTimeCodes(storage, counters, limits, clock, randomness, secret),
        keys=SecurityKeys(storage, counters, limits, clock, ids, randomness),
        custom=CustomFactor(storage),
        recovery=Recovery(storage, hashing, randomness),
        authlog=AuthLog(storage, login.noted),
        profiles=profiles,
    )
