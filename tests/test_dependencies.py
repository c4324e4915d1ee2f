"""What the package imports is declared, what is declared is used, locked, and said in docs/DEPENDENCIES.md."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
MODULE = {  # of distributions that are not named as their module is
    "scikit-learn": "sklearn",
    "lightning-fabric": "lightning_fabric",
    "pyyaml": "yaml",
    "umap-learn": "umap",
    "faiss-cpu": "faiss",
    "qdrant-client": "qdrant_client",
}
SOURCES = {path: path.read_text(encoding="utf-8") for path in sorted((ROOT / "src").rglob("*.py"))}


def names(requirements: list[str]) -> list[str]:
    return [re.match(r"[\w.-]+", requirement)[0].lower() for requirement in requirements]  # type: ignore[index]


CORE = names(PROJECT["dependencies"])
EXTRAS = {extra: names(of) for extra, of in PROJECT["optional-dependencies"].items()}
FOR_USERS = sorted({*CORE, *(name for extra, of in EXTRAS.items() if extra != "dev" for name in of)})


def imported() -> set[str]:
    """Top-level modules that the package imports, wherever in a file, its own and Python's left out."""
    found: set[str] = set()
    for text in SOURCES.values():
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Import):
                found |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                found.add(node.module.split(".")[0])
    return found - {"softaxes"} - sys.stdlib_module_names


def test_what_is_imported_is_declared() -> None:
    assert imported() <= {MODULE.get(name, name) for name in FOR_USERS}


@pytest.mark.parametrize("name", FOR_USERS)
def test_what_is_declared_is_used(name: str) -> None:
    module = MODULE.get(name, name)
    assert module in imported() or any(f'"{module}' in text for text in SOURCES.values()), f"nothing uses {name}"


@pytest.mark.parametrize("name", sorted({*FOR_USERS, *EXTRAS["dev"]}))
def test_what_is_declared_is_locked_and_said(name: str) -> None:
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8").lower()
    assert re.search(rf"^{re.escape(name)}==", lock, flags=re.MULTILINE), f"requirements.lock lacks {name}"
    said = (ROOT / "docs" / "DEPENDENCIES.md").read_text(encoding="utf-8").lower()
    assert re.search(rf"\b{re.escape(name)}\b", said), f"docs/DEPENDENCIES.md does not say what {name} is for"


def test_every_extra_is_said() -> None:
    said = (ROOT / "docs" / "DEPENDENCIES.md").read_text(encoding="utf-8")
    table = said[said.index("## Extras") :]
    assert [extra for extra in EXTRAS if not re.search(rf"^\|.*\b{extra}\b.*\|", table, flags=re.MULTILINE)] == []
