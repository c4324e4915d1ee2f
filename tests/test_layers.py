"""Imports point downwards: the table of DESIGN, held over the source of every module, and the public names.

A new module is missing from the table below until somebody decides where it belongs.
"""

import ast
import importlib
import inspect
import sys
from collections import defaultdict
from pathlib import Path
from types import ModuleType

import pytest

import softaxes

ROOT = Path(softaxes.__file__).parent

# From the bottom up. A module imports from its own layer and those below it; a package counts as one module.
LAYERS = {
    "tensors only": "kinds ranks factorization sigreg lejepa axes shifts operators",
    "arrays and labels, never a model or a path": "diagnostics motifs patterns",
    "networks and data": "encoders roll_encoders comparison_encoders decoders aligned flow blobs music",
    "models": "model checkpoint songs",
    "training": "tracking train toy music_task aligned_task music_run baselines",
    "what joins everything": "report toy_sweep steer folder_latents demo "
    "motif_find motif_evaluate motif_index motif_search motif_vocabulary motif_phrases",
    "commands and pages, which nothing imports": "cli explorer __main__",
}
LEVEL = {module: level for level, modules in enumerate(LAYERS.values()) for module in modules.split()}
ALLOWED_UP = {("__main__", "cli")}  # the one that starts the other


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


def arrows():
    """(importing file, its top module, imported top module) inside the package, leaving out a package's own insides."""
    for name, path in FILES.items():
        if name:
            for target in imports(path):
                parts = target.split(".")
                if parts[0] == "softaxes" and len(parts) > 1 and parts[1] != name.split(".")[0]:
                    yield path, name.split(".")[0], parts[1]


def test_every_module_has_a_layer():
    unlisted = sorted({name.split(".")[0] for name in FILES} - LEVEL.keys() - {""})
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
    top = set(LAYERS["commands and pages, which nothing imports"].split())
    wrong = [(module, target) for _, module, target in arrows() if target in top and (module, target) not in ALLOWED_UP]
    assert not wrong


def test_no_two_modules_need_each_other():
    targets = defaultdict(set)
    for _, module, target in arrows():
        targets[module].add(target)
    reached = {module: set(found) for module, found in targets.items()}
    for _ in reached:
        reached = {m: found.union(*(reached.get(t, set()) for t in found)) for m, found in reached.items()}
    cycles = sorted(module for module, found in reached.items() if module in found)
    assert not cycles, f"{cycles} import each other in a circle"


@pytest.mark.parametrize(
    ("library", "allowed"),
    [
        ("symusic", {"music.midi"}),
        ("music21", set()),  # a source of files, never imported
        ("torchvision", set()),
        ("lightning_fabric", {"train"}),
        ("safetensors", {"checkpoint"}),
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
    (package / "kinds.py").write_text("def f():\n    from softaxes import model\n")
    (package / "model.py").write_text("import softaxes.kinds\nimport symusic.core as s\n")
    (package / "diagnostics" / "__init__.py").write_text("from ..train import train\nfrom . import one\n")
    (package / "diagnostics" / "one.py").write_text("from softaxes.diagnostics import two\n")
    (package / "surprise.py").touch()
    here = sys.modules[__name__]
    monkeypatch.setattr(here, "ROOT", package)
    monkeypatch.setattr(here, "FILES", {name_of(path): path for path in sorted(package.rglob("*.py"))})
    assert {(module, target) for _, module, target in arrows()} == {
        ("kinds", "model"),
        ("model", "kinds"),
        ("diagnostics", "train"),
    }
    with pytest.raises(AssertionError, match=r"put \['surprise'\] into LAYERS"):
        test_every_module_has_a_layer()
    with pytest.raises(AssertionError, match=r"kinds.py imports model"):
        test_imports_point_downwards()
    with pytest.raises(AssertionError, match=r"\['kinds', 'model'\] import each other"):
        test_no_two_modules_need_each_other()
    with pytest.raises(AssertionError):
        test_one_module_knows_each_library("symusic", {"music.midi"})


# --- the public names --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [name for name in softaxes.__all__ if name != "__version__"])
def test_a_public_name_is_what_its_module_holds(name):
    value = getattr(softaxes, name)
    assert value is getattr(sys.modules[f"softaxes.{softaxes._HOME[name]}"], name)
    assert not isinstance(value, ModuleType)
    assert inspect.getdoc(value)


@pytest.mark.parametrize("name", ["lejepa", "sigreg"])
def test_a_function_is_not_displaced_by_the_module_of_its_name(name):
    module = importlib.import_module(f"softaxes.{name}")
    setattr(softaxes, name, module)  # what the import system does after the first import
    assert isinstance(module, ModuleType)
    assert getattr(softaxes, name) is getattr(module, name)


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
