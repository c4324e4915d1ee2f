"""Addresses to answers, with any input at all."""

from __future__ import annotations

import io
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from softaxes.data.music.read import song_from_midi
from softaxes.explorer.app import Explorer, build_app
from softaxes.explorer.library import Library
from softaxes.explorer.reader import LIMITS
from softaxes.explorer.reports import Reports
from softaxes.explorer.serve import guarded
from softaxes.model.model import Model
from softaxes.report.page import KIND_COLOURS

ORIGIN = {"origin": "http://127.0.0.1:8000"}
FIRST = "folder:first.mid"


@pytest.fixture(scope="module")
def client(model: Model, folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    explorer = Explorer(model, Library(4, folder=folder), "a <model>")
    explorer.atlas.folder = tmp_path_factory.mktemp("cache")
    app = guarded(build_app(explorer, reports=Reports(["run"])), "127.0.0.1")
    with TestClient(app, base_url="http://127.0.0.1:8000") as made:
        yield made


def test_the_model_is_described(client: TestClient) -> None:
    answer = client.get("/api/model").json()
    assert answer["kinds"] == [
        {"name": "pitch", "geometry": "line", "period": None, "follows": "", "reach": 18, "unit": "semitones"},
        {"name": "chroma", "geometry": "circle", "period": 12, "follows": "pitch", "reach": 6, "unit": "semitones"},
        {"name": "metre", "geometry": "circle", "period": 32, "follows": "", "reach": 16, "unit": "steps"},
    ]
    assert answer["window_steps"] == 32 and answer["max_bytes"] == LIMITS.bytes


def test_pages_hold_no_inline_script_or_style_and_name_the_model_safely(client: TestClient) -> None:
    page = client.get("/").text
    assert "<script>" not in page and "style=" not in page and "a &lt;model&gt;" in page
    assert "//" not in page.replace("http://127.0.0.1:8000", "").replace("<!doctype", "")


def test_the_colours_are_those_of_the_reports(client: TestClient) -> None:
    css = client.get("/kinds.css").text
    assert all(f"--{name}:{colour}" in css for name, colour in KIND_COLOURS.items())


def test_a_song_has_notes_bars_and_tempi(client: TestClient) -> None:
    song = client.get("/api/song", params={"id": FIRST}).json()
    assert song["bars"] == [[16 * bar, 16] for bar in range(8)] and song["first_bar"] == 1
    assert song["tempi"][0][1] == pytest.approx(100, abs=0.01) and set(song["beats"]) == {4}


def test_steering_compares_with_the_true_edit(client: TestClient) -> None:
    plain = client.get("/api/steer", params={"id": FIRST, "at": 16}).json()
    moved = client.get("/api/steer", params={"id": FIRST, "at": 16, "pitch": 4}).json()
    assert [[o, d, p + 4] for o, d, p, _ in plain["truth"]] == [[o, d, p] for o, d, p, _ in moved["truth"]]
    assert moved["lines"] == [0, 16] and moved["place"] == "2:1"
    delayed = client.get("/api/steer", params={"id": FIRST, "at": 16, "metre": 3}).json()
    assert delayed["lines"] == [3, 19]
    right = sum(note[3] == "right" for note in moved["decoded"])
    total = len(moved["decoded"]) + len(moved["truth"])
    assert moved["figures"]["f1"] == pytest.approx(2 * right / total)


@given(
    values=st.fixed_dictionaries(
        {"id": st.one_of(st.just(FIRST), st.text(max_size=20))},
        optional={
            name: st.one_of(st.integers(-40, 200).map(str), st.text(max_size=6), st.floats().map(str))
            for name in ("at", "pitch", "metre", "chroma", "with", "blend", "which", "other", "notes", "kind")
        },
    ),
    path=st.sampled_from(
        [
            "/api/steer",
            "/api/midi",
            "/api/song",
            "/api/steer/ahead",
            "/api/motifs",
            "/api/motifs/search",
            "/api/reports",
        ]
    ),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_parameters_get_an_answer_or_one_sentence(client: TestClient, values: dict[str, str], path: str) -> None:
    answer = client.get(path, params=values)
    assert answer.status_code in (200, 400, 404)
    if answer.status_code != 200:
        assert set(answer.json()) == {"error"} and "\n" not in answer.json()["error"]


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({}, "`id` is missing"),
        ({"id": FIRST, "at": 10_000}, "must begin in the song"),
        ({"id": FIRST, "pitch": "x"}, "`pitch` must be int, got 'x'"),
        ({"id": FIRST, "pitch": 40}, "`pitch` must be -18..18, got 40"),
        ({"id": FIRST, "metre": -17}, "`metre` must be -16..16, got -17"),
        ({"id": FIRST, "chroma": 1}, "`chroma` follows `pitch` and has no amount of its own, got 1"),
    ],
)
def test_mistakes_are_told(client: TestClient, params: dict[str, Any], message: str) -> None:
    answer = client.get("/api/steer", params=params)
    assert answer.status_code == 400
    assert message in answer.json()["error"]


def test_a_drag_is_prepared_and_then_the_same(client: TestClient) -> None:
    params = {"id": FIRST, "at": 32, "metre": 2}
    before = client.get("/api/steer", params=params | {"pitch": 9}).json()
    assert client.get("/api/steer/ahead", params=params | {"kind": "pitch"}).json() == {"computed": 36}
    assert client.get("/api/steer", params=params | {"pitch": 9}).json() == before
    assert client.get("/api/steer/ahead", params=params | {"kind": "pitch"}).json() == {"computed": 0}
    assert "unknown kind" in client.get("/api/steer/ahead", params=params | {"kind": "x"}).json()["error"]


def test_motifs_of_a_song_and_their_like(client: TestClient) -> None:
    song = client.get("/api/song", params={"id": FIRST, "others": 1}).json()
    drawn = song["notes"] + song["others"]
    assert client.get("/api/song", params={"id": FIRST}).json()["others"] == []
    motifs = client.get("/api/motifs", params={"id": FIRST}).json()["motifs"]
    assert motifs and client.get("/api/motifs", params={"id": FIRST}).json()["motifs"] == motifs
    for motif in motifs:
        for occurrence in motif["occurrences"]:
            assert [drawn[i] for i in occurrence["held"]] == occurrence["notes"]
    found = client.get("/api/motifs/search", params={"id": FIRST, "notes": "0-5"}).json()
    assert found["total"] == 3 and found["used"] == 6
    answer = client.get("/api/motifs/search", params={"id": FIRST, "notes": "0-5000"})
    assert answer.status_code == 400 and "must name notes" in answer.json()["error"]


def test_motifs_are_looked_for_once_and_others_are_answered_meanwhile(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    going, searches = threading.Event(), list[str]()

    def search(finer: Any, song: Any, texture: str) -> dict[str, Any]:
        searches.append(texture)
        assert going.wait(30)
        return {"motifs": []}

    monkeypatch.setattr("softaxes.explorer.app.motifs_of", search)
    params = {"id": "folder:third.MIDI"}
    with ThreadPoolExecutor(2) as pool:
        asked = [pool.submit(client.get, "/api/motifs", params=params) for _ in range(2)]
        while not searches:
            time.sleep(0.01)
        assert client.get("/api/steer", params=params | {"pitch": 1}).status_code == 200  # while the search goes on
        going.set()
        assert [answer.result().json() for answer in asked] == 2 * [{"motifs": []}]
    assert searches == ["melody"]


def test_a_run_without_a_report_is_told(client: TestClient) -> None:
    assert client.get("/api/reports").json() == [{"name": "run", "about": "", "command": "softaxes report run"}]
    answer = client.get("/api/reports", params={"name": "run"})
    assert answer.status_code == 404 and "no report yet" in answer.json()["error"]


def test_a_file_holds_the_notes_that_are_shown(client: TestClient) -> None:
    params = {"id": FIRST, "at": 32, "pitch": -7, "metre": 5}
    shown = client.get("/api/steer", params=params).json()
    for which in ("window", "decoded", "truth"):
        answer = client.get("/api/midi", params=params | {"which": which})
        song = song_from_midi(answer.content, "x")
        assert [[int(n["onset"]), int(n["duration"]), int(n["pitch"])] for n in song.notes] == [
            note[:3] for note in shown[which]
        ]
    unknown = client.get("/api/midi", params=params | {"which": "all"})
    assert unknown.json()["error"] == "`which` must be one of window, decoded, truth, got 'all'"
    none = client.get("/api/midi", params=params | {"which": "truth", "with": 64, "blend": 0.5})
    assert "no true counterpart" in none.json()["error"]


def test_uploads(client: TestClient, folder: Path) -> None:
    data = (folder / "third.MIDI").read_bytes()
    entry = client.post("/api/songs", params={"name": "<b>.mid"}, content=data, headers=ORIGIN).json()
    assert entry["name"] == "<b>" and entry["id"].startswith("dropped:")
    assert client.get("/api/song", params={"id": entry["id"]}).status_code == 200
    assert client.post("/api/songs", content=data).status_code == 403  # no origin: not from our page
    for broken in (b"", b"MThd", data[:60], b"\xff" * 1000):
        answer = client.post("/api/songs", content=broken, headers=ORIGIN)
        assert answer.status_code == 400 and answer.json()["error"]


def test_a_huge_upload_is_refused_before_it_is_read(client: TestClient) -> None:
    def without_length() -> Iterator[bytes]:
        for _ in range(LIMITS.bytes // 10**6 + 1):
            yield bytes(10**6)

    for content in (without_length(), io.BytesIO(bytes(LIMITS.bytes + 1))):
        answer = client.post("/api/songs", content=content, headers=ORIGIN)
        assert answer.status_code == 413
        assert "5 MB at most" in answer.json()["error"]


def test_fifty_uploads_at_once_all_arrive(client: TestClient, folder: Path) -> None:
    data = (folder / "first.mid").read_bytes()

    def send(number: int) -> int:
        content = data + b"%d" % number  # trailing bytes make another file of the same song
        return client.post("/api/songs", params={"name": f"{number}.mid"}, content=content, headers=ORIGIN).status_code

    with ThreadPoolExecutor(50) as pool:
        assert list(pool.map(send, range(50))) == [200] * 50
    names = {entry["name"] for entry in client.get("/api/songs").json()}
    assert {str(number) for number in range(50)} <= names


@pytest.mark.parametrize("path", ["/static/../app.py", "/static/%2e%2e/app.py", "/static/..%2fapp.py", "/static/"])
def test_only_static_files_are_served(client: TestClient, path: str) -> None:
    assert client.get(path).status_code == 404
