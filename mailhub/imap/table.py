"""The table of all verbs; adding a command is adding its line here."""

from __future__ import annotations

from mailhub.imap.commands import noop
from mailhub.imap.verb import Verb

VERBS: dict[bytes, Verb] = {
    verb.name: verb
    for verb in (
        noop.NOOP,
        noop.CHECK,
    )
}
