"""Every snippet of the README runs, its file tree names every file, and the pages name what is there."""

from __future__ import annotations

import contextlib
import importlib
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
        encoder, decoder = Part("RowPoolEncoder", small), Part("PoseDecoder", small | {"rank": 2})
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
    printed = capsys.readouterr().out
    for flag in (word for word in rest or [] if word.startswith("--")):
        assert flag.split("=")[0] in printed, f"{command}: no flag {flag}"


def test_the_two_commands_open_the_readme() -> None:
    assert re.search(r"```sh\nmake demo.*\nmake test.*\n```", README)


def test_file_tree_names_every_module() -> None:
    tree = README[README.index("## Files") :]
    modules = [p for p in (ROOT / "src" / "softaxes").iterdir() if p.suffix == ".py" and not p.name.startswith("__")]
    packages = [p for p in (ROOT / "src" / "softaxes").iterdir() if (p / "__init__.py").is_file()]
    for path in [*modules, *packages]:
        assert path.name in tree, f"README's file tree lacks {path.name}"


PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
NAMED = [
    (page.name, name)
    for page in PAGES
    if page.name != "LOG.md"  # its entries keep the names of their day
    for name in sorted(set(re.findall(r"\bsoftaxes((?:\.[A-Za-z_]\w*)+)", page.read_text(encoding="utf-8"))))
]


@pytest.mark.parametrize(("page", "name"), NAMED)
def test_a_page_names_modules_that_are_there(page: str, name: str) -> None:
    found: object = softaxes
    for word in name.strip(".").split("."):
        if hasattr(found, "__path__"):  # a room: its modules are attributes once they are imported
            with contextlib.suppress(ModuleNotFoundError):
                importlib.import_module(f"{found.__name__}.{word}")  # type: ignore[attr-defined]
        assert hasattr(found, word), f"{page} names softaxes{name}"
        found = getattr(found, word)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_page_names_files_that_are_there(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    files = set(re.findall(r"\b((?:runs|benchmarks|docs|tests)/[\w./-]+\.(?:py|sh|md|png|json))", text))
    files |= {f"{page.parent.relative_to(ROOT)}/{link}" for link in re.findall(r"\]\(([\w./-]+)\)", text)}
    missing = sorted(file for file in files if not (ROOT / file).exists())
    assert not missing, f"{page.name} names {', '.join(missing)}"


IMPORTS = sorted(
    {
        (page.name, module, name.strip().partition(" as ")[0])
        for page in [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]
        if page.name != "LOG.md"
        for module, names in re.findall(
            r"^\s*from (softaxes[\w.]*) import ([\w, ]+)", page.read_text(encoding="utf-8"), flags=re.MULTILINE
        )
        for name in names.split(",")
    }
)


@pytest.mark.parametrize(("page", "module", "name"), IMPORTS)
def test_what_a_page_imports_is_there(page: str, module: str, name: str) -> None:
    assert hasattr(importlib.import_module(module), name), f"{page}: {module} has no {name}"
