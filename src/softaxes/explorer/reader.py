"""How is a file from anywhere read without it being able to take the page down?

In a process of its own, with a limit on memory and on time. A file that crashes the process, fills its memory or never
ends costs that file: the next one gets a new process. Bytes go in, a `Song` or a sentence comes out; nothing touches
the disk.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import threading
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any

from softaxes.data.music.beats import Beats
from softaxes.data.music.midi import Limits
from softaxes.data.music.read import song_from_midi
from softaxes.data.music.song import Song

LIMITS = Limits(bytes=5_000_000, notes=50_000, steps=100_000)
SECONDS, STARTING_SECONDS = 20.0, 120.0
MEMORY_BYTES = 4 * 2**30


class Reader:
    """Reads MIDI, one file at a time, in a worker process that is started when needed and replaced when it dies."""

    def __init__(self, seconds: float = SECONDS) -> None:
        self.seconds = seconds
        self._turn = threading.Lock()
        self._process: BaseProcess | None = None
        self._pipe: Connection | None = None

    def read(
        self, data: bytes, name: str, steps_per_beat: int, limits: Limits = LIMITS, beats: Beats | None = None
    ) -> Song:
        """The song; ValueError in one line if it is broken, too large, or kills or outlasts the worker."""
        if len(data) > limits.bytes:
            raise ValueError(f"{len(data)} bytes is more than the limit of {limits.bytes}")
        with self._turn:
            pipe = self._start()
            try:
                pipe.send((data, name, steps_per_beat, limits, beats))
                answer = pipe.recv() if pipe.poll(self.seconds) else None
            except (EOFError, OSError):
                self._stop()
                raise ValueError("broken: the file made its reader crash") from None
            if answer is None:
                self._stop()
                raise ValueError(f"broken or too large: not read within {self.seconds:.0f} s")
        if isinstance(answer, str):
            raise ValueError(answer)
        song: Song = answer
        return song

    def close(self) -> None:
        """End the worker."""
        with self._turn:
            self._stop()

    def _start(self) -> Connection:
        """The pipe to a worker that lives and has said so."""
        if self._process is not None and self._pipe is not None and self._process.is_alive():
            return self._pipe
        self._stop()
        context = multiprocessing.get_context("spawn")  # forking a process that has started torch's threads can hang
        self._pipe, theirs = context.Pipe()
        process = context.Process(target=_work, args=(theirs,), daemon=True)
        process.start()
        self._process = process  # only now: one that never started cannot be stopped
        theirs.close()
        if not self._pipe.poll(STARTING_SECONDS) or self._pipe.recv() != "ready":
            raise OSError("the process that reads MIDI files did not start")
        return self._pipe

    def _stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.join()
            self._process.close()
        if self._pipe is not None:
            self._pipe.close()
        self._process = self._pipe = None


def _work(pipe: Connection) -> None:
    """The worker's life: read what comes, until the pipe closes."""
    _limit_memory()
    pipe.send("ready")
    with contextlib.suppress(EOFError, OSError, KeyboardInterrupt):
        while True:
            pipe.send(_answer(*pipe.recv()))


def _answer(data: bytes, name: str, steps_per_beat: int, limits: Limits, beats: Beats | None) -> Song | str:
    if not data:
        return "the file is empty"
    try:
        song = song_from_midi(data, name, steps_per_beat, beats=beats, limits=limits)
    except MemoryError:
        return "needs too much memory"
    except ValueError as error:
        return " ".join(str(error).split())
    return song if len(song.notes) else "no notes in the file"


def _limit_memory() -> None:
    try:
        import resource
    except ImportError:  # Windows: the time limit stays
        return
    limit: Any = resource.getrlimit(resource.RLIMIT_AS)[1]
    wanted = MEMORY_BYTES if limit == resource.RLIM_INFINITY else min(MEMORY_BYTES, limit)
    resource.setrlimit(resource.RLIMIT_AS, (wanted, limit))
