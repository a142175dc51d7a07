"""The server as a process: readiness, one owner a folder, goodbyes, signals, privileges."""

from __future__ import annotations

import json
import os
import pwd
import re
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mailhub.net.certificate import make_self_signed
from tests.live.server import BIN, Server

ROOT = Path(__file__).parents[2]


def until(condition: Callable[[], bool], seconds: float = 90.0) -> bool:
    """Whether `condition` becomes true in that time."""
    ends = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > ends:
            return False
        time.sleep(0.02)
    return True


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Server]:
    """A server that a test may end as it likes."""
    server = Server(tmp_path / "hub")
    server.start()
    yield server
    server.kill()


def greeted(port: int) -> tuple[socket.socket, bytes]:
    channel = socket.create_connection(("127.0.0.1", port), timeout=10)
    return channel, channel.recv(1000)


def rest(channel: socket.socket) -> bytes:
    data = b""
    while chunk := channel.recv(1000):
        data += chunk
    return data


def test_readiness_is_published_and_withdrawn(hub: Server) -> None:
    path = hub.var / "run" / "mailhub.json"
    about = json.loads(path.read_text())
    assert about["pid"] == hub.pid
    services = {listener["service"] for listener in about["listeners"]}
    assert services == {"smtp", "submission", "lmtp", "imap", "pop3", "managesieve", "http"}
    for listener in about["listeners"]:
        assert listener["tls"] in ("none", "starttls", "implicit")
        assert "path" in listener or listener["port"] > 0
        assert ("root" in listener) == (listener["service"] == "http")
    assert hub.stop() == 0
    assert not path.exists()
    assert not (hub.var / "run" / "control.sock").exists()


def test_the_first_administrator_is_made_once(hub: Server) -> None:
    path = hub.var / "initial-admin.json"
    assert path.stat().st_mode & 0o777 == 0o600
    about = json.loads(path.read_text())
    said = hub.log.read_text()
    assert said.count(about["password"]) == 1
    assert about["address"] in said
    for listener in json.loads((hub.var / "run" / "mailhub.json").read_text())["listeners"]:
        assert str(listener.get("port") or listener["path"]) in said
    hub.stop()
    hub.start()
    assert json.loads(path.read_text()) == about
    assert hub.log.read_text().count(about["password"]) == 1
    hub.command("user", "set", about["address"], "--password", "A-new-Passw0rd")
    assert until(lambda: not path.exists())


def test_a_password_changed_while_it_was_stopped_is_noticed(hub: Server) -> None:
    path = hub.var / "initial-admin.json"
    address = json.loads(path.read_text())["address"]
    hub.stop()
    hub.command("user", "set", address, "--password", "A-new-Passw0rd")
    assert path.exists()
    hub.start()
    assert until(lambda: not path.exists())


def test_a_second_server_on_the_same_folder_is_refused(hub: Server) -> None:
    done = subprocess.run(
        [BIN / "twistd", "-n", "--pidfile=", "mailhub", "--config", hub.config],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 1
    assert f"is in use by process {hub.pid}; one server at a time may have it" in done.stderr
    assert (hub.var / "run" / "mailhub.json").exists()


def test_a_port_in_use_is_named(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        config = tmp_path / "mailhub.toml"
        endpoint = f"tcp:{port}:interface=127.0.0.1"
        config.write_text(f'[[listener]]\nservice = "imap"\nendpoint = "{endpoint}"\n')
        done = subprocess.run(
            [BIN / "twistd", "-n", "--pidfile=", "mailhub", "--config", config],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
    assert done.returncode == 1
    assert f"mailhub: Cannot listen on {endpoint} for imap: Address already in use" in done.stderr
    assert "[[listener]]" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_faulty_file_is_refused_with_its_line(tmp_path: Path) -> None:
    config = tmp_path / "mailhub.toml"
    config.write_text("[smtp]\nlin = 5\n")
    done = subprocess.run(
        [BIN / "twistd", "-n", "--pidfile=", "mailhub", "--config", config],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr == f"mailhub: {config}:2: unknown setting smtp.lin; did you mean line?\n"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_says_goodbye_in_every_protocol(hub: Server, number: signal.Signals) -> None:
    smtp, _ = greeted(hub.port("smtp"))
    lmtp, _ = greeted(hub.port("lmtp"))
    imap, _ = greeted(hub.port("imap", "starttls"))
    pop3, _ = greeted(hub.port("pop3", "starttls"))
    os.kill(hub.pid, number)
    assert rest(smtp).startswith(b"421 ")
    assert rest(lmtp).startswith(b"421 ")
    assert rest(imap).startswith(b"* BYE ")
    assert rest(pop3).startswith(b"-ERR [SYS/TEMP]")
    assert hub.ended_within(20)
    assert hub.stop() == 0  # it was not overdue


def test_two_signals_at_once_are_one_request(hub: Server) -> None:
    imap, _ = greeted(hub.port("imap", "starttls"))
    os.kill(hub.pid, signal.SIGTERM)
    os.kill(hub.pid, signal.SIGINT)
    assert rest(imap).startswith(b"* BYE ")
    assert hub.ended_within(20)
    assert hub.stop() == 0


def test_a_stop_does_not_wait_for_those_who_never_read(hub: Server) -> None:
    stuck = socket.create_connection(("127.0.0.1", hub.port("imap", "implicit")))
    os.kill(hub.pid, signal.SIGTERM)
    assert hub.ended_within(20)
    assert hub.stop() == 0
    stuck.close()


def test_hang_up_takes_new_certificates_and_keeps_sessions(hub: Server) -> None:
    def names(channel: ssl.SSLSocket) -> bytes:
        der = channel.getpeercert(binary_form=True)
        assert der is not None
        return der

    def connect() -> ssl.SSLSocket:
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        plain = socket.create_connection(("127.0.0.1", hub.port("imap", "implicit")), timeout=10)
        return context.wrap_socket(plain)

    session = connect()
    assert session.recv(1000).startswith(b"* OK")
    before = names(session)
    folder = hub.var / "tls"
    make_self_signed(folder / "self-signed.crt", folder / "system.key", ["new.test"])
    os.kill(hub.pid, signal.SIGHUP)

    def changed() -> bool:
        with connect() as fresh:
            return b"new.test" in names(fresh)

    assert until(changed)
    assert b"new.test" not in before
    session.sendall(b"a1 NOOP\r\n")
    assert session.recv(1000).startswith(b"a1 OK")
    session.close()


def test_every_line_of_the_log_is_json_and_holds_no_password(hub: Server) -> None:
    hub.add_domain("log.test")
    hub.add_user("ada@log.test", "Very-Secret-77")
    channel, _ = greeted(hub.port("imap", "starttls"))
    channel.sendall(b"a1 LOGIN ada@log.test Very-Secret-77\r\na2 LOGOUT\r\n")
    rest(channel)
    hub.stop()
    text = hub.log.read_text()
    assert "Very-Secret-77" not in text
    lines = [line for line in text.splitlines() if line.startswith("{")]
    events = [json.loads(line) for line in lines]
    assert {"time", "level", "verb"} <= set(events[0])
    assert any(event.get("verb") == "login" for event in events)


def test_health_and_metrics(hub: Server) -> None:
    def get(path: str) -> tuple[int, str]:
        with socket.create_connection(("127.0.0.1", hub.port("http")), timeout=10) as channel:
            channel.sendall(
                f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n".encode()
            )
            text = rest(channel).decode()
        return int(text.split()[1]), text

    assert get("/health")[0] == 200
    status, text = get("/metrics")
    assert status == 200
    assert "mailhub_reactor_lateness_seconds_bucket" in text
    assert re.search(r'mailhub_connections\{service="http"\} [1-9]', text)


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_at_the_descriptor_limit_newcomers_wait_and_nothing_spins(tmp_path: Path) -> None:
    hub = Server(tmp_path / "hub", wrap=["/usr/bin/prlimit", "--nofile=200:200"])
    hub.start()
    channels: list[socket.socket] = []
    try:
        first, _ = greeted(hub.port("imap", "starttls"))
        for _ in range(300):
            channel = socket.socket()
            channel.setblocking(False)
            channel.connect_ex(("127.0.0.1", hub.port("imap", "starttls")))
            channels.append(channel)
        time.sleep(1)
        before = cpu_seconds(hub.pid)
        time.sleep(2)
        assert cpu_seconds(hub.pid) - before < 0.4, "it spins"
        open_now = len(list(Path(f"/proc/{hub.pid}/fd").iterdir()))
        assert open_now < 190, "none are left for the store"
        first.sendall(b"a1 NOOP\r\n")
        assert first.recv(1000).startswith(b"a1 OK")
        # The store still has what it needs: an account is made while all this stands.
        hub.command("domain", "add", "crowded.test")
        for channel in channels:
            channel.close()
        channels.clear()

        def welcome() -> bool:
            try:
                late, words = greeted(hub.port("imap", "starttls"))
            except OSError:
                return False
            late.close()
            return words.startswith(b"* OK")

        assert until(welcome)
        log = hub.log.read_text()
        pauses = log.count('"outcome":"paused"')
        assert 1 <= pauses <= 5, "a line for every connection"
        assert log.count('"outcome":"resumed"') == pauses
        assert "EMFILE" not in log
        first.close()
        assert hub.stop() == 0
    finally:
        for channel in channels:
            channel.close()
        hub.kill()


@pytest.mark.skipif(os.getuid() != 0, reason="only root has rights to give up")
def test_rights_are_given_up_after_binding(tmp_path: Path) -> None:
    nobody = pwd.getpwnam("nobody")
    # pytest's folders are closed to others; the server needs to reach its own.
    folder = Path("/tmp") / f"mailhub-rights-{os.getpid()}"
    hub = Server(folder)
    try:
        hub.start()
        hub.add_domain("before.test")
        hub.stop()  # what root made until now, the store included, goes to the user as well
        hub.config.write_text('user = "nobody"\n' + hub.config.read_text())
        hub.start()
        status = Path(f"/proc/{hub.pid}/status").read_text()
        assert re.search(rf"(?m)^Uid:\t{nobody.pw_uid}(\t{nobody.pw_uid}){{3}}$", status)
        assert re.search(rf"(?m)^Gid:\t{nobody.pw_gid}(\t{nobody.pw_gid}){{3}}$", status)
        assert re.search(r"(?m)^Groups:\t\s*$", status)
        assert re.search(r"(?m)^NoNewPrivs:\t1$", status)
        assert hub.var.stat().st_uid == nobody.pw_uid
        assert hub.var.stat().st_mode & 0o777 == 0o700
        hub.add_domain("rights.test")
        assert hub.stop() == 0
        hub.start()
        assert hub.stop() == 0
    finally:
        hub.kill()
        subprocess.run(["/bin/rm", "-rf", folder], check=True)


def test_a_daemon_logs_to_its_file_and_goes_on_after_rotation(tmp_path: Path) -> None:
    hub = Server(tmp_path / "hub")
    hub.start()
    hub.stop()
    log, pidfile = tmp_path / "mailhub.log", tmp_path / "mailhub.pid"
    ready = hub.var / "run" / "mailhub.json"
    words = [BIN / "twistd", f"--pidfile={pidfile}", f"--logfile={log}", "mailhub"]
    subprocess.run([*words, "--config", hub.config], check=True, timeout=120)
    assert until(ready.exists)
    pid = json.loads(ready.read_text())["pid"]
    try:
        assert int(pidfile.read_text()) == pid
        log.rename(tmp_path / "mailhub.log.1")
        os.kill(pid, signal.SIGHUP)
        assert until(lambda: log.exists() and "certificate" in log.read_text())
    finally:
        os.kill(pid, signal.SIGTERM)
        assert until(lambda: not Path(f"/proc/{pid}").exists())
    for path in (log, tmp_path / "mailhub.log.1"):
        for line in path.read_text().splitlines():
            assert {"time", "level", "verb"} <= set(json.loads(line))
    assert '"outcome":"done"' in log.read_text()
    assert not pidfile.exists()


def test_the_tac_file_runs_from_a_checkout(tmp_path: Path) -> None:
    hub = Server(tmp_path / "hub")
    hub.start()
    hub.stop()
    ready = hub.var / "run" / "mailhub.json"
    process = subprocess.Popen(
        [BIN / "twistd", "-ny", ROOT / "tap" / "mailhub.tac", "--pidfile="],
        env={**os.environ, "MAILHUB_CONFIG": str(hub.config)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        assert until(ready.exists)
    finally:
        process.terminate()
        assert process.wait(20) == 0


def test_the_plugin_is_found_and_explains_itself(tmp_path: Path) -> None:
    listing = subprocess.run(
        [BIN / "twistd", "--help"], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    assert re.search(r"mailhub\s+A complete mail server", listing.stdout)
    help_text = subprocess.run(
        [BIN / "twistd", "mailhub", "--help"],
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
    )
    assert "--config" in help_text.stdout
    assert sys.executable
