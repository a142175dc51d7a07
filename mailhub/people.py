"""Composes who is here: domains, accounts, what proves a login, and what proves this server.

A part of the composition root, apart from it for its size. No rule of mail may live here.
"""

from __future__ import annotations

from functools import cached_property
from pathlib import Path

from mailhub import directories
from mailhub.core.accounts import Accounts
from mailhub.core.addresses import Addresses
from mailhub.core.allowances import Allowances
from mailhub.core.certificates import Certificates
from mailhub.core.crossing import Crossings
from mailhub.core.domains import Domains
from mailhub.core.elsewhere import Elsewheres
from mailhub.core.identity import Identity, identity
from mailhub.core.login import Login
from mailhub.core.mailboxes import Mailboxes
from mailhub.core.profiles import Profiles
from mailhub.core.sessions import Sessions
from mailhub.core.sign_ins import SignIns
from mailhub.core.signing import Keys
from mailhub.core.standing import Standings
from mailhub.core.tokens import Tokens
from mailhub.directory.local import LocalDirectory
from mailhub.ground import Ground
from mailhub.net.certificate_files import CertificateFolder
from mailhub.net.cms import CertificateSigning
from mailhub.net.keymaking import ThreadKeyMaking
from mailhub.net.passage import Passages
from mailhub.ports import Seats


class People(Ground):
    """Parts that mail stands on."""

    @cached_property
    def domains(self) -> Domains:
        return Domains(self.store, self.clock, self.ids, keys=self.keys)

    @cached_property
    def addresses(self) -> Addresses:
        return Addresses(
            self.store,
            self.clock,
            self.ids,
            hostname=self.hostname,
            default_domain=self.settings.default_domain,
        )

    @cached_property
    def mailboxes(self) -> Mailboxes:
        return Mailboxes(
            self.store,
            self.clock,
            self.ids,
            limit=self.settings.imap.mailboxes,
            settings=self.settings.accounts,
        )

    @cached_property
    def accounts(self) -> Accounts:
        return Accounts(
            self.store,
            self.hashing,
            self.addresses,
            self.mailboxes,
            self.clock,
            self.ids,
            grace=self.settings.accounts.grace,
        )

    @cached_property
    def elsewheres(self) -> Elsewheres:
        return Elsewheres(self.store, self.clock)

    @cached_property
    def directories(self) -> directories.Directories:
        return directories.compose(
            self.settings.ldap,
            LocalDirectory(self.store, self.hashing, self.log),
            self.store,
            self.accounts,
            self.addresses,
            self.domains,
            self.reactor,
            self.clock,
            self.log,
        )

    @cached_property
    def allowances(self) -> Allowances:
        standings = Standings(self.store, self.clock, self.settings.store.quota)
        counters = self.coordination.counters
        return Allowances(counters, standings, self.settings.limits, self.log)

    @cached_property
    def seats(self) -> Seats:
        return self.coordination.seats

    @cached_property
    def sessions(self) -> Sessions:
        return Sessions(self.allowances, self.seats)

    @cached_property
    def login(self) -> Login:
        return Login(
            self.directories.login,
            self.store,
            self.hashing,
            self.coordination.counters,
            self.settings.limits,
            self.clock,
            self.log,
            randomness=self.randomness,
            default_domain=self.settings.default_domain,
            secret=self.secret("login"),
            crossings=self.crossings,
        )

    @cached_property
    def crossings(self) -> Crossings:
        settings = self.settings.elsewhere
        return Crossings(
            self.elsewheres,
            Passages(settings, self.reactor),
            self.store,
            self.hashing,
            self.log,
            learn=settings.learn,
        )

    @cached_property
    def tokens(self) -> Tokens:
        return Tokens(
            self.coordination.sessions(self.store.sessions),
            self.store,
            self.watch,
            self.clock,
            self.randomness,
            self.log,
            self.secret("tokens"),
            self.settings.tokens,
        )

    @cached_property
    def sign_ins(self) -> SignIns:
        return SignIns(self.tokens, self.store, self.clock, self.randomness, self.settings.tokens)

    @cached_property
    def profiles(self) -> Profiles:
        signing = CertificateSigning(self.certificate_files, self.log)
        return Profiles(self.settings.profile, self.hostname, signing, self.randomness)

    @cached_property
    def identity(self) -> Identity:
        return identity(
            self.store,
            self.hashing,
            self.login,
            self.coordination.counters,
            self.settings.limits,
            self.clock,
            self.ids,
            self.randomness,
            self.profiles,
            self.secret("login"),
        )

    @cached_property
    def keys(self) -> Keys:
        making = ThreadKeyMaking(self.reactor)
        settings = self.settings.dkim
        return Keys(self.store, self.resolver, making, self.clock, self.log, settings)

    @cached_property
    def certificate_files(self) -> CertificateFolder:
        folder = Path(self.settings.data)
        return CertificateFolder(self.settings.tls, folder, self.hostname, self.log)

    @cached_property
    def certificates(self) -> Certificates:
        notes = self.store.certificates
        return Certificates(self.certificate_files, notes, self.clock, self.log, self.hostname)
