"""The process that keeps the index, killed again and again while it works."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from mailhub.store.fulltext import building
from tests.live.peers import until
from tests.test_indexing import MESSAGE, Site

COUNT = building.BATCH * 4


def process(site: Site) -> subprocess.Popen[bytes]:
    """The real one."""
    return subprocess.Popen(
        [sys.executable, "-m", "mailhub.indexing", str(site.folder), "0", "plain", "60"],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
    )


def begun(site: Site, running: subprocess.Popen[bytes], known: int) -> bool:
    """Whether something came into the index, or the process ended."""
    return site.status().documents > known or running.poll() is not None


def test_killed_at_any_moment_it_goes_on(tmp_path: Path) -> None:
    """SIGKILL, whenever something came into the index: all of it is there in the end, and once;
    and all the while every message is found, or looked at."""
    site = Site(tmp_path)
    try:
        site.deliver(COUNT, MESSAGE + b"word " * 300)
        known = 0
        for _ in range(3):
            with process(site) as running:
                assert until(lambda: begun(site, running, known), 30, each=0.005)  # noqa: B023
                running.kill()
            known = site.status().documents
            page = site.page()
            assert page.total + len(page.maybe) == COUNT
        site.follow()
        with process(site) as running:
            assert until(lambda: site.status().documents == COUNT, 30)
            assert running.stdin is not None
            running.stdin.close()
            assert running.wait(30) == 0
        assert (site.page().total, len(site.page().maybe)) == (COUNT, 0)
    finally:
        site.house.stop()
