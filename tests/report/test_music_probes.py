"""Probes: what is in the features is found on other songs, what is not is at chance, what has no label is left out."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import torch

from softaxes.commands.train import train_music
from softaxes.data.music import cut_windows, load_corpus, write_song
from softaxes.data.music.pop909_labels import NONE
from softaxes.geometry.operators import LearnedOperators
from softaxes.model.model import Model
from softaxes.model.networks.frames import SEMITONE
from softaxes.model.part import Part
from softaxes.report.music import music_report
from softaxes.report.music_probes import (
    UNTRAINED,
    labelled_targets,
    music_probes,
    probe_figures,
    probe_section,
    probe_targets,
)
from softaxes.report.tables import with_interval
from softaxes.training.machine import Machine
from softaxes.training.tasks.music.config import MusicConfig, music_kinds
from tests.songs.song_models import small_model
from tests.songs.test_folder_latents import tune


def windows(n: int = 120, songs: int = 12) -> tuple[np.ndarray, np.ndarray]:
    """Random notes in silence: one pitch class and a number of notes that differ by window."""
    rng = np.random.default_rng(0)
    rolls = np.zeros((n, 2, 128, 32), dtype=np.uint8)
    for roll in rolls:
        pitch = 48 + int(rng.integers(12))
        for step in rng.permutation(32)[: int(rng.integers(1, 9))]:
            roll[:, pitch + 12 * int(rng.integers(2)), step] = 1
    return rolls, np.repeat(np.arange(songs), n // songs)


def chroma_model() -> Model:
    """An untrained network that reads chroma off the roll."""
    shared = {"dim": 32, "width": 16, "depth": 1, "rows": 24}
    operators = LearnedOperators(music_kinds(MusicConfig(**shared)), 32, step=SEMITONE, learned=False)
    return Model(Part("PlainEncoder", shared), operators.fitted(torch.zeros(32)), (2, 128, 32))


def test_targets_are_counted_by_hand() -> None:
    rolls = np.zeros((2, 2, 128, 32), dtype=np.uint8)
    rolls[0, 0, 60, 0] = rolls[0, 0, 67, 4] = 1
    rolls[0, 1, 60, 0:6] = rolls[0, 1, 67, 4:6] = 1
    targets = probe_targets(rolls, np.arange(2))
    assert targets.chroma[0].tolist() == [0.75, *[0.0] * 6, 0.25, *[0.0] * 4]
    assert targets.chroma[1].tolist() == [0.0] * 12
    assert targets.density.tolist() == [2, 0]
    assert targets.key.tolist() == targets.root.tolist() == [NONE, NONE]


def test_a_mixed_corpus_has_the_labels_of_its_pop_songs(pop909_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "openscore" / "lieder").mkdir(parents=True)
    (tmp_path / "pop909").mkdir()
    write_song(tune(1, 4), tmp_path / "openscore" / "lieder" / "Franz_Robert_1.mid")
    for name in ("001", "002"):
        (tmp_path / "pop909" / name).symlink_to(pop909_folder / name)
    found = []
    for name, folder in (("mixed", tmp_path), ("pop909", tmp_path / "pop909")):
        corpus = load_corpus(name, folder)
        chosen = np.flatnonzero(np.isin(corpus.sources, ["openscore", "pop909"]))
        cut = cut_windows(corpus.songs, 32, which=chosen, hop_steps=16)
        targets = labelled_targets(str(folder), SimpleNamespace(corpus=corpus), cut)
        pop = corpus.sources[cut.song] == "pop909"
        assert (targets.key[~pop] == NONE).all() and (targets.key[pop] != NONE).mean() > 0.8
        assert (targets.step[~pop] == NONE).all()  # bar lines that are not to be trusted
        assert (targets.step[pop] == cut.step[pop]).all() and set(targets.bar_steps[pop].tolist()) == {16}
        found.append(targets.key[pop].tolist() + targets.root[pop].tolist())
    assert found[0] == found[1]


def test_what_is_in_the_features_is_found_and_noise_is_at_chance() -> None:
    rolls, song = windows()
    root = rolls[:, 1].sum(-1).reshape(len(rolls), -1).argmax(1) % 12
    targets = probe_targets(rolls, song, key=root + 12 * (song % 2), root=root)
    latents = np.concatenate([targets.chroma, targets.density[:, None] / 8], axis=1)
    found = probe_figures(latents, targets, draws=50)
    assert list(found) == ["key", "root", "chroma", "density"]
    assert min(found[name].value for name in ("root", "chroma", "density")) > 0.9
    assert found["key"].value < 0.7  # the mode is not in these features
    noise = probe_figures(np.random.default_rng(1).standard_normal((len(rolls), 13)), targets, draws=50)
    assert noise["root"].value < 0.3
    assert max(noise["chroma"].value, noise["density"].value) < 0.1
    for figure in found.values():
        assert figure.low <= figure.value <= figure.high
        assert figure.n == len(rolls)
    assert 0 <= found["root"].chance < 0.3
    assert found["chroma"].chance == 0


def test_the_step_in_the_bar_is_read_by_metre_and_told_as_a_phase() -> None:
    rolls, song = windows(240)
    rng = np.random.default_rng(2)
    meter = np.array([(4, 4), (6, 8)])[rng.integers(2, size=240)]
    bar_steps = np.where(meter[:, 1] == 4, 16, 12)
    step = rng.integers(240, size=240) % bar_steps
    angle = 2 * np.pi * step / bar_steps
    told = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    targets = probe_targets(rolls, song, step=step, bar_steps=bar_steps, meter=meter)
    found = probe_figures(20 * told, targets, draws=20)
    assert list(found)[2:] == ["step in 4/4", "phase in 4/4", "step in 6/8", "phase in 6/8"]
    for name, classes in (("4/4", 16), ("6/8", 12)):
        assert found[f"phase in {name}"].value > 0.95 and abs(found[f"phase in {name}"].chance) < 0.3
        assert found[f"step in {name}"].value > 4 / classes > found[f"step in {name}"].chance
    noise = probe_figures(rng.standard_normal((240, 8)), targets, draws=20)
    assert abs(noise["phase in 4/4"].value) < 0.3 and noise["step in 6/8"].value < 0.3
    nobody = probe_figures(told, probe_targets(rolls, song, meter=meter, bar_steps=bar_steps), draws=20)
    assert list(nobody) == ["chroma", "density"]


def test_windows_without_a_label_are_left_out() -> None:
    rolls, song = windows()
    key = np.where(song < 3, song % 2, NONE)
    found = probe_figures(np.eye(120)[:, :20], probe_targets(rolls, song, key=key), draws=20)
    assert "root" not in found
    assert found["key"].n == 30
    one_song = probe_targets(rolls, song, key=np.where(song == 0, 1, NONE))
    assert "key" not in probe_figures(np.eye(120)[:, :20], one_song, draws=20)


def test_the_section_puts_features_side_by_side() -> None:
    rolls, song = windows()
    reports = music_probes(chroma_model(), rolls, probe_targets(rolls, song, root=song % 12), draws=20)
    assert list(reports) == ["latents", "chroma axis", "roll", UNTRAINED]
    (table,) = probe_section(reports, 32).blocks
    assert list(table.header) == ["probe", *reports, "chance", "n", "how to read it"]
    assert [row[0] for row in table.rows] == ["root of 12, accuracy", "chroma, R²", "density, R²"]
    assert table.rows[1][3] == with_interval(reports["roll"]["chroma"])
    assert reports["chroma axis"]["chroma"].value > 0.999 > reports["chroma axis"]["density"].value + 0.5


def test_a_model_without_chroma_has_no_column_of_it() -> None:
    rolls, song = windows()
    reports = music_probes(small_model(), rolls, probe_targets(rolls, song), draws=20)
    assert list(reports) == ["latents", "roll", UNTRAINED]


def test_one_song_cannot_be_judged() -> None:
    rolls, _ = windows(24)
    reports = music_probes(small_model(), rolls, probe_targets(rolls, np.zeros(24)), draws=20)
    assert probe_section(reports, 12).blocks == ["Fewer than two songs to judge on."]


def test_no_windows() -> None:
    rolls = np.zeros((0, 2, 128, 32), dtype=np.uint8)
    reports = music_probes(small_model(), rolls, probe_targets(rolls, np.zeros(0)), draws=20)
    assert all(not report for report in reports.values())


def test_the_report_of_a_run_shows_the_probes(tmp_path: Path) -> None:
    (tmp_path / "songs").mkdir()
    for number in range(30):  # three songs are held out
        write_song(tune(number, 8), tmp_path / "songs" / f"{number}.mid")
    songs = {"corpus": "folder", "folder": str(tmp_path / "songs")}
    config = MusicConfig(**songs, dim=32, width=16, depth=1, rows=24, steps=2, batch=4)
    run = train_music(config, Machine(progress=False), out=tmp_path / "run")
    page = music_report(run, windows=20, controls=False).read_text(encoding="utf-8")
    assert "What it was not trained for" in page
    assert "density, R²" in page
    probes = json.loads((run / "metrics.json").read_text(encoding="utf-8"))["probes"]
    assert list(probes) == ["latents", "chroma axis", "roll", UNTRAINED]
    assert {"ridge_r2.chroma", "ridge_r2.density"} < set(probes["latents"])
    assert {"category.step in 4/4", "phase_readout.phase in 4/4"} < set(probes["latents"])
