"""Who a request comes from, how often they may ask, and what a key allows.

The window is kept here and not by a library: limits 5.8.0 in memory never forgets an address, and starts a thread that
scans all of them at every request.
"""

import hmac
import ipaddress
import math
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable

from starlette.types import ASGIApp, Receive, Scope, Send

from fischgpt.server.errors import busy_response, error_response
from fischgpt.server.limits import Slots
from fischgpt.server.settings import Settings

MAX_VISITORS = 10_000
"""Remembered at most, the least recent forgotten first: about 5 MB, however many addresses an attacker has."""
WINDOW_S = 60.0
INSPECT = "/v1/inspect"
"""Has a rate of its own: who plays with it, and sends a request with every pause in typing, can still ask."""
ANSWERS = frozenset({"/v1/chat/completions", "/v1/completions", INSPECT, "/api/chat"})
"""What takes a slot, so that it can be refused before its body is read."""


def visitor_of(scope: Scope) -> str:
    """One string a visitor: the IPv4 address, or the /64 an IPv6 visitor can move in at will.

    Behind a trusted proxy `scope["client"]` is the visitor's by now (uvicorn's ProxyHeadersMiddleware).
    """
    client = scope.get("client")
    try:
        address = ipaddress.ip_address(client[0].partition("%")[0] if client else "")
    except ValueError:
        return "unknown"
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is None:
            return str(ipaddress.ip_network((address, 64), strict=False))
        address = address.ipv4_mapped
    return str(address)


def is_local(scope: Scope) -> bool:
    """Whether the request comes from this machine, and no proxy brought it from elsewhere."""
    client = scope.get("client")
    forwarded = any(name in (b"x-forwarded-for", b"forwarded", b"via") for name, _ in scope["headers"])
    try:
        return bool(client) and not forwarded and ipaddress.ip_address(client[0]).is_loopback
    except ValueError:
        return False


class Window:
    """At most `limit` requests of one visitor in any 60 s."""

    def __init__(self, limit: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._limit, self._clock = limit, clock
        self._seen: OrderedDict[str, deque[float]] = OrderedDict()

    def hit(self, visitor: str) -> int:
        """0 if the visitor may go on; else after how many whole seconds."""
        if not self._limit:
            return 0
        now = self._clock()
        times = self._seen.setdefault(visitor, deque())
        self._seen.move_to_end(visitor)
        while len(self._seen) > MAX_VISITORS:
            self._seen.popitem(last=False)
        while times and times[0] <= now - WINDOW_S:
            times.popleft()
        if len(times) >= self._limit:
            return max(1, math.ceil(times[0] + WINDOW_S - now))
        times.append(now)
        return 0


def bearer(scope: Scope) -> str:
    """The key of `Authorization: Bearer KEY`, or an empty string."""
    for name, value in scope["headers"]:
        if name == b"authorization":
            scheme, _, key = value.decode("latin-1").partition(" ")
            return key.strip() if scheme.casefold() == "bearer" else ""
    return ""


def is_key(given: str, keys: Iterable[str]) -> bool:
    """Whether `given` is one of the keys, in a time that tells nothing about them."""
    found = False
    for key in keys:
        found |= bool(key) and hmac.compare_digest(given.encode(), key.encode())
    return found


class Gate:
    """Before anything is read of a request to the API: its key, its visitor's rate, whether there is any room.

    Requests from this machine itself, and those with a key, have no rate of their own.
    """

    def __init__(self, app: ASGIApp, settings: Settings, slots: Callable[[], Slots], refused: Callable[[str], None]):
        """refused: is told the reason of each refusal, for the metrics."""
        self.app, self._settings, self._slots, self._refused = app, settings, slots, refused
        self._window, self._inspecting = Window(settings.rate), Window(settings.inspect_rate)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not scope["path"].startswith(("/v1/", "/api/")):
            return await self.app(scope, receive, send)
        settings, path = self._settings, scope["path"]
        has_key = is_key(bearer(scope), (settings.owner_key, *settings.api_keys))
        if settings.api_keys and path.startswith("/v1/") and not has_key:
            self._refused("key")
            message = "this API needs a key: send it as `Authorization: Bearer KEY`"
            response = error_response(401, message, code="invalid_api_key", headers={"WWW-Authenticate": "Bearer"})
            return await response(scope, receive, send)
        if scope["method"] not in ("GET", "HEAD"):
            window, rate = self._window, settings.rate
            if path == INSPECT:
                window, rate = self._inspecting, settings.inspect_rate
            wait = 0 if has_key or is_local(scope) else window.hit(visitor_of(scope))
            if wait:
                self._refused("rate")
                message = f"at most {rate} requests a minute; try again in {wait} s"
                response = error_response(429, message, code="rate_limit", headers={"Retry-After": str(wait)})
                return await response(scope, receive, send)
            if path in ANSWERS and (seconds := self._slots().full()):
                self._refused("busy")
                return await busy_response(seconds)(scope, receive, send)
        await self.app(scope, receive, send)
