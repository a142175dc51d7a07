"""`mailhub queue` and `mailhub suppression` on mail that waits, with a server and without."""

from __future__ import annotations

import json
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.live.outgoing import SENDER, Hub, hub, text
from tests.live.peers import until
from tests.live.server import BIN

LATER = b"451-4.7.1 <%b>: come again\r\n451 4.7.1 in an hour\r\n"
TAKEN = b"250 2.1.5 Ok\r\n"
SLOW = {"retry": "[3600]", "backoff": "3600", "backoff_most": "3600", "suppress": '["5.1.1"]'}


class Far:
    """A mail server that refuses recipients as it is told. `says`: local parts to replies of RCPT;
    others get `LATER`. `taken`: (recipients, message) of what it took. `asked`: every RCPT."""

    def __init__(self) -> None:
        self.says: dict[bytes, bytes] = {}
        self.taken: list[tuple[list[bytes], bytes]] = []
        self.asked: list[bytes] = []
        self._door = socket.create_server(("127.0.0.1", 0))
        self.port = self._door.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        # Wakes accept(), which a close alone does not.
        self._door.shutdown(socket.SHUT_RDWR)
        self._door.close()

    def got(self, local: bytes) -> bool:
        return any(local in one.partition(b"@")[0] for to, _ in self.taken for one in to)

    def _serve(self) -> None:
        while True:
            try:
                peer, _ = self._door.accept()
            except OSError:
                return
            threading.Thread(target=self._talk, args=(peer,), daemon=True).start()

    def _talk(self, peer: socket.socket) -> None:
        with peer, peer.makefile("rb") as lines:
            peer.sendall(b"220 far.test ESMTP\r\n")
            recipients: list[bytes] = []
            for line in lines:
                verb = line[:4].upper()
                if verb == b"MAIL":
                    recipients = []
                if verb == b"DATA":
                    peer.sendall(b"354 Go on\r\n" if recipients else b"554 5.5.1 Nobody\r\n")
                    if recipients:
                        message = b"".join(iter(lines.readline, b".\r\n"))
                        self.taken.append((recipients, message))
                        peer.sendall(b"250 2.0.0 Ok\r\n")
                elif verb == b"RCPT":
                    whom = line[line.index(b"<") + 1 : line.index(b">")]
                    self.asked.append(whom)
                    reply = self.says.get(whom.partition(b"@")[0]) or LATER % whom
                    if reply.startswith(b"2"):
                        recipients.append(whom)
                    peer.sendall(reply)
                else:
                    peer.sendall(b"221 2.0.0 Bye\r\n" if verb == b"QUIT" else b"250 2.0.0 Ok\r\n")


@contextmanager
def place(**queue: str) -> Iterator[tuple[Hub, Far]]:
    """A hub that sends everything over one server."""
    far = Far()
    try:
        with hub(queue={**SLOW, **queue}) as here:
            route(here, "*", far)
            yield here, far
    finally:
        far.close()


def route(here: Hub, destination: str, far: Far) -> str:
    """Sends mail for a destination there; the route's number."""
    words = ("--host", "127.0.0.1", "--port", str(far.port), "--tls", "none")
    return here.server.command("routes", "add", destination, *words).stdout.split()[1]


def entries(here: Hub, *words: str) -> list[dict[str, Any]]:
    found = json.loads(here.server.command("queue", "list", "--json", *words).stdout)
    assert isinstance(found, list)
    return found


def recipients(here: Hub, *words: str) -> list[str]:
    return [one["recipient"] for one in entries(here, *words)]


def numbers(here: Hub) -> dict[str, str]:
    """Recipients' local parts to the numbers of their entries."""
    return {one["recipient"].partition("@")[0]: str(one["number"]) for one in entries(here)}


def says(here: Hub, *words: str) -> str:
    return here.server.command("queue", *words).stdout


def refused(here: Hub, *words: str) -> tuple[int, str]:
    """Status and complaint of a command that fails; nobody is there to answer questions."""
    done = subprocess.run(
        [BIN / "mailhub", "--config", here.server.config, *words],
        capture_output=True,
        text=True,
        timeout=60,
        stdin=subprocess.DEVNULL,
        check=False,
    )
    assert "Traceback" not in done.stderr
    return done.returncode, done.stderr


@contextmanager
def waiting(*locals: str) -> Iterator[tuple[Hub, Far]]:
    """Recipients of far.test that were refused once and wait, each of a message of its own."""
    with place() as (here, far):
        for local in locals:
            here.submit(text(local), f"{local}@far.test")
        for local in locals:
            here.fate(f"{local}@far.test", "deferred")
        yield here, far


def test_looking() -> None:
    with place() as (here, _):
        here.submit(text("one"), "a@far.test", "b@far.test", mail=["RET=HDRS", "ENVID=e1"])
        here.submit(text("two"), "c@other.test")
        for whom in ("a@far.test", "b@far.test", "c@other.test"):
            here.fate(whom, "deferred")
        assert recipients(here) == ["a@far.test", "b@far.test", "c@other.test"]
        assert recipients(here, "--domain", "far.test") == ["a@far.test", "b@far.test"]
        assert recipients(here, "--recipient", "C@other.test") == ["c@other.test"]
        assert recipients(here, "--sender", "nobody@home.test") == []
        assert recipients(here, "--query", "other") == ["c@other.test"]
        assert recipients(here, "--older-than", "1h") == []
        assert recipients(here, "--limit", "2") == ["a@far.test", "b@far.test"]
        assert says(here, "list", "--count", "--sender", SENDER) == "3\n"
        lines = says(here, "list").splitlines()
        assert len(lines) == 3
        columns = lines[0].split("\t")
        assert columns[1] == "waiting"
        assert columns[4] == "1"
        assert columns[6:] == [
            SENDER,
            "a@far.test",
            "451 4.7.1 <a@far.test>: come again / 4.7.1 in an hour",
        ]
        assert says(here, "list", "--held") == "none\n"
        first = numbers(here)["a"]
        shown = says(here, "show", first)
        for part in (
            f"<{SENDER}>, submitted by {SENDER}",
            "<a@far.test>",
            "RET=HDRS ENVID=e1",
            "127.0.0.1 [127.0.0.1]",
            "<a@far.test>: come again",
            "in an hour",
            "over route 1",
            f"127.0.0.1 port {route_port(here)}, TLS none (route): 127.0.0.1",
            "<one@home.test>",
        ):
            assert part in shown, (part, shown)
        about = json.loads(says(here, "show", "--json", first))
        assert about["history"][0]["reply"].startswith("451 ")
        assert about["way"]["routes"] == [1]
        headers = says(here, "show", "--headers", first)
        assert headers.startswith("Received: ")
        assert "Message-ID: <one@home.test>" in headers
        assert "first line" not in headers
        whole = here.server.command("queue", "show", "--message", first).stdout
        assert whole.startswith(headers)
        assert "..\n" in whole.replace("\r\n", "\n")


def route_port(here: Hub) -> int:
    return int(json.loads(here.server.command("routes", "list", "--json").stdout)[0]["port"])


def every_act(here: Hub, far: Far) -> None:
    """What can be seen of every act on a, b, c, d, e and f of far.test at once; the rest when
    the server runs."""
    number = numbers(here)
    assert says(here, "hold", number["a"], number["b"]) == "held 2 recipients\n"
    assert recipients(here, "--held") == ["a@far.test", "b@far.test"]
    assert "next try     never, until it is released" in says(here, "show", number["a"])
    assert says(here, "release", number["a"]) == "released 1 recipient\n"
    assert recipients(here, "--held") == ["b@far.test"]
    for local in ("a", "b", "f"):
        far.says[local.encode()] = TAKEN
    time.sleep(1.1)  # ages are whole seconds
    told = says(here, "retry", "--older-than", "0s", "--recipient", "a@far.test")
    assert told == "due now: 1 recipient\n"
    assert says(here, "retry", number["b"]) == "due now: 1 recipient\n"
    told = says(here, "bounce", number["c"], "--reason", "Nobody reads mail there")
    assert told == "bounced 1 recipient\n"
    assert says(here, "discard", number["d"]) == "discarded 1 recipient\n"
    assert {"c@far.test", "d@far.test"}.isdisjoint(recipients(here))


@pytest.mark.parametrize("running", [True, False])
def test_every_act(running: bool) -> None:
    with waiting("a", "b", "c", "d", "e", "f") as (here, far):
        other = Far()
        other.says[b"f"] = TAKEN
        second = route(here, "elsewhere.test", other)
        tries = len(far.asked)
        if not running:
            assert here.server.stop() == 0
        every_act(here, far)
        number = numbers(here)
        told = says(here, "reroute", "--route", second, number["f"])
        assert told == "rerouted 1 recipient\n"
        says(here, "retry", number["f"])
        status, complaint = refused(here, "queue", "reroute", "--route", "99", number["f"])
        assert (status, complaint) == (1, "mailhub: No such route\n")
        if not running:
            assert not far.taken
            here.server.start()
        assert until(lambda: far.got(b"a")), here.tail()
        assert until(lambda: other.got(b"f")), here.tail()
        assert until(lambda: recipients(here) == ["b@far.test", "e@far.test"]), recipients(here)
        # Held mail was not tried, discarded mail neither.
        assert sorted(far.asked[tries:]) == [b"a@far.test"]
        notice = here.mail_about("c")
        assert "Nobody reads mail there" in notice.as_string()
        assert len([one for one in here.inbox() if "<d@home" in str(one["In-Reply-To"])]) == 0
        assert says(here, "release", "--held") == "released 1 recipient\n"
        assert until(lambda: far.got(b"b")), here.tail()
        other.close()


@pytest.mark.parametrize("running", [True, False])
def test_a_purge_asks_first(running: bool) -> None:
    with waiting("a", "b") as (here, _):
        if not running:
            assert here.server.stop() == 0
        status, complaint = refused(here, "queue", "purge")
        assert status == 1
        assert "Aborted" in complaint
        for act in ("bounce", "discard"):
            assert refused(here, "queue", act, "--domain", "far.test")[0] == 1
        assert len(entries(here)) == 2
        assert says(here, "purge", "--yes") == "discarded 2 recipients\n"
        assert says(here, "list") == "none\n"
        assert says(here, "purge") == "nothing waits\n"
        if not running:
            here.server.start()
        assert here.inbox() == []


def test_complaints() -> None:
    with waiting("a") as (here, _):
        gone = "mailhub: No such queue entry\n"
        nothing = "mailhub: No queue entry matches\n"
        assert refused(here, "queue", "show", "999") == (1, gone)
        assert refused(here, "queue", "show", "--message", "999") == (1, gone)
        assert refused(here, "queue", "hold", "999") == (1, nothing)
        assert refused(here, "queue", "bounce", "--yes", "--domain", "x.test") == (1, nothing)
        for words in (("hold",), ("hold", "--all", "--domain", "x"), ("discard", "--yes"),
                      ("reroute", "1"), ("list", "--older-than", "soon")):  # fmt: skip
            status, complaint = refused(here, "queue", *words)
            assert status == 2, complaint
            assert complaint.startswith("Usage: ")
        (number,) = numbers(here).values()
        told = says(here, "hold", number, "999")
        assert told == "held 1 recipient; 1 of the numbers are not in the queue\n"


def test_who_is_refused_for_good_is_written_to_no_more() -> None:
    with place() as (here, far):
        far.says[b"gone"] = b"550 5.1.1 Gone for good\r\n"
        here.submit(text("first"), "gone@far.test")
        here.mail_about("first")
        assert until(lambda: "gone@far.test" in suppressed(here))
        line = suppressed(here).strip().split("\t")
        assert line[0] == "gone@far.test"
        assert line[3:] == ["5.1.1", "5.1.1 Gone for good"]
        here.submit(text("second"), "gone@far.test")
        notice = here.mail_about("second").as_string()
        assert "Nothing is sent to this recipient any more" in notice
        assert "Gone for good" in notice
        assert far.asked == [b"gone@far.test"]
        far.says[b"gone"] = TAKEN
        here.server.command("suppression", "remove", "GONE@far.test")
        here.submit(text("third"), "gone@far.test")
        assert until(lambda: far.got(b"gone")), here.tail()
        here.server.command("suppression", "add", "gone@far.test", "--reason", "Left us")
        assert "for ever" in suppressed(here)
        here.submit(text("fourth"), "gone@far.test")
        assert "Left us" in here.mail_about("fourth").as_string()
        assert refused(here, "suppression", "remove", "x@far.test")[0] == 1


def suppressed(here: Hub) -> str:
    return here.server.command("suppression", "list").stdout


def test_mail_that_leaves_later() -> None:
    with place() as (here, far):
        far.says[b"a"] = TAKEN
        with here.submission() as smtp:
            assert smtp.esmtp_features["futurerelease"].split()[0] == str(30 * 86400)
        here.submit(text("later"), "a@far.test", SENDER, mail=["HOLDFOR=3"])
        began = time.monotonic()
        assert [one.split("\t")[1] for one in says(here, "list").splitlines()] == ["planned"] * 2
        assert "planned for  " in says(here, "show", "1")
        assert here.inbox() == []
        assert until(lambda: far.got(b"a")), here.tail()
        assert time.monotonic() - began > 2
        assert until(lambda: len(here.inbox()) == 1), here.tail()


def test_an_edited_template(tmp_path: Any) -> None:
    template = tmp_path / "words.txt"
    with place(notice_template=f'"{template}"') as (here, _):
        words = says(here, "template")
        edited = words.replace("Subject: Undelivered:", "Subject: Came back:")
        assert edited != words
        template.write_text(edited)
        template.chmod(0o644)
        assert says(here, "template", "--check", str(template)) == f"{template}: good\n"
        bounce(here, "one")
        assert str(here.mail_about("one")["Subject"]).startswith("Came back: ")
        template.write_text(edited.replace("[delayed]", "[late]"))
        line = edited.splitlines().index("[delayed]") + 1
        complaint = f"mailhub: {template}: Line {line}: there is no section late\n"
        assert refused(here, "queue", "template", "--check", str(template)) == (1, complaint)
        bounce(here, "two")
        assert str(here.mail_about("two")["Subject"]).startswith("Undelivered: ")
        assert here.events("notice", outcome="bad template")
        template.write_text(edited.replace("Came back", "Back again"))
        bounce(here, "three")
        assert str(here.mail_about("three")["Subject"]).startswith("Back again: ")


def bounce(here: Hub, name: str) -> None:
    here.submit(text(name), f"{name}@far.test")
    here.fate(f"{name}@far.test", "deferred")
    says(here, "bounce", "--yes", "--recipient", f"{name}@far.test")
