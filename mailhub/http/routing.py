"""Declares routes and joins them to Klein, which is seen here and nowhere else.

A dialect is a set of objects with `@route` methods and one function from an error to an answer.
May not know any dialect, nor what a route does.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache, lru_cache, wraps
from typing import Any, Protocol, TypeVar, runtime_checkable

from klein import Klein
from twisted.internet.defer import Deferred, ensureDeferred
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.resource import IResource, Resource
from twisted.web.server import NOT_DONE_YET
from werkzeug.exceptions import HTTPException
from werkzeug.routing import Map, Rule

from mailhub.core.rights import Right
from mailhub.http.about import About
from mailhub.http.call import Answer, Call, Leash
from mailhub.http.inflow import Admission
from mailhub.model.errors import MailhubError, NotFound, Unsupported

_ROUTE = "_mailhub_route"
Run = Callable[[Call], Awaitable[Answer]]
Kept = Callable[[Run, Right | None], Run]
_Method = TypeVar("_Method", bound=Callable[[Any, Call], Awaitable[Answer]])
log = Logger()


@dataclass(frozen=True, slots=True)
class Route:
    """One call of a dialect. `path`: with `<names>` for arguments; `<path:name>` for one that may
    hold slashes. `about`: for its description, where the dialect has one. `right`: what the caller
    needs; None where the dialect's own guard asks, or everybody may. `large`: its body comes as
    `call.upload`, once `admit` let in who sends it; again, when the leash is pulled."""

    method: str
    path: str
    run: Run
    about: About | None = None
    right: Right | None = None
    large: bool = False
    admit: Callable[[Call], Awaitable[Leash | None]] | None = None


class MethodNotAllowed(Unsupported):
    """The path exists, the method on it does not. `allowed`: those that do."""

    default = "This method is not possible here"

    def __init__(self, allowed: Sequence[str]) -> None:
        super().__init__()
        self.allowed = tuple(allowed)


class Dialect(Protocol):
    """One API. `name`: its prefix."""

    name: str

    def routes(self) -> Iterable[Route]: ...
    def failure(self, error: MailhubError | None) -> Answer:
        """The answer for an error kind; None is a defect of this server."""
        ...


@dataclass(frozen=True, slots=True)
class Served:
    """A dialect's route with its prefix: its whole path."""

    path: str
    route: Route
    dialect: Dialect


@runtime_checkable
class Outspoken(Protocol):
    """A dialect that answers by itself what is no call of it. `allowed`: methods that the path
    has; empty: there is no such path."""

    def unknown(self, call: Call, allowed: Sequence[str]) -> Answer: ...


class Exchange(Protocol):
    """A request on the wire, as `server` makes it."""

    route: str
    """The path of the route that was found, for the log."""

    def call(self, arguments: dict[str, str]) -> Call:
        """The request as a value; its `upload` is the caller's to close. Raises StorageFull,
        Unavailable."""
        ...

    def respond(self, answer: Answer) -> Deferred[None] | None:
        """Writes the whole response; not again, and not when the peer has gone. A stream's end
        is waited for."""
        ...


def route(
    method: str,
    path: str,
    about: About | None = None,
    right: Right | None = None,
    *,
    large: bool = False,
) -> Callable[[_Method], _Method]:
    """Marks a coroutine method as the answer to `method` on `path`; several marks: on each path.

    A description should show one of them alone, so the others come without `about`.
    """

    def mark(function: _Method) -> _Method:
        marks = (*getattr(function, _ROUTE, ()), (method, path, about, right, large))
        setattr(function, _ROUTE, marks)
        return function

    return mark


def routes_of(part: object, kept: Kept | None = None) -> Iterator[Route]:
    """The marked methods of `part`, in the order of their names. `kept`: makes of a method and its
    right what runs in its place."""
    for name, marks in _marked(type(part)):  # type: ignore[arg-type]  # classes are hashable
        bare = getattr(part, name)
        for method, path, about, right, large in marks:
            run = bare if kept is None else kept(bare, right)
            yield Route(method, path, run, about, right, large)


@cache
def _marked(kind: type) -> Sequence[tuple[str, Sequence[tuple[Any, ...]]]]:
    """A class's methods that have marks, with these."""
    found = ((name, getattr(getattr(kind, name), _ROUTE, ())) for name in dir(kind))
    return [(name, marks) for name, marks in found if marks]


def as_named(run: Callable[..., Awaitable[Answer]]) -> Callable[[Run], Run]:
    """Marks what runs in place of `run` with its words and name, which descriptions are made of.
    All else that `functools.wraps` copies is a good part of what a listener takes to start."""
    return wraps(run, assigned=("__doc__", "__qualname__"), updated=())


def served(mounts: Sequence[tuple[str, Dialect]]) -> Sequence[Served]:
    """Every route under its prefix. Each dialect is asked for its own once, as many as its places
    may be."""
    asked: dict[int, Sequence[Route]] = {}
    for _, dialect in mounts:
        if id(dialect) not in asked:
            asked[id(dialect)] = tuple(dialect.routes())
    return [
        Served(prefix + one.path, one, dialect)
        for prefix, dialect in mounts
        for one in asked[id(dialect)]
    ]


def resource(mounts: Sequence[tuple[str, Dialect]], found: Sequence[Served]) -> IResource:
    """One Klein application with each dialect's routes under its prefix. `found`: those `served`.

    One of `mounts` has to stand at the root, the empty prefix: it also answers for what is none.
    """
    app = _Application(_paths(tuple((one.route.method, one.path) for one in found)), found)
    longest_first = sorted(mounts, key=lambda mount: -len(mount[0]))
    app.handle_errors(HTTPException)(_unrouted(longest_first))  # type: ignore[arg-type]
    resource: IResource = app.resource()
    return resource


def leaf(run: Run, path: str, dialect: Dialect) -> IResource:
    """All paths at once, answered by one function. `path`: what the log calls them."""
    return _Leaf(_serve(Served(path, Route("", path, run), dialect)))


class _Leaf(Resource):
    isLeaf = True

    def __init__(self, serve: Any) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._serve = serve

    def render(self, request: Any) -> int:
        """See IResource."""

        def finish(_: object) -> None:
            if not request.finished and not request._disconnected:
                request.finish()

        done: Deferred[None] = self._serve(None, request)
        done.addCallback(finish).addErrback(request.processingFailed)
        return NOT_DONE_YET


def large_routes(served: Sequence[Served]) -> Callable[[str, str], Admission | None]:
    """Finds by method and path who admits to a route for large bodies; None: it is no such."""
    found = [one for one in served if one.route.large]
    paths = _paths(tuple((one.route.method, one.path) for one in found))
    matching = paths.bind("localhost")

    def find(method: str, path: str) -> Admission | None:
        if not found:
            return None
        try:
            number, arguments = matching.match(path, method)
        except HTTPException:
            return None
        one, dialect = found[int(number)].route, found[int(number)].dialect

        async def admit(call: Call) -> Answer | Leash | None:
            if one.admit is None:
                return None
            try:
                return await one.admit(replace(call, arguments=arguments))
            except MailhubError as error:
                return dialect.failure(error)
            except Exception:
                log.failure("{method} {path} failed", method=one.method, path=one.path)
                return dialect.failure(None)

        return admit

    return find


def overflows(mounts: Sequence[tuple[str, Dialect]]) -> Callable[[Call], Answer | None]:
    """What a dialect has to say (`overflow`) to who brings more than anybody may."""
    told = [(prefix, one) for prefix, dialect in mounts if (one := _overflow(dialect))]

    def say(call: Call) -> Answer | None:
        return next((one(call) for prefix, one in told if _is_under(call.path, prefix)), None)

    return say


def _overflow(dialect: Any) -> Callable[[Call], Answer] | None:
    return getattr(dialect, "overflow", None)


class _Application(Klein):
    """Klein over paths that others may share."""

    def __init__(self, paths: Map, found: Sequence[Served]) -> None:
        super().__init__()
        self._paths = paths
        self._endpoints = _Endpoints(found)

    @property
    def url_map(self) -> Map:
        """See Klein."""
        return self._paths


class _Endpoints(dict[str, Any]):
    """What answers under the place of a route among all as a word; made when it is first asked."""

    def __init__(self, found: Sequence[Served]) -> None:
        super().__init__()
        self._found = found

    def __missing__(self, place: str) -> Any:
        made = self[place] = _serve(self._found[int(place)])
        return made


@lru_cache(maxsize=8)
def _paths(routes: tuple[tuple[str, str], ...]) -> Map:
    """What finds (method, path), under its place in `routes` as a word.

    It knows paths and nobody who answers, so listeners with the same dialects share one.
    """
    rules = [
        _Matcher(path, methods=[method], endpoint=str(number))
        for number, (method, path) in enumerate(routes)
    ]
    return Map(rules, strict_slashes=False, merge_slashes=False)


class _Matcher(Rule):
    """A path to be matched. No URL is ever built of it: to compile that, as `Klein.route` does, is
    nine tenths of what a listener with three hundred routes takes to start."""

    def _compile_builder(self, append_unknown: bool = True) -> Callable[..., tuple[str, str]]:
        return _no_url


def _no_url(*_: object, **__: object) -> tuple[str, str]:
    raise NotImplementedError("routes are matched, and built of nothing")


def _serve(served: Served) -> Any:
    path, one, dialect = served.path, served.route, served.dialect

    def serve(_: object, exchange: Exchange, **arguments: str) -> Deferred[None]:
        exchange.route = path
        done: Deferred[None] = Deferred()
        # Klein cancels what it gets when the peer goes away. It gets `done` and not the work,
        # so that a change that has begun always runs to its end.
        work = ensureDeferred(_answer(one, exchange, arguments, dialect))
        work.addCallback(exchange.respond)
        work.addBoth(_pass_on, done)
        return done

    endpoint: Any = serve
    endpoint.segment_count = path.count("/")  # as Klein.route would
    return endpoint


def _pass_on(result: Failure | None, done: Deferred[None]) -> None:
    if not done.called:
        done.callback(result)


async def _answer(
    one: Route, exchange: Exchange, arguments: dict[str, str], dialect: Dialect
) -> Answer:
    upload = None
    try:
        call = exchange.call(arguments)
        upload = call.upload
        return await one.run(call)
    except MailhubError as error:
        return dialect.failure(error)
    except Exception:
        log.failure("{method} {path} failed", method=one.method, path=one.path)
        return dialect.failure(None)
    finally:
        if upload is not None:
            upload.close()


def _unrouted(mounts: Sequence[tuple[str, Dialect]]) -> Callable[[Any, Failure], None]:
    """Answers what Klein could not route, in the words of the dialect that the path is under."""

    def answer(exchange: Exchange, failure: Failure) -> None:
        call = exchange.call({})
        allowed = getattr(failure.value, "valid_methods", None)
        dialect = next(dialect for prefix, dialect in mounts if _is_under(call.path, prefix))
        if isinstance(dialect, Outspoken):
            exchange.respond(dialect.unknown(call, tuple(sorted(allowed or ()))))
            return
        if allowed and call.method == "OPTIONS":
            options = ", ".join(sorted({*allowed, "OPTIONS"}))
            exchange.respond(Answer(204, headers=(("Allow", options),)))
            return
        error: MailhubError = (
            MethodNotAllowed(allowed) if allowed else NotFound("This path does not exist")
        )
        exchange.respond(dialect.failure(error))

    return answer


def _is_under(path: str, prefix: str) -> bool:
    return path == prefix or path.startswith(prefix + "/")
