"""Restic itself and the husks of bodies: it takes what it has for them, and keeps nothing else."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Coroutine, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.process import reapAllProcesses
from twisted.python.failure import Failure

from mailhub.model.backup import BackupTarget, Beside
from mailhub.model.settings import BackupSettings
from mailhub.net.restic import Restic
from mailhub.ports.backup import Unread
from mailhub.store.carrying.husks import BodyFolder
from mailhub.store.carrying.lists import Body
from mailhub.store.s3.names import number
from tests.fakes import ListLog
from tests.loop import Loop
from tests.programs import program

pytestmark = [pytest.mark.live, pytest.mark.scale]
TARGET = BackupTarget(address="local", keep=86_400)
LABEL = "bodies-1"
T = TypeVar("T")


class Site:
    def __init__(self, folder: Path) -> None:
        self.loop = Loop()
        self.folder = folder
        settings = BackupSettings(program=program("restic"))
        self.restic = Restic(settings, folder, "mx", self.loop.reactor, ListLog())
        self.files = BodyFolder(folder / "bodies")
        self.files.clear()
        (folder / "picture").mkdir()
        (folder / "picture" / "database").write_text("rows")

    def wait(self, work: Coroutine[Any, Any, T]) -> T:
        """The result; this reactor hears of no signals, so ended programs are looked for."""
        results: list[Any] = []
        Deferred.fromCoroutine(work).addBoth(results.append)
        self.loop.until(lambda: bool(reapAllProcesses() or results), 120)
        if isinstance(results[0], Failure):
            results[0].raiseException()
        result: T = results[0]
        return result

    def put(self, count: int) -> Body:
        octets = os.urandom(10_000)
        body = Body(number(count, 1, sealed=False), len(octets))
        self.files.fresh(body).write_bytes(octets)
        self.files.took(body)
        return body

    @property
    def beside(self) -> Beside:
        return Beside(str(self.files.folder), LABEL, self.files.copy)

    def save(self) -> str:
        folder = str(self.folder / "picture")
        return self.wait(self.restic.save(TARGET, folder, self.beside)).id

    def copies(self) -> list[str]:
        return [one.id for one in self.wait(self.restic.copies(TARGET, LABEL))]

    def octets(self, copy: str, body: Body) -> bytes:
        """A body out of a copy."""
        path = f"/{self.files.path(body).relative_to(self.folder)}"
        return subprocess.run(
            [program("restic"), "dump", copy, path],
            env={
                **os.environ,
                "RESTIC_REPOSITORY": str(self.folder / "repository"),
                "RESTIC_PASSWORD_FILE": str(self.folder / "key"),
                "RESTIC_CACHE_DIR": str(self.folder / "cache"),
            },
            capture_output=True,
            check=True,
        ).stdout


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = Site(tmp_path)
    yield made
    made.loop.close()


def test_husks_stand_for_what_there_is_and_for_nothing_else(site: Site) -> None:
    one, two = site.put(1), site.put(2)
    datas = {body: site.files.path(body).read_bytes() for body in (one, two)}
    part = site.wait(site.restic.save_some(TARGET, site.beside)).id
    site.files.hollow(part, [one, two])
    three = site.put(300)
    datas[three] = site.files.path(three).read_bytes()
    made = site.save()
    site.files.hollow(made, [three])
    assert site.copies() == [part, made]
    site.wait(site.restic.forget_some(TARGET, LABEL))
    again = site.save()
    assert site.copies() == [made, again]
    assert [one.id for one in site.wait(site.restic.snapshots(TARGET))] == [made, again]
    assert {body: site.octets(again, body) for body in datas} == datas
    names = dict(site.wait(site.restic.bodies(TARGET, again)))
    assert names == {body.name: body.size for body in datas}

    # A husk of what the copy has not, as if somebody had mended the repository by leaving it out.
    four = Body(number(4, 1, sealed=False), 10_000)
    site.files.fresh(four).write_bytes(b"")
    site.files.took(four)
    site.files.hollow(again, [four])
    with pytest.raises(Unread):
        site.save()
    with pytest.raises(Unread):
        site.wait(site.restic.save_some(TARGET, site.beside))
    assert site.copies() == [made, again], "what lacks bodies is no copy"
