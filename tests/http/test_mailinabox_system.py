"""Mail-in-a-Box's calls about the system and its backups: each success and each failure."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from mailhub.model.errors import Unavailable
from mailhub.model.settings import BackupSettings
from mailhub.model.settings_system import SystemSettings
from mailhub.net.machine import listed
from tests.certified import ADDRESS
from tests.checked import GB, FakeMachine
from tests.http.box import ADMIN, Box, refused, said
from tests.support import run
from tests.world import HOSTNAME

pytestmark = pytest.mark.thorough

EVERYTHING = SystemSettings(packages=True, reboot=True, versions="https://versions.example/latest")


@pytest.fixture
def box() -> Box:
    return Box(backing=BackupSettings())


def found(box: Box) -> dict[str, list[dict[str, Any]]]:
    """What was found, by heading."""
    box.world.clock.advance(601)
    chapters: dict[str, list[dict[str, Any]]] = {}
    for row in box.ask("POST", "/system/status").json:
        assert set(row) == {"type", "text", "extra"}
        if row["type"] == "heading":
            chapters[row["text"]] = []
        else:
            chapters[list(chapters)[-1]].append(row)
    return chapters


def types(rows: list[dict[str, Any]], words: str) -> set[str]:
    return {row["type"] for row in rows if words in row["text"]}


# -- status


def test_the_status_tells_what_is_wrong_and_what_mends_it(box: Box) -> None:
    assert box.get("/system/status").status == 405
    chapters = found(box)
    assert list(chapters) == ["System", "Network", HOSTNAME, "example.org"]
    system, _, host, domain = chapters.values()
    assert types(system, "disk") == {"ok"}
    assert types(system, f"Nobody is administrator@{HOSTNAME}") == {"warning"}
    assert types(system, "Backups are off") == {"warning"}
    assert types(host, "has no address in the DNS") == {"error"}
    assert types(host, f"Reverse DNS of {ADDRESS} is not set") == {"error"}
    (mx,) = [row for row in domain if row["text"].startswith("The MX record of example.org")]
    assert mx["type"] == "error"
    assert mx["extra"][0]["monospace"] is True
    assert "10 mx.example.org." in mx["extra"][0]["text"]


def test_what_was_mended_is_well(box: Box) -> None:
    resolver = box.world.resolver
    resolver.set(HOSTNAME, "A", [ADDRESS])
    resolver.set("25.2.0.192.in-addr.arpa", "PTR", [HOSTNAME])
    resolver.set("example.org", "MX", [(10, HOSTNAME)])
    box.form("/mail/aliases/add", address=f"administrator@{HOSTNAME}", forwards_to=ADMIN)
    box.form("/system/backup/config", target="local", min_age="3")
    run(box.backups.run())
    run(box.backups.verify())
    chapters = found(box)
    assert types(chapters["System"], "") == {"ok"}
    assert types(chapters[HOSTNAME], "resolves to") == {"ok"}
    assert types(chapters[HOSTNAME], "Reverse DNS") == {"ok"}
    assert types(chapters["example.org"], "The MX record of example.org") == {"ok"}
    assert types(chapters["example.org"], "postmaster@example.org is taken") == {"ok"}


def test_a_dns_that_is_away_is_no_reason_for_an_error(box: Box) -> None:
    box.world.resolver.set(HOSTNAME, "A", Unavailable("SERVFAIL"))
    box.world.resolver.set("example.org", "MX", Unavailable("SERVFAIL"))
    chapters = found(box)
    assert types(chapters[HOSTNAME], "could not be looked at") == {"warning"}
    assert types(chapters["example.org"], "could not be looked at") == {"warning"}


@pytest.mark.parametrize(("free", "light"), [(50, "ok"), (20, "warning"), (5, "error")])
def test_a_disk_that_fills_is_told(free: int, light: str) -> None:
    box = Box(machine=FakeMachine(free=free * GB))
    assert types(found(box)["System"], "disk") == {light}


def test_backups_that_fail_are_told(box: Box) -> None:
    box.form("/system/backup/config", target="local", min_age="3")
    assert types(found(box)["System"], "No backup was made yet") == {"error"}
    run(box.backups.run())
    box.world.clock.advance(8 * 86400)
    assert types(found(box)["System"], "The last backup is too old") == {"error"}


# -- version and machine


def test_versions(box: Box) -> None:
    said(box.get("/system/version"), "v1.2.3")
    assert box.get("/system/privacy").json is True
    assert box.ask("POST", "/system/latest-upstream-version").status == 403
    said(box.form("/system/privacy", value="off"), "OK")
    assert box.get("/system/privacy").json is False
    assert b"system.versions" in box.ask("POST", "/system/latest-upstream-version").body
    said(box.form("/system/privacy", value="private"), "OK")
    assert box.get("/system/privacy").json is True


def test_the_newest_version_is_asked_for_where_the_settings_say() -> None:
    box = Box(system=EVERYTHING)
    box.form("/system/privacy", value="off")
    box.world.web.body = b"v1.3\n"
    said(box.ask("POST", "/system/latest-upstream-version"), "v1.3")
    assert box.world.web.asked[0][0].url == EVERYTHING.versions
    box.world.web.body = b"<html>"
    said(box.ask("POST", "/system/latest-upstream-version"), "v1.3")
    box.world.clock.advance(8 * 3600)
    assert box.ask("POST", "/system/latest-upstream-version").status == 503


def test_packages_and_reboots_are_off_until_the_settings_say_otherwise(box: Box) -> None:
    for method, path in (("GET", "/system/updates"), ("POST", "/system/update-packages")):
        reply = box.ask(method, path)
        assert (reply.status, b"system.packages" in reply.body) == (403, True)
    said(box.ask("POST", "/system/reboot"), "No reboot is required, so it is not allowed.")
    box.machine.marked = True
    refused(
        box.ask("POST", "/system/reboot"),
        "This is off: `system.reboot` in the configuration turns it on.",
    )
    assert box.machine.done == []


def test_packages_and_reboots() -> None:
    box = Box(system=EVERYTHING)
    said(box.get("/system/updates"), "libgnutls30 (3.5.18-1)\nlibxau6 (1:1.0.8)\n")
    said(box.ask("POST", "/system/update-packages"), "Calculating upgrade...\n")
    assert box.get("/system/reboot").json is False
    said(box.ask("POST", "/system/reboot"), "No reboot is required, so it is not allowed.")
    box.machine.marked = True
    assert box.get("/system/reboot").json is True
    said(box.ask("POST", "/system/reboot"), "")
    assert box.machine.done == ["upgrade", "reboot"]
    box.machine.broken = True
    reply = box.ask("POST", "/system/update-packages")
    assert (reply.status, reply.body) == (503, b"apt-get failed: no network")


def test_a_simulated_upgrade_is_read() -> None:
    told = (
        "Inst libc6 [2.36-9] (2.36-10 Debian:12/stable [amd64])\n"
        "Inst new-one (1:2.0 Debian:12/stable [all])\nConf libc6 (2.36-10 Debian:12/stable)\n"
    )
    assert listed(told) == [("libc6", "2.36-10"), ("new-one", "1:2.0")]


# -- backups


def test_backups_are_off_until_a_place_is_chosen(box: Box) -> None:
    assert box.get("/system/backup/status").json == {}
    config = box.get("/system/backup/config").json
    assert config["target"] == "off"
    reply = box.form("/system/backup/config", target="local", min_age="3")
    assert reply.json == "OK"
    assert box.get("/system/backup/config").json == {
        "enc_pw_file": "backup/key",
        "file_target_directory": "backup/repository",
        "min_age_in_days": 3,
        "target": "file://backup/repository",
        "ssh_pub_key": "",
    }
    assert box.get("/system/backup/status").json == {"backups": [], "unmatched_file_size": 0}


def test_backups_are_listed_newest_first(box: Box) -> None:
    box.form("/system/backup/config", target="local", minAge="3")
    for _ in range(2):
        run(box.backups.run())
        box.world.clock.advance(15 * 3600 + 40 * 60)
    newest, oldest = box.get("/system/backup/status").json["backups"]
    assert set(newest) == {
        *("date", "date_str", "date_delta", "deleted_in", "full", "size", "volumes")
    }
    assert (newest["date_delta"], oldest["date_delta"]) == (
        "15 hours, 40 minutes",
        "1 day, 7 hours",
    )
    assert (newest["full"], oldest["full"]) == (False, True)
    assert (newest["size"], oldest["deleted_in"]) == (10, "approx. 2 days")
    assert len(newest["date"]) == 16


def test_what_is_wrong_with_backups_is_told_with_200(box: Box) -> None:
    for fields, words in (
        ({"target": "local"}, "The retention period is a number of days."),
        ({"target": "local", "min_age": "x"}, "The retention period is a number of days."),
        ({"min_age": "3"}, "No target provided."),
        ({"target": "nonsense", "min_age": "3"}, "nonsense"),
    ):
        reply = box.form("/system/backup/config", **fields)
        assert (reply.status, reply.json) == (200, words)
    box.form("/system/backup/config", target="local", min_age="3")
    parts: Any = box.backups
    parts._repository.problem = Unavailable("wrong password")
    reply = box.get("/system/backup/status")
    assert (reply.status, reply.json) == (200, {"error": "wrong password"})


def test_a_secret_is_kept_and_never_told(box: Box) -> None:
    fields = {"target": "s3://host/bucket", "target_user": "id", "target_pass": "pass"}
    assert box.form("/system/backup/config", **fields, min_age="3").json == "OK"
    assert b"pass" not in box.get("/system/backup/config").body.replace(b"enc_pw", b"")
    again = {"target": "s3://host/bucket", "min_age": "9"}
    assert box.form("/system/backup/config", **again).json == "OK"
    target = box.backups.target
    assert target == replace(target, user="id", secret="pass", keep=9 * 86400)
