"""How does the local page start, where does it listen, and how does one reach it?"""

from __future__ import annotations

import ipaddress
import secrets
import socket
import threading
import webbrowser
from typing import Any

import uvicorn
from starlette.types import ASGIApp

from softaxes.explorer.guard import LOOPBACK, Guard

EVERY_ADDRESS = ("0.0.0.0", "::")
USUAL_PORT = 7316  # pages that are open go on when the server is started again


def listen_anywhere(host: str, usual: int = USUAL_PORT) -> socket.socket:
    """A socket on the usual port, or on any that is free; ValueError (one line) where it cannot."""
    try:
        return listen(host, usual)
    except ValueError:
        return listen(host, 0)


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens; port 0 takes a free one. ValueError (one line) where it cannot."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except (OSError, OverflowError) as error:
        raise ValueError(f"cannot listen on {host}, port {port}: {error}") from None


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach ``host``."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def guarded(app: ASGIApp, host: str) -> Guard:
    """The app behind its guard, with a token unless only this machine can reach it."""
    hosts = {*LOOPBACK, _bracketed(host)} | ({socket.gethostname().lower()} if host in EVERY_ADDRESS else set())
    token = "" if is_loopback(host) else secrets.token_urlsafe(18)
    return Guard(app, hosts, token, any_address=host in EVERY_ADDRESS)


def address(guard: Guard, host: str, port: int) -> str:
    """What to type into a browser."""
    shown = socket.gethostname() if host in EVERY_ADDRESS else _bracketed(host)
    return f"http://{shown}:{port}/" + (f"?token={guard.token}" if guard.token else "")


def serve(app: ASGIApp, host: str, port: int, open_browser: bool) -> None:
    """Serve until interrupted; prints the address first."""
    guard = guarded(app, host)
    listening = listen(host, port) if port else listen_anywhere(host)
    where = address(guard, host, listening.getsockname()[1])
    print(f"softaxes explorer: {where}  (ctrl-C ends it)", flush=True)
    if open_browser:
        threading.Timer(0.3, webbrowser.open, args=(where,)).start()
    try:
        server(guard).run(sockets=[listening])
    except KeyboardInterrupt:
        print("softaxes explorer: ended; files that were dropped are forgotten")


def server(app: Any) -> uvicorn.Server:
    """A quiet server that does not say what it is."""
    config = uvicorn.Config(
        app,
        log_level="error",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        ws="none",
        timeout_graceful_shutdown=2,
        limit_concurrency=256,
    )
    return uvicorn.Server(config)


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host.lower()
