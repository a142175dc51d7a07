"""Certificates: what is refused and as what, which one a name gets, what is said of it."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography import x509

from mailhub.core.certificates import Certificates
from mailhub.model.certificate import DAY, CertificateRefused, Problem, Standing
from mailhub.model.errors import Invalid, NotFound
from mailhub.model.settings import TLSSettings
from mailhub.net.certificate_files import CertificateFolder
from mailhub.store.memory import MemoryStore
from mailhub.wire.x509 import Key, names_of, public_digest, read_chain, write_key
from tests.authority import Authority, key
from tests.fakes import FakeClock, ListLog
from tests.support import run
from tests.world import ACTOR

HOST = "box.example.org"
ROOT = Authority("Root")
MIDDLE = ROOT.below("Middle")


class Bench:
    """Certificates in a folder, with one authority that clients know."""

    def __init__(self, folder: Path) -> None:
        (folder / "roots.pem").write_text(ROOT.text)
        self.clock = FakeClock(now=Authority.now)
        settings = TLSSettings(authorities=str(folder / "roots.pem"))
        self.files = CertificateFolder(settings, folder, HOST, ListLog())
        store = MemoryStore(clock=self.clock, quota=0)
        self.certificates = Certificates(
            self.files, store.certificates, self.clock, ListLog(), HOST
        )
        self.folder = folder / "tls"
        self.own: Key = self.files.system_key()

    def install(self, name: str, certificate: str, chain: str = "", own: str = "") -> str:
        found = run(self.certificates.install(name, certificate, chain, ACTOR, key=own))
        return found.id

    def refusal(self, name: str, certificate: str, chain: str = "", own: str = "") -> Problem:
        before = sorted(self.folder.rglob("*"))
        with pytest.raises(CertificateRefused) as refused:
            self.install(name, certificate, chain, own)
        assert sorted(self.folder.rglob("*")) == before
        return refused.value.problem


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_each_failure_is_its_own(bench: Bench) -> None:
    own, other = bench.own, Authority("Other")
    good = MIDDLE.issue(["a.example"], own)
    pem = write_key(key()).decode()
    table = [
        (Problem.MALFORMED, "a.example", "no certificate", "", ""),
        (Problem.NAME, "b.example", good, MIDDLE.text, ""),
        (Problem.NAME, "x.a.example", good, MIDDLE.text, ""),
        (Problem.KEY, "a.example", MIDDLE.issue(["a.example"]), MIDDLE.text, ""),
        (Problem.KEY, "a.example", good, MIDDLE.text, pem),
        (Problem.MALFORMED, "a.example", good, MIDDLE.text, "no key"),
        (Problem.SELF_SIGNED, "a.example", Authority.self_signed(["a.example"], own), "", ""),
        (Problem.INCOMPLETE, "a.example", good, "", ""),
        (Problem.INCOMPLETE, "a.example", other.issue(["a.example"], own), "", ""),
        (Problem.UNTRUSTED, "a.example", other.issue(["a.example"], own), other.text, ""),
        (Problem.UNRELATED, "a.example", good, MIDDLE.text + other.text, ""),
        # What is no PEM between certificates is not looked at (RFC 7468 section 2).
        (Problem.INCOMPLETE, "a.example", good, "no chain", ""),
        (Problem.EXPIRED, "a.example", MIDDLE.issue(["a.example"], own, days=(-9, -1)), "", ""),
        (Problem.NOT_YET, "a.example", MIDDLE.issue(["a.example"], own, days=(1, 9)), "", ""),
    ]
    for problem, name, certificate, chain, private in table:
        assert bench.refusal(name, certificate, chain, private) is problem
    for name in ("", "a b", "[192.0.2.1]", "*", "a.*.example"):
        with pytest.raises(Invalid) as refused:
            bench.install(name, good, MIDDLE.text)
        assert refused.value.field == "domain"


def test_what_is_installed_is_shown_and_kept_apart_from_its_key(bench: Bench) -> None:
    certificates = bench.certificates
    heard: list[str] = []
    bench.files.watch(lambda: heard.append("changed"))
    assert certificates.of("a.example") is None
    id = bench.install("A.Example.", MIDDLE.issue(["a.example"], bench.own), MIDDLE.text)
    assert heard == ["changed"]
    found = certificates.of("a.example")
    assert found is not None
    assert found.id == id
    assert certificates.valid_for("a.example")
    assert [path.name for path in (bench.folder / "installed").iterdir()] == [f"{id}.crt"]
    assert read_chain(bench.files.chain(id).decode())[1:] == (MIDDLE.certificate,)
    run(certificates.remove(id, ACTOR))
    assert certificates.of("a.example") is None
    for gone in (id, "../self-signed", ""):
        with pytest.raises(NotFound):
            run(certificates.remove(gone, ACTOR))


def test_a_certificate_may_bring_its_own_key(bench: Bench) -> None:
    private = key()
    pem = write_key(private).decode()
    id = bench.install("a.example", MIDDLE.issue(["a.example"], private), MIDDLE.text, pem)
    kept = bench.folder / "installed" / f"{id}.key"
    assert kept.stat().st_mode & 0o777 == 0o600
    assert bench.certificates.valid_for("a.example")
    # But the server's own name keeps the server's own key, so that its TLSA record stays true.
    other = MIDDLE.issue([HOST, "b.example"], private, days=(-1, 300))
    assert bench.refusal(HOST, other, MIDDLE.text, pem) is Problem.KEY
    bench.install("b.example", other, MIDDLE.text, pem)
    assert bench.certificates.valid_for("b.example")
    assert not bench.certificates.valid_for(HOST)
    assert bench.certificates.fingerprint() == public_digest(bench.own.public_key())


def test_a_root_that_came_along_is_left_out(bench: Bench) -> None:
    text = MIDDLE.issue(["a.example"], bench.own) + ROOT.text + MIDDLE.text
    id = bench.install("a.example", text)
    assert len(read_chain(bench.files.chain(id).decode())) == 2


def test_what_is_said_of_it(bench: Bench) -> None:
    certificates = bench.certificates

    def said(name: str, **given: bool) -> tuple[Standing, Problem | None, int]:
        status = certificates.status(name, **given)
        return status.standing, status.problem, status.days

    assert said(HOST)[:2] == (Standing.WARNING, Problem.SELF_SIGNED)
    assert said("a.example") == (Standing.BAD, None, 0)
    assert said("a.example", elsewhere=True) == (Standing.ELSEWHERE, None, 0)
    bench.install("a.example", MIDDLE.issue(["a.example", "*.a.example"], bench.own), MIDDLE.text)
    assert said("www.a.example") == (Standing.GOOD, None, 90)
    bench.clock.advance(80 * DAY)
    assert said("a.example") == (Standing.WARNING, None, 10)
    bench.clock.advance(10 * DAY)
    assert said("a.example") == (Standing.BAD, Problem.EXPIRED, 0)
    assert not certificates.valid_for("a.example")


def test_a_request_is_signed_with_the_servers_key(bench: Bench) -> None:
    text = bench.certificates.request("Any.Example", "fr")
    made = x509.load_pem_x509_csr(text.encode())
    assert made.is_signature_valid
    assert public_digest(made.public_key()) == bench.certificates.fingerprint()
    assert names_of(made) == ("any.example",)  # type: ignore[arg-type]
    with pytest.raises(Invalid):
        bench.certificates.request("a b", "fr")


def test_what_ended_long_ago_is_cleared_away(bench: Bench) -> None:
    certificates = bench.certificates

    def kept() -> set[str]:
        return {path.stem for path in (bench.folder / "installed").glob("*.crt")}

    old = bench.install("a.example", MIDDLE.issue(["a.example"], bench.own), MIDDLE.text)
    alone = bench.install("b.example", MIDDLE.issue(["b.example"], bench.own), MIDDLE.text)
    bench.clock.advance(89 * DAY)
    text = MIDDLE.issue(["a.example"], bench.own, days=(80, 170))
    new = bench.install("a.example", text, MIDDLE.text)
    for days, left in ((20, {old, alone, new}), (20, {alone, new})):
        bench.clock.advance(days * DAY)
        run(certificates.tidy(ACTOR))
        assert kept() == left


def test_the_key_outlives_a_new_start_and_new_names(tmp_path: Path) -> None:
    before = Bench(tmp_path).certificates.fingerprint()
    (tmp_path / "tls" / "self-signed.crt").unlink()
    assert Bench(tmp_path).certificates.fingerprint() == before


def test_the_key_of_an_earlier_version_is_kept(tmp_path: Path) -> None:
    before = CertificateFolder(TLSSettings(), tmp_path, "mx.example.org", ListLog())
    before.load()
    (tmp_path / "tls" / "system.key").rename(tmp_path / "tls" / "self-signed.key")
    after = CertificateFolder(TLSSettings(), tmp_path, "mx.example.org", ListLog())
    assert [one.facts for one in after.load()] == [one.facts for one in before.load()]
    assert not (tmp_path / "tls" / "self-signed.key").exists()
