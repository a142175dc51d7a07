"""A real S3 server for tests: OpenStack Swift with its S3 interface, from its own package.

Four processes on free ports below one folder: account, container and object server, and the proxy
that speaks S3 to one user.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Self

from mailhub.model.settings import S3Settings
from mailhub.store.s3.client import Client
from mailhub.store.s3.requests import Request
from tests.live.peers import answers, until
from tests.loop import Loop
from tests.ports import free_port

USER, SECRET = "test:tester", "testing"
"""The key's id, and the key."""
KINDS = ("account", "container", "object")
PROXY = """\
[DEFAULT]
bind_ip = 127.0.0.1
bind_port = {port}
workers = 0
swift_dir = {folder}
[pipeline:main]
pipeline = catch_errors gatekeeper cache listing_formats s3api tempauth slo proxy-server
[app:proxy-server]
use = egg:swift#proxy
account_autocreate = true
[filter:catch_errors]
use = egg:swift#catch_errors
[filter:gatekeeper]
use = egg:swift#gatekeeper
[filter:cache]
use = egg:swift#memcache
memcache_servers = 127.0.0.1:1
error_suppression_limit = 1
[filter:listing_formats]
use = egg:swift#listing_formats
[filter:s3api]
use = egg:swift#s3api
location = us-east-1
[filter:tempauth]
use = egg:swift#tempauth
user_test_tester = testing .admin
[filter:slo]
use = egg:swift#slo
"""
SERVER = """\
[DEFAULT]
bind_ip = 127.0.0.1
bind_port = {port}
workers = 0
swift_dir = {folder}
devices = {folder}/devices
mount_check = false
disable_fallocate = true
[pipeline:main]
pipeline = {kind}-server
[app:{kind}-server]
use = egg:swift#{kind}
"""
RINGS = """\
import sys
from swift.common.ring.builder import RingBuilder
for word in sys.argv[2:]:
    kind, port = word.split(":")
    ring = RingBuilder(4, 1, 1)
    place = {"id": 0, "region": 1, "zone": 1, "device": "d1", "weight": 1, "meta": ""}
    ip = {"ip": "127.0.0.1", "port": int(port)}
    again = {f"replication_{name}": value for name, value in ip.items()}
    ring.add_dev({**place, **ip, **again})
    ring.rebalance()
    ring.get_ring().save(f"{sys.argv[1]}/{kind}.ring.gz")
"""
HASH = "[swift-hash]\nswift_hash_path_suffix = test\n[swift-constraints]\n"


class Swift:
    """`with Swift(folder) as s3:` runs it; `s3.port` is where it speaks S3, without TLS."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self._processes: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Self:
        self.folder.mkdir(parents=True)
        (self.folder / "devices" / "d1").mkdir(parents=True)
        (self.folder / "swift.conf").write_text(HASH)
        ports = {kind: free_port() for kind in KINDS}
        self._rings(ports)
        for kind, port in ports.items():
            self._write(kind, SERVER.format(port=port, folder=self.folder, kind=kind))
            self._start(kind)
        self._write("proxy", PROXY.format(port=self.port, folder=self.folder))
        self._start("proxy")
        for port in (*ports.values(), self.port):
            assert until(lambda port=port: answers("127.0.0.1", port), 30), self._said()  # type: ignore[misc]
        return self

    def settings(self, bucket: str) -> S3Settings:
        """What a server is told to keep bodies there."""
        return S3Settings(
            endpoint=f"http://127.0.0.1:{self.port}",
            bucket=bucket,
            access_key=USER,
            secret_key=SECRET,
        )

    def make(self, bucket: str) -> None:
        """A new bucket."""
        loop = Loop()
        client = Client(self.settings(bucket), loop.reactor, time.time)
        loop.wait(client.ask(Request("PUT")), 30)
        loop.wait(client.stop())
        loop.close()

    def pause(self) -> None:
        """It answers nobody."""
        for process in self._processes:
            process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Goes on."""
        for process in self._processes:
            process.send_signal(signal.SIGCONT)

    def __exit__(self, *_: object) -> None:
        for process in self._processes:
            process.kill()  # its folder goes, and who waits for it may be killed before
        for process in self._processes:
            process.wait(20)

    def _write(self, kind: str, text: str) -> None:
        (self.folder / f"{kind}.conf").write_text(text)

    def _rings(self, ports: Mapping[str, int]) -> None:
        """Who has which data: one device each. In a process of its own, for what it imports."""
        words = [f"{kind}:{port}" for kind, port in ports.items()]
        done = subprocess.run(
            [sys.executable, "-c", RINGS, str(self.folder), *words],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr

    def _bin(self, name: str) -> str:
        return str(Path(sys.executable).with_name(name))

    def _start(self, kind: str) -> None:
        with (self.folder / f"{kind}.log").open("wb") as log:
            self._processes.append(
                subprocess.Popen(
                    [sys.executable, self._bin(f"swift-{kind}-server"), f"{kind}.conf"],
                    cwd=self.folder,
                    stdout=log,
                    stderr=log,
                    env={**os.environ, "SWIFT_DIR": str(self.folder)},
                )
            )

    def _said(self) -> str:
        return "\n".join(path.read_text()[-1500:] for path in self.folder.glob("*.log"))
