"""`mailhub queue`: the recipients that wait, why they wait, and what to do about it."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click

from mailhub.cli import queue_show, show
from mailhub.cli.access import Access, Refused
from mailhub.cli.times import span
from mailhub.model.errors import Invalid

PAGE = 500
"""Recipients that are asked for at once."""


@click.group()
def queue() -> None:
    """Mail that waits to be sent on: one entry is one recipient of one message.

    Entries are named by their numbers, or by what they have in common.
    """


def _filter(command: Any) -> Any:
    """The options that say which entries are meant; arguments for the acts as `meant`."""
    for option in (
        click.option("--query", default="", help="Text in the sender's or recipient's address."),
        click.option("--held/--not-held", default=None, help="Held back by `queue hold`, or not."),
        click.option("--older-than", type=span, help="Longer here than 90s, 10m, 2h, 3d or 1w."),
        click.option("--domain", default="", help="To this domain."),
        click.option("--recipient", default="", help="To this address."),
        click.option("--sender", help="From this address; <> is that of notifications."),
        click.option("--message", type=int, default=0, help="All recipients of this message."),
        click.argument("numbers", type=int, nargs=-1),
    ):
        command = option(command)
    return command


def _meant(options: Mapping[str, Any]) -> dict[str, Any]:
    """What `_filter`'s options say, as arguments of the acts; nothing where none was given."""
    said: dict[str, Any] = {
        name: options[name] for name in ("query", "domain", "recipient", "message") if options[name]
    }
    if options["numbers"]:
        said["numbers"] = list(options["numbers"])
    if options["sender"] is not None:
        said["sender"] = options["sender"].removeprefix("<").removesuffix(">")
    if options["held"] is not None:
        said["held"] = options["held"]
    if options["older_than"] is not None:
        said["before"] = int(time.time()) - options["older_than"]
    return said


@queue.command(name="list")
@_filter
@click.option("--limit", type=click.IntRange(min=1), help="At most so many.")
@click.option("--count", "only_count", is_flag=True, help="Only say how many there are.")
@show.as_json
@click.pass_obj
def list_(
    access: Access, /, limit: int | None, only_count: bool, as_json: bool, **options: Any
) -> None:
    """What waits, oldest first: everything, or what is meant."""
    meant = _meant(options)
    if only_count:
        click.echo(access.ask("queue-count", **meant)["total"])
        return
    entries = _pages(access, meant, limit)
    if as_json:
        queue_show.as_json_array(entries)
    else:
        queue_show.lines(entries, int(time.time()), sys.stdout.isatty())


@queue.command()
@_filter
@click.pass_obj
def count(access: Access, /, **options: Any) -> None:
    """Say how many wait: all, or of what is meant."""
    click.echo(access.ask("queue-count", **_meant(options))["total"])


def _pages(
    access: Access, meant: Mapping[str, Any], limit: int | None
) -> Iterator[Mapping[str, Any]]:
    """Entries as they come, a page at a time: 100,000 of them are never all here."""
    after = 0
    left = limit if limit is not None else sys.maxsize
    while left > 0:
        size = min(PAGE, left)
        page = access.ask("queue-list", after=after, limit=size, **meant)["entries"]
        yield from page
        if len(page) < size:
            return
        left -= len(page)
        after = page[-1]["number"]


@queue.command(name="show")
@click.argument("number", type=int)
@click.option("--headers", is_flag=True, help="Print the message's header, and nothing else.")
@click.option("--message", is_flag=True, help="Print the message, and nothing else.")
@show.as_json
@click.pass_obj
def show_(access: Access, number: int, headers: bool, message: bool, as_json: bool) -> None:
    """All about entry NUMBER.

    Envelope, schedule, every try with what was said, and where it would go now.
    """
    if headers or message:
        out = sys.stdout.buffer
        for _, data in access.client.items("queue-message", number=number, header=not message):
            out.write(data)
        return
    about = access.ask("queue-show", number=number)
    if as_json:
        show.record({**about, "way": access.ask("queue-way", number=number)}, True)
        return
    queue_show.about(about, access.settings.queue, int(time.time()))
    queue_show.way(access.ask("queue-way", number=number))


def _act(access: Access, act: str, verb: str, meant: dict[str, Any], **more: Any) -> None:
    """One act on what is meant, and a line that tells what came of it."""
    acted = access.ask(act, **meant, **more)
    told = f"{verb} {_recipients(acted['done'])}"
    if acted["busy"]:
        told += f"; {acted['busy']} stayed as they were: they are being tried at the moment"
    gone = 0
    if set(meant) == {"numbers"}:
        gone = len(set(meant["numbers"])) - acted["done"] - acted["busy"]
    if gone:
        told += f"; {gone} of the numbers are not in the queue"
    click.echo(told)


def _recipients(count: int) -> str:
    return "1 recipient" if count == 1 else f"{count} recipients"


def _narrowed(options: Mapping[str, Any]) -> dict[str, Any]:
    meant = _meant(options)
    if options.get("every"):
        if meant:
            raise click.UsageError("--all stands alone")
        return {"all": True}
    if not meant:
        hint = ", or --all" if "every" in options else ""
        raise click.UsageError(f"Say which entries are meant: numbers, options{hint}.")
    return meant


_every = click.option("--all", "every", is_flag=True, help="Everything that waits.")
_yes = click.option("--yes", is_flag=True, help="Do not ask.")


@queue.command()
@_filter
@_every
@click.pass_obj
def hold(access: Access, /, **options: Any) -> None:
    """Do not try them until they are released."""
    _act(access, "queue-hold", "held", _narrowed(options))


@queue.command()
@_filter
@_every
@click.pass_obj
def release(access: Access, /, **options: Any) -> None:
    """Try held ones again, when they are due."""
    _act(access, "queue-release", "released", _narrowed(options))


@queue.command()
@_filter
@_every
@click.pass_obj
def retry(access: Access, /, **options: Any) -> None:
    """Try them now.

    Also where their destination is let alone for a while; what is held stays held.
    """
    _act(access, "queue-retry", "due now:", _narrowed(options))


@queue.command()
@_filter
@_every
@click.option("--route", type=int, required=True, help="A route's number; 0: as the routes say.")
@click.pass_obj
def reroute(access: Access, /, route: int, **options: Any) -> None:
    """Send them over a certain route.

    `mailhub routes list` has the numbers; whatever the route is for, it is used.
    """
    _act(access, "queue-reroute", "rerouted", _narrowed(options), route=route)


@queue.command()
@_filter
@click.option("--reason", default="", help="What the senders are told.")
@_yes
@click.pass_obj
def bounce(access: Access, /, reason: str, yes: bool, **options: Any) -> None:
    """Give them up now, and tell their senders so."""
    meant = _narrowed(options)
    _confirm(access, meant, yes, "Give up {} and tell the senders?")
    _act(access, "queue-bounce", "bounced", meant, reason=reason)


@queue.command()
@_filter
@_yes
@click.pass_obj
def discard(access: Access, /, yes: bool, **options: Any) -> None:
    """Drop them; nobody is told."""
    meant = _narrowed(options)
    _confirm(access, meant, yes, "Drop {} without telling anybody?")
    _act(access, "queue-discard", "discarded", meant)


def _confirm(access: Access, meant: Mapping[str, Any], yes: bool, question: str) -> None:
    """Asks where more may be meant than whoever typed it thinks of."""
    if yes or set(meant) == {"numbers"}:
        return
    total = access.ask("queue-count", **meant)["total"]
    if total:
        click.confirm(question.format(_recipients(total)), abort=True)


@queue.command()
@_yes
@click.pass_obj
def purge(access: Access, yes: bool) -> None:
    """Drop everything that waits; nobody is told."""
    total = access.ask("queue-count")["total"]
    if not total:
        click.echo("nothing waits")
        return
    if not yes:
        question = f"Drop everything that waits, {_recipients(total)}, without telling anybody?"
        click.confirm(question, abort=True)
    _act(access, "queue-purge", "discarded", {})


@queue.command()
@click.option(
    "--check",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Say what is wrong with this one instead.",
)
def template(check: Path | None) -> None:
    """Print the words of notifications, for editing.

    [queue] notice_template in the configuration names the edited copy.
    """
    from mailhub.queue import wording

    if check is None:
        click.echo(wording.source(), nl=False)
        return
    try:
        wording.parse(check.read_text("utf-8"))
    except Invalid as error:
        raise Refused(f"{check}: {error.text}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise Refused(f"{check} cannot be read ({error})") from None
    click.echo(f"{check}: good")
