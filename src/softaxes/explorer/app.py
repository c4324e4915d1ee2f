"""What does the page ask the server? Addresses to answers, nothing else: each is one small function.

    /  /map  /blobs  /report  /motifs  pages          /static/NAME  /kinds.css    their files
    /api/model                     kinds and their sliders
    /api/songs                     GET: what can be opened; POST: a dropped file
    /api/song?id=                  notes, bars, tempi; &others=1: notes that the model does not hear, too
    /api/steer?id=&at=&KIND=       the edit, decoded, beside the true one
    /api/steer/ahead?...&kind=     computes all that dragging one slider will ask for
    /api/midi?...&which=           window, decoded or true edit, as a file
    /api/window?id=&at=            a window's notes
    /api/map  .../songs  .../points  progress of the map; its songs; float32 rows, one a window
    /api/motifs?id=                the song's motifs as ``softaxes motifs find`` tells them
    /api/motifs/search?id=&notes=  windows of the map most like the chosen notes
    /api/blobs                     names of toy models; ?seed= draws a blob; ?model=&image= its shifts' latents
    /api/reports                   reports of runs; ?name= one of them

Errors are JSON: {"error": one sentence}. Work on arrays runs in threads, one at a time, so the page stays answerable.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import json
import threading
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any, TypeVar
from urllib.parse import quote

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from softaxes.data.music.midi import midi_bytes
from softaxes.data.music.rolls import notes_to_roll, roll_to_notes, texture_notes
from softaxes.data.music.song import Song
from softaxes.explorer.answers import Answer, Answers, bar_lines, tempo_at
from softaxes.explorer.atlas import Atlas
from softaxes.explorer.blob_world import BlobWorld, random_image
from softaxes.explorer.guard import refuse
from softaxes.explorer.library import Library, NoSuchSong
from softaxes.explorer.motifs import chosen_indices, drawn_notes, motifs_of, rows_of, search_motif
from softaxes.explorer.pages import STATIC, kinds_css, page
from softaxes.explorer.reader import LIMITS
from softaxes.explorer.reports import NoReport, Reports
from softaxes.explorer.steering import Edit, marked_notes, reach
from softaxes.geometry.kinds import Kind, Rotation
from softaxes.model.model import Model
from softaxes.songs.codec import Grid, grid_of

WAITING_UPLOADS = 64
READ_AT_ONCE = 2
MOTIFS_KEPT = 32  # songs: about 100 kB each
UNITS = {"pitch": "semitones", "chroma": "semitones"}
T = TypeVar("T")


class Explorer:
    """What the pages share: one model of music and its songs."""

    def __init__(self, model: Model, library: Library, name: str) -> None:
        self.model, self.library, self.name = model, library, name
        self.grid: Grid = grid_of(model)
        self._computing = threading.Lock()
        self._asked = 0.0
        self._waiting = 0
        self._slots = asyncio.Semaphore(READ_AT_ONCE)
        self.atlas = Atlas(model, library, self._computing, lambda: self._asked)
        self._notes = functools.lru_cache(maxsize=128)(lambda song: texture_notes(song, self.grid.texture))
        self.answers = Answers(model, self._notes, self._computing)
        self._motifs: OrderedDict[Song, bytes] = OrderedDict()  # what was found, as JSON
        self._finding = asyncio.Lock()  # not that of the model: a search takes seconds

    async def compute(self, function: Callable[..., T], *args: Any) -> T:
        """Run in a thread, one at a time: two cores gain nothing from more."""

        self._asked = time.monotonic()

        def run() -> T:
            with self._computing:
                return function(*args)

        return await run_in_threadpool(run)

    def close(self) -> None:
        """End what runs in the background and forget what was dropped."""
        self.atlas.close()
        self.library.close()

    def routes(self) -> list[BaseRoute]:
        """Addresses of everything below."""
        return [
            Route("/api/model", self.describe),
            Route("/api/songs", self.songs, methods=["GET"]),
            Route("/api/songs", self.drop, methods=["POST"]),
            Route("/api/song", self.song),
            Route("/api/steer", self.steer),
            Route("/api/steer/ahead", self.ahead),
            Route("/api/midi", self.midi),
            Route("/api/window", self.window),
            Route("/api/motifs", self.motifs),
            Route("/api/motifs/search", self.search_motifs),
            Route("/api/map", self.map),
            Route("/api/map/points", self.points),
            Route("/api/map/songs", self.map_songs),
        ]

    # ------------------------------------------------------------------ answers

    async def describe(self, request: Request) -> Response:
        """The model: its kinds with their sliders, window and grid."""
        kinds = [kind_json(kind) for kind in self.model.axes.kinds]
        return JSONResponse(
            {
                "name": self.name,
                "kinds": kinds,
                "window_steps": self.model.window_steps,
                "steps_per_beat": self.grid.steps_per_beat,
                "max_bytes": LIMITS.bytes,
            }
        )

    async def songs(self, request: Request) -> Response:
        """Songs as {"id", "name"}."""
        return JSONResponse([entry._asdict() for entry in self.library.entries()])

    async def drop(self, request: Request) -> Response:
        """Take in the body as a MIDI file of the name ``?name=``."""
        if self._waiting >= WAITING_UPLOADS:
            return refuse(429, "too many files at once: wait until the first ones are read")
        self._waiting += 1
        try:
            async with self._slots:
                data = await read_body(request, LIMITS.bytes)
                entry = await run_in_threadpool(self.library.drop, data, parameter(request, "name", str, "untitled"))
        finally:
            self._waiting -= 1
        return JSONResponse(entry._asdict())

    async def song(self, request: Request) -> Response:
        """One song: its texture's notes as [onset, duration, pitch], with ``?others=1`` the rest; bars, tempi."""
        song = await self._open(request)
        bars = song.bars()
        others = rows_of(drawn_notes(song, self.grid.texture)[1]) if parameter(request, "others", int, 0) else []
        return JSONResponse(
            {
                "id": parameter(request, "id", str),
                "name": song.name,
                "length_steps": song.length_steps,
                "notes": rows_of(self._notes(song)),
                "others": others,
                "first_bar": song.first_bar(),
                "bars": [[int(bar["start"]), int(bar["steps"])] for bar in bars],
                "beats": [int(4 * self.grid.steps_per_beat // bar["denominator"]) or 1 for bar in bars],
                "meters": [list(meter) for meter in song.meters],
                "tempi": [list(tempo) for tempo in song.tempi],
            }
        )

    async def steer(self, request: Request) -> Response:
        """The decoded edit beside the true one, see `softaxes.explorer.answers.as_json`."""
        song, start, edit = await self._asked_edit(request)
        return Response((await self._answer(song, start, edit)).body, media_type="application/json")

    async def ahead(self, request: Request) -> Response:
        """Compute what dragging the slider of ``?kind=`` from here will ask for."""
        song, start, edit = await self._asked_edit(request)
        self._asked = time.monotonic()
        done = await run_in_threadpool(self.answers.ahead, song, start, edit, parameter(request, "kind", str))
        return JSONResponse({"computed": done})

    async def midi(self, request: Request) -> Response:
        """``which``: "window", "decoded" or "truth", as a MIDI file at the song's tempo."""
        song, start, edit = await self._asked_edit(request)
        steered = (await self._answer(song, start, edit)).steered
        which = parameter(request, "which", str)
        rolls = {"window": steered.window, "decoded": steered.decoded, "truth": steered.truth}
        if which not in rolls:
            raise ValueError(f"`which` must be one of {', '.join(rolls)}, got {which!r}")
        roll = rolls[which]
        if roll is None:
            raise ValueError("this edit has no true counterpart in music")
        name = f"{song.name} {song.place(start).replace(':', '.')} {which}.mid"
        piece = Song(name, roll_to_notes(roll), steps_per_beat=song.steps_per_beat, tempi=((0, tempo_at(song, start)),))
        attachment = f"attachment; filename*=utf-8''{quote(name, safe='')}"
        return Response(midi_bytes(piece), media_type="audio/midi", headers={"content-disposition": attachment})

    async def window(self, request: Request) -> Response:
        """The notes of a window as they are, [onset, duration, pitch, ""]."""
        song, steps = await self._open(request), self.model.window_steps
        start = step_in(song, parameter(request, "at", int, 0))
        roll = notes_to_roll(self._notes(song), steps, start)
        return JSONResponse(
            {
                "place": song.place(start),
                "steps": steps,
                "lines": bar_lines(song, start, steps),
                "notes": marked_notes(roll, None, ""),
                "bpm": tempo_at(song, start),
            }
        )

    async def motifs(self, request: Request) -> Response:
        """The song's motifs, see `softaxes.explorer.motifs`; one search at a time, none for a page that has gone."""
        song, id = await self._open(request), parameter(request, "id", str)
        if song not in self._motifs:
            async with self._finding:
                if song not in self._motifs and not await request.is_disconnected():
                    self._motifs[song] = await run_in_threadpool(self._find_motifs, song, id)
                    while len(self._motifs) > MOTIFS_KEPT:
                        self._motifs.popitem(last=False)
        return Response(self._motifs.get(song, b"{}"), media_type="application/json")

    def _find_motifs(self, song: Song, id: str) -> bytes:
        found = motifs_of(self.library.finer(id), song, self.grid.texture)
        return json.dumps(found, separators=(",", ":"), allow_nan=False).encode()

    async def search_motifs(self, request: Request) -> Response:
        """Windows of the map most like the notes ``?notes=3-7,9`` of the song; asking begins the map."""
        song, id = await self._open(request), parameter(request, "id", str)
        notes = self._notes(song)
        chosen = notes[chosen_indices(parameter(request, "notes", str), len(notes))]
        self.atlas.start()
        search = functools.partial(search_motif, own_id=id)
        return JSONResponse(await self.compute(search, chosen, song, self.model, self.atlas))

    async def map(self, request: Request) -> Response:
        """How far the map is; asking for it begins it, ``?umap=1`` begins UMAP too."""
        self.atlas.start()
        if parameter(request, "umap", int, 0):
            await run_in_threadpool(self.atlas.start_umap)
        return JSONResponse(self.atlas.describe())

    async def map_songs(self, request: Request) -> Response:
        """The mapped songs: [id, name, key]."""
        return JSONResponse(self.atlas.songs())

    async def points(self, request: Request) -> Response:
        """The map's rows as float32, little end first; the number of columns is that of ``describe``."""
        rows = await run_in_threadpool(self.atlas.points)
        return Response(rows.astype("<f4").tobytes(), media_type="application/octet-stream")

    # ------------------------------------------------------------------ parts of answers

    async def _open(self, request: Request) -> Song:
        id = parameter(request, "id", str)
        song = self.library.in_memory(id)
        return song if song is not None else await run_in_threadpool(self.library.open, id)

    async def _asked_edit(self, request: Request) -> tuple[Song, int, Edit]:
        song = await self._open(request)
        return song, step_in(song, parameter(request, "at", int, 0)), edit_of(request, self.model, song)

    async def _answer(self, song: Song, start: int, edit: Edit) -> Answer:
        self._asked = time.monotonic()
        kept = self.answers.kept(song, start, edit)
        return kept if kept is not None else await run_in_threadpool(self.answers.answer, song, start, edit)


def kind_json(kind: Kind) -> dict[str, Any]:
    """A kind as sliders and dials need it; ``period`` is that of its coordinate."""
    turns = isinstance(kind, Rotation)
    return {
        "name": kind.name,
        "geometry": "circle" if turns else "line",
        "period": kind.coordinate_period if isinstance(kind, Rotation) else None,
        "follows": kind.follows if isinstance(kind, Rotation) else "",
        "reach": reach(kind),
        "unit": UNITS.get(kind.name, "steps"),
    }


def parameter(request: Request, name: str, kind: Callable[[str], T], default: T | None = None) -> T:
    """A value of the address; ValueError if it is missing or cannot be read."""
    if name not in request.query_params:
        if default is None:
            raise ValueError(f"`{name}` is missing")
        return default
    text = request.query_params[name]
    try:
        return kind(text)
    except ValueError:
        raise ValueError(f"`{name}` must be {kind.__name__}, got {text[:40]!r}") from None


def edit_of(request: Request, model: Model, song: Song) -> Edit:
    """The edit that an address asks for: an amount for each kind, ``with`` and ``blend``."""
    amounts = {name: parameter(request, name, int, 0) for name in model.axes}
    other = step_in(song, parameter(request, "with", int)) if "with" in request.query_params else None
    return Edit(amounts, other, parameter(request, "blend", float, 0.0))


def step_in(song: Song, step: int) -> int:
    """``step``; ValueError if it lies outside the song."""
    if not 0 <= step < max(1, song.length_steps):
        raise ValueError(f"the window must begin in the song, at step 0..{song.length_steps - 1}, got {step}")
    return step


async def read_body(request: Request, max_bytes: int) -> bytes:
    """The request's body; HTTPException 413 as soon as it is too large, whatever its header said."""
    too_large = HTTPException(413, f"a file may have {max_bytes // 1_000_000} MB at most")
    length = request.headers.get("content-length")
    if length is not None and (not length.isdigit() or int(length) > max_bytes):
        raise too_large
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > max_bytes:
            raise too_large
    return bytes(body)


# ---------------------------------------------------------------------- the app


async def _told(request: Request, error: Exception) -> Response:
    """The caller's mistakes as one sentence."""
    if isinstance(error, HTTPException):
        return refuse(error.status_code, str(error.detail))
    return refuse(404 if isinstance(error, NoSuchSong | NoReport) else 400, str(error))


def _to_first(pages: Mapping[str, str]) -> Callable[[Request], Awaitable[Response]]:
    """Without the first page, its address leads to the next."""

    async def answer(request: Request) -> Response:
        return RedirectResponse(next(iter(pages)))

    return answer


def _answer_blobs(blobs: BlobWorld) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        if "seed" in request.query_params:
            return JSONResponse({"image": random_image(parameter(request, "seed", int))})
        if "model" not in request.query_params:
            return JSONResponse({"models": list(blobs.models)})
        asked = parameter(request, "model", str), parameter(request, "image", str)
        return JSONResponse(await run_in_threadpool(blobs.shifts, *asked))

    return answer


def _answer_reports(reports: Reports) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        if "name" in request.query_params:
            return JSONResponse(await run_in_threadpool(reports.open, parameter(request, "name", str)))
        return JSONResponse(await run_in_threadpool(reports.list))

    return answer


def build_app(explorer: Explorer | None, blobs: BlobWorld | None = None, reports: Reports | None = None) -> Starlette:
    """The whole app, without the guard; pages whose model is not there are not there either."""
    pages = {"/": "steer", "/map": "map", "/motifs": "motifs"} if explorer else {}
    pages |= ({"/blobs": "blobs"} if blobs else {}) | ({"/report": "report"} if reports else {})
    css = kinds_css()

    def show(name: str) -> Callable[[Request], Awaitable[Response]]:
        async def answer(request: Request) -> Response:
            return page(name, pages, explorer.name if explorer else "")

        return answer

    async def kinds(request: Request) -> Response:
        return Response(css, media_type="text/css")

    @contextlib.asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        yield
        if explorer:
            explorer.close()

    routes: list[BaseRoute] = [Route(path, show(name)) for path, name in pages.items()]
    routes += [Route("/kinds.css", kinds), Mount("/static", StaticFiles(directory=STATIC))]
    routes += explorer.routes() if explorer else [Route("/", _to_first(pages))]
    routes += [Route("/api/blobs", _answer_blobs(blobs))] if blobs else []
    routes += [Route("/api/reports", _answer_reports(reports))] if reports else []
    handlers: dict[Any, Any] = {ValueError: _told, HTTPException: _told, OSError: _told}
    return Starlette(routes=routes, exception_handlers=handlers, lifespan=lifespan)
