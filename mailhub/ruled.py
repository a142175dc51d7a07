"""Composes what people rule about their own mail: scripts, filters, how it is kept and passed on.

A part of the composition root, apart from it for its size. No rule of mail may live here.
"""

from __future__ import annotations

from functools import cached_property

from mailhub import personal, sieve
from mailhub.core.filters import Filters
from mailhub.core.scripts import Scripts
from mailhub.people import People


class Ruled(People):
    """Every part of that."""

    @cached_property
    def _sieve(self) -> sieve.Sieve:
        return sieve.compose(
            self.store,
            self.addresses,
            self.mailboxes,
            self.clock,
            self.ids,
            self.log,
            self.hostname,
            self.settings.sieve,
        )

    @cached_property
    def scripts(self) -> Scripts:
        return self._sieve.scripts

    @cached_property
    def owners(self) -> personal.Owners:
        return personal.compose(
            self.store,
            self.addresses,
            self.allowances,
            self.clock,
            self.ids,
            self.log,
            self.hostname,
            self.settings.filters,
            self.settings.levels,
            self.encrypting,
            scripts=(self._sieve.rules,),
        )

    @cached_property
    def filters(self) -> Filters:
        return Filters(self.store, self.web, self.clock, self.ids, self.settings.filters)
