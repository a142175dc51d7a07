"""Files of certificates that cannot be used are told of by setting and file."""

from __future__ import annotations

from pathlib import Path

import pytest

from mailhub.coord.redis.trust import Trust
from mailhub.model.errors import Invalid
from mailhub.model.settings import RedisSettings
from mailhub.wire.x509 import write_key
from tests.authority import Authority, key


@pytest.fixture
def given(tmp_path: Path) -> dict[str, str]:
    """Settings that are right."""
    authority, own, other = Authority("CA"), key(), key()
    certificate = authority.issue(["mailhub.test"], own, client=True)
    texts = {
        "authority": authority.text,
        "certificate": certificate,
        "key": write_key(own).decode(),
        "both": certificate + write_key(own).decode(),
        "other": write_key(other).decode(),
        "nothing": "nothing",
    }
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
    return {name: str(tmp_path / name) for name in texts}


def test_files_that_can_be_used(given: dict[str, str]) -> None:
    for certificate, private in (("certificate", "key"), ("both", "")):
        settings = RedisSettings(
            authority=given["authority"],
            certificate=given[certificate],
            key=given.get(private, ""),
            server_name="redis.test",
        )
        assert Trust.of(settings).name == "redis.test"
    assert Trust.of(RedisSettings()) == Trust()


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"authority": "nothing"}, "redis.authority: .*nothing has no certificate"),
        ({"authority": "absent"}, "redis.authority: .*absent: No such file"),
        ({"certificate": "key"}, "redis.certificate: .*key has no certificate"),
        ({"key": "certificate"}, "redis.key: .*certificate has no private key"),
        ({"key": ""}, "redis.certificate: .*certificate has no private key"),
        ({"key": "other"}, "redis.key: the key in .*other is not the certificate's"),
    ],
)
def test_files_that_cannot(given: dict[str, str], changed: dict[str, str], said: str) -> None:
    names = {"authority": "authority", "certificate": "certificate", "key": "key"} | changed
    files = {name: given.get(value, value) for name, value in names.items()}
    with pytest.raises(Invalid, match=said):
        Trust.of(RedisSettings(**files))
