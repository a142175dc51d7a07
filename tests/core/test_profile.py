"""What may be written about an account."""

from __future__ import annotations

import sys
from dataclasses import replace

import pytest

from mailhub.core import languages, profile
from mailhub.core.names import creatable
from mailhub.model.account import Encryption, NewAccount
from mailhub.model.errors import Invalid
from tests.wire.test_openpgp import KEY as SIGNING
from tests.wire.test_pgp import SEALING

BARE = NewAccount("a" * 24, "joe", 1)


def test_a_key_is_looked_at_when_it_is_new() -> None:
    sealed = replace(BARE, encryption=Encryption(SEALING, True))
    assert profile.checked(sealed).encryption == sealed.encryption
    signing = replace(BARE, encryption=Encryption(SIGNING, True))
    with pytest.raises(Invalid) as raised:
        profile.checked(signing)
    assert raised.value.field == "pubKey"
    assert profile.checked(signing, Encryption(SIGNING)) == signing


def test_without_the_library_a_key_is_refused_in_plain_words(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "pysequoia", None)
    with pytest.raises(Invalid, match="openpgp") as raised:
        profile.checked(replace(BARE, encryption=Encryption(SEALING)))
    assert raised.value.field == "pubKey"


@pytest.mark.parametrize(
    ("language", "sent", "trash"),
    [
        ("", "Sent", "Trash"),
        ("en", "Sent Mail", "Trash"),
        ("en_US", "Sent Mail", "Trash"),
        ("et", "Saadetud kirjad", "Pr\u00fcgikast"),
        ("de-CH-1996", "Gesendet", "Gel\u00f6scht"),
        ("pt_PT", "Enviados", "Lixo"),
        ("pt-BR", "Enviados", "Lixeira"),
        ("no", "Sendt", "Papirkurv"),
        ("zh_TW", "\u5bc4\u4ef6\u5099\u4efd", "\u5783\u573e\u6876"),
        ("zh-Hans-SG", "\u5df2\u53d1\u9001", "\u5df2\u5220\u9664"),
        ("tlh", "Sent Mail", "Trash"),
    ],
)
def test_names_by_the_longest_known_tag(language: str, sent: str, trash: str) -> None:
    names = languages.names(language)
    assert (names[languages.SENT], names[languages.TRASH]) == (sent, trash)


def test_every_language_has_five_names_that_can_be() -> None:
    assert len(languages.known()) >= 60
    for language in languages.known():
        names = languages.names(language)
        assert set(names) == set(languages.USES)
        assert len({creatable(name) for name in names.values()} - {"INBOX"}) == 5, language
        assert all(creatable(name) == name for name in names.values()), language
