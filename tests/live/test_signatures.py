"""What we sign and seal, as OpenDKIM (in C) and Mail::DKIM (in Perl) verify it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from mailhub.core.signing import record, record_name
from mailhub.policy import authres, sealing, signing
from mailhub.policy.authres import Result
from mailhub.wire.relaxed import RelaxedBodyHash
from tests.live.verifiers import opendkim, perl
from tests.signed import MESSAGE, pair

pytestmark = pytest.mark.live
US, THEM = pair(), pair("forwarder.example", "s1")
NOW = 1_700_000_000
LONG = MESSAGE + "Zeile mit Ümlauten \t und  Lücken \r\n\r\n".encode() * 5000
LIST = (
    b"List-Id: <l.example.org>\r\nList-Unsubscribe: <https://example.org/u>\r\n"
    b"List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\nSender: l@example.org\r\n"
    b"To: second@example.com\r\nReferences: <a@b>\r\n <c@d>\r\n" + MESSAGE
)
EMPTY = MESSAGE[: signing.header_end(MESSAGE)]


def digest(message: bytes) -> bytes:
    made = RelaxedBodyHash()
    made.feed(message[signing.header_end(message) :])
    return made.digest()


def signed(message: bytes) -> bytes:
    block = message[: signing.header_end(message)]
    return signing.sign([*map(signing.signer, US)], block, digest(message), NOW) + message


def sealed(message: bytes, host: str, *results: Result, key: int = 0) -> bytes:
    message = authres.field(host, results) + message
    block = message[: signing.header_end(message)]
    signer = signing.signer((US, THEM)[key][0])
    return sealing.seal(signer, block, digest(message), host, NOW) + message


@pytest.fixture
def zone(tmp_path: Path) -> Path:
    """Our records, a line each: the name, then the text."""
    path = tmp_path / "zone"
    path.write_text("".join(f"{record_name(key)} {record(key)}\n" for key in (*US, *THEM)))
    return path


@pytest.mark.parametrize("message", [MESSAGE, LONG, LIST, EMPTY], ids=["short", "long", "list", ""])
def test_opendkim_verifies_both_signatures(message: bytes, zone: Path) -> None:
    said = opendkim(signed(message), zone)
    assert re.search(r"dkim=pass .*a=rsa-sha256", said), said
    assert re.search(r"dkim=pass .*a=ed25519-sha256", said), said


def test_opendkim_refuses_what_was_changed(zone: Path) -> None:
    said = opendkim(signed(MESSAGE).replace(b"this is all", b"this is not"), zone)
    assert "dkim=pass" not in said
    assert "dkim=fail" in said
    said = opendkim(b"Subject: another\r\n" + signed(MESSAGE), zone)
    assert "dkim=pass" not in said


@pytest.mark.parametrize("message", [MESSAGE, LONG, LIST, EMPTY], ids=["short", "long", "list", ""])
def test_perl_verifies_one_signature_beside_one_that_it_does_not_know(
    message: bytes, zone: Path
) -> None:
    rsa, ed25519 = perl("dkim", signed(message), zone)
    assert rsa == "rsa-sha256 pass"
    assert ed25519.startswith("ed25519-sha256 invalid (unsupported algorithm")


@pytest.mark.parametrize("message", [MESSAGE, LONG, LIST, EMPTY], ids=["short", "long", "list", ""])
def test_perl_verifies_a_chain_of_seals(message: bytes, zone: Path) -> None:
    first = sealed(signed(message), "mx.forwarder.example", Result("dkim", "pass"), key=1)
    assert perl("arc", first, zone)[0].startswith("pass")
    second = sealed(first, "mx.example.org", Result("spf", "fail"), Result("arc", "pass"))
    assert perl("arc", second, zone)[0].startswith("pass")
    assert perl("arc", second.replace(b"spf=fail", b"spf=pass", 1), zone)[0].startswith("fail")
    assert perl("arc", b"Subject: x\r\n" + second, zone)[0].startswith("fail")
