"""Logging in at a relay: the client's half of each mechanism, and what a failure means."""

from __future__ import annotations

import base64

import pytest
import scramp
from hypothesis import given, settings
from hypothesis import strategies as st

from mailhub.model.errors import Invalid
from mailhub.model.outbound import Stage
from mailhub.model.queue import QueueSender
from mailhub.model.route import Credentials, Security, TLSLevel
from mailhub.smtp.sender import auth
from tests.smtp.sender.peers import NONCE, SENT, Net, World, hop, offering, world

MAIL = """
C: MAIL FROM:<from@me.test> AUTH=<>
S: 250 ok
C: RCPT TO:<to@mx.test>
S: 250 ok
C: DATA
S: 354 go on
"""
TRANSACTION = MAIL + SENT + "C: .\nS: 250 2.0.0 queued\n"
USER = Credentials("user", "pencil")
FIRST = b"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"
PROOF = (
    b"c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
    b"p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
)
FINAL = b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="
"""RFC 7677 section 3, with NONCE."""


def coded(text: bytes) -> str:
    return base64.b64encode(text).decode()


def relay(
    *, level: TLSLevel = TLSLevel.NONE, mechanisms: tuple[str, ...] = (), user: Credentials = USER
) -> object:
    """A server to log in at; NONE: an administrator said that the way there is safe."""
    credentials = Credentials(user.username, user.password, mechanisms)
    return hop(security=Security(level), credentials=credentials)


# -- exchanges on the wire


SCRAM_BEGIN = f"""
C: AUTH SCRAM-SHA-256 {coded(b"n,,n=user,r=" + NONCE.encode())}
S: 334 {coded(FIRST)}
C: {coded(PROOF)}
"""
IDENTITY = b"\0user\0pencil"
EXCHANGES = {
    "PLAIN": f"C: AUTH PLAIN {coded(IDENTITY)}\n",
    "LOGIN": f"""
        C: AUTH LOGIN
        S: 334 {coded(b"Username:")}
        C: {coded(b"user")}
        S: 334 {coded(b"Password:")}
        C: {coded(b"pencil")}
        """,
    "CRAM-MD5": f"""
        C: AUTH CRAM-MD5
        S: 334 {coded(b"<1896.697170952@postoffice.reston.mci.net>")}
        C: {coded(b"user 65f6d3ac99e7bf0c3e5b4f5d9f43e3a5")}
        """,
    "SCRAM-SHA-256": SCRAM_BEGIN + f"S: 334 {coded(FINAL)}\nC:\n",
}


def test_the_example_of_rfc_2195() -> None:
    tim = Credentials("tim", "tanstaaftanstaaf")
    said = auth.CramMD5(tim, "").respond(b"<1896.697170952@postoffice.reston.mci.net>")
    assert said == b"tim b913a602c7eda7a495b4e6e7334d3890"


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN", "SCRAM-SHA-256"])
def test_a_login_and_a_delivery(mechanism: str) -> None:
    script = offering(f"AUTH {mechanism}") + EXCHANGES[mechanism] + "S: 235 2.7.0 in\n"
    assert world(script + TRANSACTION).send(hops=[relay()]).answers[0].delivered


def test_cram_md5_on_the_wire() -> None:
    challenge = b"<1896.697170952@postoffice.reston.mci.net>"
    script = (
        offering("AUTH CRAM-MD5")
        + f"""
        C: AUTH CRAM-MD5
        S: 334 {coded(challenge)}
        C: {coded(b"tim b913a602c7eda7a495b4e6e7334d3890")}
        S: 235 in
        """
    )
    tim = Credentials("tim", "tanstaaftanstaaf")
    assert world(script + TRANSACTION).send(hops=[relay(user=tim)]).answers[0].delivered


def test_what_an_account_sent_is_vouched_for() -> None:
    script = offering("AUTH PLAIN") + EXCHANGES["PLAIN"] + "S: 235 in\n"
    vouched = TRANSACTION.replace("AUTH=<>", "AUTH=from@me.test")
    sender = QueueSender("from@me.test", account=1)
    assert world(script + vouched).send(hops=[relay()], sender=sender).answers[0].delivered


def test_where_nothing_is_to_be_proven_nobody_logs_in() -> None:
    script = offering("AUTH PLAIN") + TRANSACTION.replace(" AUTH=<>", "")
    assert world(script).send().answers[0].delivered


# -- which mechanism


@pytest.mark.parametrize(
    ("offered", "allowed", "private", "chosen"),
    [
        (("LOGIN", "PLAIN", "SCRAM-SHA-256"), (), True, ["SCRAM-SHA-256", "PLAIN", "LOGIN"]),
        (("LOGIN", "PLAIN", "CRAM-MD5"), (), False, ["CRAM-MD5"]),
        (("PLAIN", "LOGIN"), (), False, []),
        (("PLAIN", "LOGIN", "CRAM-MD5"), ("LOGIN", "PLAIN"), True, ["LOGIN", "PLAIN"]),
        (("PLAIN",), ("cram-md5",), True, []),
        (("GSSAPI", "XOAUTH2"), (), True, []),
        ((), (), True, []),
    ],
)
def test_mechanisms_that_are_tried(
    offered: tuple[str, ...], allowed: tuple[str, ...], private: bool, chosen: list[str]
) -> None:
    assert auth.choose(Credentials("u", "p", allowed), offered, private=private) == chosen


def test_no_password_is_shown_in_the_clear() -> None:
    here = world(offering("AUTH PLAIN LOGIN") + "C: QUIT")
    answer = here.send(hops=[relay(level=TLSLevel.OPPORTUNISTIC)]).answers[0]
    assert (answer.code, answer.status, answer.stage) == (0, "4.7.0", Stage.AUTH)
    assert not answer.permanent
    inside = offering("STARTTLS") + "C: STARTTLS\nS: 220 go\nTLS right\n"
    again = "C: EHLO me.test\nS: 250-mx.test\nS: 250 AUTH PLAIN\n"
    script = inside + again + EXCHANGES["PLAIN"] + "S: 235 in\n" + TRANSACTION
    assert world(script).send(hops=[relay(level=TLSLevel.OPPORTUNISTIC)]).answers[0].delivered


@pytest.mark.parametrize("code", [504, 534, 538])
def test_a_mechanism_that_does_not_work_is_followed_by_the_next(code: int) -> None:
    first = f"C: AUTH SCRAM-SHA-256 {coded(b'n,,n=user,r=' + NONCE.encode())}\nS: {code} no\n"
    script = offering("AUTH SCRAM-SHA-256 PLAIN") + first + EXCHANGES["PLAIN"] + "S: 235 in\n"
    assert world(script + TRANSACTION).send(hops=[relay()]).answers[0].delivered


# -- refused


@pytest.mark.parametrize(
    ("reply", "code", "status"),
    [
        ("535 5.7.8 wrong", 535, "4.7.8"),
        ("454 4.7.0 later", 454, "4.7.0"),
        ("421 4.3.2 closing", 421, "4.3.2"),
        ("432 4.7.12 change it", 432, "4.7.12"),
    ],
)
def test_a_refused_login_makes_mail_wait(reply: str, code: int, status: str) -> None:
    end = "" if code == 421 else "C: QUIT"
    here = world(offering("AUTH PLAIN LOGIN") + EXCHANGES["PLAIN"] + f"S: {reply}\n{end}")
    answer = here.send(hops=[relay()]).answers[0]
    assert (answer.code, answer.status, answer.stage) == (code, status, Stage.AUTH)
    assert answer.text == reply[4:]
    assert not answer.permanent


@pytest.mark.parametrize("reply", ["250 ok", "235-in\nS: 234 in", "354 go", "220 hello"])
def test_a_success_of_another_kind_is_no_delivery(reply: str) -> None:
    here = world(offering("AUTH PLAIN") + EXCHANGES["PLAIN"] + f"S: {reply}\n*")
    answer = here.send(hops=[relay()]).answers[0]
    assert not answer.delivered
    assert (answer.code, answer.status[0]) == (0, "4")
    assert b"MAIL" not in b"".join(here.net.servers[0].heard)


def test_the_next_server_is_asked_where_one_refuses_the_login() -> None:
    refused = offering("AUTH PLAIN") + EXCHANGES["PLAIN"] + "S: 535 5.7.8 wrong\nC: QUIT"
    good = offering("AUTH PLAIN") + EXCHANGES["PLAIN"] + "S: 235 in\n" + TRANSACTION
    net = Net(a=[refused], b=[good])
    hops = [
        hop("a", "never", credentials=USER, security=Security(TLSLevel.NONE)),
        hop("b", credentials=USER, security=Security(TLSLevel.NONE)),
    ]
    assert World(net).send(hops=hops).answers[0].delivered


# -- servers that prove nothing


def test_a_server_that_does_not_know_the_password() -> None:
    wrong = coded(b"v=" + base64.b64encode(b"\0" * 32))
    script = offering("AUTH SCRAM-SHA-256") + SCRAM_BEGIN
    for end in (
        f"S: 334 {wrong}\nC: *\nS: 501 ok\nC: QUIT",
        "S: 235 2.7.0 in, believe me\nC: QUIT",
        f"S: 334 {coded(b'e=other-error')}\nC: *\nS: 501 ok\nC: QUIT",
    ):
        answer = world(script + end).send(hops=[relay()]).answers[0]
        assert (answer.code, answer.status, answer.stage) == (0, "4.7.0", Stage.AUTH)


FORGED = [
    b"",
    b"r=other,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
    FIRST.replace(b"%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0", b""),
    FIRST.replace(b"i=4096", b"i=4095"),
    FIRST.replace(b"i=4096", b"i=100001"),
    FIRST.replace(b"i=4096", b"i=999999999"),
    FIRST.replace(b"i=4096", b"i=9999999999999999999999"),
    FIRST.replace(b"i=4096", b""),
    FIRST.replace(b"W22Z", b"W2!Z"),
    b"m=ext," + FIRST,
    FIRST.replace(b"r=rOpr", b"r=rOpR"),
    b"\xff\xfe" + FIRST,
]


@pytest.mark.parametrize("first", FORGED)
def test_a_forged_first_message(first: bytes) -> None:
    begin = f"C: AUTH SCRAM-SHA-256 {coded(b'n,,n=user,r=' + NONCE.encode())}\n"
    script = offering("AUTH SCRAM-SHA-256") + begin + f"S: 334 {coded(first)}\n"
    answer = world(script + "C: *\nS: 501 ok\nC: QUIT").send(hops=[relay()]).answers[0]
    assert (answer.code, answer.status) == (0, "4.7.0")


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-256"])
@pytest.mark.parametrize("challenge", ["=", "not base64", "\xff", "Zg", "Zg==\\x00"])
def test_challenges_that_are_none(mechanism: str, challenge: str) -> None:
    begin = EXCHANGES[mechanism].strip().splitlines()[0].strip() + "\n"
    script = offering(f"AUTH {mechanism}") + begin + f"S: 334 {challenge}\nC: *\nS: 501 ok\nC: QUIT"
    answer = world(script).send(hops=[relay()]).answers[0]
    assert (answer.code, answer.status, answer.stage) == (0, "4.7.0", Stage.AUTH)


def test_a_server_that_never_has_enough() -> None:
    more = "".join(f"S: 334 {coded(b'more')}\nC: {coded(word)}\n" for word in (b"user", b"pencil"))
    script = offering("AUTH LOGIN") + "C: AUTH LOGIN\n" + more + f"S: 334 {coded(b'more')}\n"
    here = world(script + "C: *\nS: 501 ok\nC: QUIT")
    assert here.send(hops=[relay()]).answers[0].status == "4.7.0"


# -- against a server that others wrote


names = st.text(st.characters(codec="ascii", categories=["L", "N", "P", "S"]), min_size=1)


@settings(max_examples=50, deadline=None, derandomize=True)
@given(name=names, password=names)
def test_scram_with_another_implementation(name: str, password: str) -> None:
    mechanism = scramp.ScramMechanism("SCRAM-SHA-256")
    known = mechanism.make_auth_info(password, iteration_count=4096)

    def find(asked: str) -> tuple[bytes, bytes, bytes, int]:
        assert asked == name
        return known  # type: ignore[no-any-return]

    server = mechanism.make_server(find)
    client = auth.ScramSHA256(Credentials(name, password), "abc")
    assert client.initial is not None
    server.set_client_first(client.initial.decode())
    server.set_client_final(client.respond(server.get_server_first().encode()).decode())
    assert not client.finished
    assert client.respond(server.get_server_final().encode()) == b""
    assert client.finished
    with pytest.raises(Invalid):
        auth.ScramSHA256(Credentials(name, password), "abc").respond(b"e=unknown-user")
