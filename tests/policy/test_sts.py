"""MTA-STS records, documents and host matching (RFC 8461)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailhub.model.errors import Invalid
from mailhub.policy.sts import LONGEST_AGE, STSMode, STSPolicy, parse, record_id

DOCUMENT = (
    b"version: STSv1\r\nmode: enforce\r\nmx: mail.example.com\r\nmx: *.Example.NET\r\n"
    b"max_age: 604800\r\n"
)


@pytest.mark.parametrize(
    ("texts", "found"),
    [
        ([b"v=STSv1; id=20160831085700Z;"], "20160831085700Z"),
        ([b"v=STSv1;id=1"], "1"),
        ([b"v=STSv1 ; id=1 ; more=x"], "1"),
        ([b"v=STSv1; more=x; id=1; id=2;"], "1"),
        ([b"v=spf1 -all", b"v=STSv1; id=1;"], "1"),
        ([], ""),
        ([b"v=spf1 -all"], ""),
        ([b"v=STSv1; id=1;", b"v=STSv1; id=2;"], ""),
        ([b"v=STSv1"], ""),
        ([b"v=STSv1;"], ""),
        ([b"v=STSv10; id=1"], ""),
        ([b" v=STSv1; id=1"], ""),
        ([b"V=stsv1; id=1"], ""),
        ([b"v=STSv1; id="], ""),
        ([b"v=STSv1; id=a-b;"], ""),
        ([b"v=STSv1; id=" + b"a" * 33], ""),
        ([b"v=STSv1; id=1; \xff=2"], ""),
        ([b"v=STSv1; id = 1"], ""),
    ],
)
def test_records(texts: list[bytes], found: str) -> None:
    assert record_id(texts) == found


def test_a_document() -> None:
    policy = parse(DOCUMENT)
    assert policy.mode is STSMode.ENFORCE
    assert policy.patterns == ("mail.example.com", "*.example.net")
    assert policy.max_age == 604800
    assert policy.lines[0] == "version: STSv1"
    assert len(policy.lines) == 5
    assert parse("\n".join(policy.lines).encode()) == policy


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"\r\n", b"\n"),
        (b"max_age: 604800\r\n", b"max_age:604800"),
        (b"version", b"unknown: x\r\nversion"),
        (b"mode: enforce\r\n", b"mode: enforce\r\nmode: none\r\n"),
        (b"mx: mail", b"mx:  mail"),
        (b"max_age", b"\r\nmax_age"),
    ],
)
def test_other_spellings_of_the_same(old: bytes, new: bytes) -> None:
    policy, same = parse(DOCUMENT), parse(DOCUMENT.replace(old, new))
    assert (same.mode, same.patterns, same.max_age) == (
        policy.mode,
        policy.patterns,
        policy.max_age,
    )


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"STSv1", b"STSv2"),
        (b"version: STSv1\r\n", b""),
        (b"enforce", b"Enforce"),
        (b"mode: enforce\r\n", b""),
        (b"604800", b"soon"),
        (b"604800", b"-1"),
        (b"604800", b"12345678901"),
        (b"max_age: 604800\r\n", b""),
        (b"mx: mail.example.com\r\nmx: *.Example.NET\r\n", b""),
        (b"mail.example.com", b"mail.*.com"),
        (b"mail.example.com", b"*"),
        (b"mail.example.com", b"*."),
        (b"mail.example.com", b""),
        (b"mail.example.com", b"a..b"),
        (b"mode: enforce", b"mode enforce"),
        (b"mail.example.com", b"\xff"),
        (b"mx: mail.example.com\r\n", b"mx: mail.example.com\r\n" * 101),
    ],
)
def test_malformed_documents(old: bytes, new: bytes) -> None:
    with pytest.raises(Invalid):
        parse(DOCUMENT.replace(old, new))


def test_a_policy_of_mode_none_needs_no_host() -> None:
    policy = parse(b"version: STSv1\nmode: none\nmax_age: 9999999999\n")
    assert (policy.mode, policy.patterns, policy.max_age) == (STSMode.NONE, (), LONGEST_AGE)


@pytest.mark.parametrize(
    ("host", "allowed"),
    [
        ("mail.example.com", True),
        ("Mail.Example.Com.", True),
        ("a.example.net", True),
        ("a.b.example.net", False),
        ("example.net", False),
        ("mail.example.com.evil.example", False),
        ("xmail.example.com", False),
        ("", False),
    ],
)
def test_hosts(host: str, allowed: bool) -> None:
    policy = STSPolicy(STSMode.ENFORCE, ("mail.example.com", "*.example.net"), 1)
    assert policy.allows(host) is allowed


@given(st.binary(max_size=400))
def test_any_document_is_a_policy_or_invalid(document: bytes) -> None:
    try:
        policy = parse(document)
    except Invalid:
        return
    assert policy.patterns or policy.mode is STSMode.NONE


@given(st.lists(st.binary(max_size=60), max_size=4))
def test_any_records(texts: list[bytes]) -> None:
    assert len(record_id(texts)) <= 32
