"""Composes what mail goes through that comes: how it is judged, and how it is taken in.

A part of the composition root, apart from it for its size. No rule of mail may live here.
"""

from __future__ import annotations

from functools import cached_property

from mailhub import filters, judging
from mailhub.core.intake import Intake
from mailhub.core.judging import Judging
from mailhub.core.srs import SRS
from mailhub.core.tallying import Tallies
from mailhub.core.uploading import Keys as UploadKeys
from mailhub.ruled import Ruled


class Arriving(Ruled):
    """Every part of that."""

    @cached_property
    def tallies(self) -> Tallies:
        return Tallies(self.store, self.clock, self.log, self.settings.reports)

    @cached_property
    def judging(self) -> Judging:
        settings, hostname, resolver = self.settings, self.hostname, self.resolver
        checks = filters.steps(
            settings,
            hostname,
            self.reactor,
            self.clock,
            self.coordination.counters,
            resolver,
            self.addresses.is_local,
        )
        proofs = judging.authentication(
            settings, hostname, resolver, self.reactor, self.clock, self.randomness
        )
        return judging.compose(settings, hostname, (*proofs, *checks), self.log, self.tallies)

    @cached_property
    def upload_keys(self) -> UploadKeys:
        return UploadKeys(self.secret("uploads"))

    @cached_property
    def intake(self) -> Intake:
        settings = self.settings
        domain = settings.queue.srs_domain or settings.default_domain or self.hostname
        return Intake(
            self.store,
            self.addresses,
            self.clock,
            self.ids,
            self.hostname,
            settings.smtp,
            quota=settings.store.quota,
            srs=SRS(self.secret("srs"), domain.lower()),
            allowances=self.allowances,
            hooks=self.hooks,
            judging=self.judging,
            applying=self.owners.applying,
            elsewheres=self.elsewheres,
        )
