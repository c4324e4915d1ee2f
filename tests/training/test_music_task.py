"""Networks, batches, losses and a whole run of music, on music made up here."""

from __future__ import annotations

import dataclasses
import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional as F

import softaxes
from softaxes.commands.train import train_music
from softaxes.data.music import Song, cut_windows, note_array, write_song
from softaxes.losses.notes import note_loss
from softaxes.losses.variance import decorrelation_term, scale_term
from softaxes.model.networks.decoders import GridDecoder, OuterProductDecoder, OuterProducts, PoseDecoder
from softaxes.model.networks.rows import RowPoolEncoder
from softaxes.model.part import Part
from softaxes.report.music import music_report
from softaxes.training.machine import Machine
from softaxes.training.tasks.music.config import MusicConfig, music_kinds
from softaxes.training.tasks.music.data import load_music, run_config
from softaxes.training.tasks.music.task import MusicTask, best_threshold
from softaxes.training.tasks.music.views import LAWS, hide_rectangles, transposed

SMALL = {"steps": 16, "dim": 12, "width": 24, "reach": 6}


def song(seed: int, bars: int = 8) -> Song:
    """A random melody of eighths on a scale."""
    rng = np.random.default_rng(seed)
    pitch = 60 + np.array([0, 2, 4, 5, 7, 9, 11, 12])[rng.integers(8, size=bars * 8)]
    return Song(f"made up {seed}", note_array((2 * i, 2, int(p)) for i, p in enumerate(pitch)))


def roll(*notes: tuple[int, int, int], steps: int = 16) -> torch.Tensor:
    """One window (1, 2, 128, steps) of (pitch, onset, duration)."""
    made = torch.zeros(1, 2, 128, steps)
    for pitch, onset, duration in notes:
        made[0, 0, pitch, onset] = 1
        made[0, 1, pitch, onset : onset + duration] = 1
    return made


class TestRowPoolEncoder:
    encoder = RowPoolEncoder(**SMALL).eval()

    def test_what_it_pools_is_blind_to_register_but_for_the_heights(self) -> None:
        x = roll((60, 0, 4), (64, 4, 2), (57, 8, 8))
        y = transposed(x, torch.tensor([9]))
        for name in ("around", "pooled"):
            seen: list[torch.Tensor] = []
            hook = getattr(self.encoder, name).register_forward_hook(lambda m, i, o: seen.append(i[0]))  # noqa: B023
            self.encoder(x), self.encoder(y)
            hook.remove()
            torch.testing.assert_close(seen[0], seen[1])

    def test_heights_move_by_the_semitones(self) -> None:
        x = roll((60, 0, 4), (64, 4, 2), (57, 8, 8))
        seen: list[torch.Tensor] = []
        hook = self.encoder.height.register_forward_hook(lambda m, i, o: seen.append(i[0]))
        self.encoder(x), self.encoder(transposed(x, torch.tensor([-5])))
        hook.remove()
        torch.testing.assert_close(seen[0] - 5 / 12, seen[1])

    def test_the_roll_around_a_row_is_the_loops(self) -> None:
        rolls = torch.rand(2, 128, 32)
        attention = torch.rand(2, 128, 1)
        reach = self.encoder.reach
        slow = torch.zeros(2, 2 * reach + 1, 32)
        for p in range(128):
            for q in range(-reach, reach + 1):
                if 0 <= p + q < 128:
                    slow[:, reach - q] += attention[:, p] * rolls[:, p + q]
        torch.testing.assert_close(self.encoder._around(rolls, attention), slow.flatten(1))

    def test_silence_is_finite_and_has_finite_gradients(self) -> None:
        encoder = RowPoolEncoder(**SMALL)
        z = encoder(torch.zeros(2, 2, 128, 16))
        z.sum().backward()
        assert torch.isfinite(z).all()
        assert all(torch.isfinite(p.grad).all() for p in encoder.parameters() if p.grad is not None)


class TestDecoders:
    def test_outer_products_are_the_loops(self) -> None:
        products = OuterProducts(width=5, rank=3, rows=4, steps=6)
        hidden = torch.randn(2, 5)
        profiles = products.profiles(hidden).reshape(2, 2, 3, 10)
        slow = torch.zeros(2, 2, 4, 6)
        for r in range(3):
            for p in range(4):
                for t in range(6):
                    slow[:, :, p, t] += profiles[:, :, r, p] * profiles[:, :, r, 4 + t] / math.sqrt(3)
        torch.testing.assert_close(products(hidden), slow)

    def test_the_drawing_lies_where_the_register_says(self) -> None:
        decoder = PoseDecoder(**SMALL, rank=2).eval()
        with torch.no_grad():
            decoder.register.weight.zero_(), decoder.log_sharpness.fill_(5.0)
            z = torch.randn(3, 12)
            logits = []
            for semitones in (0.0, 7.0):
                decoder.register.bias.fill_(semitones / 12)
                logits.append(decoder(z) - decoder.bias[:, None, None])
        torch.testing.assert_close(logits[0][:, :, 40:90], logits[1][:, :, 47:97])
        assert logits[0][:, :, 64].abs().sum() > 0
        assert logits[0][:, :, 64 + 7].abs().sum() == 0  # beyond the reach of 6

    @pytest.mark.parametrize("decoder", [OuterProductDecoder, PoseDecoder, GridDecoder])
    def test_starts_at_the_density_of_notes(self, decoder: type[torch.nn.Module]) -> None:
        arguments = SMALL if decoder is PoseDecoder else {k: v for k, v in SMALL.items() if k != "reach"}
        made = decoder(**arguments, density=(0.01, 0.2))
        torch.testing.assert_close(torch.sigmoid(made.bias), torch.tensor([0.01, 0.2]))
        with pytest.raises(ValueError, match="`density` must lie between 0 and 1"):
            decoder(**arguments, density=(0.0, 0.2))

    def test_a_grid_decoder_unfolds_each_token_into_its_patch(self) -> None:
        decoder = GridDecoder(steps=16, dim=6, width=8, channels=3, rows=16, columns=8).eval()
        seen: list[torch.Tensor] = []
        decoder.mix.register_forward_hook(lambda m, i, o: seen.append(o))
        drawn = decoder(torch.randn(2, 6)) - decoder.bias[:, None, None]
        (tokens,) = seen
        assert tokens.shape == (2, 3, 8, 2)
        for row in range(8):
            for column in range(2):
                patch = torch.einsum("bc,cors->bors", tokens[:, :, row, column], decoder.unfold.weight)
                there = drawn[:, :, 16 * row : 16 * row + 16, 8 * column : 8 * column + 8]
                torch.testing.assert_close(there, patch, atol=1e-6, rtol=1e-4)
        with pytest.raises(ValueError, match="`rows` and `columns` must divide 128 and 16, got 5 and 8"):
            GridDecoder(steps=16, rows=5, columns=8)

    def test_note_loss_is_the_loops(self) -> None:
        logits, rolls = torch.randn(2, 2, 3, 4), (torch.rand(2, 2, 3, 4) > 0.7).float()
        total = 0.0
        for x, y in zip(logits.flatten().tolist(), rolls.flatten().tolist(), strict=True):
            p = 1 / (1 + math.exp(-x))
            total -= 5.0 * y * math.log(p) + (1 - y) * math.log(1 - p)
        assert float(note_loss(logits, rolls)) == pytest.approx(total / float(rolls.sum()), rel=1e-5)
        assert float(note_loss(60 * (2 * rolls - 1), rolls)) < 1e-6


class TestContentSpread:
    def test_a_spread_content_costs_nothing(self) -> None:
        rows = torch.linalg.qr(torch.randn(64, 4))[0] * 8 * 1.5
        rows = torch.cat([rows, -rows])
        assert float(scale_term(rows, used=torch.ones(128, dtype=torch.bool))) == 0.0
        assert float(decorrelation_term(rows)) == pytest.approx(0.0, abs=1e-8)

    def test_a_collapsed_content_costs_one_and_feels_a_pull(self) -> None:
        rows = (1e-3 * torch.randn(64, 4)).requires_grad_()
        spread = scale_term(rows, used=torch.ones(64, dtype=torch.bool))
        spread.backward()
        assert float(spread.detach()) == pytest.approx(1.0, abs=0.02)
        assert float(rows.grad.norm()) > 1e-4

    def test_rows_not_used_do_not_count(self) -> None:
        rows = torch.randn(20, 3)
        used = torch.arange(20) < 12
        changed = torch.where(used[:, None], rows, 100 * rows)
        for term in (scale_term, decorrelation_term):
            torch.testing.assert_close(term(rows, used=used), term(changed, used=used))
            torch.testing.assert_close(term(rows, used=used), term(rows[:12]))
        assert float(scale_term(rows, used=torch.zeros(20, dtype=torch.bool))) == pytest.approx(1.0)

    def test_decorrelation_is_the_mean_of_squared_covariances(self) -> None:
        rows = torch.randn(30, 4)
        slow = torch.cov(rows.T)
        expected = (slow.square().sum() - slow.diagonal().square().sum()) / 4
        torch.testing.assert_close(decorrelation_term(rows), expected)


class TestBatches:
    config = MusicConfig(batch=24, window_steps=32, dim=12, width=24, reach=6, rank=2, steps=3)
    windows = cut_windows([song(s) for s in range(3)], 32, bars=2, hop_bars=1, context_steps=8)
    task = MusicTask(config, windows)

    def test_a_step_always_draws_the_same_batch(self) -> None:
        first, again, other = self.task.batch(3), self.task.batch(3), self.task.batch(4)
        assert all(torch.equal(first[k], again[k]) for k in first)
        assert not torch.equal(first["rolls"], other["rolls"])

    def test_views_are_the_shifts_that_their_amounts_say(self) -> None:
        wide = torch.from_numpy(self.windows.rolls(slice(12)))
        drawn = self.task.views(wide, np.random.default_rng(5), isolated=0.0)
        rng = np.random.default_rng(5)
        rng.random(12)
        moved = rng.integers(-6, 7, size=12)
        for row in range(12):
            for view in range(4):
                k = moved[row] + (int(drawn["amounts"][row, view - 1, 0]) if view else 0)
                s = int(drawn["amounts"][row, view - 1, 1]) if view else 0
                truth = torch.zeros(2, 128, 32, dtype=torch.uint8)
                for p in range(128):
                    if 0 <= p - k < 128:
                        truth[:, p] = wide[row, :, p - k, 8 - s : 40 - s]
                assert torch.equal(drawn["rolls"][row, view], truth), (row, view)

    def test_amounts_have_their_ranges_and_followers(self) -> None:
        amounts, lone = self.task.batch(0)["amounts"], self.task.batch(0)["lone"]
        pitch, metre, beat, time = amounts.unbind(-1)
        assert pitch.abs().max() <= 12 and (pitch[:, [0, 2]] != 0).all() and (pitch[:, 1] == 0).all()
        assert torch.equal(metre, beat)
        assert (metre[~lone][:, 1:] != 0).all() and (metre[lone] == 0).all()
        assert (time[lone][:, 1:] != 0).all() and (time[~lone] == 0).all()
        assert time.abs().max() <= 8

    def test_an_isolated_motif_keeps_all_its_notes_under_every_shift(self) -> None:
        drawn = self.task.views(torch.from_numpy(self.windows.rolls()), np.random.default_rng(1), isolated=1.0)
        onsets = drawn["rolls"][:, :, 0].flatten(2).sum(-1)
        assert (onsets[:, 0] > 0).all()
        assert torch.equal(onsets, onsets[:, :1].expand_as(onsets))

    @pytest.mark.parametrize("encoder", ["vit", "strided", "hard", "split"])
    def test_encoders_to_compare_with_learn_the_same_way(self, encoder: str) -> None:
        task = MusicTask(dataclasses.replace(self.config, encoder=encoder, batch=4, dim=16), self.windows)
        model = task.build_model()
        assert type(model.encoder).__name__ == task.parts()["encoder"].network
        terms = task.loss(model, task.batch(0), 0)
        terms["loss"].backward()
        assert torch.isfinite(terms["loss"]) and model.encoder(task.batch(1)["rolls"][:, 0]).shape == (4, 16)
        rebuilt = Part(**json.loads(json.dumps(dataclasses.asdict(task.parts()["encoder"])))).build()
        rebuilt.load_state_dict(model.encoder.state_dict())

    @pytest.mark.parametrize("decoder", ["pose", "outer", "grid"])
    def test_decoders_by_name_draw_the_window(self, decoder: str) -> None:
        rank = 32 if decoder == "grid" else 2
        task = MusicTask(dataclasses.replace(self.config, decoder=decoder, rank=rank, batch=4), self.windows)
        model = task.build_model()
        terms = task.loss(model, task.batch(0), 0)
        terms["notes"].backward()
        assert type(model.decoder).__name__ == task.parts()["decoder"].network
        assert all(p.grad is not None for p in model.decoder.parameters())

    def test_hidden_notes_are_asked_for(self) -> None:
        torch.manual_seed(0)
        task = MusicTask(dataclasses.replace(self.config, masked=0.5), self.windows)
        model, batch = task.build_model(), task.batch(0)
        torch.manual_seed(1)
        term = task.loss(model, batch, 0)["masked"]
        torch.manual_seed(1)
        hidden = hide_rectangles(batch["rolls"][:, 0])
        whole = note_loss(model.decoder(model.encoder(hidden)), batch["rolls"][:, 0])
        torch.testing.assert_close(term, 0.5 * whole)

    def test_loss_terms_are_finite_and_add_up(self) -> None:
        torch.manual_seed(0)
        model = self.task.build_model()
        terms = self.task.loss(model, self.task.batch(0), 0)
        parts = sum(float(term.detach()) for name, term in terms.items() if name != "loss")
        assert float(terms["loss"].detach()) == pytest.approx(parts, rel=1e-5)
        terms["loss"].backward()
        assert all(torch.isfinite(p.grad).all() for p in model.parameters() if p.grad is not None)

    def test_windows_must_bring_their_context(self) -> None:
        bare = cut_windows([song(0)], 32, bars=2, context_steps=4)
        with pytest.raises(ValueError, match="must carry 8 steps of context, got 4"):
            MusicTask(self.config, bare)
        with pytest.raises(ValueError, match="at least one window, got none"):
            MusicTask(self.config, self.windows.select(np.zeros(0, dtype=int)))


def test_a_hidden_rectangle_takes_notes_and_nothing_else() -> None:
    torch.manual_seed(0)
    rolls = (torch.rand(64, 2, 128, 32) < 0.02).float()
    hidden = hide_rectangles(rolls)
    assert ((hidden == rolls) | (hidden == 0)).all()
    assert (hidden.flatten(1).sum(1) < rolls.flatten(1).sum(1)).all()
    gone = (rolls - hidden).amax(1) > 0
    for row in gone:
        rows, steps = row.nonzero(as_tuple=True)
        assert rows.max() - rows.min() <= 24 and steps.max() - steps.min() <= 8
    torch.testing.assert_close(hide_rectangles(torch.zeros(2, 2, 128, 32)), torch.zeros(2, 2, 128, 32))


@pytest.mark.parametrize("law", ["uniform", "gaussian"])
def test_shift_laws_have_their_spread_and_no_zero(law: str) -> None:
    amounts = LAWS[law](np.random.default_rng(0), 12, (40_000,))
    assert np.abs(amounts).max() == 12 and (amounts != 0).all()
    assert abs(amounts.mean()) < 0.1
    weight = np.exp(-2 * (np.arange(1, 13) / 12) ** 2) if law == "gaussian" else np.ones(12)
    exact = math.sqrt(float((weight * np.arange(1, 13) ** 2).sum() / weight.sum()))
    assert amounts.std() == pytest.approx(exact, rel=0.02)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"dim": 4}, "`dim` must be >= 8, got 4"),
        ({"isolated": 1.5}, r"`isolated` must lie in 0..1, got 1.5"),
        ({"learning_rate": 0.0}, "`learning_rate` must lie between 0 and 1, got 0.0"),
        ({"encoder": "aligned", "semitone": -0.1}, "`semitone` must be >= 0 and finite, got -0.1"),
        ({"encoder": "foo"}, "`encoder` must be one of rows, aligned, vit, strided, hard, split, got 'foo'"),
        ({"shift_law": "even"}, "`shift_law` must be one of uniform, gaussian"),
        ({"temperature": 0.0}, "`temperature` must be positive and finite, got 0.0"),
        ({"temperature": math.nan}, "`temperature` must be positive and finite, got nan"),
        ({"infonce": math.nan}, "`infonce` must be >= 0 and finite, got nan"),
        ({"notes": -1.0}, "`notes` must be >= 0 and finite, got -1.0"),
        ({"pitch_semitones": 200}, r"`pitch_semitones` must lie in 1..127, got 200"),
        ({"encoder": "aligned", "canonicalization": -0.5}, r"`canonicalization` must lie in 0..1, got -0.5"),
        ({"encoder": "aligned", "frozen": math.nan}, r"`frozen` must lie in 0..1, got nan"),
        ({"encoder": "rows", "content_orthogonality": 99.0}, "encoder 'rows' .*does not take `content_orthogonality`"),
        ({"encoder": "aligned", "rank": 3, "reach": 2}, "encoder 'aligned' does not take `reach`, `rank`"),
        ({"encoder": "aligned", "decoder": "grid"}, "encoder 'aligned' does not take `decoder`"),
        ({"decoder": "grid", "rank": 3}, "encoder 'rows' with decoder 'grid' does not take `rank`: leave it out"),
        (
            {"encoder": "vit", "decoder": "outer", "reach": 3},
            "encoder 'vit' with decoder 'outer' does not take `reach`",
        ),
        ({"encoder": "split", "low": 3, "frozen": 0.1}, "encoder 'split' .* does not take `low`, `frozen`"),
        ({"infonce": 0.0, "temperature": 3.0}, "a run without `infonce` does not take `temperature`"),
        ({"folder": "somewhere"}, "corpus 'tunes' does not take `folder`"),
        (
            {"encoder": "aligned", "canonicalization": 0.7, "frozen": 0.3},
            r"`canonicalization` \+ `frozen` must leave steps to code in, got 0.7 \+ 0.3",
        ),
        (
            {"encoder": "aligned", "canonicalization": 0.7, "frozen": 0.25, "steps": 3},
            r"`canonicalization` \+ `frozen` must leave steps to code in, got 0.7 \+ 0.25",
        ),
        ({"corpus": "folder"}, "`folder` must name a directory"),
        ({"corpus": "mixed"}, "`folder` must name a directory of music when corpus is 'mixed'"),
    ],
)
def test_settings_out_of_range_are_refused(settings: dict[str, object], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        MusicConfig(**settings)


def test_whole_numbers_are_whole() -> None:
    with pytest.raises(TypeError, match=r"`steps` must be of type int, got 2.5"):
        MusicConfig(steps=2.5)  # type: ignore[arg-type]


def test_kinds_follow_the_metre() -> None:
    pitch, metre, beat, time = music_kinds(MusicConfig(window_steps=24, bars=2))
    assert (pitch.name, metre.period, beat.period, beat.follows, time.name) == ("pitch", 12, 4, "metre", "time")


def test_threshold_is_the_best_of_its_grid() -> None:
    class Known:
        def encode(self, windows: np.ndarray) -> np.ndarray:
            return windows

        def decode(self, z: np.ndarray) -> torch.Tensor:
            return torch.from_numpy(np.where(z > 0, 0.42, 0.31))

    windows = (np.random.default_rng(0).random((3, 2, 128, 8)) > 0.9).astype(np.uint8)
    assert best_threshold(Known(), windows) in (0.35, 0.4)


@pytest.mark.slow
def test_a_run_on_a_folder_of_midi_becomes_a_model(tmp_path: Path) -> None:
    folder = tmp_path / "my songs"
    folder.mkdir()
    for seed in range(14):
        write_song(song(seed), folder / f"song {seed}.mid")
    (folder / "broken.mid").write_bytes(b"MThd nothing")
    config = MusicConfig(
        corpus="folder", folder=str(folder), dim=12, width=24, reach=6, rank=2, steps=3, batch=8, seed=1
    )
    run = train_music(config, Machine(progress=False), out=tmp_path / "a run")
    assert run_config(run) == config
    data, model = load_music(config), softaxes.load(run)
    assert len(data.corpus.manifest.skipped) == 1
    z = model.encode(data.test.center())
    assert z.shape == (len(data.test), 12)
    torch.testing.assert_close(model.steer(z, pitch=0), z)
    assert model.decode(z).shape == (len(z), 2, 128, 32)
    sides = model.card["split"]
    assert not set(sides["train"]) & set(sides["test"])
    assert F.cosine_similarity(z, z).min() > 0.99


def test_the_split_belongs_to_the_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Songs that come into the folder later are neither judged nor trained on, and the report says that it changed."""
    folder, out = tmp_path / "songs", tmp_path / "run"
    folder.mkdir()
    for seed in range(14):
        write_song(song(seed), folder / f"song {seed}.mid")
    config = MusicConfig(corpus="folder", folder=str(folder), dim=12, width=24, reach=6, rank=2, steps=2, batch=8)
    run = train_music(config, Machine(progress=False, accelerator="cpu"), out=out)
    trained = softaxes.load(run).card["split"]
    for seed in range(20, 32):
        write_song(song(seed), folder / f"a new {seed}.mid")
    data = load_music(run_config(run), run)
    assert [data.corpus.ids[i] for i in data.sides.test] == trained["test"]
    assert [data.corpus.ids[i] for i in data.sides.train] == trained["train"]
    music_report(run, windows=8, controls=False)
    assert "the music has changed since this run was trained" in capsys.readouterr().err
    (run / "model.safetensors").unlink()
    with pytest.raises(ValueError, match=r"the music of .* has changed since it began"):
        train_music(config, Machine(progress=False, accelerator="cpu"), out=out)


def test_a_run_of_another_version_is_refused(tmp_path: Path) -> None:
    settings = {"task": "music", **dataclasses.asdict(MusicConfig()), "forced": 0.4}
    (tmp_path / "config.json").write_text(json.dumps(settings), encoding="utf-8")
    with pytest.raises(ValueError, match="a run of another version of softaxes: it has settings forced"):
        run_config(tmp_path)


def test_a_part_of_another_version_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown network 'Gone'"):
        Part("Gone").build()
