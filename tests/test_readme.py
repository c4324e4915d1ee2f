"""Every snippet of the README runs, and its file tree names every file."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

import softaxes

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
SNIPPETS = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)
COMMANDS = re.findall(r"^(?:\$ )?(softaxes [a-z].*?)(?:\s+#.*)?$", README, flags=re.MULTILINE)


class _AnyRun:
    """Stands in for ``softaxes.load``: the model of a path that only exists after the demo."""

    def __init__(self) -> None:
        import torch

        from softaxes.geometry.axes import Axes, CircleAxis, LineAxis
        from softaxes.geometry.kinds import Circle, Line
        from softaxes.model.model import Model
        from softaxes.model.part import Part

        plane = torch.eye(8)[:2]
        axes = Axes(
            [
                LineAxis(Line("pitch"), torch.eye(8)[2], torch.zeros(8)),
                CircleAxis(Circle("metre", 16), plane, torch.zeros(8)),
            ]
        )
        small = {"steps": 32, "dim": 8, "width": 16, "reach": 4}
        encoder, decoder = Part("RowPoolEncoder", small), Part("PlacedDecoder", small | {"rank": 2})
        self.model = Model(encoder, axes, (2, 128, 32), decoder=decoder)

    def __call__(self, name: str) -> object:
        return self.model


@pytest.mark.parametrize("snippet", SNIPPETS, ids=[f"snippet{i}" for i in range(len(SNIPPETS))])
def test_snippets_run(snippet: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(softaxes, "load", _AnyRun())
    rolls = (np.random.default_rng(0).random((4, 2, 128, 32)) > 0.97).astype(np.uint8)
    exec(compile(snippet, "README.md", "exec"), {"rolls": rolls})


def test_there_are_snippets_and_commands() -> None:
    assert len(SNIPPETS) >= 2
    assert COMMANDS


@pytest.mark.parametrize("command", COMMANDS)
def test_commands_exist_and_take_their_flags(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    from softaxes.commands import cli

    words = command.split()[1:]
    name, rest = cli.split_command(words)
    assert name in cli.COMMANDS, command
    assert cli.main([*name.split(), "--help"]) == 0
    told = capsys.readouterr().out
    for flag in (word for word in rest or [] if word.startswith("--")):
        assert flag.split("=")[0] in told, f"{command}: no flag {flag}"


def test_the_two_commands_open_the_readme() -> None:
    assert re.search(r"```sh\nmake demo.*\nmake test.*\n```", README)


def test_file_tree_names_every_module() -> None:
    tree = README[README.index("## Files") :]
    modules = [p for p in (ROOT / "src" / "softaxes").iterdir() if p.suffix == ".py" and not p.name.startswith("__")]
    packages = [p for p in (ROOT / "src" / "softaxes").iterdir() if (p / "__init__.py").is_file()]
    for path in [*modules, *packages]:
        assert path.name in tree, f"README's file tree lacks {path.name}"
