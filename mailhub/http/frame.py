"""What every HTTP listener answers whatever its dialects: health, metrics, and plain errors."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from prometheus_client import CollectorRegistry, generate_latest

from mailhub.http.call import Answer, Call, json_answer
from mailhub.http.guard import Guard
from mailhub.http.routing import MethodNotAllowed, Route, route, routes_of
from mailhub.model import errors
from mailhub.model.errors import MailhubError

METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"
STATUSES: dict[type[MailhubError], int] = {
    MethodNotAllowed: 405,
    errors.NotFound: 404,
    errors.Invalid: 400,
    errors.AuthenticationFailed: 403,
    errors.Unavailable: 503,
}


class Frame:
    """The dialect of the frame itself. `ready`: whether the server takes work just now."""

    name = "frame"

    def __init__(
        self, guard: Guard, registry: CollectorRegistry, ready: Callable[[], bool]
    ) -> None:
        self._guard = guard
        self._registry = registry
        self._ready = ready

    def routes(self) -> Iterable[Route]:
        """Those below."""
        return routes_of(self)

    @route("GET", "/health")
    async def health(self, call: Call) -> Answer:
        """200 when the server takes work, 503 before and after."""
        ready = self._ready()
        return json_answer({"live": True, "ready": ready}, 200 if ready else 503)

    @route("GET", "/health/live")
    async def live(self, call: Call) -> Answer:
        """Whoever can answer this is alive."""
        return json_answer({"live": True})

    @route("GET", "/health/ready")
    async def readiness(self, call: Call) -> Answer:
        """As `/health`, under the name that probes look for."""
        return await self.health(call)

    @route("GET", "/metrics")
    async def metrics(self, call: Call) -> Answer:
        """Prometheus' text format, for whoever could read the API too."""
        self._guard.root(call)
        return Answer(200, generate_latest(self._registry), METRICS_TYPE)

    def failure(self, error: MailhubError | None) -> Answer:
        """Plain JSON, for paths that belong to no dialect."""
        if error is None:
            return json_answer({"error": "Internal failure", "code": "InternalError"}, 500)
        status = next((STATUSES[kind] for kind in type(error).__mro__ if kind in STATUSES), 500)
        headers = {}
        if isinstance(error, MethodNotAllowed):
            headers["Allow"] = ", ".join(sorted(error.allowed))
        return json_answer({"error": error.text}, status, **headers)
