"""Who is let in: hosts, origins, other sites, the token."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from softaxes.explorer.guard import LOOPBACK, Guard, host_name
from softaxes.explorer.serve import address, guarded, is_loopback, listen, listen_anywhere

HERE = {"host": "127.0.0.1:8000"}


async def hello(request: Request) -> PlainTextResponse:
    return PlainTextResponse("hello")


def client(token: str = "", any_address: bool = False) -> TestClient:
    app = Starlette(routes=[Route("/", hello, methods=["GET", "POST"]), Route("/deep", hello)])
    guard = Guard(app, LOOPBACK, token, any_address)
    return TestClient(guard, base_url="http://127.0.0.1:8000", follow_redirects=False)


@pytest.mark.parametrize("host", ["127.0.0.1:8000", "localhost:1", "LOCALHOST", "[::1]:80"])
def test_our_own_names_are_let_in(host: str) -> None:
    assert client().get("/", headers={"host": host}).text == "hello"


@given(st.text("abcdefghijklmnopqrstuvwxyz0123456789.-:[]", min_size=1, max_size=30))
def test_no_other_host_is(host: str) -> None:
    if host_name(host) not in LOOPBACK:
        answer = client().get("/", headers={"host": host})
        assert answer.status_code == 403
        assert "hello" not in answer.text


@pytest.mark.parametrize(
    ("method", "headers", "status"),
    [
        ("POST", {}, 403),
        ("POST", {"origin": "http://127.0.0.1:8000"}, 200),
        ("POST", {"origin": "http://127.0.0.1:9000"}, 403),
        ("POST", {"origin": "null"}, 403),
        ("POST", {"origin": "http://evil.example"}, 403),
        ("GET", {"origin": "http://evil.example"}, 403),
        ("GET", {"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors"}, 403),
        ("GET", {"sec-fetch-site": "same-site", "sec-fetch-mode": "cors"}, 403),
        ("GET", {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}, 200),
        ("POST", {"origin": "http://evil.example", "sec-fetch-mode": "navigate", "sec-fetch-site": "cross-site"}, 403),
        ("GET", {"sec-fetch-site": "same-origin"}, 200),
    ],
)
def test_other_sites_are_kept_out(method: str, headers: dict[str, str], status: int) -> None:
    assert client().request(method, "/", headers=HERE | headers).status_code == status


def test_every_answer_carries_the_policy() -> None:
    for answer in (client().get("/"), client().get("/nowhere"), client().get("/", headers={"host": "evil"})):
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert "unsafe" not in answer.headers["content-security-policy"]
        assert answer.headers["x-content-type-options"] == "nosniff"


def test_a_token_is_asked_for_and_leads_to_a_cookie() -> None:
    visitor = client(token="secret")
    assert visitor.get("/").status_code == 401
    assert visitor.get("/?token=wrong").status_code == 401
    assert visitor.get("/?token=sécret").status_code == 401
    answer = visitor.get("/deep?at=3&token=secret")
    assert (answer.status_code, answer.headers["location"]) == (303, "/deep?at=3")
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie and "samesite=strict" in cookie
    assert visitor.get("/").text == "hello"


def test_the_token_never_leads_to_another_site() -> None:
    answer = client(token="secret").get("http://127.0.0.1:8000//evil.example/?token=secret")
    assert answer.headers["location"] == "/evil.example/"


def test_a_host_beyond_this_machine_asks_for_a_token() -> None:
    app = Starlette()
    assert guarded(app, "127.0.0.1").token == guarded(app, "localhost").token == guarded(app, "::1").token == ""
    open_to_all = guarded(app, "0.0.0.0")
    assert len(open_to_all.token) >= 20 and open_to_all.token in address(open_to_all, "0.0.0.0", 80)
    assert address(guarded(app, "::1"), "::1", 80) == "http://[::1]:80/"


def test_listening_on_every_address_takes_addresses_but_no_names() -> None:
    visitor = client(token="secret", any_address=True)
    assert visitor.get("/", headers={"host": "192.168.1.7:80"}).status_code == 401
    assert visitor.get("/", headers={"host": "evil.example"}).status_code == 403


@pytest.mark.parametrize(("host", "expected"), [("127.1.2.3", True), ("example.org", False), ("::", False)])
def test_loopback(host: str, expected: bool) -> None:
    assert is_loopback(host) is expected


def test_a_restarted_server_is_found_where_it_was() -> None:
    with listen("127.0.0.1", 0) as some:
        usual = some.getsockname()[1]
        with listen_anywhere("127.0.0.1", usual) as other:  # taken: any free one
            assert other.getsockname()[1] not in (usual, 0)
    with listen_anywhere("127.0.0.1", usual) as again:
        assert again.getsockname()[1] == usual


def test_a_port_in_use_is_told_in_one_line() -> None:
    with listen("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ValueError, match=f"cannot listen on 127.0.0.1, port {port}"):
            listen("127.0.0.1", port)
