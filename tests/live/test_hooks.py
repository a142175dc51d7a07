"""Hooks of a running server: callbacks over HTTP at each stage, and a function of a package."""

from __future__ import annotations

import smtplib
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.live.bumpy import Bumpy
from tests.live.callbacks import Callbacks, Facts
from tests.live.outgoing import SENDER, Hub, hub, text
from tests.live.pace import prompt
from tests.live.peers import until

STAGES = ("connect", "hello", "mail", "rcpt", "data", "message", "quit", "deliver", "delivered")
HOOK = """
[[hook]]
stage = "{stage}"
url = "http://127.0.0.1:{port}{path}"
timeout = 1
on_failure = "{on_failure}"
"""
PACKAGE = """
[[hook]]
stage = "rcpt"
entry = "house-rules"
timeout = 1
on_failure = "defer"
"""
RULES = """
from twisted.internet import reactor
from twisted.internet.task import deferLater

from mailhub.model.hook import HookAction, HookAnswer


async def rules(facts):
    newest = facts.recipients[-1]
    if newest.startswith("ada+forbidden"):
        return HookAnswer(HookAction.REJECT, f"{facts.sender} may not write to {newest}")
    if newest.startswith("ada+broken"):
        raise ValueError("a defect")
    if newest.startswith("ada+asleep"):
        await deferLater(reactor, 60)
"""


@dataclass
class House:
    """A mailhub with hooks, those who answer them, and a server that its mail goes to."""

    hub: Hub
    hooks: Callbacks
    far: Bumpy

    def failures(self, path: str) -> list[Mapping[str, object]]:
        """What the log says of the hooks that could not be asked."""
        url = f"http://127.0.0.1:{self.hooks.port}{path}" if path.startswith("/") else path
        return self.hub.events("hook", hook=url, outcome="failed")

    def failed(self, path: str, times: int) -> None:
        """The log comes a moment behind the answer."""
        assert until(lambda: len(self.failures(path)) == times), self.failures(path)


def install(folder: Path) -> None:
    """Puts a package there as an installer does: a module, and beside it what it offers."""
    about = folder / "house_rules-1.0.dist-info"
    about.mkdir(parents=True)
    (folder / "house_rules.py").write_text(RULES)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: house-rules\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[mailhub.hooks]\nhouse-rules = house_rules:rules\n")


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("packages")
    install(folder)
    with Bumpy() as far, Callbacks() as hooks, pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(folder), prepend=":")
        more = "".join(
            HOOK.format(stage=stage, port=hooks.port, path="/lenient", on_failure="accept")
            for stage in STAGES
        )
        for stage in ("connect", "mail", "deliver"):
            more += HOOK.format(stage=stage, port=hooks.port, path="/strict", on_failure="defer")
        with hub(more=more + PACKAGE) as ours:
            port = str(far.port)
            words = ("routes", "add", "*", "--host", "127.0.0.1", "--port", port, "--tls", "none")
            ours.server.command(*words)
            yield House(ours, hooks, far)
            said = ours.server.log.read_text()
            assert "Unhandled" not in said


@pytest.fixture
def house(running: House) -> House:
    running.hooks.forget()
    running.far.taken.clear()
    return running


def arrive(house: House, stop: str = "", recipient: str = SENDER) -> tuple[int, str]:
    """A message from elsewhere; the first answer that is no success, or the last one."""
    port = house.hub.server.port("smtp")
    steps: list[Callable[[], tuple[int, bytes]]] = [
        lambda: smtp.connect("127.0.0.1", port),
        lambda: smtp.ehlo("client.test"),
        lambda: smtp.mail("grace@elsewhere.test"),
        lambda: smtp.rcpt(recipient),
        lambda: smtp.docmd("DATA"),
        lambda: _content(smtp, stop),
    ]
    with smtplib.SMTP(timeout=20) as smtp:
        for step in steps:
            code, said = step()
            if code >= 400:
                break
    return code, said.decode()


def _content(smtp: smtplib.SMTP, subject: str) -> tuple[int, bytes]:
    smtp.send(f"Subject: {subject}\r\n\r\nHello\r\n.\r\n")
    return smtp.getreply()


# -- all stages


def test_a_message_passes_every_stage(house: House) -> None:
    with house.hub.submission(tls=True) as smtp:
        assert smtp.sendmail(SENDER, ["grace@far.test", "never@far.test"], text("passes")) == {}
    assert until(lambda: house.hooks.of("delivered")), house.hub.tail()
    facts = {stage: house.hooks.of(stage)[-1] for stage in STAGES}
    first = facts["connect"]
    assert first == {
        "stage": "connect",
        "service": "submission",
        "session": first["session"],
        "peer": "127.0.0.1",
    }
    assert all(facts[stage]["session"] == first["session"] for stage in STAGES[:7])
    assert [one.get("tls") for one in house.hooks.of("hello")] == [None, "TLSv1.3"]
    assert facts["mail"]["sender"] == SENDER == facts["mail"]["user"]
    assert [one["recipients"] for one in house.hooks.of("rcpt") if "tls" in one] == [
        ["grace@far.test"],
        ["grace@far.test", "never@far.test"],
    ]
    assert facts["data"]["recipients"] == ["grace@far.test", "never@far.test"]
    message, deliver, delivered = facts["message"], facts["deliver"], facts["delivered"]
    assert "Message-ID: <passes@home.test>\r\n" in message["header"]
    assert message["header"].startswith("Received: ")
    assert "The first line" not in message["header"]
    assert message["transaction"] == deliver["transaction"] == delivered["transaction"]
    assert deliver["recipients"] == delivered["recipients"] == facts["data"]["recipients"]
    assert deliver["entries"] == delivered["entries"]
    assert len(deliver["entries"]) == 2
    assert "results" not in deliver
    assert [(one["recipient"], one["code"], one["status"]) for one in delivered["results"]] == [
        ("grace@far.test", 250, "2.0.0"),
        ("never@far.test", 550, "5.1.1"),
    ]
    assert house.far.taken[0].recipients == ("grace@far.test",)
    assert house.hooks.of("quit")
    asked = [path for path, facts in house.hooks.heard if facts["stage"] == "deliver"]
    assert asked[:2] == ["/lenient", "/strict"]


REJECTED = {
    "connect": 554,
    "hello": 550,
    "mail": 550,
    "rcpt": 550,
    "data": 554,
    "message": 554,
}


@pytest.mark.parametrize("stage", REJECTED)
@pytest.mark.parametrize("action", ["reject", "defer"])
def test_an_objection_is_the_client_s_answer(house: House, stage: str, action: str) -> None:
    def say(facts: Facts) -> object:
        if facts["stage"] == stage:
            return {"action": action, "text": f"Not at {stage}, says the house"}
        return None

    house.hooks.say["/lenient"] = say
    code, said = arrive(house, f"{stage} {action}")
    later = 421 if stage == "connect" else 451
    assert code == (REJECTED[stage] if action == "reject" else later)
    assert said == f"{code // 100}.7.1 Not at {stage}, says the house"
    house.hooks.forget()
    assert arrive(house)[0] == 250
    heard = [facts["stage"] for _, facts in house.hooks.heard if facts["stage"] != "quit"]
    assert list(dict.fromkeys(heard)) == list(REJECTED)


def test_what_is_not_objected_to_is_stored(house: House) -> None:
    assert arrive(house, "stored")[0] == 250
    assert any(one["Subject"] == "stored" for one in house.hub.inbox())
    assert not any("reject" in str(one["Subject"]) for one in house.hub.inbox())


# -- deliveries


def test_a_delivery_that_is_rejected_comes_back(house: House) -> None:
    answer = {"action": "reject", "text": "Not to them"}
    house.hooks.say["/strict"] = lambda facts: answer if facts["stage"] == "deliver" else None
    house.hub.submit(text("rejected"), "grace@far.test")
    told = house.hub.mail_about("rejected").as_string()
    assert "Not to them" in told
    assert "Status: 5.7.1" in told
    assert house.far.taken == []
    assert house.hooks.of("delivered") == []


def test_a_delivery_that_is_put_off_is_asked_about_again(house: House) -> None:
    answers = [{"action": "defer", "text": "Not now"}, {"action": "accept"}]
    house.hooks.say["/strict"] = lambda facts: (
        answers.pop(0) if facts["stage"] == "deliver" else None
    )
    house.hub.submit(text("put-off"), "grace@far.test")
    assert until(lambda: house.far.taken), house.hub.tail()
    assert len(house.hooks.of("deliver")) == 4
    put_off = house.hub.events("delivery", outcome="deferred", recipient="grace@far.test")
    assert "Not now" in str(put_off[-1])


# -- those who do not answer


def _asleep(facts: Facts) -> object:
    time.sleep(2)
    return None


def _hangs_up(facts: Facts) -> object:
    raise ConnectionError


@pytest.mark.parametrize(
    ("say", "seconds"),
    [
        (_asleep, 1.0),
        (_hangs_up, 0.0),
        (lambda facts: b"not json", 0.0),
        (lambda facts: {"action": "perhaps"}, 0.0),
        (lambda facts: b" " * 20_000, 0.0),
    ],
)
def test_a_hook_that_does_not_answer(house: House, say: Any, seconds: float) -> None:
    """One is passed over, the other puts everything off, as the configuration has it."""
    failures = len(house.failures("/lenient"))
    house.hooks.say["/lenient"] = lambda facts: say(facts) if facts["stage"] == "mail" else None
    began = time.monotonic()
    with prompt(seconds + 5, house.hub.server.pid):
        assert arrive(house, "without hooks")[0] == 250
    assert time.monotonic() - began >= seconds
    house.failed("/lenient", failures + 1)
    house.hooks.say["/strict"] = house.hooks.say.pop("/lenient")
    code, said = arrive(house, "put off")
    assert (code, said) == (451, "4.7.1 Refused by a rule of this server")


def test_a_hook_server_that_is_away(house: House) -> None:
    with house.hooks.away():
        code, _ = arrive(house)
        assert code == 421  # the strict hook at connect
        with pytest.raises(smtplib.SMTPConnectError):
            house.hub.submit(text("away"), "grace@far.test")
    assert arrive(house)[0] == 250


def test_a_slow_hook_holds_up_nobody_else(house: House) -> None:
    go_on = threading.Event()

    def say(facts: Facts) -> object:
        if facts["stage"] == "mail" and facts["helo"] == "slow.test":
            go_on.wait(0.8)
        return None

    house.hooks.say["/lenient"] = say
    port = house.hub.server.port("smtp")
    with socket.create_connection(("127.0.0.1", port), timeout=10) as slow:
        assert slow.recv(1000).startswith(b"220 ")
        slow.sendall(b"HELO slow.test\r\nMAIL FROM:<a@b.test>\r\nNOOP\r\n")
        assert until(lambda: any(f.get("helo") == "slow.test" for f in house.hooks.of("mail")))
        with prompt(0.7, house.hub.server.pid):
            assert arrive(house)[0] == 250
        go_on.set()
        said = b""
        while said.count(b"\r\n") < 3:
            said += slow.recv(1000)
    assert [line[:3] for line in said.splitlines()] == [b"250", b"250", b"250"]


# -- a function of a package


def test_a_package_s_function_decides(house: House) -> None:
    assert arrive(house, recipient="ada+forbidden@home.test") == (
        550,
        "5.7.1 grace@elsewhere.test may not write to ada+forbidden@home.test",
    )
    assert arrive(house)[0] == 250


@pytest.mark.parametrize("fault", ["broken", "asleep"])
def test_a_package_s_function_with_a_fault(house: House, fault: str) -> None:
    failures = len(house.failures("house-rules"))
    assert arrive(house, recipient=f"ada+{fault}@home.test")[0] == 451
    house.failed("house-rules", failures + 1)
    assert arrive(house)[0] == 250


def test_a_package_that_is_missing_ends_the_start(tmp_path: Path) -> None:
    with (
        pytest.raises(AssertionError, match="no package offers 'house-rules-2'"),
        hub(more=PACKAGE.replace("house-rules", "house-rules-2")),
    ):
        raise ValueError("the server started")
