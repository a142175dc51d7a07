"""Authentication-Results: what goes in comes out again, and says nothing else."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailhub.model.errors import Invalid
from mailhub.policy import authres
from mailhub.policy.authres import Result, Results

ID = "mx.example.org"
SPF = Result("spf", "pass", (("smtp.mailfrom", "joe@example.com"),))
DKIM = Result("dkim", "fail", (("header.d", "example.com"), ("header.s", "s1")), "body changed")


def written(*results: Result) -> bytes:
    """The value alone."""
    return authres.field(ID, results).partition(b":")[2]


def test_a_field_is_folded_and_ends() -> None:
    assert authres.field(ID, (SPF, DKIM)) == (
        b"Authentication-Results: mx.example.org;\r\n"
        b"\tspf=pass smtp.mailfrom=joe@example.com;\r\n"
        b'\tdkim=fail reason="body changed" header.d=example.com header.s=s1\r\n'
    )


def test_nothing_was_checked() -> None:
    assert authres.field(ID, ()) == b"Authentication-Results: mx.example.org; none\r\n"
    assert authres.parse(b" mx.example.org; none\r\n") == Results(ID, ())


def test_long_values_stand_on_lines_of_their_own() -> None:
    result = Result("dkim", "pass", tuple((f"header.x{n}", "a" * 70) for n in range(5)))
    assert all(len(line) < 120 for line in authres.field(ID, (result,)).split(b"\r\n"))
    assert authres.parse(written(result)).results == (result,)


@pytest.mark.parametrize(
    "text",
    [
        "legit.example; dkim=pass header.d=bank.example",
        "legit.example(.attacker.example",
        'a"; spf=pass smtp.mailfrom="b',
        "a\\",
        "a\r\n\tdkim=pass",
        "a\x00b",
        "",
        "a b@example.org",
        "x@y@z",
        "2001:db8::1",
        "bücher.example",
        'n"a\\"b',
    ],
)
def test_a_value_never_leaves_its_quotes(text: str) -> None:
    field = written(Result("dkim", "fail", (("header.d", text),)), SPF)
    assert b"\x00" not in field
    assert field.isascii()
    results = authres.parse(field).results
    assert [(one.method, one.result) for one in results] == [("dkim", "fail"), ("spf", "pass")]
    shown = "".join(mark if " " <= mark <= "~" else "?" for mark in text)
    assert results[0].get("header.d") == shown


@settings(max_examples=50)
@given(st.lists(st.tuples(st.text(max_size=400), st.text(max_size=50)), max_size=5))
def test_whatever_is_quoted_comes_out(values: list[tuple[str, str]]) -> None:
    results = [
        Result("dkim", "fail", (("header.d", domain), ("header.s", selector)), domain)
        for domain, selector in values
    ]
    field = authres.field(ID, results)
    assert field.count(b"\r\n") == field.count(b"\n") == field.count(b"\r")
    assert all(line[:1] in (b"\t", b"") for line in field.split(b"\r\n")[1:])
    read = authres.parse(field.partition(b":")[2])
    assert read.authserv_id == ID
    assert [one.result for one in read.results] == ["fail"] * len(values)
    assert [len(one.properties) for one in read.results] == [2] * len(values)


@settings(max_examples=50)
@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(raw: bytes) -> None:
    try:
        authres.parse(raw)
    except Invalid:
        return
    finally:
        authres.claims(raw, ID)


@pytest.mark.parametrize(
    ("raw", "results"),
    [
        (b" example.com 1; none", ()),
        (
            b" foo.example.net (foobar) 1 (baz);\r\n\tdkim (Because I like it) / 1 (One yay) = "
            b"(wait for it) fail\r\n\tpolicy (A dot can go here) . (like that) expired\r\n"
            b"\t(this surprised me) = (as I wasn't expecting it) 1362471462",
            None,
        ),
        (
            b" i.example; auth=pass (cram-md5) smtp.auth=sender@example.net; spf=pass"
            b" smtp.mailfrom=example.net",
            (
                Result("auth", "pass", (("smtp.auth", "sender@example.net"),)),
                Result("spf", "pass", (("smtp.mailfrom", "example.net"),)),
            ),
        ),
        (b' i.example; dkim=fail reason="x \\"y\\"; z" header.d=a', None),
        (
            b" i.example; dkim/1=PASS header.b=ab+/c=",
            (Result("dkim", "pass", (("header.b", "ab+/c="),)),),
        ),
        (b" i.example (a (nested ;) one); spf=none", (Result("spf", "none"),)),
    ],
)
def test_fields_of_others(raw: bytes, results: tuple[Result, ...] | None) -> None:
    read = authres.parse(raw)
    if results is not None:
        assert read.results == results
    else:
        assert [one.result for one in read.results] == ["fail"]


@pytest.mark.parametrize(
    "raw", [b"", b" ;", b" a.example 2; none", b" a; spf", b" a; =pass", b"\xff"]
)
def test_what_is_no_field(raw: bytes) -> None:
    with pytest.raises(Invalid):
        authres.parse(raw)


@pytest.mark.parametrize(
    "raw",
    [
        b" mx.example.org; dkim=pass",
        b" MX.Example.Org; dkim=pass",
        b" mx.example.org. 1; dkim=pass",
        b' "mx.example.org"; dkim=pass',
        b' "mx.exa\\mple.org"; dkim=pass',
        b" (a;b) mx.example.org; dkim=pass",
        b" (a (b;) c)\r\n\tmx.example.org\r\n\t; dkim=pass",
        b' (";) mx.example.org; dkim=pass',
        b" mx.example.org",
    ],
)
def test_forged_fields_are_seen(raw: bytes) -> None:
    assert authres.claims(raw, ID)


@pytest.mark.parametrize(
    "raw", [b" mx.example.com; dkim=pass", b" a.example; x=mx.example.org", b""]
)
def test_fields_of_others_are_not_ours(raw: bytes) -> None:
    assert not authres.claims(raw, ID)


def test_reading_takes_linear_time() -> None:
    for raw in (
        b"(" * 60000,
        b'"' * 60000,
        b"a;" * 30000,
        b"\\" * 60000,
        b" " * 60000,
        b'(\\"' * 20000,
    ):
        with suppress(Invalid):
            authres.parse(raw)
        authres.claims(raw, ID)
