"""Arguments of every verb, and the parameters of MAIL and RCPT."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailhub.model.envelope import ForwardPath, Hold, ReversePath
from mailhub.smtp import grammar, parameters
from mailhub.smtp.faults import Fault, Refusal


def refused(call: Any, *args: Any, **named: Any) -> Fault:
    with pytest.raises(Refusal) as caught:
        call(*args, **named)
    return caught.value.fault


MAIL = [
    ("FROM:<a@b.example>", {}),
    ("from:<a@b.example>", {}),
    ("FROM: <a@b.example>", {}),
    ("FROM:<a@b.example> SIZE=0", {}),
    ("FROM:<a@b.example> size=12345", {"size": 12345}),
    ("FROM:<a@b.example> SIZE=99999999999999999999", {"size": 99999999999999999999}),
    ("FROM:<a@b.example> BODY=7BIT", {}),
    ("FROM:<a@b.example> BODY=8bitmime", {"body": "8BITMIME"}),
    ("FROM:<a@b.example> BODY=BINARYMIME", {"body": "BINARYMIME"}),
    ("FROM:<a@b.example> SMTPUTF8", {"utf8": True}),
    ("FROM:<a@b.example> RET=full", {"ret": "FULL"}),
    ("FROM:<a@b.example> RET=HDRS ENVID=QQ314159", {"ret": "HDRS", "envid": "QQ314159"}),
    ("FROM:<a@b.example> ENVID=a+2Bb+3Dc", {"envid": "a+b=c"}),
    ("FROM:<a@b.example> HOLDFOR=999999999", {"hold": Hold(seconds=999_999_999)}),
    (
        "FROM:<a@b.example> HOLDUNTIL=2027-01-15T09:00:00.5+01:00",
        {"hold": Hold(until=1_800_000_001)},
    ),
    ("FROM:<a@b.example> REQUIRETLS", {"require_tls": True}),
    ("FROM:<a@b.example> AUTH=<>", {}),
    ("FROM:<a@b.example> AUTH=e+3Dmc2@example.com", {"auth": "e=mc2@example.com"}),
    (
        "FROM:<a@b.example> SMTPUTF8 BODY=8BITMIME SIZE=9",
        {"utf8": True, "body": "8BITMIME", "size": 9},
    ),
]


@pytest.mark.parametrize(("argument", "said"), MAIL)
def test_mail_gives_a_reverse_path(argument: str, said: dict[str, Any]) -> None:
    assert grammar.mail(argument, extended=True) == ReversePath("a@b.example", **said)


@pytest.mark.parametrize(
    ("argument", "fault"),
    [
        ("", Fault.SYNTAX),
        ("<a@b.example>", Fault.SYNTAX),
        ("FROM <a@b.example>", Fault.SYNTAX),
        ("FROM :<a@b.example>", Fault.SYNTAX),
        ("TO:<a@b.example>", Fault.SYNTAX),
        ("FROM:", Fault.BAD_SENDER),
        ("FROM:a@b.example", Fault.BAD_SENDER),
        ("FROM:<a@b.example>SIZE=1", Fault.SYNTAX),
        ("FROM:<a@b.example>  SIZE=1", Fault.SYNTAX),
        ("FROM:<a@b.example> SIZE=1  BODY=7BIT", Fault.SYNTAX),
        ("FROM:<a@b.example> =1", Fault.SYNTAX),
        ("FROM:<a@b.example> -A=1", Fault.SYNTAX),
        ("FROM:<a@b.example> SIZE==1", Fault.SYNTAX),
        ("FROM:<a@b.example> SIZE=", Fault.SYNTAX),
        ("FROM:<a@b.example> SIZE", Fault.BAD_PARAMETER),
        ("FROM:<a@b.example> SIZE=-1", Fault.BAD_PARAMETER),
        ("FROM:<a@b.example> SIZE=1k", Fault.BAD_PARAMETER),
        ("FROM:<a@b.example> SIZE=\u0661", Fault.BAD_PARAMETER),
        ("FROM:<a@b.example> SIZE=" + "1" * 21, Fault.BAD_PARAMETER),
        ("FROM:<a@b.example> BODY=9BIT", Fault.BAD_PARAMETER),
        ("FROM:<a@b.example> BODY", Fault.BAD_PARAMETER),
        ("FROM:<a@b.example> SMTPUTF8=yes", Fault.BAD_PARAMETER),
        ("FROM:<a@b.example> RET=SOME", Fault.BAD_PARAMETER),
        ("FROM:<a@b.example> ENVID=" + "e" * 101, Fault.BAD_PARAMETER),
        ("FROM:<a@b.example> ENVID=a+0Ab", Fault.BAD_PARAMETER),
        ("FROM:<a@b.example> ENVID=a+2", Fault.BAD_PARAMETER),
        ("FROM:<a@b.example> ENVID=a+2b", Fault.BAD_PARAMETER),
        ("FROM:<a@b.example> AUTH=+3C+3E", Fault.BAD_PARAMETER),
        ("FROM:<a@b.example> AUTH=nobody", Fault.BAD_PARAMETER),
        ("FROM:<a@b.example> HOLDFOR=01", Fault.BAD_PARAMETER),
        ("FROM:<a@b.example> HOLDFOR=+5", Fault.BAD_PARAMETER),
        ("FROM:<a@b.example> HOLDUNTIL=2027-01-15", Fault.BAD_PARAMETER),
        ("FROM:<a@b.example> HOLDUNTIL=2027-01-15T24:00:01Z", Fault.BAD_PARAMETER),
        ("FROM:<a@b.example> HOLDUNTIL=2027-01-15T08:00:00Z HOLDFOR=1", Fault.REPEATED_PARAMETER),
        ("FROM:<a@b.example> REQUIRETLS=", Fault.SYNTAX),
        ("FROM:<a@b.example> XYZZY", Fault.UNKNOWN_PARAMETER),
        ("FROM:<a@b.example> NOTIFY=NEVER", Fault.UNKNOWN_PARAMETER),
        ("FROM:<a@b.example> SIZE=1 XYZZY=1", Fault.UNKNOWN_PARAMETER),
        ("FROM:<a@b.example> SIZE=1 size=1", Fault.REPEATED_PARAMETER),
        ("FROM:<a@b.example> SMTPUTF8 SMTPUTF8", Fault.REPEATED_PARAMETER),
        ("FROM:<\u00e4@b.example>", Fault.NEEDS_UTF8),
        ("FROM:<a@b\u00fccher.example> SIZE=1", Fault.NEEDS_UTF8),
    ],
)
def test_mail_refuses(argument: str, fault: Fault) -> None:
    assert refused(grammar.mail, argument, extended=True) is fault


def test_without_ehlo_no_parameter_is_known() -> None:
    assert grammar.mail("FROM:<>", extended=False) == ReversePath("")
    fault = refused(grammar.mail, "FROM:<> SIZE=1", extended=False)
    assert fault is Fault.UNKNOWN_PARAMETER
    fault = refused(grammar.rcpt, "TO:<a@b.example> NOTIFY=NEVER", extended=False, utf8=False)
    assert fault is Fault.UNKNOWN_PARAMETER


@pytest.mark.parametrize(
    ("argument", "notify", "orcpt"),
    [
        ("TO:<a@b.example>", (), ""),
        ("to: <a@b.example>", (), ""),
        ("TO:<a@b.example> NOTIFY=NEVER", ("NEVER",), ""),
        ("TO:<a@b.example> NOTIFY=success,delay", ("SUCCESS", "DELAY"), ""),
        ("TO:<a@b.example> ORCPT=rfc822;Bob@Ex+2Bample", (), "rfc822;Bob@Ex+ample"),
        ("TO:<a@b.example> ORCPT=utf-8;j\\x{F6}e@x", (), "utf-8;jöe@x"),
    ],
)
def test_rcpt_gives_a_forward_path(argument: str, notify: tuple[str, ...], orcpt: str) -> None:
    path = grammar.rcpt(argument, extended=True, utf8=False)
    assert path == ForwardPath("a@b.example", notify, orcpt)


def test_a_raw_utf8_orcpt_needs_smtputf8() -> None:
    argument = "TO:<a@b.example> ORCPT=utf-8;jöe@x"
    assert grammar.rcpt(argument, extended=True, utf8=True).orcpt == "utf-8;jöe@x"
    assert refused(grammar.rcpt, argument, extended=True, utf8=False) is Fault.NEEDS_UTF8


@pytest.mark.parametrize(
    ("said", "fault"),
    [
        ("NOTIFY=", Fault.SYNTAX),
        ("NOTIFY", Fault.BAD_PARAMETER),
        ("NOTIFY=NEVER,SUCCESS", Fault.BAD_PARAMETER),
        ("NOTIFY=SUCCESS,SUCCESS", Fault.BAD_PARAMETER),
        ("NOTIFY=SUCCESS,", Fault.BAD_PARAMETER),
        ("NOTIFY=SOMETIMES", Fault.BAD_PARAMETER),
        ("ORCPT=rfc822", Fault.BAD_PARAMETER),
        ("ORCPT=rfc822;", Fault.BAD_PARAMETER),
        ("ORCPT=;a@b", Fault.BAD_PARAMETER),
        ("ORCPT=rfc822;a+0D+0AX", Fault.BAD_PARAMETER),
        ("ORCPT=rfc822;" + "a" * 500, Fault.BAD_PARAMETER),
        ("ORCPT=utf-8;\\x{D800}", Fault.BAD_PARAMETER),
        ("ORCPT=utf-8;\\x{110000}", Fault.BAD_PARAMETER),
        ("ORCPT=utf-8;\\x{0A}", Fault.BAD_PARAMETER),
        ("SIZE=1", Fault.UNKNOWN_PARAMETER),
        ("NOTIFY=NEVER NOTIFY=NEVER", Fault.REPEATED_PARAMETER),
    ],
)
def test_rcpt_refuses(said: str, fault: Fault) -> None:
    argument = f"TO:<a@b.example> {said}"
    assert refused(grammar.rcpt, argument, extended=True, utf8=True) is fault


@given(st.text(alphabet=st.characters(min_codepoint=32, max_codepoint=126)))
@settings(max_examples=50, deadline=None, derandomize=True)
def test_xtext_decodes_to_what_was_encoded(text: str) -> None:
    encoded = "".join(
        char if "!" <= char <= "~" and char not in "+=" else f"+{ord(char):02X}" for char in text
    )
    assert parameters.xtext(encoded) == text


@pytest.mark.parametrize(
    "name",
    ["client.example", "[192.0.2.1]", "[IPv6:::1]", "WIN_PC", "localhost", "::1", "a@b", "!#$"],
)
def test_hello_takes_what_clients_call_themselves(name: str) -> None:
    assert grammar.hello(name) == name


@pytest.mark.parametrize(
    "name",
    [
        "",
        "two words",
        "a(b",
        "a)b",
        "a;b",
        "a<b>",
        'a"b',
        "a\\b",
        "a\u2028b",
        "bücher.example",
        "x" * 256,
    ],
)
def test_hello_refuses_what_would_break_a_trace_field(name: str) -> None:
    assert refused(grammar.hello, name) is Fault.SYNTAX


@pytest.mark.parametrize(
    ("argument", "value"),
    [("0", (0, False)), ("10 LAST", (10, True)), ("10 last", (10, True)), ("007", (7, False))],
)
def test_bdat(argument: str, value: tuple[int, bool]) -> None:
    assert grammar.bdat(argument) == value


@pytest.mark.parametrize(
    "argument",
    ["", "LAST", "-1", "+1", "1 FIRST", "1  LAST", "1 LAST x", "0x10", "1" * 21, "\u0661"],
)
def test_bdat_refuses(argument: str) -> None:
    assert refused(grammar.bdat, argument) is Fault.BAD_CHUNK_SIZE


def test_auth() -> None:
    assert grammar.auth("plain") == ("PLAIN", None)
    assert grammar.auth("PLAIN AGEAYg==") == ("PLAIN", "AGEAYg==")
    assert grammar.auth("scram-sha-256-plus =") == ("SCRAM-SHA-256-PLUS", "=")
    for argument in ("", "PLAIN a b", "PLAIN ä", "PLAIN *", "A!", "X" * 21):
        assert refused(grammar.auth, argument) is Fault.SYNTAX


def test_xclient() -> None:
    said = grammar.xclient(
        "NAME=spike.example ADDR=IPV6:2001:DB8::1 PORT=25 PROTO=ESMTP HELO=spike+2Eexample"
        " LOGIN=joe+40example.org DESTADDR=192.0.2.1 DESTPORT=[UNAVAILABLE]"
    )
    assert said == {
        "NAME": "spike.example",
        "ADDR": "2001:db8::1",
        "PORT": "25",
        "PROTO": "ESMTP",
        "HELO": "spike.example",
        "LOGIN": "joe@example.org",
        "DESTADDR": "192.0.2.1",
        "DESTPORT": "",
    }
    assert grammar.xclient("addr=[TEMPUNAVAIL]") == {"ADDR": ""}


@pytest.mark.parametrize(
    "argument",
    [
        "",
        "ADDR",
        "FOO=1",
        "ADDR=1.2.3",
        "ADDR=1.2.3.4  PORT=1",
        "PORT=65536",
        "PORT=x",
        "PROTO=HTTP",
        "HELO=a+0Ab",
        "LOGIN=a+0Ab",
        "NAME=a+zz",
    ],
)
def test_xclient_refuses(argument: str) -> None:
    assert refused(grammar.xclient, argument) is Fault.BAD_PARAMETER


def test_xclient_refuses_an_attribute_twice() -> None:
    assert refused(grammar.xclient, "PORT=1 PORT=2") is Fault.REPEATED_PARAMETER
