"""TLS to Redis: whose certificates are believed, and what we show."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from mailhub.wire.x509 import write_key
from tests import turning
from tests.authority import Authority, key
from tests.live.redis_bench import Nodes, refused, works
from tests.ports import free_port
from tests.rediscluster import RedisCluster
from tests.redisserver import RedisServer, Sentinel

pytestmark = pytest.mark.scale

NewRedis = Callable[..., RedisServer]


class Papers:
    """Certificates of one authority, as files."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.signer = Authority("Redis CA")
        self.authority = self.write("ca.pem", self.signer.text)

    def write(self, name: str, *texts: str) -> str:
        path = self.folder / name
        path.write_text("".join(texts))
        return str(path)

    def key(self, name: str, own: ec.EllipticCurvePrivateKey) -> str:
        return self.write(name, write_key(own).decode())

    def server(self, *names: str, days: tuple[int, int] = (-1, 90)) -> list[str]:
        """Options of a server that shows a certificate of these names and wants one of ours."""
        own = key()
        stem = f"{names[0]}{days[1]}"
        certificate = self.write(f"{stem}.pem", self.signer.issue(names, own, days=days))
        options = {
            "--tls-cert-file": certificate,
            "--tls-key-file": self.key(f"{stem}.key", own),
            "--tls-ca-cert-file": self.authority,
            "--tls-auth-clients": "yes",
        }
        return [word for pair in options.items() for word in pair]

    def client(self, signer: Authority | None = None) -> dict[str, str]:
        """Settings with a certificate of ours, by an authority below the servers'."""
        own, middle = key(), (signer or self.signer).below("Clients")
        text = middle.issue(["mailhub.test"], own, client=True)
        certificate = self.write("client.pem", text, middle.text)
        return {
            "authority": self.authority,
            "certificate": certificate,
            "key": self.key("client.key", own),
        }


@pytest.fixture(scope="module")
def papers(tmp_path_factory: pytest.TempPathFactory) -> Papers:
    return Papers(tmp_path_factory.mktemp("papers"))


@pytest.fixture(scope="module")
def port(papers: Papers) -> Iterator[int]:
    """Of a server called `localhost` and `redis.test`, to which one has to show a certificate."""
    port = free_port()
    server = RedisServer("--tls-port", str(port), *papers.server("localhost", "redis.test"))
    server.start()
    yield port
    server.close()


def test_both_sides_show_certificates(nodes: Nodes, papers: Papers, port: int) -> None:
    works(nodes(f"rediss://localhost:{port}", **papers.client()))


def test_a_name_that_all_servers_have(nodes: Nodes, papers: Papers, port: int) -> None:
    own = papers.client()
    node = nodes(f"rediss://127.0.0.1:{port}", server_name="redis.test", **own)
    assert node.outcomes() == ["connected"]
    refused(nodes(f"rediss://127.0.0.1:{port}", **own), "Mismatch")


def test_without_a_certificate_of_ours(nodes: Nodes, papers: Papers, port: int) -> None:
    node = nodes(f"rediss://localhost:{port}", authority=papers.authority)
    refused(node, "certificate required")


@pytest.mark.scale
def test_with_a_certificate_that_the_server_does_not_believe(
    nodes: Nodes, papers: Papers, port: int
) -> None:
    refused(nodes(f"rediss://localhost:{port}", **papers.client(Authority("Other"))), "alert")


def test_a_wrong_authority_is_refused(nodes: Nodes, papers: Papers, port: int) -> None:
    other = papers.write("other.pem", Authority("Redis CA").text)
    node = nodes(f"rediss://localhost:{port}", **papers.client() | {"authority": other})
    refused(node, "certificate verify failed")


@pytest.mark.scale
def test_whom_the_system_does_not_trust_is_refused(nodes: Nodes, papers: Papers, port: int) -> None:
    node = nodes(f"rediss://localhost:{port}", **papers.client() | {"authority": ""})
    refused(node, "certificate verify failed")


def test_an_expired_certificate_is_refused_until_it_is_renewed(
    nodes: Nodes, papers: Papers, new_redis: NewRedis
) -> None:
    port = free_port()
    redis = new_redis("--tls-port", str(port), *papers.server("localhost", days=(-9, -1)))
    redis.start()
    node = nodes(f"rediss://localhost:{port}", **papers.client())
    refused(node, "certificate verify failed")
    options = papers.server("localhost", days=(-1, 9))
    words = [word.removeprefix("--") for word in options]
    assert redis.cli("CONFIG", "SET", *words) == "OK"
    node.recovers()


@pytest.mark.scale
def test_our_renewed_certificate_is_shown_at_the_next_connection(
    nodes: Nodes, papers: Papers, port: int
) -> None:
    own = papers.client(Authority("Other"))
    node = nodes(f"rediss://localhost:{port}", **own)
    refused(node, "alert")
    papers.client()
    node.recovers()


@pytest.mark.scale
def test_tls_to_a_server_without_it(nodes: Nodes, redis: RedisServer) -> None:
    refused(nodes(f"rediss://localhost:{redis.port}"), "no answer")


@pytest.mark.scale
def test_sentinels_and_their_master_over_tls_with_users(
    nodes: Nodes, papers: Papers, tmp_path: Path
) -> None:
    words = papers.server("redis.test")
    with ExitStack() as stack:
        port = free_port()
        more = ("--tls-port", str(port), "--tls-replication", "yes")
        master = RedisServer(*more, *words)
        stack.callback(master.close)
        master.start()
        lines = "".join(
            f"{name.removeprefix('--')} {value}\n"
            for name, value in zip(words[::2], words[1::2], strict=True)
        )
        tls = free_port()
        lines += (
            f"tls-port {tls}\ntls-replication yes\n"
            "user watch on >SECRET resetchannels -@all +sentinel|get-master-addr-by-name\n"
        )
        sentinel = Sentinel(tmp_path, master, port=port, more=lines)
        stack.callback(sentinel.close)
        turning.until(lambda: "mail" in sentinel.cli("SENTINEL", "MASTERS"))
        given = {
            "sentinels": (f"127.0.0.1:{tls}",),
            "server_name": "redis.test",
            **papers.client(),
        }
        node = nodes("rediss://mail", sentinel_user="watch", sentinel_password="SECRET", **given)
        works(node)
        other = nodes("rediss://mail", sentinel_user="watch", sentinel_password="no", **given)
        refused(other, "WRONGPASS")


@pytest.mark.scale
def test_a_cluster_over_tls(nodes: Nodes, papers: Papers) -> None:
    """Nodes tell of each other by address, and all certificates have one name."""
    own = key()
    among = papers.write("bus.pem", papers.signer.issue(["redis.test"], own, client=True))
    bus = ["--tls-client-cert-file", among, "--tls-client-key-file", papers.key("bus.key", own)]
    words = [*papers.server("redis.test"), "--tls-cluster", "yes", *bus]
    cluster = RedisCluster(2, *words, tls=True)
    try:
        cluster.start()
        more = {"server_name": "redis.test", **papers.client()}
        node = nodes(f"rediss://{cluster.places[0]}", cluster=cluster.places, **more)
        assert node.outcomes() == ["connected"] * 3
        node.fill()
        shared = node.coordination.counters._shared  # type: ignore[attr-defined]
        assert [node.ask(shared.hit(f"guess {number}", 60)) for number in range(30)] == [1] * 30
        turning.pass_time(1.5)
        assert node.coordination.troubles() == {}
    finally:
        cluster.close()
