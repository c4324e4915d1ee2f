"""Who may talk to the local page, and what may the page itself do?

The page listens on this machine only, and yet every other page in the same browser can send it requests. So each
request must name the host we listen on (a name that was rebound to 127.0.0.1 is refused), what changes something must
come from our own origin, and no other site may read anything. With ``--host`` the network can reach the page as well:
then a token, given in the printed address and kept in a cookie, is asked for first.

The content security policy lets a page load nothing but our own files: no inline script, no other origin, no frame.
"""

from __future__ import annotations

import ipaddress
import secrets
from collections.abc import Iterable
from urllib.parse import parse_qsl, urlencode

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "font-src 'none'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}
SAFE_METHODS = ("GET", "HEAD")


class Guard:
    """ASGI middleware around the whole app.

    Args:
        hosts: host names that a request may name, with or without a port.
        token: asked for unless "".
        any_address: besides ``hosts``, take any host that is an IP address: for a server that listens on all of them.
    """

    def __init__(self, app: ASGIApp, hosts: Iterable[str], token: str = "", any_address: bool = False) -> None:
        self.app, self.hosts, self.token, self.any_address = app, frozenset(hosts), token, any_address

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        if scope["type"] != "http":
            return  # there are no web sockets here
        answer = self._refusal(Headers(scope=scope), scope["method"]) or self._ask_token(Request(scope))
        await (answer or self.app)(scope, receive, _with_headers(send))

    def _refusal(self, headers: Headers, method: str) -> Response | None:
        """403 for a foreign host or origin, None for our own page."""
        host, origin = headers.get("host", ""), headers.get("origin")
        if not self._known(host):
            return refuse(403, "this address is not the one softaxes listens on")
        if origin is None and method not in SAFE_METHODS:
            return refuse(403, "a change must come from the page itself")
        if origin is not None and origin not in (f"http://{host}", f"https://{host}"):
            return refuse(403, "another site may not use this page")
        navigating = headers.get("sec-fetch-mode") == "navigate" and method in SAFE_METHODS
        if headers.get("sec-fetch-site") in ("cross-site", "same-site") and not navigating:
            return refuse(403, "another site may not use this page")
        return None

    def _known(self, host: str) -> bool:
        name = host_name(host)
        return name in self.hosts or (self.any_address and _is_address(name.strip("[]")))

    def _ask_token(self, request: Request) -> Response | None:
        """None with the right cookie; the right ``?token=`` sets it and leads to the bare address; else 401."""
        if not self.token or _same(request.cookies.get(self._cookie(request), ""), self.token):
            return None
        pairs = parse_qsl(request.url.query, keep_blank_values=True)
        if request.method in SAFE_METHODS and _same(dict(pairs).get("token", ""), self.token):
            rest = urlencode([pair for pair in pairs if pair[0] != "token"])
            # one slash only: the address //elsewhere would lead to another site
            answer = RedirectResponse("/" + request.url.path.lstrip("/") + (f"?{rest}" if rest else ""), 303)
            answer.set_cookie(self._cookie(request), self.token, httponly=True, samesite="strict")
            return answer
        return refuse(401, "open the address that softaxes printed: it holds a token")

    def _cookie(self, request: Request) -> str:
        """Cookies are shared by all ports of a host, so the name holds the port."""
        return f"softaxes-{request.url.port or 80}"


def refuse(status: int, message: str) -> JSONResponse:
    """An error of one sentence, as every error of the API is told."""
    return JSONResponse({"error": message}, status)


def host_name(host: str) -> str:
    """The host of a Host header without its port, in lower case."""
    name, colon, port = host.rpartition(":")
    return (name if colon and port.isdigit() else host).lower()


def _same(given: str, token: str) -> bool:
    return secrets.compare_digest(given.encode(), token.encode())


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _with_headers(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers.setdefault(name, value)
            headers.setdefault("cache-control", "no-store")
        await send(message)

    return sending
