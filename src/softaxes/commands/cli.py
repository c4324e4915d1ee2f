"""``softaxes COMMAND --flags``: which command calls which public function?

The table below is the whole command line: one command, one function, whose parameters are the flags. Nothing heavy is
imported before a command is known, so ``softaxes --help`` answers at once. ``--config FILE.yaml`` gives flags from a
file (an unknown key is refused as an unknown flag is); flags on the command line win.

Exit codes: 0 done; 2 the caller's mistake, said in one line; 130 interrupted, and the line says how to go on.
"""

from __future__ import annotations

import contextlib
import difflib
import importlib
import io
import itertools
import os
import re
import sys
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from softaxes.data.files import printable
from softaxes.training.interrupt import Interrupted


class Command(NamedTuple):
    """Where a command's function lives, and one line for ``--help``."""

    function: str
    summary: str


COMMANDS = {
    "demo": Command(
        "softaxes.commands.demo:demo", "the main job: blobs, then real tunes, one report (under 8 minutes)"
    ),
    "toy train": Command("softaxes.commands.toy_train:train_toy", "train a recipe on random blobs"),
    "toy report": Command("softaxes.commands.toy_report:report_toy", "every picture and number of a toy run"),
    "toy sweep": Command("softaxes.commands.toy_sweep:sweep_toy", "factorization weight against content, as a curve"),
    "train": Command("softaxes.commands.train:train_music", "train an encoder (and decoder) on a corpus of music"),
    "report": Command("softaxes.commands.report:report_music", "judge a music run on its held-out songs"),
    "steer": Command(
        "softaxes.commands.steer:steer", "move a MIDI file along a model's axes and write what it decodes to"
    ),
    "encode": Command("softaxes.commands.encode:encode_folder", "a folder of MIDI files to latents"),
    "motifs find": Command(
        "softaxes.commands.motifs_find:find", "a song's motifs: where they return, to see and to hear"
    ),
    "motifs evaluate": Command(
        "softaxes.commands.motifs_evaluate:evaluate", "every motif method on annotated movements"
    ),
    "motifs search": Command(
        "softaxes.commands.motifs_search:search_motifs", "the places in a folder most like a query"
    ),
    "motifs vocabulary": Command(
        "softaxes.commands.motifs_vocabulary:motif_vocabulary", "a folder's motifs in clusters"
    ),
    "motifs phrases": Command(
        "softaxes.commands.motifs_phrases:compare_phrases", "are a song's equal phrases found? (POP909)"
    ),
    "explore": Command("softaxes.commands.explore:explore", "a local page to see, drag and hear the axes"),
}
INTERRUPTED, BROKEN_PIPE = 130, 141


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    if not words or words[0] in ("-h", "--help"):
        print(overview())
        return 0
    if words[0] in ("-V", "--version"):
        from softaxes import __version__

        print(f"softaxes {__version__}")
        return 0
    name, rest = split_command(words)
    if name is None:
        return _complain(_unknown(words))
    if rest is None:
        print(overview(prefix=name))
        return 0
    return _guarded(name, rest)


def overview(prefix: str = "") -> str:
    """The commands that begin with ``prefix``, a line each."""
    rows = {name: command for name, command in COMMANDS.items() if name.startswith(prefix)}
    width = max(len(name) for name in rows)
    lines = [
        "softaxes: teach an encoder named axes from labelled shifts, and find, move and hear motifs along them.",
        "",
        "usage: softaxes COMMAND [--flags]      softaxes COMMAND --help lists a command's flags",
        "",
        *(f"  {name:<{width}}  {command.summary}" for name, command in rows.items()),
    ]
    if not prefix:
        lines += ["", "start here: softaxes demo --out demo"]
    return "\n".join(lines)


def split_command(words: Sequence[str]) -> tuple[str | None, list[str] | None]:
    """The command that ``words`` begin with and the words after it; ``(group, None)`` asks for a group's overview."""
    for length in (2, 1):
        name = " ".join(words[:length])
        if name in COMMANDS and len(words) >= length:
            return name, list(words[length:])
    group = f"{words[0]} "
    if any(name.startswith(group) for name in COMMANDS) and (len(words) == 1 or words[1] in ("-h", "--help")):
        return group, None
    return None, []


def _unknown(words: Sequence[str]) -> str:
    asked = " ".join(words[:2] if any(n.startswith(f"{words[0]} ") for n in COMMANDS) else words[:1])
    near = difflib.get_close_matches(asked, COMMANDS, n=1)
    hint = f"did you mean `softaxes {near[0]}`?" if near else "softaxes --help lists them"
    return f"no command {asked!r}; {hint}"


def _guarded(name: str, rest: Sequence[str]) -> int:
    """Run a command; the caller's mistakes become one line and exit code 2."""
    try:
        return _run(name, rest)
    except KeyboardInterrupt:
        print("\nsoftaxes: interrupted", file=sys.stderr)
        return INTERRUPTED
    except Interrupted as error:
        print(f"\nsoftaxes: {error}", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:  # whoever read the output has gone, as `| head` does: nothing is wrong, and no more to say
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BROKEN_PIPE
    except (ValueError, TypeError, OSError) as error:
        if os.environ.get("SOFTAXES_TRACEBACK"):
            raise
        if isinstance(error, OSError) and error.filename is not None and error.strerror:
            return _complain(f"{error.filename}: {error.strerror.lower()}")
        return _complain(str(error) or type(error).__name__)
    except SystemError as error:  # ctrl-C inside compiled code comes out as the cause of one
        if not isinstance(error.__cause__, KeyboardInterrupt):
            raise
        print("\nsoftaxes: interrupted", file=sys.stderr)
        return INTERRUPTED


def _run(name: str, rest: Sequence[str]) -> int:
    function = _load(COMMANDS[name].function)
    import tyro

    flags, hint = _with_config(rest)
    printed = io.StringIO()
    try:
        with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
            call = tyro.cli(
                _deferred(function), args=flags, prog=f"softaxes {name}", config=(tyro.conf.OmitArgPrefixes,)
            )
    except SystemExit as stop:
        if not stop.code:
            print(printed.getvalue(), end="")
            return 0
        return _complain(f"{_one_line(printed.getvalue())}{hint} (softaxes {name} --help lists the flags)")
    result = call()
    if result is not None:
        if isinstance(sys.stdout, io.TextIOWrapper):  # a file's name may not be UTF-8
            sys.stdout.reconfigure(errors="backslashreplace")
        print(_without_controls(str(result)), flush=True)
    return 0


def _without_controls(text: str) -> str:
    """``text`` with control characters, which names may hold, spelled out as JSON spells them; lines and tabs stay."""
    return re.sub(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", lambda found: f"\\u{ord(found[0]):04x}", text)


def _load(path: str) -> Callable[..., Any]:
    module, function = path.split(":")
    loaded: Callable[..., Any] = getattr(importlib.import_module(module), function)
    return loaded


def _deferred(function: Callable[..., Any]) -> Callable[..., Any]:
    """``function`` with its signature and help, but only bound: errors of parsing and of running stay apart."""
    import functools

    @functools.wraps(function)
    def bind(*args: Any, **kwargs: Any) -> Callable[[], Any]:
        return functools.partial(function, *args, **kwargs)

    return bind


def _with_config(rest: Sequence[str]) -> tuple[list[str], str]:
    """``rest`` with ``--config FILE`` replaced by the flags of the file that ``rest`` does not give, behind it.

    And what to add to a complaint about them: a flag that is given a list may take one value only.
    """
    for index, word in enumerate(rest):
        if word == "--config" and index + 1 < len(rest):
            path, others = rest[index + 1], [*rest[:index], *rest[index + 2 :]]
        elif word.startswith("--config="):
            path, others = word.removeprefix("--config="), [*rest[:index], *rest[index + 1 :]]
        else:
            continue
        given = {_bare(word) for word in others if word.startswith("--")}
        settings = {key: value for key, value in _settings(path).items() if key not in given}
        lists = [f"`{key}`" for key, value in settings.items() if isinstance(value, list)]
        hint = f"; {path} gives {', '.join(lists)} a list" if lists else ""
        return [*others, *(word for key, value in settings.items() for word in _flag(key, value))], hint
    return list(rest), ""


def _bare(flag: str) -> str:
    """``--no-log_every=3`` as ``log-every``."""
    return flag.partition("=")[0].replace("_", "-").removeprefix("--").removeprefix("no-")


def config_flags(path: str) -> list[str]:
    """Flags from a YAML mapping: ``steps: 500`` becomes ``--steps 500``, ``progress: false`` ``--no-progress``."""
    return [word for key, value in _settings(path).items() for word in _flag(key, value)]


def _settings(path: str) -> dict[str, Any]:
    import yaml

    try:
        with open(path, encoding="utf-8") as file:
            settings = yaml.safe_load(file) or {}
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} is not YAML: {' '.join(str(error).split())}") from error
    if not isinstance(settings, dict):
        raise ValueError(f"{path} must hold a mapping of flags, got {type(settings).__name__}")
    return {str(key).replace("_", "-"): value for key, value in settings.items()}


def _flag(name: str, value: Any) -> list[str]:
    if isinstance(value, bool):
        return [f"--{name}" if value else f"--no-{name}"]
    return [f"--{name}", *(str(v) for v in (value if isinstance(value, list) else [value]))]


def _one_line(text: str) -> str:
    """The first paragraph under the title of tyro's box; its longer advice belongs to ``--help``."""
    bare = re.sub(r"\x1b\[[0-9;]*m", "", text)
    rows = [line.strip(" │╭╮╰╯├┤─|+-") for line in bare.splitlines()]
    under_title = itertools.dropwhile(lambda row: not row, rows[_title(rows) + 1 :])
    message = " ".join(itertools.takewhile(bool, under_title))
    return re.sub(r"\s*\(applied to [^)]*\)", "", message) or "these flags cannot be read"


def _title(rows: Sequence[str]) -> int:
    return next((index for index, row in enumerate(rows) if row), len(rows))


def _complain(message: str) -> int:
    print(f"softaxes: {printable(' '.join(message.split()))}", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
