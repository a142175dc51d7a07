"""Speaks to an ACME authority (RFC 8555) by the `acme` library, which blocks: on its own threads.

The account's key and URL are kept in a file below the data folder, one for each authority, so that
it is the same account for ever. What is asked for, and when, core decides.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from threading import Thread
from typing import Any, TypeVar

from cryptography.hazmat.primitives.serialization import Encoding
from twisted.internet.threads import deferToThreadPool
from twisted.python.threadpool import ThreadPool

from mailhub import __version__
from mailhub.model.acme import DNS_01, HTTP_01, Challenge, IssueFault, NotIssued, OpenOrder
from mailhub.model.settings_acme import ACMESettings
from mailhub.net.certificate import new_key, write_private
from mailhub.wire import x509

THREADS = 2
NONCES = 8
"""Times that a request is sent with a new nonce: an authority may refuse any (RFC 8555 6.5)."""
REASON = 0
"""Unspecified (RFC 5280 5.3.1): who revokes says nothing more."""
REFUSALS = frozenset(
    {
        "accountDoesNotExist",
        "badCSR",
        "badPublicKey",
        "externalAccountRequired",
        "invalidContact",
        "malformed",
        "rejectedIdentifier",
        "unauthorized",
        "unsupportedContact",
        "unsupportedIdentifier",
        "userActionRequired",
    }
)
FAULTS = {
    "caa": IssueFault.CAA,
    "connection": IssueFault.CONNECTION,
    "dns": IssueFault.ADDRESS,
    "incorrectResponse": IssueFault.ANSWER,
    "rateLimited": IssueFault.LIMIT,
    "serverInternal": IssueFault.AWAY,
    "badNonce": IssueFault.AWAY,
    **dict.fromkeys(REFUSALS, IssueFault.REFUSED),
}
"""By the type of problem (RFC 8555 6.7)."""
PROOFS = {**FAULTS, "unauthorized": IssueFault.ANSWER, "tls": IssueFault.CONNECTION}
"""The same for a challenge that failed."""
LONGEST_REST = 7 * 86400.0
T = TypeVar("T")


class ACMEAuthority:
    """`ports.CertificateAuthority`. `folder`: where accounts are kept."""

    def __init__(self, settings: ACMESettings, folder: Path, reactor: Any) -> None:
        self._settings = settings
        self._folder = folder
        self._reactor = reactor
        self._pool: ThreadPool | None = None
        self._client: Any = None

    async def open(self, names: Sequence[str], request: bytes) -> OpenOrder:
        """See `ports.CertificateAuthority`."""
        return await self._run(lambda: self._open(request))

    async def finish(self, order: OpenOrder) -> str:
        """See `ports.CertificateAuthority`."""
        return await self._run(lambda: self._finish(order))

    async def revoke(self, chain: str) -> None:
        """See `ports.CertificateAuthority`."""
        leaf = x509.read_chain(chain)[0]
        await self._run(lambda: self._connected().revoke(leaf, REASON))

    async def renewal(self, chain: str) -> tuple[float, float]:
        """See `ports.CertificateAuthority`."""
        return await self._run(lambda: self._renewal(chain))

    async def _run(self, work: Callable[[], T]) -> T:
        if self._pool is None:
            self._pool = ThreadPool(0, THREADS, "certificates")
            # The server's end does not wait for an authority that takes its time.
            self._pool.threadFactory = partial(Thread, daemon=True)  # type: ignore[assignment]
            self._pool.start()
        try:
            return await deferToThreadPool(self._reactor, self._pool, lambda: _said(work))
        except NotIssued as error:
            client, self._client = self._client, None  # the next time begins anew
            if client is not None and error.fault is IssueFault.LIMIT:
                error.retry_after = client.net.rest
            raise

    # -- on a thread

    def _open(self, request: bytes) -> OpenOrder:
        from acme import messages

        client = self._connected()
        order = client.new_order(request)
        found = [
            _challenge(client, one)
            for one in order.authorizations
            if one.body.status != messages.STATUS_VALID
        ]
        return OpenOrder(tuple(one for one, _ in found), (order, [given for _, given in found]))

    def _finish(self, opened: OpenOrder) -> str:
        client = self._connected()
        handle: Any = opened.handle
        order, given = handle
        for body in given:
            client.answer_challenge(body, body.response(client.net.key))
        until = datetime.now() + timedelta(seconds=self._settings.patience)
        return str(client.poll_and_finalize(order, until).fullchain_pem)

    def _renewal(self, chain: str) -> tuple[float, float]:
        leaf = x509.read_chain(chain)[0].public_bytes(Encoding.PEM)
        due, again = self._connected().renewal_time(leaf)
        return due.timestamp() if due is not None else 0.0, again.timestamp()

    def _connected(self) -> Any:
        """The library's client, with our account."""
        if self._client is None:
            from acme import client, messages
            from josepy.jwa import ES256
            from josepy.jwk import JWKEC

            key = self._key()
            net = _network()(
                JWKEC(key=key),
                alg=ES256,
                user_agent=f"mailhub/{__version__}",
                verify_ssl=self._settings.trusted or True,
            )
            directory = client.ClientV2.get_directory(self._settings.directory, net)
            made = client.ClientV2(directory, net)
            made.net.account = self._account(made, messages)
            self._client = made
        return self._client

    def _account(self, made: Any, messages: Any) -> Any:
        """Our account: the one of our key, made where there is none."""
        from acme import errors

        contact = self._settings.contact
        order = messages.NewRegistration.from_data(
            email=contact or None, terms_of_service_agreed=True
        )
        try:
            return made.new_account(order)
        except errors.ConflictError as known:
            found = messages.RegistrationResource(uri=known.location, body=order)
            return made.query_registration(found)

    def _key(self) -> Any:
        name = hashlib.sha256(self._settings.directory.encode()).hexdigest()[:16]
        path = self._folder / f"{name}.json"
        if not path.exists():
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            kept = {
                "directory": self._settings.directory,
                "key": x509.write_key(new_key()).decode(),
            }
            write_private(path, json.dumps(kept).encode())
        return x509.read_key(json.loads(path.read_text())["key"])


def _challenge(client: Any, authorization: Any) -> tuple[Challenge, Any]:
    """The one that we answer, and the library's own."""
    name = str(authorization.body.identifier.value)
    kind = DNS_01 if authorization.body.wildcard else HTTP_01
    for one in authorization.body.challenges:
        if one.chall.typ == kind:
            content = str(one.validation(client.net.key))
            token = one.chall.encode("token") if kind == HTTP_01 else ""
            return Challenge(name, kind, token, content), one
    text = f"The authority offers no {kind} for {name}"
    raise NotIssued(IssueFault.REFUSED, text, [(name, text)])


def _network() -> Any:
    """The library's transport, which gives up after one refused nonce; ours does not."""
    from acme import client, messages

    class Network(client.ClientNetwork):
        rest = 0.0
        """Seconds for which the authority wants to be left alone."""

        def _send_request(self, *args: Any, **kwargs: Any) -> Any:
            response = super()._send_request(*args, **kwargs)
            said = response.headers.get("Retry-After", "")
            if response.status_code >= 400 and said.isdigit():
                self.rest = min(float(said), LONGEST_REST)
            return response

        def post(self, *args: Any, **kwargs: Any) -> Any:
            for left in reversed(range(NONCES)):
                try:
                    return self._post_once(*args, **kwargs)
                except messages.Error as error:
                    if error.code != "badNonce" or not left:
                        raise
            raise AssertionError

    return Network


def _said(work: Callable[[], T]) -> T:
    """What it gives. Raises NotIssued for everything that an authority can say or not say."""
    import requests
    from acme import errors, messages
    from josepy.errors import Error as JoseError

    try:
        return work()
    except messages.Error as error:
        raise _problem(error) from None
    except errors.ValidationError as error:
        raise _unproven(error) from None
    except errors.IssuanceError as error:
        raise _problem(error.error) from None
    except errors.TimeoutError:
        text = "The authority did not decide in time"
        raise NotIssued(IssueFault.AWAY, text) from None
    except requests.exceptions.SSLError:
        text = "The authority's own certificate does not verify"
        raise NotIssued(IssueFault.AWAY, text) from None
    except (requests.exceptions.RequestException, errors.Error, JoseError) as error:
        text = f"The authority cannot be asked ({type(error).__name__})"
        raise NotIssued(IssueFault.AWAY, text) from None


def _problem(error: Any) -> NotIssued:
    """A problem document (RFC 8555 6.7)."""
    fault = FAULTS.get(_code(error), IssueFault.PROOF)
    names = [
        (str(one.identifier.value), _words(one))
        for one in error.subproblems or ()
        if one.identifier is not None
    ]
    return NotIssued(fault, f"The authority says: {_words(error)}", names)


def _unproven(error: Any) -> NotIssued:
    names, faults = [], set()
    for one in error.failed_authzrs:
        said = next((c.error for c in one.body.challenges if c.error is not None), None)
        star = "*." if one.body.wildcard else ""
        words = _words(said) if said is not None else "not proven"
        names.append((star + str(one.body.identifier.value), words))
        fault = PROOFS.get(_code(said) if said is not None else "", IssueFault.PROOF)
        faults.add(IssueFault.ZONE if star and fault is not IssueFault.CAA else fault)
    text = "The authority could not prove that the names are ours"
    return NotIssued(faults.pop() if len(faults) == 1 else IssueFault.PROOF, text, names)


def _code(error: Any) -> str:
    """The last word of a problem's type."""
    return str(error.typ or "").rpartition(":")[2]


def _words(error: Any) -> str:
    """For people, without control characters: they come from outside."""
    text = str(error.detail or error.title or error.typ)
    return "".join(one if one.isprintable() else " " for one in text)[:1000]
