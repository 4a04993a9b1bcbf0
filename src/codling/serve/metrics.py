"""What the server counts, for Prometheus; one registry per application, so that two in a process do not mix."""

from __future__ import annotations

import time

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from starlette.types import ASGIApp, Message, Receive, Scope, Send

__all__ = ["Counted", "Metrics"]

# Seconds. A keystroke's answer should take 10 ms; a cold file, tenths of a second.
_BUCKETS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10)


class Metrics:
    content_type = CONTENT_TYPE_PLAIN_0_0_4

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "codling_requests", "Requests answered.", ["endpoint", "status"], registry=self.registry
        )
        self.seconds = Histogram(
            "codling_request_seconds",
            "Time from a request's head to the end of its answer.",
            ["endpoint"],
            buckets=_BUCKETS,
            registry=self.registry,
        )
        self.cancelled = Counter(
            "codling_cancelled", "Requests given up before their answer came.", ["reason"], registry=self.registry
        )
        self.in_flight = Gauge(
            "codling_in_flight", "Requests that a model works on, or that wait for one.", registry=self.registry
        )

    def text(self) -> bytes:
        return generate_latest(self.registry)


class Counted:
    """Middleware that counts and times every request under its endpoint's name."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self.app = app
        self.metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        start = time.perf_counter()
        status = 500  # unless an answer says otherwise

        async def watch(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self.app(scope, receive, watch)
        finally:
            # a path that is no endpoint's, or a request turned away at the door, has no name of its own
            endpoint = getattr(scope.get("endpoint"), "__name__", "none")
            self.metrics.requests.labels(endpoint, status).inc()
            self.metrics.seconds.labels(endpoint).observe(time.perf_counter() - start)
