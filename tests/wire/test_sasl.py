from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scramp import ScramClient

from mailhub.model.account import ScramKeys
from mailhub.model.errors import AuthenticationFailed, Invalid
from mailhub.wire import sasl
from mailhub.wire.saslprep import saslprep

ITERATIONS = 4096
SALT = b"0123456789abcdef"
EXPORTER = b"\x01" * 32


def keys(password: str, salt: bytes = SALT, iterations: int = ITERATIONS) -> ScramKeys:
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, iterations)
    client_key = hmac.digest(salted, b"Client Key", "sha256")
    return ScramKeys(
        salt,
        iterations,
        hashlib.sha256(client_key).digest(),
        hmac.digest(salted, b"Server Key", "sha256"),
    )


def prove(
    password: str, first: str, challenge: bytes, *, gs2: str = "n,,", exporter: bytes = b""
) -> bytes:
    """`client-final-message`, by the letter of RFC 5802 section 3."""
    fields = dict(part.split("=", 1) for part in challenge.decode().split(","))
    bare = first[len(gs2) :]
    binding = base64.b64encode(gs2.encode() + exporter).decode()
    without = f"c={binding},r={fields['r']}"
    message = f"{bare},{challenge.decode()},{without}".encode()
    salted = hashlib.pbkdf2_hmac(
        "sha256", password.encode(), base64.b64decode(fields["s"]), int(fields["i"])
    )
    client_key = hmac.digest(salted, b"Client Key", "sha256")
    signature = hmac.digest(hashlib.sha256(client_key).digest(), message, "sha256")
    proof = bytes(a ^ b for a, b in zip(client_key, signature, strict=True))
    return f"{without},p={base64.b64encode(proof).decode()}".encode()


# -- PLAIN

PLAIN = {
    b"\0joe\0secret": sasl.Credentials("joe", "secret", ""),
    b"admin\0joe\0secret": sasl.Credentials("joe", "secret", "admin"),
    "\0jürgen\0pässword".encode(): sasl.Credentials("jürgen", "pässword", ""),
}


@pytest.mark.parametrize(("response", "claim"), PLAIN.items())
def test_plain_is_three_parts(response: bytes, claim: sasl.Credentials) -> None:
    assert sasl.plain(response) == claim


@pytest.mark.parametrize(
    "response",
    [
        b"",
        b"joe",
        b"joe\0secret",
        b"\0joe\0secret\0more",
        b"\0\0secret",
        b"\0joe\0",
        b"\0joe\0\xff\xfe",
        b"\0joe\0" + b"x" * 5000,
    ],
)
def test_plain_refuses_what_is_no_claim(response: bytes) -> None:
    with pytest.raises(Invalid):
        sasl.plain(response)


# -- SCRAM


def test_the_example_of_rfc_7677() -> None:
    salt = base64.b64decode("W22ZaJ0SNY7soEsUEjb6gQ==")
    first = sasl.client_first(b"n,,n=user,r=rOprNGfwEbeRWgbNEkqO")
    assert (first.username, first.authzid, first.channel) == ("user", "", "")
    scram = sasl.Scram(
        first, [keys("pencil", salt)], "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0", b"", plus=False
    )
    assert scram.challenge == (
        b"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"
    )
    final = (
        b"c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
        b"p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
    )
    assert scram.finish(final) == b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="


@pytest.mark.parametrize("password", ["pencil", "correct horse", "pässwörd", "a,b=c"])
def test_another_implementation_of_the_client_gets_in(password: str) -> None:
    client = ScramClient(["SCRAM-SHA-256"], "us,er=1", password)
    first = sasl.client_first(client.get_client_first().encode())
    assert first.username == "us,er=1"
    scram = sasl.Scram(first, [keys(password)], "servernonce", b"", plus=False)
    client.set_server_first(scram.challenge.decode())
    client.set_server_final(scram.finish(client.get_client_final().encode()).decode())


def test_another_implementation_with_the_wrong_password_does_not() -> None:
    client = ScramClient(["SCRAM-SHA-256"], "joe", "wrong")
    scram = sasl.Scram(
        sasl.client_first(client.get_client_first().encode()), [keys("right")], "n", b"", plus=False
    )
    client.set_server_first(scram.challenge.decode())
    with pytest.raises(AuthenticationFailed):
        scram.finish(client.get_client_final().encode())


def begin(text: str, *, exporter: bytes = EXPORTER, plus: bool = False) -> sasl.Scram:
    return sasl.Scram(sasl.client_first(text.encode()), [keys("pencil")], "server", exporter, plus)


def test_plus_binds_the_connection() -> None:
    text = "p=tls-exporter,,n=joe,r=nonce"
    scram = begin(text, plus=True)
    final = prove("pencil", text, scram.challenge, gs2="p=tls-exporter,,", exporter=EXPORTER)
    assert scram.finish(final).startswith(b"v=")


def test_a_proof_made_for_another_connection_is_refused() -> None:
    text = "p=tls-exporter,,n=joe,r=nonce"
    scram = begin(text, plus=True)
    final = prove("pencil", text, scram.challenge, gs2="p=tls-exporter,,", exporter=b"\2" * 32)
    with pytest.raises(AuthenticationFailed):
        scram.finish(final)


BINDINGS = {
    "a client without binding chose -PLUS": ("n,,n=j,r=x", EXPORTER, True),
    "-PLUS was cut out of the list": ("y,,n=j,r=x", EXPORTER, False),
    "binding without choosing -PLUS": ("p=tls-exporter,,n=j,r=x", EXPORTER, False),
    "a binding that is not offered": ("p=tls-unique,,n=j,r=x", EXPORTER, True),
    "binding without TLS": ("p=tls-exporter,,n=j,r=x", b"", True),
}


@pytest.mark.parametrize(("text", "exporter", "plus"), BINDINGS.values(), ids=BINDINGS.keys())
def test_a_downgrade_is_noticed(text: str, exporter: bytes, plus: bool) -> None:
    with pytest.raises(AuthenticationFailed):
        begin(text, exporter=exporter, plus=plus)


def test_a_client_that_could_bind_gets_in_where_the_server_cannot() -> None:
    text = "y,,n=joe,r=nonce"
    scram = begin(text, exporter=b"")
    assert scram.finish(prove("pencil", text, scram.challenge, gs2="y,,")).startswith(b"v=")


def test_an_authorization_identity_is_read_and_bound() -> None:
    text = "n,a=bo=2Css,n=joe,r=nonce"
    assert sasl.client_first(text.encode()).authzid == "bo,ss"
    scram = begin(text)
    final = prove("pencil", text, scram.challenge, gs2="n,a=bo=2Css,")
    assert scram.finish(final).startswith(b"v=")
    with pytest.raises(AuthenticationFailed):
        begin(text).finish(prove("pencil", text, scram.challenge, gs2="n,a=bo=2Css,")[:-1] + b"A")


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"n,,",
        b"n,,n=joe",
        b"n,,r=x,n=joe",
        b"n,,n=,r=x",
        b"n,,n=joe,r=",
        b"n,,m=ext,n=joe,r=x",
        b"n,,n=jo=e,r=x",
        b"n,,n=joe,r=\x01",
        b"n,,n=joe,r=a b",
        b"n,x=1,n=joe,r=x",
        b"q,,n=joe,r=x",
        b"p=,,n=joe,r=x",
        b"n,,n=jo\0e,r=x",
        b"n,,n=\xff,r=x",
        b"n,,n=" + b"x" * 5000 + b",r=x",
        "n,,n=\u200b,r=x".encode(),
        "n,,n=a\u0007,r=x".encode(),
    ],
)
def test_a_malformed_first_message_is_invalid(text: bytes) -> None:
    with pytest.raises(Invalid):
        sasl.client_first(text)


@pytest.mark.parametrize(
    "final",
    [
        b"",
        b"c=biws",
        b"c=biws,r=x",
        b"r=x,c=biws,p=AAAA",
        b"c=biws,r=x,p=A===",
        b"c=biws,r=x,p=",
        b"c=biws,r=x,p=AAAA,z=1",
        b"c=bi\0ws,r=x,p=AAAA",
    ],
)
def test_a_malformed_final_message_is_invalid(final: bytes) -> None:
    with pytest.raises(Invalid):
        begin("n,,n=joe,r=nonce").finish(final)


def test_a_replayed_final_message_is_refused() -> None:
    text = "n,,n=joe,r=nonce"
    first = begin(text)
    final = prove("pencil", text, first.challenge)
    other = sasl.Scram(sasl.client_first(text.encode()), [keys("pencil")], "other", b"", plus=False)
    with pytest.raises(AuthenticationFailed):
        other.finish(final)


def test_a_short_proof_is_refused() -> None:
    with pytest.raises(AuthenticationFailed):
        begin("n,,n=joe,r=nonce").finish(b"c=biws,r=nonceserver,p=AAAA")


def test_a_decoy_looks_like_an_account_and_stays_the_same() -> None:
    one = sasl.decoy(b"secret", "nobody", 60_000)
    assert one == sasl.decoy(b"secret", "nobody", 60_000)
    assert one.salt != sasl.decoy(b"secret", "somebody", 60_000).salt
    assert one.salt != sasl.decoy(b"other", "nobody", 60_000).salt
    assert (len(one.salt), len(one.stored_key), len(one.server_key)) == (16, 32, 32)


@settings(max_examples=50, deadline=None, derandomize=True)
@given(st.binary(max_size=200), st.binary(max_size=200))
def test_any_bytes_are_a_message_or_invalid(first: bytes, final: bytes) -> None:
    for parse in (sasl.plain, sasl.text, sasl.client_first):
        with contextlib.suppress(Invalid):
            parse(first)
    with pytest.raises((Invalid, AuthenticationFailed)):
        begin("n,,n=joe,r=nonce").finish(final)


@settings(max_examples=50, deadline=None, derandomize=True)
@given(st.sampled_from(["n", "y", "p=tls-exporter", "p=x"]), st.text(max_size=10), st.text())
def test_first_messages_of_any_text(flag: str, name: str, nonce: str) -> None:
    try:
        found = sasl.client_first(f"{flag},,n={name},r={nonce}".encode("utf-8", "surrogatepass"))
    except Invalid:
        return
    assert found.username
    assert found.bare.startswith(b"n=")


# -- SASLprep (the examples of RFC 4013 section 3)

PREPARED = {"I\u00adX": "IX", "user": "user", "USER": "USER", "\u00aa": "a", "\u2168": "IX"}


@pytest.mark.parametrize(("text", "prepared"), PREPARED.items())
def test_saslprep_maps(text: str, prepared: str) -> None:
    assert saslprep(text) == prepared


@pytest.mark.parametrize("text", ["\u0007", "\u0627\u0031", "\ufffd", "\ue000", "\u0340x"])
def test_saslprep_prohibits(text: str) -> None:
    if text == "\u0340x":  # mapped away by NFKC before the check
        assert saslprep(text) == "\u0300x"
        return
    with pytest.raises(Invalid):
        saslprep(text)
