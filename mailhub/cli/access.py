"""Which server a command speaks to: its settings, and a connection to who owns the store."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from mailhub import config
from mailhub.cli.client import Client, Refused, connect
from mailhub.model.settings import Settings

__all__ = ["Access", "Refused"]


class Access:
    """The options before the command's name; settings and connection are made when asked for."""

    def __init__(self, config: Path | None, data: Path | None) -> None:
        self.given = config
        self._data = data
        self._settings: Settings | None = None
        self._client: Client | None = None

    @property
    def config(self) -> Path | None:
        """The configuration file that applies, None for the defaults."""
        return config.find(self.given)

    @property
    def settings(self) -> Settings:
        """Raises Refused with every fault of the file."""
        if self._settings is None:
            try:
                settings = config.load(self.config)
            except config.BadConfig as error:
                raise Refused(f"the configuration has faults:\n{error.text}") from None
            if self._data is not None:
                settings = replace(settings, data=os.path.abspath(self._data))
            self._settings = settings
        return self._settings

    @property
    def data(self) -> Path:
        """The data folder."""
        return Path(self.settings.data)

    @property
    def client(self) -> Client:
        """The connection, opened at its first use and closed with the command, so that the store
        is free when that has ended. Raises Refused."""
        if self._client is None:
            self._client = connect(self.data, self.config)
            context = click.get_current_context(silent=True)
            if context is not None:  # there is none where no command runs
                context.call_on_close(self._client.close)
        return self._client

    def ask(self, act: str, **arguments: Any) -> Any:
        """One act's answer. Raises Refused."""
        return self.client.ask(act, **arguments)
