"""A group of commands with one that is meant where none is named."""

from __future__ import annotations

import click


class Preset(click.Group):
    """`group FILE` is `group domain FILE`: what is no name of a command belongs to that one."""

    preset = "domain"

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """See click."""
        if args and args[0] not in self.commands and not args[0].startswith("-"):
            args.insert(0, self.preset)
        return super().parse_args(ctx, args)
