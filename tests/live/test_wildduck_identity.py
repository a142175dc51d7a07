"""What WildDuck's document says of logins, done as its curl lines do it, over real HTTP; and what
that means for real clients of IMAP, POP3 and submission."""

from __future__ import annotations

import base64
import imaplib
import itertools
import json
import plistlib
import poplib
import re
import smtplib
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from scramp import ScramClient

from mailhub.wire import otp
from tests.live.doors import DOORS, Outcome, said
from tests.live.pace import prompt
from tests.live.server import PLAIN, Server
from tests.live.wire import IMAP
from tests.passkeys import SoftwareKey
from tests.redisserver import RedisServer

AT_ONCE = 1.0
"""Seconds in which a session must end."""
PASSWORD = "Live-Passw0rd-1"
ABSENT = "0123456789abcdef01234567"
PER_ADDRESS = 4
_numbers = itertools.count(1)


def ask(server: Server, method: str, path: str, fields: object = None) -> tuple[int, Any]:
    """(status, answer) of one call."""
    request = urllib.request.Request(
        f"http://127.0.0.1:{server.port('http')}{path}",
        data=None if fields is None else json.dumps(fields).encode(),
        headers={"Content-Type": "application/json"},
        method=method,
    )
    try:
        with urllib.request.urlopen(request, timeout=10) as response:
            return response.status, json.load(response)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def done(server: Server, method: str, path: str, fields: object = None) -> Any:
    """The answer of a call that succeeds."""
    status, answer = ask(server, method, path, fields)
    assert (status, answer["success"]) == (200, True), answer
    return answer


def refused(server: Server, code: str, method: str, path: str, fields: object = None) -> int:
    """The status of a call that is refused with this code."""
    status, answer = ask(server, method, path, fields)
    assert answer.get("code") == code, answer
    assert isinstance(answer["error"], str)
    return status


@pytest.fixture
def user(server: Server) -> tuple[str, str]:
    """(id, address) of a new user."""
    return new_user(server)


def new_user(server: Server) -> tuple[str, str]:
    address = f"identity{next(_numbers)}@live.test"
    fields = {"username": address, "address": address, "password": PASSWORD, "name": "Joe"}
    return str(done(server, "POST", "/users", fields)["id"]), address


def login(server: Server, address: str, password: str, scope: str = "master") -> tuple[int, Any]:
    fields = {"username": address, "password": password, "scope": scope, "ip": "192.168.10.10"}
    return ask(server, "POST", "/authenticate", fields)


def code(seed: str, steps: int = 0) -> str:
    return otp.code(seed, int(time.time()) // 30 + steps)


def enable(server: Server, id: str) -> str:
    seed: str = done(
        server,
        "POST",
        f"/users/{id}/2fa/totp/setup",
        {"issuer": "testikas", "ip": "192.168.10.10"},
    )["seed"]
    fields = {"token": code(seed), "ip": "192.168.10.10"}
    done(server, "POST", f"/users/{id}/2fa/totp/enable", fields)
    return seed


def asp(server: Server, id: str, *scopes: str, **more: object) -> Any:
    fields = {"description": "Mac OSX Mail Client", "scopes": list(scopes) or ["*"]}
    return done(server, "POST", f"/users/{id}/asps", {**fields, "ip": "192.168.10.10", **more})


# -- the document, call by call


def test_authenticate(server: Server, user: tuple[str, str]) -> None:
    id, address = user
    status, answer = login(server, address, PASSWORD, "pop3")
    assert status == 200
    assert answer == {
        "success": True,
        "id": id,
        "username": address,
        "address": address,
        "scope": "pop3",
        "require2fa": False,
        "requirePasswordChange": False,
    }
    status, answer = login(server, address, "wrong")
    assert (status, answer["code"], answer["id"]) == (403, "AuthFailed", id)
    status, answer = login(server, "nobody@live.test", PASSWORD)
    assert (status, answer["code"], "id" in answer) == (403, "AuthFailed", False)
    status, answer = login(server, address, PASSWORD, "calendar")
    assert (status, answer["code"]) == (403, "InvalidAuthScope")
    assert refused(server, "InputValidationError", "POST", "/authenticate", {}) == 400
    done(server, "PUT", f"/users/{id}", {"suspended": True})
    status, answer = login(server, address, PASSWORD)
    assert (status, answer["code"], answer["id"]) == (403, "AuthFailed", id)


def test_before_the_password(server: Server, user: tuple[str, str]) -> None:
    id, address = user
    fields = {"username": address, "scope": "imap", "ip": "192.168.10.10"}
    assert done(server, "POST", "/preauth", fields) == {
        "success": True, "id": id, "username": address, "address": address, "scope": "imap",
        "require2fa": False,
    }  # fmt: skip
    nobody = {"username": "nobody@live.test"}
    assert refused(server, "AuthFailed", "POST", "/preauth", nobody) == 403
    scope = {**fields, "scope": "calendar"}
    assert refused(server, "InvalidAuthScope", "POST", "/preauth", scope) == 403


def test_a_factor_of_the_applications_own(server: Server, user: tuple[str, str]) -> None:
    id, address = user
    path, app = f"/users/{id}/2fa/custom", asp(server, id)["password"]
    session = IMAP(server.port("imap"), address, PASSWORD)
    done(server, "PUT", path, {"ip": "192.168.10.10"})
    with prompt(2 * AT_ONCE, server.pid):
        assert session.closed()
    session.close()
    assert login(server, address, PASSWORD)[1]["require2fa"] == ["custom"]
    for enter, kind in CLIENTS.values():
        with pytest.raises(kind):
            enter(server, address, PASSWORD)
        enter(server, address, app)
    done(server, "DELETE", f"{path}?ip=192.168.10.10")
    imap_in(server, address, PASSWORD)
    assert refused(server, "UserNotFound", "PUT", f"/users/{ABSENT}/2fa/custom", {}) == 404


def test_authlog(server: Server, user: tuple[str, str]) -> None:
    id, address = user
    made = asp(server, id)
    login(server, address, "wrong")
    login(server, address, PASSWORD)
    told = done(server, "GET", f"/users/{id}/authlog")
    assert (told["total"], told["page"]) == (4, 1)
    assert (told["previousCursor"], told["nextCursor"]) == (False, False)
    created = told["results"][2]
    assert (created["action"], created["asp"]) == ("create asp", made["id"])
    assert (created["result"], created["ip"]) == ("success", "192.168.10.10")
    assert re.fullmatch(r"[0-9a-f]{24}", created["id"])
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", created["created"])
    one = done(server, "GET", f"/users/{id}/authlog/{created['id']}")
    assert one == {"success": True, **created}
    only = done(server, "GET", f"/users/{id}/authlog?action=create%20asp&ip=192.168.10.10")
    assert only["results"] == [created]
    done(server, "POST", f"/users/{id}/2fa/totp/setup", {"sess": "browser", "fresh": True})
    assert done(server, "GET", f"/users/{id}/authlog?sess=other")["results"] == []
    first = done(server, "GET", f"/users/{id}/authlog?limit=1")
    second = done(server, "GET", f"/users/{id}/authlog?limit=3&next={first['nextCursor']}")
    assert first["results"] + second["results"] == told["results"]
    assert refused(server, "EventNotFound", "GET", f"/users/{id}/authlog/{ABSENT}") == 404
    assert refused(server, "UserNotFound", "GET", f"/users/{ABSENT}/authlog") == 404


def test_totp(server: Server, user: tuple[str, str]) -> None:
    id, address = user
    totp = f"/users/{id}/2fa/totp"
    assert refused(server, "TotpDisabled", "POST", f"{totp}/check", {"token": "455912"}) == 400
    assert refused(server, "TotpDisabled", "DELETE", totp) == 400
    picture = done(server, "POST", f"{totp}/setup", {"issuer": "testikas"})["qrcode"]
    assert picture.startswith("data:image/png;base64,")
    assert refused(server, "InvalidToken", "POST", f"{totp}/enable", {"token": "45591x"}) == 400
    seed = enable(server, id)
    assert refused(server, "TotpEnabled", "POST", f"{totp}/setup", {}) == 400
    assert login(server, address, PASSWORD)[1]["require2fa"] == ["totp"]
    fields = {"token": code(seed, 1), "ip": "192.168.10.10"}
    done(server, "POST", f"{totp}/check", fields)
    assert refused(server, "InvalidToken", "POST", f"{totp}/check", fields) == 403
    done(server, "DELETE", f"{totp}?ip=192.168.10.10")
    assert login(server, address, PASSWORD)[1]["require2fa"] is False
    for _ in range(2):
        done(server, "DELETE", f"/users/{id}/2fa?ip=192.168.10.10")
    for method, path in (("POST", "totp/setup"), ("DELETE", "totp")):
        assert refused(server, "UserNotFound", method, f"/users/{ABSENT}/2fa/{path}") == 404


def test_app_passwords(server: Server, user: tuple[str, str]) -> None:
    id, address = user
    made = asp(server, id, "imap", "smtp", generateMobileconfig=True)
    assert re.fullmatch(r"[a-z]{16}", made["password"])
    profile = plistlib.loads(base64.b64decode(made["mobileconfig"]))
    (mail,) = profile["PayloadContent"]
    assert (mail["EmailAddress"], mail["IncomingPassword"]) == (address, made["password"])
    (shown,) = done(server, "GET", f"/user/{id}/asps")["results"]
    assert (shown["id"], shown["description"]) == (made["id"], "Mac OSX Mail Client")
    assert shown["scopes"] == ["imap", "smtp"]
    spaced = " ".join(made["password"][at : at + 4] for at in range(0, 16, 4))
    assert login(server, address, spaced, "imap")[0] == 200
    status, answer = login(server, address, spaced, "pop3")
    assert (status, answer["code"]) == (403, "InvalidAuthScope")
    assert login(server, address, spaced)[1]["code"] == "AuthFailed"
    one = f"/users/{id}/asps/{made['id']}"
    done(server, "DELETE", f"{one}?ip=192.168.10.10")
    assert refused(server, "AspNotFound", "DELETE", one) == 404
    path, fields = f"/users/{id}/asps", {"description": "x", "generateMobileconfig": True}
    scoped = {**fields, "scopes": "imap"}
    assert refused(server, "InvalidAuthScope", "POST", path, scoped) == 400
    assert refused(server, "InputValidationError", "POST", path, {"scopes": ["imap"]}) == 400
    for number in range(50):
        asp(server, id, description=f"number {number}")
    assert refused(server, "TooMany", "POST", path, {"description": "x"}) == 403


def test_password_reset(server: Server, user: tuple[str, str]) -> None:
    id, address = user
    enable(server, id)
    password = done(server, "POST", f"/users/{id}/password/reset", {})["password"]
    assert re.fullmatch(r"[A-Za-z0-9]{12}", password)
    status, answer = login(server, address, password)
    assert (status, answer["require2fa"], answer["requirePasswordChange"]) == (200, False, True)
    for name, door in DOORS.items():
        if name != "http":
            answer = door(server, address, password, "127.0.0.1")
            assert not said(name, answer, Outcome.IN), answer
    done(server, "PUT", f"/users/{id}", {"password": "An-0wn-Passw0rd"})
    for name, door in DOORS.items():
        assert said(name, door(server, address, "An-0wn-Passw0rd", "127.0.0.1"), Outcome.IN)
    path = f"/users/{ABSENT}/password/reset"
    assert refused(server, "UserNotFound", "POST", path, {}) == 404


def test_a_security_key(server: Server, user: tuple[str, str]) -> None:
    id, address = user
    path, page, key = f"/users/{id}/2fa/webauthn", {"origin": "https://mail.example.org"}, None
    key = SoftwareKey()
    start = done(server, "POST", f"{path}/registration-challenge", {"description": "k", **page})
    answer = key.register(start["registrationOptions"]["challenge"])
    made = done(server, "POST", f"{path}/registration-attestation", answer)
    assert login(server, address, PASSWORD)[1]["require2fa"] == ["webauthn"]
    start = done(server, "POST", f"{path}/authentication-challenge", page)
    signed = key.sign(start["authenticationOptions"]["challenge"])
    done(server, "POST", f"{path}/authentication-assertion", signed)
    again = refused(server, "InvalidAssertion", "POST", f"{path}/authentication-assertion", signed)
    assert again == 403
    assert done(server, "DELETE", f"{path}/credentials/{made['id']}")["deleted"]


# -- real clients


def imap_in(server: Server, address: str, password: str) -> None:
    with imaplib.IMAP4("127.0.0.1", server.port("imap"), timeout=10) as client:
        client.login(address, password)
        assert client.select("INBOX")[0] == "OK"


def pop3_in(server: Server, address: str, password: str) -> None:
    client = poplib.POP3("127.0.0.1", server.port("pop3"), timeout=10)
    try:
        client.user(address)
        client.pass_(password)
    finally:
        client.quit()


def smtp_in(server: Server, address: str, password: str) -> None:
    with smtplib.SMTP("127.0.0.1", server.port("submission"), timeout=10) as client:
        client.ehlo("client.example")
        client.login(address, password)


CLIENTS: dict[str, tuple[Callable[[Server, str, str], None], type[Exception]]] = {
    "imap": (imap_in, imaplib.IMAP4.error),
    "pop3": (pop3_in, poplib.error_proto),
    "smtp": (smtp_in, smtplib.SMTPAuthenticationError),
}


def scram(server: Server, address: str, password: str) -> bytes:
    """The tagged answer to a login with SCRAM, over IMAP."""
    client = ScramClient(["SCRAM-SHA-256"], address, password)
    with IMAP(server.port("imap")) as wire:
        first = base64.b64encode(client.get_client_first().encode())
        wire.send(b"a1 AUTHENTICATE SCRAM-SHA-256 " + first + b"\r\n")
        client.set_server_first(base64.b64decode(wire.line()[2:]).decode())
        wire.send(base64.b64encode(client.get_client_final().encode()) + b"\r\n")
        answer = wire.line()
        if answer.startswith(b"+ "):
            client.set_server_final(base64.b64decode(answer[2:]).decode())
            wire.send(b"\r\n")
            answer = wire.until(b"a1")[-1]
        return answer


def test_a_second_factor_ends_sessions_and_leaves_app_passwords_alone(
    server: Server, user: tuple[str, str]
) -> None:
    id, address = user
    app = asp(server, id)["password"]
    for enter, _ in CLIENTS.values():
        enter(server, address, PASSWORD)
    assert scram(server, address, PASSWORD).startswith(b"a1 OK")
    idle = IMAP(server.port("imap"), address, PASSWORD)
    idle.say(b"SELECT INBOX")
    idle.send(b"i IDLE\r\n")
    assert idle.line().startswith(b"+ ")
    enable(server, id)
    with prompt(AT_ONCE, server.pid):
        assert idle.closed()
    idle.close()
    for name, (enter, kind) in CLIENTS.items():
        with pytest.raises(kind) as raised:
            enter(server, address, PASSWORD)
        assert "pplication-specific" in str(raised.value), name
        enter(server, address, app)
    assert b"[AUTHENTICATIONFAILED]" in scram(server, address, PASSWORD)
    assert scram(server, address, app).startswith(b"a1 OK")
    done(server, "DELETE", f"/users/{id}/2fa")
    for enter, _ in CLIENTS.values():
        enter(server, address, PASSWORD)


def test_managesieve_takes_app_passwords_for_everything_alone(
    server: Server, user: tuple[str, str]
) -> None:
    id, address = user
    whole, some = asp(server, id)["password"], asp(server, id, "imap", "smtp")["password"]
    enable(server, id)
    for password, outcome in (
        (whole, Outcome.IN),
        (some, None),
        (PASSWORD, None),
        ("wrong", Outcome.WRONG),
    ):
        answer = DOORS["managesieve"](server, address, password, "127.0.0.1")
        if outcome is None:
            assert answer.startswith(b"NO"), answer
        else:
            assert said("managesieve", answer, outcome), answer


def test_the_end_of_an_app_password_ends_its_sessions(
    server: Server, user: tuple[str, str]
) -> None:
    id, address = user
    made = asp(server, id, "imap")
    session = IMAP(server.port("imap"), address, made["password"])
    done(server, "DELETE", f"/users/{id}/asps/{made['id']}")
    with prompt(AT_ONCE, server.pid):
        assert session.closed()
    session.close()
    with pytest.raises(imaplib.IMAP4.error):
        imap_in(server, address, made["password"])


@pytest.mark.parametrize("scope", CLIENTS)
def test_an_app_password_opens_its_own_door_alone(
    server: Server, user: tuple[str, str], scope: str
) -> None:
    id, address = user
    password = asp(server, id, scope)["password"]
    for name, (enter, kind) in CLIENTS.items():
        if name == scope:
            enter(server, address, password)
        else:
            with pytest.raises(kind):
                enter(server, address, password)


def test_a_closed_scope(server: Server, user: tuple[str, str]) -> None:
    id, address = user
    app = asp(server, id)["password"]
    session = IMAP(server.port("imap"), address, PASSWORD)
    done(server, "PUT", f"/users/{id}", {"disabledScopes": ["imap"]})
    with prompt(2 * AT_ONCE, server.pid):
        assert session.closed()
    session.close()
    for password in (PASSWORD, app):
        with pytest.raises(imaplib.IMAP4.error):
            imap_in(server, address, password)
        pop3_in(server, address, password)


# -- attacks


def test_a_code_shown_twice_at_once_comes_in_once(server: Server, user: tuple[str, str]) -> None:
    id, _ = user
    seed = enable(server, id)
    fields = {"token": code(seed, 1)}
    path = f"/users/{id}/2fa/totp/check"
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: ask(server, "POST", path, fields)[0], range(4)))
    assert sorted(answers) == [200, 403, 403, 403]


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server where nobody is exempt but 127.0.0.1."""
    limits = f"guesses_per_address = {PER_ADDRESS}\nguesses_per_account = 8\n"
    server = Server(tmp_path_factory.mktemp("hub"), limits + PLAIN, exempt=["127.0.0.1/32"])
    server.start()
    yield server
    assert server.stop() == 0


def test_wrong_codes_shut_the_factor_and_a_restart_opens_nothing(guarded: Server) -> None:
    id, _ = new_user(guarded)
    seed = enable(guarded, id)
    path = f"/users/{id}/2fa/totp/check"
    taken = {"token": code(seed, 1)}
    done(guarded, "POST", path, taken)
    guarded.kill()
    guarded.start()
    assert refused(guarded, "InvalidToken", "POST", path, taken) == 403
    for _ in range(5):
        assert refused(guarded, "InvalidToken", "POST", path, {"token": "000000"}) == 403
    guarded.kill()
    guarded.start()
    assert refused(guarded, "RateLimitedError", "POST", path, {"token": code(seed, 2)}) == 403


def test_app_passwords_are_no_way_around_the_limits(guarded: Server) -> None:
    id, address = new_user(guarded)
    app = asp(guarded, id)["password"]
    source = "127.7.1.1"
    for _ in range(PER_ADDRESS):
        answer = DOORS["imap"](guarded, address, "abcdefghijklmnop", source)
        assert said("imap", answer, Outcome.WRONG), answer
    for name in ("imap", "pop3", "smtp"):
        answer = DOORS[name](guarded, address, app, source)
        assert said(name, answer, Outcome.LIMITED), answer
    for number in range(8):
        DOORS["imap"](guarded, address, "wrong", f"127.8.{number}.1")
    for number, name in enumerate(("imap", "pop3", "smtp")):
        answer = DOORS[name](guarded, address, PASSWORD, f"127.9.{number}.1")
        assert said(name, answer, Outcome.LIMITED), answer
        answer = DOORS[name](guarded, address, app, f"127.9.{number}.1")
        assert said(name, answer, Outcome.IN), answer


def test_passwords_and_codes_count_together_over_processes(
    redis: RedisServer, tmp_path: Path
) -> None:
    sections = f'guesses_per_address = 4\n{PLAIN}\n[redis]\nurl = "{redis.url}"\n'
    one, other = (Server(tmp_path / name, sections, exempt=[]) for name in ("one", "other"))
    try:
        for server in (one, other):
            server.start()
        _, address = new_user(one)
        id, _ = new_user(other)
        seed = enable(other, id)
        path = f"/users/{id}/2fa/totp/check"
        for _ in range(2):
            answer = DOORS["imap"](one, address, "wrong", "127.0.0.1")
            assert said("imap", answer, Outcome.WRONG), answer
            assert refused(other, "InvalidToken", "POST", path, {"token": "000000"}) == 403
        answer = DOORS["imap"](one, address, PASSWORD, "127.0.0.1")
        assert said("imap", answer, Outcome.LIMITED), answer
        fields = {"token": code(seed, 1)}
        assert refused(other, "RateLimitedError", "POST", path, fields) == 403
    finally:
        for server in (one, other):
            server.stop()


@pytest.mark.parametrize("password", ["wrong", "abcdefghijklmnop"])
@pytest.mark.parametrize("door", ["imap", "pop3", "smtp", "managesieve"])
def test_no_answer_tells_who_is_there_or_has_a_second_factor(
    server: Server, door: str, password: str
) -> None:
    bare, app, factor = (new_user(server) for _ in range(3))
    asp(server, app[0])
    enable(server, factor[0])
    names = [address for _, address in (bare, app, factor)] + ["nobody@live.test"]
    answers = {DOORS[door](server, name, password, "127.0.0.1") for name in names}
    assert len(answers) == 1
    assert said(door, answers.pop(), Outcome.WRONG)


def test_no_secret_is_in_the_server_s_log(server: Server, user: tuple[str, str]) -> None:
    id, address = user
    app, seed = asp(server, id)["password"], enable(server, id)
    imap_in(server, address, app)
    login(server, address, PASSWORD)
    done(server, "POST", f"/users/{id}/2fa/totp/check", {"token": code(seed, 2)})
    text = server.log.read_text()
    for secret in (app, seed, PASSWORD):
        assert secret not in text


# -- the shell


def test_the_shell_does_the_same(server: Server, user: tuple[str, str]) -> None:
    _, address = user
    words = server.command("asp", "add", address, "phone", "--scope", "imap").stdout.split()
    assert words[0::2] == ["added", "password"]
    imap_in(server, address, words[3])
    listed = json.loads(server.command("asp", "list", address, "--json").stdout)
    assert [(row["id"], row["scopes"]) for row in listed] == [(words[1], ["imap"])]
    made = server.command("totp", "setup", address).stdout
    found = re.search(r"^seed ([A-Z2-7]{32})$", made, re.MULTILINE)
    assert found is not None
    server.command("totp", "enable", address, code(found[1]))
    assert login(server, address, PASSWORD)[1]["require2fa"] == ["totp"]
    server.command("totp", "disable", address)
    server.command("asp", "remove", address, words[1])
    text = server.command("authlog", address).stdout
    assert "enable 2fa totp" in text
    assert "delete asp" in text
    done_before = server.command("asp", "remove", address, words[1], check=False)
    assert done_before.returncode == 1
