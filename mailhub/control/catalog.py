"""Every act by name: whoever adds acts adds them here."""

from __future__ import annotations

from collections.abc import Mapping

from mailhub.control import (
    acts,
    addresses,
    archiving,
    backing,
    certifying,
    directory,
    domains,
    elsewhere,
    filtering,
    identity,
    indexing,
    looking,
    mail,
    mailboxes,
    moving,
    naming,
    nodes,
    queueing,
    relaying,
    reporting,
    scripting,
    signing,
    switching,
    telling,
    tokening,
    users,
)
from mailhub.control.acts import Act
from mailhub.control.mail import Read, Take

PARTS: tuple[Mapping[str, Act], ...] = (
    acts.ACTS,
    directory.ACTS,
    domains.ACTS,
    elsewhere.ACTS,
    users.ACTS,
    addresses.ACTS,
    archiving.ACTS,
    certifying.ACTS,
    backing.ACTS,
    mailboxes.ACTS,
    moving.ACTS,
    filtering.ACTS,
    identity.ACTS,
    indexing.ACTS,
    looking.ACTS,
    naming.ACTS,
    nodes.ACTS,
    relaying.ACTS,
    signing.ACTS,
    switching.ACTS,
    queueing.ACTS,
    reporting.ACTS,
    scripting.ACTS,
    telling.ACTS,
    tokening.ACTS,
)
ACTS: Mapping[str, Act] = {name: act for part in PARTS for name, act in part.items()}
"""Acts with one answer."""
READS: Mapping[str, Read] = {**mail.READS, **queueing.READS, **moving.READS, **switching.READS}
"""Acts that answer with items."""
TAKES: Mapping[str, Take] = {**mail.TAKES, **moving.TAKES}
"""Acts with bytes."""
