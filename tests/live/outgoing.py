"""A mailhub that sends: with a DNS of our own, short waits, and an account that submits.

The far side is in `peers`.
"""

from __future__ import annotations

import imaplib
import smtplib
import ssl
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from email.message import EmailMessage
from pathlib import Path

from tests.dns import DNSServer
from tests.live.peers import PATIENCE, Events, open_folder, parsed, until
from tests.live.server import EXEMPT, PLAIN, Server

HOME = "home.test"
SENDER = f"ada@{HOME}"
PASSWORD = "Live-Passw0rd-1"
QUEUE = {
    "retry": "[1]",
    "jitter": "0",
    "backoff": "1",
    "backoff_most": "1",
    "private_addresses": "true",
    "suppress": "[]",
}
SENDING = """
{plain}
[queue]
{queue}

[resolver]
servers = ["{dns}"]

[sender]
away = 1
connect_timeout = 5
{sender}

[programs]
enabled = true
folder = "{folder}/programs"
{more}
"""
TEXT = (
    b"From: Ada <ada@home.test>\r\n"
    b"To: Grace <grace@example.org>\r\n"
    b"Subject: A word\r\n"
    b"Date: Fri, 21 Nov 2025 09:00:00 +0000\r\n"
    b"Message-ID: <%b@home.test>\r\n"
    b"\r\n"
    b"The first line.\r\n"
    b".A line that begins with a dot.\r\n"
    b"..\r\n"
    b"\tand a last one, with an end  \r\n"
)


def text(name: str) -> bytes:
    """A message; `name` tells it from others."""
    return TEXT % name.encode()


def trusting() -> ssl.SSLContext:
    """For our own server's self-signed certificate."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


class Hub:
    """A running mailhub with its DNS. `address`: a folder that others can read stands behind."""

    def __init__(self, server: Server, dns: DNSServer) -> None:
        self.server = server
        self.dns = dns
        self.log = Events(server.log)

    # -- in

    @contextmanager
    def submission(self, user: str = SENDER, *, tls: bool = False) -> Iterator[smtplib.SMTP]:
        """A session that is logged in."""
        port = self.server.port("submission", "starttls")
        with smtplib.SMTP("127.0.0.1", port, timeout=20) as smtp:
            if tls:
                smtp.starttls(context=trusting())
            smtp.login(user, PASSWORD)
            yield smtp

    def submit(
        self,
        message: bytes,
        *recipients: str,
        sender: str = SENDER,
        mail: Sequence[str] = (),
        rcpt: Sequence[str] = (),
        user: str = SENDER,
        tls: bool = False,
    ) -> None:
        """Hands a message in; all recipients have to be taken. `mail`, `rcpt`: parameters."""
        with self.submission(user, tls=tls) as smtp:
            refused = smtp.sendmail(sender, recipients, message, list(mail), list(rcpt))
            assert refused == {}

    def arrives(self, message: bytes, *recipients: str, sender: str) -> None:
        """Mail from another server."""
        with smtplib.SMTP("127.0.0.1", self.server.port("smtp"), timeout=20) as smtp:
            assert smtp.sendmail(sender, recipients, message) == {}

    # -- what became of it

    def inbox(self, user: str = SENDER) -> list[EmailMessage]:
        """Everything in an INBOX."""
        port = self.server.port("imap", "implicit")
        with imaplib.IMAP4_SSL("127.0.0.1", port, ssl_context=trusting(), timeout=20) as imap:
            imap.login(user, PASSWORD)
            imap.select("INBOX")
            _, answer = imap.uid("FETCH", "1:*", "(BODY.PEEK[])")
        return [parsed(one[1]) for one in answer if isinstance(one, tuple)]

    def mail_about(self, name: str, user: str = SENDER, seconds: float = PATIENCE) -> EmailMessage:
        """The one message of an INBOX that answers the message `text(name)`."""
        found: list[EmailMessage] = []

        def look() -> bool:
            found[:] = [one for one in self.inbox(user) if name in str(one["In-Reply-To"])]
            return bool(found)

        assert until(look, seconds, each=0.1), self.tail()
        assert len(found) == 1
        return found[0]

    def events(self, verb: str, **fields: object) -> list[Mapping[str, object]]:
        """Lines of the log that say this."""
        return [
            one
            for one in self.log()
            if one.get("verb") == verb and all(one.get(key) == fields[key] for key in fields)
        ]

    def waits(self, verb: str, seconds: float = PATIENCE, **fields: object) -> Mapping[str, object]:
        """The first such line; it may take a while."""
        assert until(lambda: self.events(verb, **fields), seconds), self.tail()
        return self.events(verb, **fields)[0]

    def fate(self, recipient: str, outcome: str, seconds: float = PATIENCE) -> Mapping[str, object]:
        """The first attempt for a recipient that came out so."""
        return self.waits("delivery", seconds, recipient=recipient, outcome=outcome)

    def tail(self) -> str:
        return self.server.log.read_text()[-4000:]


@contextmanager
def hub(
    *,
    queue: Mapping[str, str] | None = None,
    sender: str = "",
    more: str = "",
    prepare: Callable[[Path], None] = lambda folder: None,
    home: str = HOME,
    exempt: Sequence[str] = EXEMPT,
) -> Iterator[Hub]:
    """A mailhub that runs, with an account `ada` in `home`. `queue`: settings of `[queue]`;
    `sender`, `more`: TOML; `prepare`: is shown the folder before the server starts. `exempt`:
    networks without limits."""
    with open_folder() as folder, DNSServer({home: "@ IN MX 10 mx\n"}) as dns:
        settings = {**QUEUE, **(queue or {})}
        sections = SENDING.format(
            plain=PLAIN,
            queue="\n".join(f"{key} = {value}" for key, value in settings.items()),
            dns=dns.address,
            sender=sender.format(folder=folder),
            folder=folder,
            more=more.format(folder=folder),
        )
        (folder / "programs").mkdir()
        prepare(folder)
        server = Server(folder, sections, exempt=exempt)
        try:
            server.start()
            server.add_domain(home)
            server.add_user(f"ada@{home}", PASSWORD)
            yield Hub(server, dns)
            assert server.stop() == 0, server.log.read_text()[-3000:]
        finally:
            server.kill()
