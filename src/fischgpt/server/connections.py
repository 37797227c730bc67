"""What uvicorn leaves to a reverse proxy: connections that send their request too slowly, or never read the answer.

uvicorn 0.54 has no time limit before a request's headers are complete: of 100 half-open connections all 100 were alive
after 7 s. This closes them, so that the server can stand on an open network by itself.
"""

import asyncio
import signal
from types import FrameType
from typing import Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEADER_S = 5.0
"""How long a connection may take to send a whole request head, also the second on the same connection."""
MAX_HEAD_BYTES = 64 * 1024
STALL_S = 30.0
"""How long a reader may leave 64 KiB, which is where asyncio stops writing, unread: 2 KiB/s are enough."""


class GuardedProtocol(HttpToolsProtocol):
    """HTTP/1.1 with a time limit on the request head and on a reader that has stopped."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._head_timer: asyncio.TimerHandle | None = None
        self._stall_timer: asyncio.TimerHandle | None = None
        self._head_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._head_timer = self.loop.call_later(HEADER_S, self._give_up)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.cycle is not None and not self.cycle.response_complete:  # a request is being answered
            self._head_timer = _stop(self._head_timer)
            self._head_bytes = 0
            return
        # Any byte makes uvicorn forget its keep-alive timer, so it starts ours, once.
        self._head_bytes += len(data)
        if self._head_timer is None:
            self._head_timer = self.loop.call_later(HEADER_S, self._give_up)
        if self._head_bytes > MAX_HEAD_BYTES:
            self._give_up()

    def on_response_complete(self) -> None:
        self._head_bytes = 0
        super().on_response_complete()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._stall_timer = self._stall_timer or self.loop.call_later(STALL_S, self._give_up)

    def resume_writing(self) -> None:
        self._stall_timer = _stop(self._stall_timer)
        super().resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        self._head_timer, self._stall_timer = _stop(self._head_timer), _stop(self._stall_timer)
        super().connection_lost(exc)

    def _give_up(self) -> None:
        """Abort, not close: closing waits until what is written has been read."""
        self._head_timer = None
        if self.transport is not None:
            self.transport.abort()


def _stop(timer: asyncio.TimerHandle | None) -> None:
    if timer is not None:
        timer.cancel()


class Server(uvicorn.Server):
    """uvicorn's server; a second SIGTERM, as a second Ctrl-C, ends it at once."""

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        if self.should_exit and sig == signal.SIGTERM:
            self.force_exit = True
        super().handle_exit(sig, frame)


def server_config(app: Any, grace_s: int) -> uvicorn.Config:
    """How every server of this project runs: one process, no access log, no proxy headers (visitors.py reads them)."""
    return uvicorn.Config(
        app,
        http=GuardedProtocol,
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        ws="none",
        timeout_graceful_shutdown=grace_s,
    )
