"""What of the settings and of the machine goes into zones."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path

import pytest

from mailhub import config, naming
from mailhub.model.settings import ListenerSettings, Settings
from mailhub.net.hostkeys import HostKeyFolder

NAMED = '[dns]\naddresses = ["192.0.2.1", "2001:db8::1"]\n'


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ('[dns]\nlisten = ["192.0.2.1:53"]', "2: dns.listen: dns.addresses is missing"),
        (NAMED + 'listen = ["ns.example.org"]', "3: dns.listen: 'ns.example.org' is no address"),
        ('[dns]\naddresses = ["192.0.2.256"]', "2: dns.addresses: '192.0.2.256' is no IP"),
        ('[dns]\naddresses = ["192.0.2.1", "192.0.2.2"]', "2: dns.addresses: more than one IPv4"),
        ('[dns]\nupdate = "ns"', "2: dns.update: 'ns' is no address"),
        ('[dns]\nupdate_key = "md5:a:b"', "2: dns.update_key: 'md5' is none of hmac-sha1"),
        ('[dns]\nupdate_key = "hmac-sha256:a:!"', "2: dns.update_key: No key such as"),
        ('[dns]\nupdate_key = "hmac-sha256:a:"', "2: dns.update_key: The key has no secret"),
        ('[dns]\nknot = "k"\nupdate = "192.0.2.1"', "3: dns.update: zones go to Knot already"),
        ('[dns]\ncalendars = "a..b"', "2: dns.calendars: Not a name of the DNS"),
        ("[dns]\nrate = 0", "2: dns.rate has to be 1 at least"),
        ("[dns]\nconnections = 0", "2: dns.connections has to be 1 at least"),
    ],
)
def test_a_fault_is_told_on_its_line(text: str, complaint: str) -> None:
    with pytest.raises(config.BadConfig) as caught:
        config.parse(text, "m.toml", None, {})
    (problem,) = caught.value.problems
    assert str(problem).startswith(f"m.toml:{complaint}")


def test_settings_of_a_name_server() -> None:
    settings = config.parse(NAMED + 'listen = ["192.0.2.1:53", "[::1]:53"]', "m.toml", None, {})
    assert settings.dns.listen == ("192.0.2.1:53", "[::1]:53")


def test_programs_are_told_of_what_others_can_reach() -> None:
    listeners = [
        ("imap", "tcp:993", "implicit"),
        ("imap", "tcp:143", "starttls"),
        ("pop3", "tcp:995:interface=127.0.0.1", "implicit"),
        ("pop3", "tcp6:995:interface=\\:\\:1", "implicit"),
        ("submission", "tcp6:port=465:interface=\\:\\:", "implicit"),
        ("submission", "tcp:587", "starttls"),
        ("submission", "tcp:1587", "starttls"),
        ("managesieve", "unix:/run/sieve", "starttls"),
        ("smtp", "tcp:25", "starttls"),
    ]
    settings = Settings(
        listener=tuple(
            ListenerSettings(service=service, endpoint=endpoint, tls=tls)
            for service, endpoint, tls in listeners
        )
    )
    assert naming.services(settings) == [
        ("_imaps._tcp", 993),
        ("_submission._tcp", 587),
        ("_submissions._tcp", 465),
    ]


def test_host_keys_are_told_by_their_digest(tmp_path: Path) -> None:
    for name, algorithm, number in (("rsa", "ssh-rsa", 1), ("ed25519", "ssh-ed25519", 4)):
        key = base64.b64encode(bytes((number,)) * 40).decode()
        (tmp_path / f"ssh_host_{name}_key.pub").write_text(f"{algorithm} {key} root@here\n")
    (tmp_path / "ssh_host_dsa_key.pub").write_text("ssh-dss AAAA\n")
    (tmp_path / "ssh_host_odd_key.pub").write_text("ssh-rsa not-base64\n")
    (tmp_path / "ssh_host_empty_key.pub").write_text("")
    assert HostKeyFolder(str(tmp_path)).fingerprints() == [
        f"{number} 2 {hashlib.sha256(bytes((number,)) * 40).hexdigest()}" for number in (1, 4)
    ]
    assert HostKeyFolder("").fingerprints() == []
    assert HostKeyFolder(str(tmp_path / "none")).fingerprints() == []
