"""``softaxes explore``: which model opens, and what is said where none can."""

from __future__ import annotations

from pathlib import Path

import pytest
from starlette.testclient import TestClient

from softaxes.commands import explore as command
from softaxes.commands.explore import default_model, explore
from softaxes.explorer.blob_world import untrained
from softaxes.explorer.build import build
from softaxes.model.checkpoint import save_model
from softaxes.model.model import Model


def test_the_default_model_opens_when_it_ships() -> None:
    assert default_model(["blobs", "piano-roll", "melody"]) == "melody"


@pytest.mark.parametrize(("names", "others"), [([], "RUN$"), (["blobs", "x"], "RUN, or one that ships: blobs, x$")])
def test_without_it_a_line_says_what_to_give(names: list[str], others: str) -> None:
    with pytest.raises(ValueError, match=f"^melody does not ship with this version: .*{others}"):
        default_model(names)


def test_no_arguments_open_the_default_model(model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save_model(model, tmp_path / "model.safetensors")
    served = []
    monkeypatch.setattr(command, "DEFAULT", str(tmp_path))
    monkeypatch.setattr("softaxes.commands.explore.shipped", lambda: [str(tmp_path)])
    monkeypatch.setattr("softaxes.model.checkpoint._find", lambda name: Path(name) / "model.safetensors")
    monkeypatch.setattr("softaxes.commands.explore.serve", lambda *given: served.append(given))
    monkeypatch.setattr("softaxes.explorer.build.shipped", list)
    monkeypatch.setattr("softaxes.explorer.blob_world.shipped", list)
    monkeypatch.setattr("softaxes.explorer.reports.shipped", list)
    monkeypatch.setattr("softaxes.explorer.build._tunes", lambda _: None)
    explore()
    (app, host, port, opened) = served[0]
    assert (host, port, opened) == ("127.0.0.1", 0, True)
    with TestClient(app) as client:
        assert client.get("/api/model").json()["window_steps"] == model.window_steps


def test_every_page_of_a_music_run(model: Model, folder: Path, tmp_path: Path) -> None:
    app = build(model, str(tmp_path), folder)
    with TestClient(app) as client:
        for path in ("/", "/map", "/motifs", "/blobs", "/report"):
            assert client.get(path).status_code == 200
        answer = client.get("/api/reports").json()
    assert answer == [{"name": tmp_path.name, "about": "", "command": f"softaxes report {tmp_path}"}]


def test_a_toy_opens_its_pages_alone(tmp_path: Path) -> None:
    save_model(untrained(), tmp_path / "model.safetensors")
    with TestClient(build(untrained(), str(tmp_path))) as client:
        assert client.get("/").url.path == "/blobs"
        assert client.get("/motifs").status_code == client.get("/api/song").status_code == 404
        assert client.get("/api/reports").json()[0]["command"] == f"softaxes toy report {tmp_path}"
