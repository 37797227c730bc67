"""`fischgpt up`: claim the port, read the profile, find the model, then serve while the rest loads."""

import errno
import socket
import webbrowser

from fischgpt.assistant.remote import describe
from fischgpt.engine import Bits
from fischgpt.errors import UserError
from fischgpt.profile.profile import load_profile
from fischgpt.server import logs
from fischgpt.server.app import create_app
from fischgpt.server.connections import Server, server_config
from fischgpt.server.memory import stay_small
from fischgpt.server.service import Service
from fischgpt.server.settings import read_settings
from fischgpt.server.site import built_site

GRACE_S = 15
"""How long streams may take to end after SIGTERM or Ctrl-C."""


def serve(
    profile_path: str | None = None,
    model_spec: str = "mini",
    host: str = "127.0.0.1",
    port: int = 8000,
    open_browser: bool = False,
    bits: Bits = 8,
) -> None:
    """Serve until interrupted. Raises UserError, before anything is served, for a port that is taken, a profile that
    cannot be read, an unknown model, a setting that is none; and for a model that turns out to be damaged, after
    closing down.
    """
    stay_small()
    claimed = claim(host, port)
    with claimed:
        settings = read_settings()
        profile = load_profile(profile_path)
        model = describe(model_spec, bits)
        service = Service(profile, model)
        web = built_site()
        app = create_app(service, web, settings)
        logs.install()
        server = Server(server_config(app, GRACE_S))
        url = f"http://{_shown(host)}:{claimed.getsockname()[1]}"

        def loaded() -> None:
            if service.failure is not None:
                server.should_exit = True
                return
            if service.assistant is not None and service.assistant.index.notice:
                print(f"Note: {service.assistant.index.notice}", flush=True)
            if service.computes:
                print(f"{service.model.name} is read in {service.computes}", flush=True)
            print(f"Ready. {profile.name}'s site: {url}", flush=True)
            if open_browser:
                webbrowser.open(url)

        service.on_end = loaded
        size = f"{model.n_params / 1e6:.1f}M parameters" if model.n_params else "another server's"
        print(
            f"FischGPT serves {len(service.profile.passages)} passages about {profile.name} with {model.name} "
            f"({size}) on {url} (Ctrl-C stops)",
            flush=True,
        )
        if web is None:
            print("The site is not built: only the API answers. `make up` builds it.", flush=True)
        server.run(sockets=[claimed])
    if isinstance(service.failure, UserError):
        raise service.failure
    if service.failure is not None:
        raise UserError(f"the model {model_spec!r} could not be loaded: {service.failure}")


def claim(host: str, port: int) -> socket.socket:
    """A socket bound to host and port. Raises UserError, one line with the way out, when that cannot be had."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    claimed = socket.socket(family)
    claimed.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        claimed.bind((host, port))
        claimed.listen(128)
    except OSError as error:
        claimed.close()
        if error.errno == errno.EADDRINUSE:
            raise UserError(
                f"port {port} on {host} is taken: stop what uses it, or choose another with --port {port + 1}"
            ) from None
        if error.errno == errno.EACCES:
            raise UserError(f"port {port} needs privileges: choose one above 1023 with --port 8000") from None
        raise UserError(f"cannot listen on {host}: {error.strerror or error}; choose another with --host") from None
    return claimed


def _shown(host: str) -> str:
    """The address a browser on this machine can open."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    return f"[{host}]" if ":" in host else host
