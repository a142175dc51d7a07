"""What LDAP entries say of people."""

from __future__ import annotations

from typing import Any

import pytest

from mailhub.directory.people import People
from mailhub.model.settings_directory import LDAPSettings

UUID = b"6d0e1c1c-61e5-4f0b-a8a3-ff4a6e4f2a11"


def row(**values: list[bytes]) -> dict[str, Any]:
    return {"dn": "uid=joe,dc=corp", "raw_attributes": {"entryUUID": [UUID], **values}}


def people(**settings: Any) -> People:
    return People(LDAPSettings(**settings))


def test_a_person() -> None:
    found = people(quota="mailQuota", quota_unit=1024, aliases="alias").entry(
        row(
            UID=[b"Joe"],
            cn=["Jöe".encode()],
            mail=[b"joe@corp.test", b"sales@corp.test"],
            alias=[b"joe@corp.test", b"j@corp.test"],
            mailQuota=[b"10"],
        ),
        locked=False,
        members=frozenset({"uid=joe,dc=corp"}),
    )
    assert found is not None
    assert (found.key, found.username, found.name) == (UUID.decode(), "joe", "Jöe")
    assert found.addresses == ("joe@corp.test", "sales@corp.test", "j@corp.test")
    assert (found.quota, found.admin, found.locked) == (10240, True, False)


@pytest.mark.parametrize(
    "attributes",
    [
        {},
        {"uid": []},
        {"uid": [b""]},
        {"uid": [b"\xff\xfe"]},
        {"uid": [b"joe"], "entryUUID": []},
    ],
)
def test_nobody(attributes: dict[str, list[bytes]]) -> None:
    assert people().entry(row(**attributes), locked=False, members=frozenset()) is None


@pytest.mark.parametrize(
    ("quota", "octets"), [(b"5", 5), (b"-1", 0), (b"many", 0), (b"1e9", 0), (b"", 0)]
)
def test_quotas(quota: bytes, octets: int) -> None:
    entry = people(quota="q").entry(row(uid=[b"joe"], q=[quota]), locked=False, members=frozenset())
    assert entry is not None
    assert entry.quota == octets


def test_a_name_breaks_no_line() -> None:
    entry = people().entry(
        row(uid=[b"joe"], cn=[b"Joe\r\nBcc: x@y"]), locked=True, members=frozenset()
    )
    assert entry is not None
    assert (entry.name, entry.locked) == ("JoeBcc: x@y", True)


@pytest.mark.parametrize(
    ("value", "key"),
    [
        (UUID.upper(), UUID.decode()),
        (b"1234", "1234"),
        (bytes(range(240, 256)), "hex:" + bytes(range(240, 256)).hex()),
        (b"a\x00b", "hex:610062"),
    ],
)
def test_keys(value: bytes, key: str) -> None:
    entry = people().entry(row(uid=[b"joe"], entryUUID=[value]), locked=False, members=frozenset())
    assert entry is not None
    assert entry.key == key


def test_members_of_groups_of_every_kind() -> None:
    rows = [
        {"raw_attributes": {"member": [b"uid=Joe,dc=corp"], "memberUid": [b"ann"]}},
        {"raw_attributes": {"uniqueMember": [b"uid=eve,dc=corp"]}},
    ]
    assert people().members(rows) == {"uid=joe,dc=corp", "ann", "uid=eve,dc=corp"}
