"""The built site, and the headers every response carries."""

import logging
import mimetypes
import re
import time
import traceback
import uuid
from collections.abc import Awaitable, Callable, Mapping
from html import escape
from pathlib import Path

from fastapi import FastAPI
from prometheus_client import Counter
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from fischgpt.profile.profile import Profile
from fischgpt.resources import resource
from fischgpt.server.errors import INTERNAL, error_response
from fischgpt.server.visitors import ANSWERS

logger = logging.getLogger("fischgpt.server")

# Inline styles only: React and the chart library set style attributes. The site may be framed by Hugging Face, where a
# Space shows it.
_POLICY = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self' 'unsafe-inline'",
    "img-src": "'self' data:",
    "font-src": "'self'",
    "connect-src": "'self'",
    "manifest-src": "'self'",
    "base-uri": "'none'",
    "form-action": "'none'",
}


def content_security_policy(also: Mapping[str, str]) -> str:
    """What the site's pages may load and where they may send: the site itself alone. also: directives that a place adds
    or has in another form."""
    return "; ".join(f"{name} {value}" for name, value in {**_POLICY, **also}.items())


CONTENT_SECURITY_POLICY = content_security_policy({"frame-ancestors": "'self' https://huggingface.co"})
PAGES = ("/", "/story", "/learn", "/inside")
"""The site's own addresses (web/src/App.tsx); another one gets index.html as it is, and the page says it is none."""
_API = ("/v1", "/api", "/healthz", "/readyz", "/metrics")


def built_site() -> Path | None:
    """The folder with the built site, if it was built."""
    try:
        return resource("web/index.html").parent
    except FileNotFoundError:
        return None


def install(app: FastAPI, site: Path | None, profile: Callable[[], Profile]) -> None:
    """Serve the site below everything else; deep links of its pages get index.html. Comes after all other routes.

    profile: the owner, whose name a shared link shows.
    """

    @app.api_route("/v1/{rest:path}", methods=["GET", "HEAD"], include_in_schema=False)
    @app.api_route("/api/{rest:path}", methods=["GET", "HEAD"], include_in_schema=False)
    async def no_such_endpoint(rest: str) -> Response:
        raise HTTPException(404)

    if site is not None and (site / "index.html").is_file():
        _serve_packed(app, site / "assets")
        page = (site / "index.html").read_text("utf-8")
        for path in PAGES:
            app.add_api_route(path, _named(page, profile), methods=["GET", "HEAD"], include_in_schema=False)
        app.frontend("/", directory=site, fallback="index.html")
        return

    @app.get("/", include_in_schema=False)
    async def not_built(request: Request) -> Response:
        return HTMLResponse(_NOT_BUILT.format(url=escape(str(request.base_url))))


def titled(page: str, owner: str) -> str:
    """index.html with the title of the site about `owner`, for the tab and for a preview."""
    title = escape(f"Ask about {owner} · FischGPT")
    page = page.replace("<title>FischGPT</title>", f"<title>{title}</title>")
    return page.replace('property="og:title" content="FischGPT"', f'property="og:title" content="{title}"')


def _named(page: str, profile: Callable[[], Profile]) -> Callable[[Request], Awaitable[Response]]:
    """index.html with what a preview of a shared link shows: whose site it is. Previews run no scripts, and take no
    address without a host."""

    async def index(request: Request) -> Response:
        social = f'content="{escape(str(request.base_url))}social.png"'
        return HTMLResponse(titled(page, profile().name).replace('content="/social.png"', social))

    return index


def _serve_packed(app: FastAPI, assets: Path) -> None:
    """The scripts and styles that the build has compressed already, to whoever takes brotli: a route for each."""
    for packed in assets.glob("*.br"):
        path = f"/assets/{packed.stem}"
        app.add_api_route(path, _packed(packed), methods=["GET", "HEAD"], include_in_schema=False)


def _packed(file: Path) -> Callable[[Request], Awaitable[Response]]:
    plain = file.with_suffix("")
    kind = mimetypes.guess_type(plain.name)[0]

    async def asset(request: Request) -> Response:
        accepted = request.headers.get("accept-encoding", "")
        takes = any(re.fullmatch(r"\s*br\s*(;\s*q=(1|0?\.\d*[1-9]).*)?", part) for part in accepted.split(","))
        headers = {"Vary": "Accept-Encoding", **({"Content-Encoding": "br"} if takes else {})}
        return FileResponse(file if takes else plain, media_type=kind, headers=headers)

    return asset


class Envelope:
    """Around every response: security and cache headers, a request id, one log line without what was asked, a count,
    and for a fault a plain 500."""

    def __init__(self, app: ASGIApp, requests: Counter) -> None:
        """requests: counts by route and status."""
        self.app, self._requests = app, requests

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        path, request_id, started, status = scope["path"], uuid.uuid4().hex[:16], time.perf_counter(), 0

        async def with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                # Raw: setting them one by one took a tenth of what a refusal costs.
                headers = [*message.get("headers", ()), (b"x-request-id", request_id.encode()), *_SECURITY]
                if path != "/api/resume/file":  # a browser's PDF viewer does not work under the policy
                    headers.append((b"content-security-policy", CONTENT_SECURITY_POLICY.encode()))
                if not any(name == b"cache-control" for name, _ in headers):
                    headers.append((b"cache-control", _cache_control(path, status).encode()))
                message["headers"] = headers
            await send(message)

        try:
            await self.app(scope, receive, with_headers)
        except Exception as error:
            place = "".join(traceback.format_tb(error.__traceback__))
            logger.error("request %s failed with %s\n%s", request_id, type(error).__name__, place)
            if status:
                raise
            await error_response(500, INTERNAL)(scope, receive, with_headers)
        finally:
            # The route as it is written in the code, for the path is the visitor's own words.
            known = path if path in ANSWERS else "site" if status < 400 else "none"
            route = getattr(scope.get("route"), "path", "") or known
            method = scope["method"] if scope["method"] in _METHODS else "OTHER"
            self._requests.labels(route, str(status)).inc()
            if path.startswith(("/v1/", "/api/")):
                ms = round((time.perf_counter() - started) * 1000, 1)
                fields = {"request_id": request_id, "method": method, "route": route, "status": status, "ms": ms}
                logger.info("%s %s %s %d %.0f ms", request_id, method, route, status, ms, extra={"fields": fields})


_SECURITY = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"strict-origin-when-cross-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=()"),
)
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


def _cache_control(path: str, status: int) -> str:
    """Built assets carry a hash in their name; everything else is asked for again."""
    if path.startswith(_API):
        return "no-store"
    return (
        "public, max-age=31536000, immutable"
        if path.startswith("/assets/") and status in (200, 206, 304)
        else "no-cache"
    )


_NOT_BUILT = """<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>FischGPT</title>
<style>body{{font:1rem/1.6 system-ui;max-width:40rem;margin:3rem auto;padding:0 1rem}}
pre{{white-space:pre-wrap}}</style>
<h1>FischGPT</h1>
<p>The API is up, but the site was not built into this installation.</p>
<p>To build it, install the package again without <code>FISCHGPT_SKIP_WEB</code>:</p>
<pre>make up</pre>
<p>Until then, ask through the API:</p>
<pre>curl {url}v1/chat/completions -H 'Content-Type: application/json' \\
  -d '{{"messages":[{{"role":"user","content":"How much did the training cost?"}}]}}'</pre>
</html>
"""
