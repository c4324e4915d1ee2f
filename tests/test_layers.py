"""Imports point downwards: the table of DESIGN, held over the source of every module, and the public names.

A new module is missing from the table below until somebody decides where it belongs.
"""

import ast
import inspect
import sys
from collections import defaultdict
from pathlib import Path
from types import ModuleType

import pytest

import softaxes

ROOT = Path(softaxes.__file__).parent

# From the bottom up: a room imports from its own floor and those below it. A room inside a room has its own place where
# it stands lower than the room around it.
LAYERS = {
    "what every room may ask: is an optional package there?": "data.optional",
    "tensors: what moves how": "geometry",
    "losses of bare tensors": "losses",
    "arrays and labels, never a model or a path": "diagnostics motifs.patterns motifs",
    "networks and data": "model.networks data",
    "models": "model",
    "training, and what is learned": "training",
    "a model on whole files, on corpora": "songs search",
    "pages of figures": "report",
    "pages for people": "explorer",
    "commands, which nothing imports": "commands __main__",
}
LEVEL = {module: level for level, modules in enumerate(LAYERS.values()) for module in modules.split()}
ALLOWED_UP = {("__main__", "commands")}  # the one that starts the other


def name_of(path):
    """Dotted name of a module inside the package: "music.midi", "music", "" for the package itself."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


FILES = {name_of(path): path for path in sorted(ROOT.rglob("*.py"))}


def imports(path):
    """Every module that a file names in an import, wherever in the file; relative imports are spelled out."""
    package = ["softaxes", *path.relative_to(ROOT).parts[:-1]]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = (
                ".".join([*package[: len(package) - node.level + 1], node.module or ""]) if node.level else node.module
            )
            for alias in node.names:
                longer = f"{base}.{alias.name}".replace("..", ".")
                yield longer if longer.removeprefix("softaxes.") in FILES else base


def room_of(module):
    """The room of LAYERS that a module stands in: the innermost one whose name begins the module's."""
    parts = module.split(".")
    return next((r for n in range(len(parts), 0, -1) if (r := ".".join(parts[:n])) in LEVEL), parts[0])


def file_arrows():
    """(importing file, its module, imported module) inside the package; the package's own face is no module."""
    for name, path in FILES.items():
        if name:
            for target in imports(path):
                if target.startswith("softaxes.") and target.removeprefix("softaxes.") != name:
                    yield path, name, target.removeprefix("softaxes.")


def arrows():
    """(importing file, its room, imported room) inside the package, leaving out a room's own insides."""
    for path, name, target in file_arrows():
        if room_of(name) != room_of(target):
            yield path, room_of(name), room_of(target)


def circles(pairs):
    """The names that reach themselves along the arrows."""
    targets = defaultdict(set)
    for name, target in pairs:
        targets[name].add(target)
    reached, wider = {}, {name: set(found) for name, found in targets.items()}
    while reached != wider:
        reached = wider
        wider = {m: found.union(*(reached.get(t, set()) for t in found)) for m, found in reached.items()}
    return sorted(name for name, found in reached.items() if name in found)


def test_at_most_a_dozen_doors_open_from_the_root():
    doors = {path.relative_to(ROOT).parts[0].removesuffix(".py") for path in FILES.values()}
    assert len(doors - {"__init__", "__main__"}) <= 12


def test_every_module_has_a_layer():
    unlisted = sorted({room_of(name) for name in FILES} - LEVEL.keys() - {""})
    assert not unlisted, (
        f"put {unlisted} into LAYERS of {Path(__file__).name}: which may they import, who may import them?"
    )


def test_imports_point_downwards():
    wrong = [
        f"{path.relative_to(ROOT)} imports {target}"
        for path, module, target in arrows()
        if LEVEL[module] < LEVEL[target]
    ]
    assert not wrong, "these imports point up (see LAYERS):\n" + "\n".join(wrong)


def test_nothing_imports_what_people_start():
    top = set(list(LAYERS.values())[-1].split())
    wrong = [(module, target) for _, module, target in arrows() if target in top and (module, target) not in ALLOWED_UP]
    assert not wrong


def test_no_two_rooms_and_no_two_files_need_each_other():
    for pairs in (
        {(module, target) for _, module, target in arrows()},
        {(module, target) for _, module, target in file_arrows()},
    ):
        assert not circles(pairs), f"{circles(pairs)} import each other in a circle"


@pytest.mark.parametrize(
    ("library", "allowed"),
    [
        ("symusic", {"data.music.midi"}),
        ("music21", set()),  # a source of files, never imported
        ("torchvision", set()),
        ("lightning_fabric", {"training.processes"}),
        ("safetensors", {"model.checkpoint"}),
    ],
)
def test_one_module_knows_each_library(library, allowed):
    users = {name for name, path in FILES.items() for found in imports(path) if found.split(".")[0] == library}
    assert users <= allowed


def test_the_checks_see_what_they_are_to_forbid(tmp_path, monkeypatch):
    """A tiny package with every kind of forbidden import, found by the same functions."""
    package = tmp_path / "softaxes"
    (package / "diagnostics").mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "geometry.py").write_text("def f():\n    from softaxes import model\n")
    (package / "model.py").write_text("import softaxes.geometry\nimport symusic.core as s\n")
    (package / "diagnostics" / "__init__.py").write_text("from ..training import train\nfrom . import one\n")
    (package / "diagnostics" / "one.py").write_text("from softaxes.diagnostics import two\n")
    (package / "surprise.py").touch()
    here = sys.modules[__name__]
    monkeypatch.setattr(here, "ROOT", package)
    monkeypatch.setattr(here, "FILES", {name_of(path): path for path in sorted(package.rglob("*.py"))})
    assert {(module, target) for _, module, target in arrows()} == {
        ("geometry", "model"),
        ("model", "geometry"),
        ("diagnostics", "training"),
    }
    with pytest.raises(AssertionError, match=r"put \['surprise'\] into LAYERS"):
        test_every_module_has_a_layer()
    with pytest.raises(AssertionError, match=r"geometry.py imports model"):
        test_imports_point_downwards()
    with pytest.raises(AssertionError, match=r"\['geometry', 'model'\] import each other"):
        test_no_two_rooms_and_no_two_files_need_each_other()
    with pytest.raises(AssertionError):
        test_one_module_knows_each_library("symusic", {"data.music.midi"})


# --- the public names --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [name for name in softaxes.__all__ if name != "__version__"])
def test_a_public_name_is_what_its_module_holds(name):
    value = getattr(softaxes, name)
    assert value is getattr(sys.modules[f"softaxes.{softaxes._HOME[name]}"], name)
    assert not isinstance(value, ModuleType)
    assert inspect.getdoc(value)


def test_type_checkers_see_the_same_names():
    tree = ast.parse((ROOT / "__init__.py").read_text(encoding="utf-8"))
    seen = {
        alias.name: node.module.removeprefix("softaxes.")
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and str(node.module).startswith("softaxes.")
        for alias in node.names
    }
    assert seen == softaxes._HOME


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="module 'softaxes' has no attribute 'nothing'"):
        softaxes.nothing  # noqa: B018
    assert set(softaxes.__all__) <= set(dir(softaxes))
