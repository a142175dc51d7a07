"""Every call of tmail's document, as its own curl lines make them, and whatever a program that has
read our description makes of it."""

from __future__ import annotations

import itertools
import json
import re
import shlex
import subprocess
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.live.bumpy import Bumpy
from tests.live.outgoing import PASSWORD, SENDER, Hub, hub, text
from tests.live.peers import until
from tests.live.server import BIN
from tests.programs import program

JSON = "application/json; charset=UTF-8"
MORE = """
[http]
tmail_login = "admin"
tmail_password = "admin"
tmail_hashes = ["root@home.test"]

[[listener]]
service = "http"
endpoint = "tcp:0:interface=127.0.0.1"
tls = "implicit"
root = "tmail"
"""
ROOT = "root@home.test:" + PASSWORD
CURL = "curl -v -u admin:admin -k"
TYPED = CURL + ' -H "Content-Type: application/json"'
NEW = '{"passwd": "mot de passe", "authRelay": true, "haveMailbox": true, "mailboxQuota": "1G"}'
_numbers = itertools.count(1)


@dataclass
class Place:
    """A mailhub with tmail's API in two places, and mail that waits for a server of ours."""

    hub: Hub
    far: Bumpy

    @property
    def bases(self) -> Mapping[str, str]:
        server = self.hub.server
        return {
            "root": f"https://127.0.0.1:{server.port('http', 'implicit')}",
            "prefix": f"http://127.0.0.1:{server.port('http', 'none')}/tmail",
        }

    def waiting(self) -> int:
        """The number of a new message that was tried once, and waits."""
        return self._queued(
            "later", lambda row: (row["Status"], row["DeliveryFailedCount"]) == (2, 1)
        )

    def busy(self) -> int:
        """The number of a new message that is being sent until the end."""
        return self._queued("slow", lambda row: row["Status"] == 0 and self.far.waiting > 0)

    def _queued(self, kind: str, is_so: Callable[[Any], bool]) -> int:
        name = f"{kind}{next(_numbers)}"
        self.hub.submit(text(name), f"{name}@far.test")
        found: list[int] = []

        def look() -> bool:
            rows = curl(f"{CURL} {self.bases['root']}/queue").json
            found[:] = [
                row["Id"] for row in rows if row["RcptTo"] == f"{name}@far.test" and is_so(row)
            ]
            return bool(found)

        assert until(look), self.hub.tail()
        return found[0]


@dataclass(frozen=True)
class Reply:
    """What curl showed."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def curl(line: str) -> Reply:
    """Runs a line of the document. `-v` goes to standard error, as it always does."""
    name, *words = shlex.split(line)
    done = subprocess.run(
        [program(name), "-s", "-i", *words], capture_output=True, timeout=30, check=False
    )
    assert done.returncode == 0, done.stderr.decode(errors="replace")
    head, _, body = done.stdout.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    headers = {name.lower(): value for name, _, value in (one.partition(": ") for one in lines)}
    return Reply(int(first.split()[1]), headers, body)


@pytest.fixture(scope="module")
def place() -> Iterator[Place]:
    with Bumpy() as far, hub(more=MORE, queue={"retry": "[3600]"}) as ours:
        port = str(far.port)
        ours.server.command(
            "routes", "add", "*", "--host", "127.0.0.1", "--port", port, "--tls", "none"
        )
        ours.server.add_user("root@home.test", PASSWORD, "--role", "admin")
        yield Place(ours, far)
        far.go_on.set()
        said = ours.server.log.read_text()
        assert "Traceback" not in said
        assert "Unhandled" not in said


@dataclass(frozen=True)
class Case:
    """A line, and what has to come back: `body` is None for nothing, a JSON value, or what tells
    whether a JSON value is right; `headers` are patterns. `before`: lines that succeed first.

    In lines, BASE is where the API is and PATH its path; LOGIN and NUMBER are new in each case, ID
    is a message that waits, BUSY one that is being sent. In what comes back, LOGIN stands for the
    login, and `message ID` for the message's number.
    """

    line: str
    status: int
    body: object = None
    before: tuple[str, ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)


def failure(msg: str, raw: str = "") -> Mapping[str, str]:
    return {"msg": msg, "raw": raw}


def is_failure(value: Any, msg: str = "") -> bool:
    """An error, whatever the words."""
    return set(value) == {"msg", "raw"} and value["msg"] == (msg or value["msg"])


def unreadable(value: Any) -> bool:
    """The request could not be read."""
    return is_failure(value, "bad request") and bool(value["raw"])


def user(**fields: object) -> Callable[[Any], bool]:
    """A user, whole, with these fields among the others."""
    names = "Id Login Passwd DovePasswd Active AuthRelay HaveMailbox IsCatchall MailboxQuota Home"
    return lambda value: list(value) == names.split() and fields.items() <= value.items()


def message(value: Any) -> bool:
    """A queued message, whole, with values of the right kind."""
    names = "Id Uuid Key MailFrom AuthUser RcptTo MessageId Host LastUpdate AddedAt"
    names += " NextDeliveryScheduledAt Status DeliveryFailedCount"
    moment = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"
    return (
        list(value) == names.split()
        and isinstance(value["Id"], int)
        and value["MailFrom"] == value["AuthUser"] == SENDER
        and value["RcptTo"] == value["MessageId"].replace("@home.test", "@far.test")
        and value["Host"] == "far.test"
        and re.fullmatch("[0-9a-f]{40}", value["Key"]) is not None
        and all(re.fullmatch(moment, value[name]) for name in ("AddedAt", "LastUpdate"))
        and value["Status"] == 2
        and value["AddedAt"] <= value["LastUpdate"] < value["NextDeliveryScheduledAt"]
    )


def among(true: Callable[[Any], bool]) -> Callable[[Any], bool]:
    """A list in which something is right."""
    return lambda value: isinstance(value, list) and any(true(one) for one in value)


def posted(body: str, path: str = "/users/LOGIN") -> str:
    return f"{TYPED} -X POST -d '{body}' BASE{path}"


def put(body: str) -> str:
    return f"{TYPED} -X PUT -d '{body}' BASE/users/LOGIN"


CREATE = posted(NEW)
NOT_MADE = "unable to create new user"
SHORT = "password must have at least 6 characters"
NO_USER = failure("no such user LOGIN")
NO_NUMBER = failure("bad request", "the id of a message is a whole number")
NO_MESSAGE = failure("no such message 99999")
IN_PROGRESS = failure("delivery in progress, message status can't be changed")
CASES = {
    "ping": Case("curl -k BASE/ping", 200, {"msg": "pong"}),
    "a user is added": Case(CREATE, 201, headers={"location": "BASE/users/LOGIN"}),
    "a user is added with curl's own type": Case(CREATE.replace(TYPED, CURL), 201),
    "a user exists": Case(
        CREATE, 422, failure(NOT_MADE, "UNIQUE constraint failed: users.login"), (CREATE,)
    ),
    "a user without a mailbox": Case(
        posted('{"passwd": "secret1", "authRelay": true}', "/users/relayNUMBER"), 201
    ),
    "a catchall": Case(
        f"{CURL} BASE/users/all@nNUMBER.test",
        200,
        user(IsCatchall=True, MailboxQuota=""),
        (
            posted(
                '{"passwd": "secret1", "haveMailbox": true, "isCatchall": true}',
                "/users/all@nNUMBER.test",
            ),
        ),
    ),
    "a user in broken JSON": Case(posted("{not json"), 400, unreadable),
    "a user in JSON that is no object": Case(posted("[]"), 400, unreadable),
    "a user with a field of another type": Case(posted('{"passwd": 123456}'), 400, unreadable),
    "a user without anything": Case(
        f"{CURL} -X POST BASE/users/LOGIN", 422, failure(NOT_MADE, SHORT)
    ),
    "a user with a short password": Case(
        posted('{"passwd": "five5"}'), 422, failure(NOT_MADE, SHORT)
    ),
    "a user with a short name": Case(
        posted('{"passwd": "secret1"}', "/users/abc"),
        422,
        failure(NOT_MADE, "login must have 4 to 256 characters"),
    ),
    "a user with a quota that is none": Case(
        posted(NEW.replace("1G", "a lot")), 422, lambda value: is_failure(value, NOT_MADE)
    ),
    "a catchall without a mailbox": Case(
        posted('{"passwd": "secret1", "isCatchall": true}'),
        422,
        failure(NOT_MADE, "a catchall needs a mailbox"),
    ),
    "a mailbox without an address": Case(
        posted(NEW, "/users/noaddress"),
        422,
        failure(NOT_MADE, "the login of a user with a mailbox must be an address"),
    ),
    "a user is shown": Case(
        f"{CURL} BASE/users/LOGIN",
        200,
        user(
            Login="LOGIN",
            Passwd="",
            DovePasswd="",
            Active="Y",
            AuthRelay=True,
            HaveMailbox=True,
            IsCatchall=False,
            MailboxQuota="1G",
        ),
        (CREATE,),
    ),
    "a user is shown with the hash": Case(
        f"curl -k -u {ROOT} BASE/users/LOGIN",
        200,
        lambda value: value["DovePasswd"] == "{ARGON2ID}" + value["Passwd"] != "{ARGON2ID}",
        (CREATE,),
    ),
    "no such user": Case(f"{CURL} BASE/users/LOGIN", 404, NO_USER),
    "all users": Case(f"{CURL} BASE/users", 200, among(user(Login="LOGIN", Passwd="")), (CREATE,)),
    "some users": Case(
        f"{CURL} 'BASE/users?limit=1'",
        200,
        lambda value: len(value) == 1,
        headers={"link": r'<PATH/users\?limit=1&cursor=\d+>; rel="next"'},
    ),
    "some users, nobody knows how many": Case(f"{CURL} 'BASE/users?limit=x'", 400, unreadable),
    "a password is changed": Case(put('{"passwd": "another one"}'), 204, before=(CREATE,)),
    "a password is too short": Case(
        put('{"passwd": "five5"}'),
        422,
        failure("unable to change user password", SHORT),
        (CREATE,),
    ),
    "a password in broken JSON": Case(put("{"), 400, unreadable, (CREATE,)),
    "a password of nobody": Case(put('{"passwd": "another one"}'), 404, NO_USER),
    "a user is removed": Case(f"{CURL} -X DELETE BASE/users/LOGIN", 200, before=(CREATE,)),
    "nobody is removed": Case(f"{CURL} -X DELETE BASE/users/LOGIN", 404, NO_USER),
    "the queue": Case(f"{CURL} BASE/queue", 200, among(message), ("true ID",)),
    "some of the queue": Case(
        f"{CURL} 'BASE/queue?limit=1'",
        200,
        lambda value: len(value) == 1,
        ("true ID",),
        headers={"link": r'<PATH/queue\?limit=1&cursor=\d+>; rel="next"'},
    ),
    "the queue from nowhere": Case(f"{CURL} 'BASE/queue?cursor=-1'", 400, unreadable),
    "a message": Case(f"{CURL} BASE/queue/ID", 200, message),
    "a message that is being sent": Case(
        f"{CURL} BASE/queue/BUSY", 200, lambda value: value["Status"] == 0
    ),
    "no such message": Case(f"{CURL} BASE/queue/99999", 404, NO_MESSAGE),
    "a message without a number": Case(f"{CURL} BASE/queue/first", 400, NO_NUMBER),
    "no such path": Case(f"{CURL} BASE/users/a/b/c", 404, is_failure),
    "tmail's temporary files": Case(f"{CURL} BASE/msdata/../etc/passwd", 404, is_failure),
    "no such method": Case(
        f"{CURL} -X PATCH BASE/queue", 405, is_failure, headers={"allow": "GET, HEAD"}
    ),
}
for act in ("discard", "bounce"):
    end = f"curl -v -u admin:admin -X DELETE -k BASE/queue/{act}/"
    CASES |= {
        act: Case(end + "ID", 200),
        f"{act}, twice": Case(end + "ID", 404, failure("no such message ID"), (end + "ID",)),
        f"{act} what is not there": Case(end + "99999", 404, NO_MESSAGE),
        f"{act} without a number": Case(end + "first", 400, NO_NUMBER),
        f"{act} what is being sent": Case(end + "BUSY", 422, IN_PROGRESS),
        f"{act} without DELETE": Case(f"{CURL} BASE/queue/{act}/1", 405, is_failure),
    }


@pytest.mark.parametrize("where", ["root", "prefix"])
@pytest.mark.parametrize("name", CASES)
def test_a_call(place: Place, where: str, name: str) -> None:
    case = CASES[name]
    login = f"test{next(_numbers)}@tmail.test"
    names = {"LOGIN": login, "NUMBER": str(next(_numbers)), "BASE": place.bases[where]}
    names["PATH"] = "" if where == "root" else "/tmail"
    if "ID" in case.line + "".join(case.before):
        names["ID"] = str(place.waiting())
    if "BUSY" in case.line:
        names["BUSY"] = str(place.busy())
    for line in case.before:
        assert line.startswith("true") or curl(filled(line, names)).status in (200, 201)
    reply = curl(filled(case.line, names))
    assert reply.status == case.status, reply.body
    assert reply.headers.get("content-type") == (JSON if reply.status != 204 else None)
    for header, pattern in case.headers.items():
        assert re.fullmatch(filled(pattern, names), reply.headers[header])
    if case.body is None:
        assert reply.body == b""
        return
    said = reply.body.decode().replace(login, "LOGIN")
    said = said.replace(f"message {names.get('ID')}", "message ID")
    value = json.loads(said)
    assert case.body(value) if callable(case.body) else value == case.body, value


def filled(text: str, names: Mapping[str, str]) -> str:
    return re.sub("|".join(names), lambda found: names[found[0]], text)


CALLS = (
    "GET /users",
    "GET /users/x",
    "POST /users/x",
    "PUT /users/x",
    "DELETE /users/x",
    "GET /queue",
    "GET /queue/1",
    "DELETE /queue/discard/1",
    "DELETE /queue/bounce/1",
)
CHALLENGE = 'Basic realm="tmail REST server", charset="UTF-8"'


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize(
    ("credentials", "status"),
    [
        ("", 401),
        ("-u admin:wrong", 401),
        ("-u nobody:admin", 401),
        (f"-u {SENDER}:{PASSWORD}", 403),
    ],
)
def test_who_may_not_call(place: Place, call: str, credentials: str, status: int) -> None:
    method, path = call.split()
    reply = curl(f"curl -k {credentials} -X {method} {place.bases['root']}{path}")
    assert reply.status == status
    assert is_failure(reply.json)
    assert reply.headers.get("www-authenticate") == (CHALLENGE if status == 401 else None)


def test_what_the_calls_do(place: Place) -> None:
    """A user who was added logs in and sends; one that was bounced comes back to its sender."""
    base = place.bases["root"]
    names = {"LOGIN": f"joe{next(_numbers)}@tmail.test", "BASE": base}
    assert curl(filled(CREATE.replace("mot de passe", PASSWORD), names)).status == 201
    login = names["LOGIN"]
    mail = text("calls").replace(SENDER.encode(), login.encode())
    place.hub.submit(mail, "grace@far.test", sender=login, user=login)
    assert until(lambda: any(b"calls@home.test" in one.text for one in place.far.taken))
    number = place.waiting()
    (recipient,) = [
        row["RcptTo"] for row in curl(f"{CURL} {base}/queue").json if row["Id"] == number
    ]
    assert curl(f"{CURL} -X DELETE {base}/queue/bounce/{number}").status == 200
    told = place.hub.mail_about(recipient.partition("@")[0])
    assert recipient in told.as_string()
    assert curl(f"{CURL} {base}/queue/{number}").status == 404


# -- whatever else


CONFIG = """
[checks.positive_data_acceptance]
# Rules that no schema can tell, and the limits of this server, refuse with 422.
expected-statuses = ["2xx", 401, 403, 404, 422]

[auth.openapi]
main = { username = "admin", password = "admin" }
"""


def test_what_a_program_makes_of_the_description(place: Place, tmp_path: Path) -> None:
    numbers = [place.waiting() for _ in range(3)]
    assert max(numbers) < 1000
    (tmp_path / "schemathesis.toml").write_text(CONFIG)
    done = subprocess.run(
        [
            BIN / "schemathesis",
            "run",
            f"{place.bases['prefix']}/openapi.json",
            "--max-examples=20",
            "--generation-deterministic",
            "--request-timeout=10",
            "--no-color",
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    count = sum(map(len, curl(f"curl {place.bases['prefix']}/openapi.json").json["paths"].values()))
    assert f"Tested: {count}" in done.stdout
