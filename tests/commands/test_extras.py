"""What a command lacks is said in one line with the extra that brings it, and the exit code is 2."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from softaxes.commands import cli
from softaxes.data.music import Song, note_array, write_song
from softaxes.data.optional import EXTRAS, need

SONG, FOLDER, TRACKERS = "song.mid", "songs", ("wandb", "trackio", "tensorboard")
LACKING = {
    "find": ("numba", f"motifs find {SONG}"),
    "phrases": ("numba", f"motifs phrases {FOLDER} --songs all"),
    "evaluate": ("numba", "motifs evaluate --data bps --tasks retrieval --methods rhythm"),
    "search, faiss": ("faiss", f"motifs search {SONG} {FOLDER} --backend faiss"),
    "search, qdrant": ("qdrant_client", f"motifs search {SONG} {FOLDER} --qdrant db"),
    "pop909": ("pooch", "train --corpus pop909 --out run"),
    "tunes": ("music21", "train --corpus tunes --out run"),
    **{f"train, {name}": (name, f"train --corpus folder --folder {FOLDER} --out run --trackers {name}")
       for name in TRACKERS},
    **{f"toy, {name}": (name, f"toy train --out run --trackers {name}") for name in TRACKERS},
}  # fmt: skip


@pytest.fixture
def at_hand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder: a song, a folder of it and a movement in BPS-Motif's layout; an empty cache."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SOFTAXES_CACHE", str(tmp_path / "cache"))
    rows = [(2 * k, 2, 60 + (0, 4, 7, 5, 9, 2)[k % 6]) for k in range(48)]
    (tmp_path / FOLDER / "001").mkdir(parents=True)
    for path in (SONG, f"{FOLDER}/001/001.mid"):
        write_song(Song("song", note_array(rows)), tmp_path / path)
    (tmp_path / FOLDER / "001" / "human_label1.txt").write_text("A2A2B2")
    note = "0,60,60,1,0,1\n"
    for name in ("csv_notes/01-1.csv", "motif_notes/01/A-1.csv", "motif_notes/01/A-2.csv"):
        (tmp_path / "bps" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "bps" / name).write_text(note)
    return tmp_path


@pytest.mark.parametrize("name", LACKING)
def test_a_missing_package_is_one_line(
    name: str, at_hand: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    module, words = LACKING[name]
    if module == "numba":  # imported with the modules that use it: hidden before any of them is loaded
        code = "import sys; sys.modules['numba'] = None; from softaxes.commands import cli; sys.exit(cli.main())"
        done = subprocess.run([sys.executable, "-c", code, *words.split()], capture_output=True, text=True, check=False)
        status, out, said = done.returncode, done.stdout, done.stderr
    else:
        monkeypatch.setitem(sys.modules, module, None)
        status = cli.main(words.split())
        out, said = capsys.readouterr()
    assert status == 2 and out == ""
    assert f"needs {module}: pip install 'softaxes[{EXTRAS[module]}]'" in said
    assert said.count("\n") == 1 and said.startswith("softaxes: ")
    assert not (at_hand / "run").exists() and not (at_hand / "cache" / "motif-index").exists()


def test_every_optional_package_is_hidden_from_a_command_or_said_on_a_page() -> None:
    assert EXTRAS.keys() - {module for module, _ in LACKING.values()} == {"umap", "plotly"}, (
        "see tests/report/test_maps"
    )


def test_what_is_installed_and_broken_names_its_extra_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "faiss", None)
    with pytest.raises(ValueError, match=r"search needs faiss: pip install 'softaxes\[faiss\]'"):
        need("faiss", "search")


def test_another_missing_module_is_a_fault_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    def command() -> None:
        raise ModuleNotFoundError("No module named 'softaxes.nothing'", name="softaxes.nothing")

    monkeypatch.setattr(cli, "_load", lambda _: command)
    with pytest.raises(ModuleNotFoundError):
        cli.main(["demo"])


def test_an_interrupt_inside_compiled_code_is_an_interrupt(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def command() -> None:
        raise SystemError("CPUDispatcher returned a result with an exception set") from KeyboardInterrupt()

    monkeypatch.setattr(cli, "_load", lambda _: command)
    assert cli.main(["demo"]) == 130
    assert "interrupted" in capsys.readouterr().err
