"""The whole store."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from mailhub.model.change import Change
from mailhub.ports.bodies import Blobs, Spools
from mailhub.ports.mail import Accounts, Addresses, Domains, Journal, Mailboxes, Messages
from mailhub.ports.sending import DkimKeys, Queue, Reports, Routes


class Storage(Protocol):
    """The store as a whole."""

    @property
    def accounts(self) -> Accounts: ...
    @property
    def domains(self) -> Domains: ...
    @property
    def addresses(self) -> Addresses: ...
    @property
    def mailboxes(self) -> Mailboxes: ...
    @property
    def messages(self) -> Messages: ...
    @property
    def blobs(self) -> Blobs: ...
    @property
    def spools(self) -> Spools: ...
    @property
    def queue(self) -> Queue: ...
    @property
    def routes(self) -> Routes: ...
    @property
    def dkim_keys(self) -> DkimKeys: ...
    @property
    def reports(self) -> Reports: ...
    @property
    def journal(self) -> Journal: ...
    def watch(self, watcher: Callable[[Sequence[Change]], None]) -> Callable[[], None]:
        """`watcher` hears every commit's changes, in commit order, before the answer of the call
        that made them. Returns what ends it."""
        ...
