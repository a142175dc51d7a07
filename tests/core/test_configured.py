"""What administrators are shown of the configuration, and what never."""

from __future__ import annotations

import dataclasses

from mailhub.core.configured import HIDDEN, Configured, Setting, Source
from mailhub.model.settings import BackupSettings, HTTPSettings, RedisSettings, Settings


def shown(settings: Settings, *variables: str) -> dict[str, Setting]:
    sections = Configured(settings, "mailhub.toml", variables).sections()
    return {f"{part.name}{one.name}": one for part in sections for one in part.settings}


def test_every_setting_has_its_words_and_its_source() -> None:
    settings = dataclasses.replace(Settings(), hostname="mx.example.org", default_domain="a.org")
    found = shown(settings, "MAILHUB_DEFAULT_DOMAIN")
    assert found["hostname"].source is Source.FILE
    assert found["hostname"].value == "mx.example.org"
    assert found["default_domain"].source is Source.ENVIRONMENT
    assert found["[smtp]message_size"].source is Source.DEFAULT
    assert found["[smtp]message_size"].variable == "MAILHUB_SMTP__MESSAGE_SIZE"
    assert all(one.doc for name, one in found.items())


def test_secrets_are_never_shown() -> None:
    settings = dataclasses.replace(
        Settings(),
        http=HTTPSettings(access_token="hidden-1"),
        backup=BackupSettings(secret="hidden-2"),
        redis=RedisSettings(url="redis://user:hidden-3@redis.example/0"),
    )
    found = shown(settings)
    assert found["[http]access_token"].value == HIDDEN
    assert found["[redis]url"].value == f"redis://{HIDDEN}@redis.example/0"
    assert not any("hidden-" in one.value for one in found.values())
    assert shown(Settings())["[http]access_token"].value == ""
