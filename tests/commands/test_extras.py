"""What a command lacks is said in one line with the extra that brings it, and the exit code is 2."""

from __future__ import annotations

import builtins
from typing import Any

import pytest

from softaxes.commands import cli


@pytest.mark.parametrize(("module", "extra"), sorted(cli.EXTRAS.items()))
def test_a_missing_package_is_one_line(
    module: str, extra: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = builtins.__import__

    def without(name: str, *args: Any, **kwargs: Any) -> Any:
        if name.partition(".")[0] == module:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        return whole(name, *args, **kwargs)

    def command() -> None:
        builtins.__import__(f"{module}.inside")

    monkeypatch.setattr(builtins, "__import__", without)
    monkeypatch.setattr(cli, "_load", lambda _: command)
    assert cli.main(["demo"]) == 2
    said = capsys.readouterr().err
    assert said == f"softaxes: {module}.inside is not installed: pip install 'softaxes[{extra}]'\n"


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
