"""What goes wrong while a server is moved, for the person who moves it.

No traceback and no secret stands in any of these texts.
"""

from __future__ import annotations


class SwitchFault(Exception):
    """Nothing can go on: a source file with faults, a server that does not answer, a login that is
    refused. The text says what to do about it."""


class Refusal(Exception):
    """This server would not do one thing, and the rest can go on. `kind`: which kind of core's."""

    def __init__(self, text: str, kind: str = "") -> None:
        super().__init__(text)
        self.kind = kind
