"""The status of a server that runs: its own records in a real DNS are well, what is not there is
told, and packages are upgraded by a harmless program in the place of apt-get."""

from __future__ import annotations

import base64
import json
import socket
import threading
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.live.outgoing import HOME, PASSWORD, Hub, hub

ROOT = f"root@{HOME}"
HOST = "mail.test"
MORE = """
[dns]
addresses = ["127.0.0.1"]
host_keys = ""
[checks]
probe = "127.0.0.1:{port}"
addresses = "zen.test"
domains = "dbl.test"
ssh = "{{folder}}/sshd_config"
[clamav]
endpoint = "tcp:127.0.0.1:1"
[spamassassin]
endpoint = "tcp:127.0.0.1:{port}"
[system]
packages = true
reboot = true
apt = ["{{folder}}/apt"]
rebooting = ["{{folder}}/apt", "reboot"]
sudo = []
marker = "{{folder}}/marker"
"""
APT = """#!/bin/sh
echo "$*" >> "${0%/*}/said"
test -f "${0%/*}/broken" && { echo 'E: no network' >&2; exit 100; }
case "$*" in
  *--simulate*) echo 'Inst libxau6 [1:1.0.7] (1:1.0.8 Debian:12 [amd64])'; echo 'Conf libxau6' ;;
  *upgrade) echo 'Calculating upgrade...' ;;
esac
"""


@dataclass
class Box:
    hub: Hub
    folder: Path

    def ask(self, method: str, path: str, **fields: str) -> tuple[int, str]:
        """As an administrator."""
        port = self.hub.server.port("http", "none")
        asked = urllib.request.Request(
            f"http://127.0.0.1:{port}/admin{path}",
            urllib.parse.urlencode(fields).encode() if method == "POST" else None,
            {"Authorization": "Basic " + base64.b64encode(f"{ROOT}:{PASSWORD}".encode()).decode()},
            method=method,
        )
        try:
            with urllib.request.urlopen(asked, timeout=60) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def status(self) -> Mapping[str, list[dict[str, Any]]]:
        """What is found, by heading."""
        chapters: dict[str, list[dict[str, Any]]] = {}
        for row in json.loads(self.ask("POST", "/system/status")[1]):
            if row["type"] == "heading":
                chapters[row["text"]] = []
            else:
                chapters[list(chapters)[-1]].append(row)
        return chapters


@contextmanager
def greeter() -> Iterator[int]:
    """A mail server that says hello and no more."""
    with socket.create_server(("127.0.0.1", 0)) as door:

        def serve() -> None:
            while True:
                try:
                    peer, _ = door.accept()
                except OSError:
                    return
                with peer:
                    peer.sendall(b"220 far.test ESMTP\r\n")

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield door.getsockname()[1]
        door.shutdown(socket.SHUT_RDWR)
        thread.join(5)


def prepare(folder: Path) -> None:
    (folder / "apt").write_text(APT)
    (folder / "apt").chmod(0o755)
    (folder / "sshd_config").write_text("PasswordAuthentication yes\n")


@pytest.fixture(scope="module")
def box() -> Iterator[Box]:
    with greeter() as port, hub(more=MORE.format(port=port), prepare=prepare) as ours:
        ours.server.add_user(ROOT, PASSWORD, "--role", "admin")
        made = Box(ours, ours.server.folder)
        made.ask("POST", "/mail/aliases/add", address=f"administrator@{HOST}", forwards_to=ROOT)
        for zone, rows in json.loads(made.ask("GET", "/dns/dump")[1]):
            lines = [f"@ IN NS ns1.{HOST}.", f"@ IN NS ns2.{HOST}."]
            for row in rows:
                text = row["value"] if row["rtype"] != "TXT" else quoted(row["value"])
                lines.append(f"{row['qname']}. IN {row['rtype']} {text}")
            soa = "@ IN SOA ns hostmaster 1 3600 600 86400 60"
            ours.dns.load(zone, "\n".join(["$TTL 300", soa, *lines, ""]))
        ours.dns.load("in-addr.arpa", f"1.0.0.127 IN PTR {HOST}.\n")
        ours.dns.load("zen.test", "1.0.0.127 IN A 127.255.255.254\n")
        ours.dns.load("dbl.test", f"{HOME} IN A 127.0.1.2\n")
        # The review of keys may have asked before the zones were there: all is looked up anew.
        ours.server.command("status", HOME, check=False)
        yield made


def quoted(text: str) -> str:
    return " ".join(f'"{text[start : start + 200]}"' for start in range(0, len(text), 200))


def light(rows: list[dict[str, Any]], words: str) -> str:
    (found,) = [row for row in rows if words in row["text"]]
    return str(found["type"])


def test_what_is_there_is_well_and_what_is_not_is_told(box: Box) -> None:
    chapters = box.status()
    assert list(chapters) == ["System", "Network", HOST, HOME]
    system, network, host, domain = chapters.values()
    assert light(system, "1 package of the machine can be updated") == "warning"
    assert light(system, "lets people in with a password") == "error"
    assert light(system, "Work in the background is done") == "ok"
    assert light(system, "No mail waits") == "ok"
    assert light(system, f"administrator@{HOST} exists") == "ok"
    assert light(network, "Every listener answers: smtp") == "ok"
    assert light(network, "ClamAV does not answer") == "error"
    assert light(network, "SpamAssassin answers") == "ok"
    assert light(network, "Mail can leave") == "ok"
    assert light(host, f"{HOST} resolves to 127.0.0.1.") == "ok"
    assert light(host, "Reverse DNS of 127.0.0.1 is mail.test") == "ok"
    assert light(host, f"TLSA record of _25._tcp.{HOST} is right") == "ok"
    assert light(domain, f"ns1.{HOST}, ns2.{HOST} answer for {HOME}") == "ok"
    for words in ("MX record", "SPF record", "DMARC policy", "postmaster@", "abuse@", "web names"):
        assert light(domain, words) == "ok", words
    keys = [row for row in domain if "_domainkey" in row["text"]]
    assert [row["type"] for row in keys] == ["ok", "ok"], keys
    assert light(domain, "has no policy of MTA-STS") == "warning"
    assert light(domain, f"{HOME} is listed by dbl.test") == "error"
    (listed,) = [row for row in domain if "dbl.test" in row["text"]]
    assert {"text": "127.0.1.2", "monospace": True} in listed["extra"]


def test_packages_are_upgraded_and_the_machine_is_rebooted(box: Box) -> None:
    assert box.ask("GET", "/system/updates") == (200, "libxau6 (1:1.0.8)\n")
    assert box.ask("POST", "/system/update-packages") == (200, "Calculating upgrade...\n")
    assert box.ask("GET", "/system/reboot") == (200, "false\n")
    refused = "No reboot is required, so it is not allowed."
    assert box.ask("POST", "/system/reboot") == (200, refused)
    (box.folder / "marker").touch()
    assert box.ask("GET", "/system/reboot") == (200, "true\n")
    assert box.ask("POST", "/system/reboot") == (200, "")
    said = (box.folder / "said").read_text().splitlines()
    assert [line for line in said if "--simulate" not in line] == [
        "-qq update",
        "-y -o Dpkg::Options::=--force-confold upgrade",
        "reboot",
    ]
    (box.folder / "broken").touch()
    status, body = box.ask("POST", "/system/update-packages")
    assert (status, "E: no network" in body) == (503, True)


def test_looks_do_not_fill_the_log(box: Box) -> None:
    box.status()
    said = box.hub.server.log.read_text()
    assert "Traceback" not in said
    assert "background-failed" not in said
