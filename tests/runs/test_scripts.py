"""The scripts under runs/ give the commands flags that exist, and print every row of their section of RESULTS."""

from __future__ import annotations

import dataclasses
import os
import re
import subprocess
from pathlib import Path
from typing import get_args, get_type_hints

import pytest

from softaxes.commands import cli
from softaxes.training.tasks.music.config import MusicConfig

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = sorted(path.name for path in (ROOT / "runs").glob("*.sh"))
TABLES = ("original.sh", "default.sh")  # whose rows have keys in RESULTS


def run(script: str, tmp_path: Path) -> list[list[str]]:
    """The commands that a script starts, none of which is run: [["softaxes", word, ...], ["python", word, ...]]."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("softaxes", "python"):
        (folder / name).write_text(f'#!/bin/sh\nprintf "%s\\037" {name} "$@"\necho\n', encoding="utf-8")
        (folder / name).chmod(0o755)
    env = {"PATH": f"{folder}{os.pathsep}{os.environ['PATH']}", "OUT": str(tmp_path), "DATA": "x"}
    words = ["bash", str(ROOT / "runs" / script), *(["x"] if script == "motif_phrases.sh" else [])]
    done = subprocess.run(words, env=env, capture_output=True, text=True, check=True)
    return [line.rstrip("\037").split("\037") for line in done.stdout.splitlines() if "\037" in line]


@pytest.mark.parametrize("script", SCRIPTS)
def test_its_flags_exist(script: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    commands = [words[1:] for words in run(script, tmp_path) if words[0] == "softaxes"]
    assert commands
    for name in sorted({cli.split_command(words)[0] for words in commands}):
        assert name in cli.COMMANDS
        capsys.readouterr()
        assert cli.main([*name.split(), "--help"]) == 0
        known = set(re.findall(r"--[\w-]+", capsys.readouterr().out))
        given = {
            word for words in commands if cli.split_command(words)[0] == name for word in words if word[:2] == "--"
        }
        assert given <= known, f"{script}: softaxes {name} has no {', '.join(sorted(given - known))}"


@pytest.mark.parametrize("script", TABLES)
def test_it_prints_every_row_of_its_section(script: str, tmp_path: Path) -> None:
    text = (ROOT / "docs" / "RESULTS.md").read_text(encoding="utf-8")
    sections = [part for part in re.split(r"^## ", text, flags=re.MULTILINE) if f"`runs/{script}`" in part[:600]]
    assert sections, f"no section of RESULTS begins with runs/{script}"
    top = re.split(r"^### ", sections[0], flags=re.MULTILINE)[0]  # below stand tables of other commands
    keys = {key for row in re.findall(r"\| `([^`|]+)` \|$", top, flags=re.MULTILINE) for key in row.split("; ")}
    assert keys
    assert keys <= {key for words in run(script, tmp_path) if words[0] == "python" for key in words[2].split(",")}


@pytest.mark.parametrize("script", ["pop909.sh", "tunes.sh"])
def test_its_settings_are_accepted(script: str, tmp_path: Path) -> None:
    runs = [words[2:] for words in run(script, tmp_path) if words[:2] == ["softaxes", "train"]]
    assert runs
    settings = {field.name for field in dataclasses.fields(MusicConfig)}
    for words in runs:
        pairs = zip(words[::2], words[1::2], strict=True)
        mine = [word for pair in pairs if pair[0][2:].replace("-", "_") in settings for word in pair]
        MusicConfig(**as_settings(mine))  # refuses what is out of range or does nothing


def as_settings(words: list[str]) -> dict[str, object]:
    """``--notes .5`` as {"notes": 0.5}, by the types of `MusicConfig`."""
    hints = get_type_hints(MusicConfig)
    settings: dict[str, object] = {}
    for name, value in zip(words[::2], words[1::2], strict=True):
        key = name.removeprefix("--").replace("-", "_")
        kinds = {int, float} & {hints[key], *get_args(hints[key])}
        settings[key] = next(iter(kinds), str)(value)
    return settings
