"""A server whose panel has something on every page, all of it in the words of strangers who would
like it to run, and people before their windows; for the tests of the panel in a browser."""

from __future__ import annotations

import json
import smtplib
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from email.message import EmailMessage
from email.policy import SMTP
from typing import Any

from tests.live import web
from tests.live.bumpy import Bumpy
from tests.live.chromium import Chromium, Window
from tests.live.hostile import lines
from tests.live.looking import fill, form, send
from tests.live.outgoing import HOME, PASSWORD, Hub, hub, text
from tests.live.panel_forms import ANN, JOE, ROOT
from tests.live.peers import until
from tests.ports import free_port

MORE = """
[dns]
listen = ["127.0.0.1:{names}"]
addresses = ["192.0.2.1"]
host_keys = ""

[backup]
target = "off"

[reports]
receive = "reports@home.test"
"""
LIMITLESS = ("127.0.0.0/9", "::1/128")
GUESSER = "127.200.0.1"
"""An address of this machine for which there are limits."""
LINES = lines(200)
SHORT = lines(95)
"""As long as a name in a report may be."""


class House:
    """A server with something on every page, and two people who look at it. `joe_id`: one of them
    in paths."""

    def __init__(self, hub: Hub, chromium: Chromium, joe_id: str) -> None:
        self.hub = hub
        self.joe_id = joe_id
        self.passwords = dict.fromkeys((ROOT, JOE, ANN), PASSWORD)
        self.base = f"http://127.0.0.1:{hub.server.port('http', 'none')}"
        self._chromium = chromium

    @contextmanager
    def people(self) -> Iterator[House]:
        """The two sit before their windows, signed in."""
        with self.stranger(agent=LINES[0]) as self.root, self.stranger() as self.joe:
            self.root.sign_in(ROOT, PASSWORD)
            self.joe.sign_in(JOE, PASSWORD)
            yield self

    def stranger(self, **more: Any) -> AbstractContextManager[Window]:
        """The window of somebody who is not signed in."""
        return self._chromium.window(self.base, **more)

    def window(self, who: str) -> Window:
        return {ROOT: self.root, JOE: self.joe}[who]


@contextmanager
def opened(*, reports: bool = False) -> Iterator[House]:
    """The house; nothing in its log is a defect when it is left. `reports`: others sent some."""
    with ExitStack() as stack:
        far = stack.enter_context(Rude())
        more = MORE.format(names=free_port())
        ours = stack.enter_context(hub(more=more, queue={"retry": "[3600]"}, exempt=LIMITLESS))
        joe = settle(ours)
        furnish(ours, far, joe)
        if reports:
            report(ours)
        chromium = stack.enter_context(Chromium())
        yield stack.enter_context(House(ours, chromium, joe).people())
        said = ours.server.log.read_text()
        assert "Traceback" not in said
        assert "Unhandled" not in said


class Rude(Bumpy):
    """Puts every message off, with words of its own."""

    def answer(self, recipient: str) -> bytes:
        number = int(recipient.partition("@")[0].removeprefix("later"))
        return f"451 4.3.0 {LINES[number % len(LINES)]}\r\n".encode()


def settle(ours: Hub) -> str:
    """People move in. Joe's id."""
    ours.server.add_user(ROOT, PASSWORD, "--role", "admin", "--name", LINES[0])
    web.make(ours.server, ANN, name=LINES[2])
    web.make(ours.server, "reports@home.test")
    return web.make(ours.server, JOE, name=LINES[1])


def furnish(ours: Hub, far: Bumpy, joe: str) -> None:
    """So that no page is empty; whatever may be named bears a name that would like to run. `joe`:
    his id."""
    server = ours.server
    where = ("--host", "127.0.0.1", "--port", str(far.port), "--tls", "none")
    server.command("routes", "add", "*", *where)
    for number, line in enumerate(LINES):
        ours.submit(text(f"later{number}"), f"later{number}@far.test", JOE)
        web.make(server, f"person{number}@home.test", name=line)
        mail = {"query": {"subject": line}, "action": {"flag": True}}
        web.call(server, "POST", f"/users/{joe}/filters", {"name": line, **mail})
        asked = {"description": line, "scopes": ["imap"]}
        web.call(server, "POST", f"/users/{joe}/asps", asked)
        own = {"address": f"joe{number}@home.test", "name": SHORT[number]}
        web.call(server, "POST", f"/users/{joe}/addresses", own)
        guess = {"username": JOE, "password": line, "protocol": "IMAP"}
        assert web.ask(server, "POST", "/authenticate", guess)[0] >= 400
        server.command("dns", "custom", "add", f"x{number}.{HOME}", "TXT", line)
    reply = {"status": True, "name": LINES[3], "subject": LINES[4], "text": LINES[5]}
    web.call(server, "PUT", f"/users/{joe}/autoreply", reply)
    assert until(lambda: len(ours.events("delivery", outcome="deferred")) >= len(LINES))


def report(ours: Hub) -> None:
    """Others report of our domain, under names of their own, and all of it is read."""
    now = int(time.time())
    with smtplib.SMTP("127.0.0.1", ours.server.port("smtp"), timeout=60) as smtp:
        assert smtp.helo(HELO)[0] == 501  # no name could be that
        smtp.ehlo("far.test")
        for number, line in enumerate(SHORT):
            for kind, body in (
                ("application/xml", dmarc(line, number, now)),
                ("application/tlsrpt+json", tls(line, number, now)),
            ):
                message = EmailMessage()
                message["From"], message["To"] = f"{number}@far.test", "reports@home.test"
                message["Subject"] = line
                message.add_attachment(body, *kind.split("/"), filename="report")
                named = f"Message-ID: <{SENDER}{number}{kind[-3:]}@x>\r\n".encode()
                mail = named + message.as_bytes(policy=SMTP)
                smtp.sendmail(f'"{SENDER}"@far.test', ["reports@home.test"], mail)

    def counted() -> bool:
        rows = json.loads(ours.server.command("report", "list", "--json").stdout)
        return len(rows) >= 2 * len(SHORT)

    assert until(counted, each=0.2), ours.tail()


HELO = "<img/src=x/onerror=ran(7)>"
SENDER = "<svg/onload=ran(8)>"
DMARC = """<?xml version="1.0"?>
<feedback><report_metadata><org_name><![CDATA[{name}]]></org_name><email>x@far.test</email>
<report_id>{number}</report_id><date_range><begin>{begin}</begin><end>{end}</end></date_range>
</report_metadata><policy_published><domain>home.test</domain><p>none</p></policy_published>
<record><row><source_ip>192.0.2.7</source_ip><count>2</count><policy_evaluated><disposition>none\
</disposition><dkim>fail</dkim><spf>fail</spf></policy_evaluated></row><identifiers>\
<header_from>home.test</header_from></identifiers><auth_results></auth_results></record></feedback>
"""


def dmarc(name: str, number: int, now: int) -> bytes:
    """A report about DMARC from `name`."""
    return DMARC.format(name=name, number=number, begin=now - 86400, end=now).encode()


def tls(name: str, number: int, now: int) -> bytes:
    """A report about TLS from `name`, which says it of everything else, too."""
    begin, end = (time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at)) for at in (now - 86400, now))
    failure = {"result-type": name, "receiving-mx-hostname": name, "failed-session-count": 1}
    policy = {"policy-type": "sts", "policy-domain": "home.test", "policy-string": [name]}
    counts = {"total-successful-session-count": 1, "total-failure-session-count": 1}
    report = {
        "organization-name": name,
        "date-range": {"start-datetime": begin, "end-datetime": end},
        "contact-info": name,
        "report-id": f"t{number}",
        "policies": [{"policy": policy, "summary": counts, "failure-details": [failure]}],
    }
    return json.dumps(report).encode()


def given(window: Window, key: str, **fields: str) -> int:
    """Fills in the form of the page that is shown, and sends it."""
    meant = form(window.page, key)
    fill(meant, fields)
    return send(window, meant)
