"""The command line: answers at once, says one line to every mistake, reads flags from a file."""

from __future__ import annotations

import importlib
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from softaxes.commands import cli

SOFTAXES = [sys.executable, "-m", "softaxes"]


def run(*words: str) -> tuple[int, str, str]:
    done = subprocess.run([*SOFTAXES, *words], capture_output=True, text=True, check=False)
    return done.returncode, done.stdout, done.stderr


def one_line(text: str) -> str:
    assert text.endswith("\n"), text
    assert text.count("\n") == 1, text
    assert text.startswith("softaxes: "), text
    return text


def test_help_imports_no_torch_and_takes_less_than_a_second_of_cpu() -> None:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    code = "import sys; from softaxes.commands.cli import main; main(['--help'])"
    code += "; print([m for m in ('torch', 'numpy') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert done.stdout.splitlines()[-1] == "[]"
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 1.0
    for name in cli.COMMANDS:
        assert name in done.stdout


@pytest.mark.parametrize("name", sorted(cli.COMMANDS))
def test_every_command_leads_to_a_function_with_help(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    module, function = cli.COMMANDS[name].function.split(":")
    assert callable(getattr(importlib.import_module(module), function))
    assert cli.main([*name.split(), "--help"]) == 0
    printed = capsys.readouterr().out
    assert f"softaxes {name}" in printed
    assert "--help" in printed


def test_nothing_to_do_shows_the_overview() -> None:
    code, printed, _ = run()
    assert code == 0
    assert "usage: softaxes COMMAND" in printed
    assert run("--version")[1].startswith("softaxes ")


def test_a_group_lists_its_commands(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["toy"]) == 0
    printed = capsys.readouterr().out
    assert "toy train" in printed
    assert "demo " not in printed


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["tran"], "did you mean `softaxes train`"),
        (["toy", "trian"], "did you mean `softaxes toy train`"),
        (["toy", "train"], "out"),
        (["toy", "train", "--out", "x", "--recipe", "nope"], "'nope'"),
        (["train", "--out", "x", "--stepz", "3"], "--stepz"),
        (["train", "--out", "x", "--steps", "many"], "steps"),
        (["train", "--out", "x", "--corpus", "folder"], "`folder` must name a directory"),
        (["train", "--out", "x", "--dim", "2"], "`dim` must be >= 15, got 2"),
        (["report", "/nowhere at all"], "nowhere at all"),
        (["train", "--config", "/nowhere.yaml", "--out", "x"], "/nowhere.yaml"),
    ],
)
def test_mistakes_get_one_line_and_code_2(
    words: list[str], said: str, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert cli.main(words) == 2
    heard = capsys.readouterr()
    assert said in one_line(heard.err)
    assert heard.out == ""
    assert list(tmp_path.iterdir()) == []


def test_config_file_becomes_flags(tmp_path: Path) -> None:
    path = tmp_path / "run with space.yaml"
    path.write_text("steps: 3\nlearning_rate: 0.01\nprogress: false\ntrackers: [wandb, tensorboard]\n")
    flags = ["--steps", "3", "--learning-rate", "0.01", "--no-progress", "--trackers", "wandb", "tensorboard"]
    assert cli.config_flags(str(path)) == flags


def test_config_file_refuses_unknown_keys_and_wrong_shapes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "run.yaml"
    path.write_text("stepz: 3\n")
    assert cli.main(["train", "--config", str(path), "--out", str(tmp_path / "out")]) == 2
    assert "--stepz" in one_line(capsys.readouterr().err)
    path.write_text("- 1\n- 2\n")
    assert cli.main(["train", f"--config={path}", "--out", str(tmp_path / "out")]) == 2
    assert "mapping" in one_line(capsys.readouterr().err)
    path.write_text("a: [1\n")
    assert cli.main(["train", "--config", str(path), "--out", str(tmp_path / "out")]) == 2
    assert "is not YAML" in one_line(capsys.readouterr().err)
    assert not (tmp_path / "out").exists()


def test_an_unknown_key_is_named_where_a_command_takes_a_file_too(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The file's flags stand behind the command's words, so that none of them is taken for the song."""
    path = tmp_path / "run.yaml"
    for text, named in (("pitch: 3\nptich: 4\n", "--ptich"), ("song: a.mid\n", "--song")):
        path.write_text(text)
        assert cli.main(["steer", "a.mid", "--out", "o.mid", "--config", str(path)]) == 2
        assert named in one_line(capsys.readouterr().err)
    path.write_text("pitch: [1, 2]\n")
    assert cli.main(["steer", "a.mid", "--out", "o.mid", "--config", str(path)]) == 2
    assert "`pitch` a list" in one_line(capsys.readouterr().err)


def test_flags_win_over_the_config_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []

    def command(*, steps: int = 1, other: int = 0) -> None:
        seen.extend([steps, other])

    path = tmp_path / "run.yaml"
    path.write_text("steps: 3\nother: 7\n")
    monkeypatch.setattr(cli, "_load", lambda _: command)
    assert cli.main(["train", "--steps", "5", "--config", str(path)]) == 0
    assert seen == [5, 7]


def test_a_flag_wins_however_it_is_spelled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[object] = []

    def command(*, log_every: int = 1, progress: bool = True) -> None:
        seen.extend([log_every, progress])

    path = tmp_path / "run.yaml"
    path.write_text("log_every: 3\nprogress: true\n")
    monkeypatch.setattr(cli, "_load", lambda _: command)
    for flags in (["--log_every", "5", "--no-progress"], ["--no-progress", "--log-every=5"]):
        assert cli.main(["train", *flags, "--config", str(path)]) == 0
    assert seen == [5, False, 5, False]


def test_an_error_inside_a_command_is_one_line_too(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def command() -> None:
        raise OSError("cannot write model.safetensors:\nNo space left on device")

    monkeypatch.setattr(cli, "_load", lambda _: command)
    assert cli.main(["train"]) == 2
    assert "No space left" in one_line(capsys.readouterr().err)


def test_a_bug_of_ours_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def command() -> None:
        raise AssertionError("ours")

    monkeypatch.setattr(cli, "_load", lambda _: command)
    with pytest.raises(AssertionError, match="ours"):
        cli.main(["train"])


def test_interruption_says_how_to_go_on(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    from softaxes.training.interrupt import Interrupted

    def command() -> None:
        raise Interrupted("stopped at step 3 of 9; the same command goes on from there")

    monkeypatch.setattr(cli, "_load", lambda _: command)
    assert cli.main(["train"]) == cli.INTERRUPTED
    assert "goes on from there" in capsys.readouterr().err


def test_every_command_is_a_file_of_its_own() -> None:
    homes = {command.function.split(":")[0] for command in cli.COMMANDS.values()}
    assert len(homes) == len(cli.COMMANDS)
    assert all(home.startswith("softaxes.commands.") for home in homes)


@pytest.mark.parametrize("words", [["encode", "{0}", "--out", "x"], ["motifs", "search", "{0}/q.mid", "{0}"]])
def test_a_device_that_is_not_there_is_one_line(
    words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    assert cli.main([word.format(tmp_path) for word in words] + ["--device", "cuda"]) == 2
    assert "there is no cuda device here: `device` must be one of auto, cpu" in one_line(capsys.readouterr().err)


def test_control_characters_of_names_are_spelled_out(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A file's name may hold escape codes: they went to the terminal as they were, in errors and in results."""
    assert cli.main(["steer", "no\x1b[31m.mid", "--out", "x.mid"]) == 2
    assert "no\\x1b[31m.mid" in capsys.readouterr().err
    monkeypatch.setattr(cli, "_load", lambda path: lambda: "a\tb\nc\x1b[2Jd")
    assert cli.main(["demo"]) == 0
    assert capsys.readouterr().out == "a\tb\nc\\u001b[2Jd\n"
