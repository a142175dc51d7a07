"""Takes the pictures of the panel and the webmail that stand beside this file.

`python -m docs.pictures.make [FOLDER [NAME…]]`, from a checkout with Debian's chromium and the
extra `test`. A server of its own is furnished with people who never lived here, so that a picture
shows a working day; nothing in it depends on the machine.
"""

from __future__ import annotations

import imaplib
import io
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from email.utils import format_datetime
from pathlib import Path

from PIL import Image

from tests.dns import DNSServer
from tests.live import web
from tests.live.bumpy import Bumpy
from tests.live.chromium import Chromium, Window
from tests.live.outgoing import PASSWORD, QUEUE, SENDING, trusting
from tests.live.peers import Events, open_folder, until
from tests.live.server import PLAIN, Server

HOME, HOST = "example.org", "mail.example.org"
ADA, GRACE, ALAN = f"ada@{HOME}", f"grace@{HOME}", f"alan@{HOME}"
PEOPLE = {
    ADA: "Ada Lovelace",
    GRACE: "Grace Hopper",
    ALAN: "Alan Turing",
    f"emmy@{HOME}": "Emmy Noether",
    f"carl@{HOME}": "Carl Gauss",
    f"sofia@{HOME}": "Sofia Kovalevskaya",
    f"paul@{HOME}": "Paul Erdős",
}
MORE = """
[dns]
addresses = ["192.0.2.1"]
host_keys = ""

[backup]
target = "off"
"""
NEWSLETTER = """<html><body style="font-family: sans-serif">
<h1 style="color: #1d5bbf">The Analytical Review</h1>
<p>Dear reader, this is what happened at the Society this month.</p>
<table cellpadding="8"><tr><td style="background: #eef3fb"><b>A talk on looms</b><br>
Thursday at six, in the great hall. Cards are punched at the door.</td>
<td style="background: #f3eefb"><b>New in the library</b><br>
Sketch of the Analytical Engine, with notes by the translator.</td></tr></table>
<p>Yours, the secretary</p><img src="http://pictures.example.net/seen.png" alt=""></body></html>"""
MAILS = (
    # From whom, subject, text, hours ago, flags
    ("Emmy Noether", "Invariants, at last", "I believe the second theorem holds as well.", 2, ""),
    ("Grace Hopper", "Re: The compiler works", "It found a bug. A real one, with wings.", 3, ""),
    ("Ada Lovelace", "The compiler works", "All seven programs went through.", 5, "\\Seen"),
    ("The Analytical Review", "This month at the Society", NEWSLETTER, 7, "\\Flagged"),
    ("Carl Gauss", "Minutes of Tuesday", "You find them attached.", 26, "\\Seen"),
    (
        "Alan Turing",
        "Lunch on Friday?",
        "I know a place.",
        28,
        "\\Seen \\Answered",
    ),
    ("Sofia Kovalevskaya", "Your tickets for Stockholm", "The train leaves at 7.", 50, "\\Seen"),
    ("Paul Erdős", "May I stay next week?", "My brain is open.", 75, "\\Seen"),
    ("Library", "Two books are due", "Please bring them back until the 30th.", 98, "\\Seen"),
    (
        "Grace Hopper",
        "Nanoseconds for the class",
        "I cut thirty of them.",
        122,
        "\\Seen",
    ),
    ("Emmy Noether", "Rings and ideals", "A first draft of the lecture.", 147, "\\Seen"),
    ("Carl Gauss", "Budget for the observatory", "The numbers add up.", 170, "\\Seen \\Flagged"),
)


@contextmanager
def furnished() -> Iterator[Server]:
    """A server on a working day."""
    zone = '@ IN MX 10 mail\n@ IN TXT "v=spf1 mx -all"\nmail IN A 192.0.2.1\n'
    with open_folder() as folder, DNSServer({HOME: zone}) as dns, Bumpy() as far:
        settings = {**QUEUE, "retry": "[3600]"}
        sections = SENDING.format(
            plain=PLAIN,
            queue="\n".join(f"{key} = {value}" for key, value in settings.items()),
            dns=dns.address,
            sender="",
            folder=folder,
            more=MORE,
        )
        (folder / "programs").mkdir()
        server = Server(folder, sections, hostname=HOST)
        server.start()
        try:
            furnish(server, far)
            yield server
        finally:
            server.stop()


def furnish(server: Server, far: Bumpy) -> None:
    """People, mail, and mail that waits."""
    where = ("--host", "127.0.0.1", "--port", str(far.port), "--tls", "none")
    server.command("routes", "add", "*", *where)
    server.add_domain(HOME)
    server.add_user(ADA, PASSWORD, "--role", "admin", "--name", PEOPLE[ADA])
    ids = {who: web.make(server, who, name=name) for who, name in PEOPLE.items() if who != ADA}
    users = web.call(server, "GET", f"/users?query={ADA}")["results"]
    ids[ADA] = users[0]["id"]  # type: ignore[index]
    for number, id in enumerate(ids.values()):
        web.change(server, id, quota=(number + 1) << 28)
    for name in ("Work", "Work/Lectures", "Travel"):
        web.call(server, "POST", f"/users/{ids[ADA]}/mailboxes", {"path": name})
    for name in ("Phone", "Laptop"):
        asked = {"description": name, "scopes": ["imap", "smtp"]}
        web.call(server, "POST", f"/users/{ids[ADA]}/asps", asked)
    rule = {"name": "Lectures", "query": {"subject": "lecture"}, "action": {"flag": True}}
    web.call(server, "POST", f"/users/{ids[ADA]}/filters", rule)
    deliver(server)
    for local in ("later.tomas", "later.ines"):
        recipient = {"address": f"{local}@far.example"}
        message = {"to": [recipient], "subject": "Papers", "text": "Here."}
        web.call(server, "POST", f"/users/{ids[GRACE]}/submit", message)
    log = Events(server.log)
    assert until(lambda: len([one for one in log() if one.get("outcome") == "deferred"]) >= 2)


def deliver(server: Server) -> None:
    """Ada's mail, with dates of this week."""
    port, now = server.port("imap", "implicit"), datetime.now(UTC)
    with imaplib.IMAP4_SSL("127.0.0.1", port, ssl_context=trusting()) as imap:
        imap.login(ADA, PASSWORD)
        for name, subject, text, hours, flags in reversed(MAILS):
            at = now - timedelta(hours=hours)
            message = EmailMessage()
            address = name.partition(" ")[0].lower()
            message["From"] = f"{name} <{address}@{HOME}>"
            message["To"] = f"Ada Lovelace <{ADA}>"
            message["Subject"], message["Date"] = subject, format_datetime(at)
            message["Message-ID"] = f"<{hours}@{HOME}>"
            if subject.startswith("Re: "):
                message["In-Reply-To"] = message["References"] = f"<5@{HOME}>"
            if text.startswith("<"):
                message.set_content("The Analytical Review")
                message.add_alternative(text, subtype="html")
            else:
                message.set_content(f"Dear Ada,\n\n{text}\n\n{name.partition(' ')[0]}\n")
            if "attached" in text:
                message.add_attachment(
                    b"%PDF-1.4 " + bytes(40_000), "application", "pdf", filename="minutes.pdf"
                )
            imap.append("INBOX", flags, imaplib.Time2Internaldate(at), message.as_bytes())


PICTURES = {
    # name: path, and the text of links to follow from there; dark; width
    "panel-home": ("/panel/", (), False, 1100),
    "panel-home-phone": ("/panel/", (), False, 390),
    "panel-accounts": ("/panel/users", (), False, 1100),
    "panel-accounts-phone": ("/panel/users", (), True, 390),
    "panel-dns": ("/panel/dns", ("example.org",), False, 1100),
    "panel-queue": ("/panel/queue", ("later",), False, 1100),
    "mail-list": ("/mail/", (), False, 1100),
    "mail-list-dark": ("/mail/", (), True, 1100),
    "mail-list-phone": ("/mail/", (), False, 390),
    "mail-message": ("/mail/", ("This month at the Society",), False, 1100),
    "mail-message-phone": ("/mail/", ("Minutes of Tuesday",), True, 390),
}


def shoot(chromium: Chromium, server: Server, folder: Path, wanted: list[str]) -> None:
    """Takes them, the ones with these names where there are some."""
    base = f"http://127.0.0.1:{server.port('http', 'none')}"
    for name, (path, links, dark, width) in PICTURES.items():
        if wanted and name not in wanted:
            continue
        with chromium.window(base, width=width, dark=dark) as window:
            window.sign_in(ADA, PASSWORD)
            window.go(path)
            for link in links:
                window.page.click(f"main a:has-text('{link}')")
                window.page.wait_for_load_state("load")
            keep(window, folder / f"{name}.png")


def keep(window: Window, path: Path) -> None:
    """What the window shows, in 128 colors: a third of the size, and nobody sees it."""
    picture = Image.open(io.BytesIO(window.page.screenshot(animations="disabled", caret="hide")))
    picture.convert("RGB").quantize(128, dither=Image.Dither.NONE).save(path, optimize=True)
    print(f"{path.name}: {path.stat().st_size} bytes")


def main() -> None:
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent
    folder.mkdir(parents=True, exist_ok=True)
    with furnished() as server, Chromium() as chromium:
        shoot(chromium, server, folder, sys.argv[2:])


if __name__ == "__main__":
    main()
