"""What Prometheus scrapes at `/metrics`. Labels are few and fixed: none holds what a visitor sent."""

from collections.abc import Callable

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    generate_latest,
)

from fischgpt.assistant.events import Done
from fischgpt.server.limits import Slots

_SECONDS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
CONTENT_TYPE = CONTENT_TYPE_LATEST


class Metrics:
    """One server's figures, in a registry of their own."""

    def __init__(self, slots: Callable[[], Slots], ready: Callable[[], bool]) -> None:
        self.registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        self.requests = Counter("fischgpt_requests", "Requests answered", ["route", "status"], registry=registry)
        self._refused = Counter("fischgpt_refused", "Requests refused before any work", ["reason"], registry=registry)
        self._answers = Counter("fischgpt_answers", "Answers by their kind", ["kind"], registry=registry)
        self._tokens = Counter("fischgpt_tokens", "Tokens the model wrote", registry=registry)
        self._first = Histogram(
            "fischgpt_first_token_seconds", "Until the first text, queue included", buckets=_SECONDS, registry=registry
        )
        self._total = Histogram(
            "fischgpt_answer_seconds", "Whole answers, queue included", buckets=_SECONDS, registry=registry
        )
        self._retrieval = Histogram(
            "fischgpt_retrieval_seconds", "Search for passages", buckets=_SECONDS, registry=registry
        )
        self.feedback = Counter("fischgpt_feedback", "Thumbs of visitors", ["rating"], registry=registry)
        running = Gauge("fischgpt_answers_running", "Answers being computed", registry=registry)
        running.set_function(lambda: slots().admitted - slots().waiting)
        waiting = Gauge("fischgpt_answers_waiting", "Answers that wait for a slot", registry=registry)
        waiting.set_function(lambda: slots().waiting)
        Gauge("fischgpt_ready", "1 once questions are answered", registry=registry).set_function(lambda: float(ready()))
        for reason in ("key", "rate", "busy"):
            self._refused.labels(reason)

    def refused(self, reason: str) -> None:
        """Count a request that was turned away."""
        self._refused.labels(reason).inc()

    def answered(self, done: Done, queue_ms: float) -> None:
        """Count an answer that came to its end."""
        timings = done.timings
        self._answers.labels(done.kind).inc()
        self._tokens.inc(timings.tokens)
        self._first.observe((queue_ms + timings.first_token_ms) / 1000)
        self._total.observe((queue_ms + timings.total_ms) / 1000)
        self._retrieval.observe(timings.retrieval_ms / 1000)

    def generated(self, tokens: int) -> None:
        """Count what the raw model wrote."""
        self._tokens.inc(tokens)

    def page(self) -> bytes:
        """The figures as text."""
        return generate_latest(self.registry)
