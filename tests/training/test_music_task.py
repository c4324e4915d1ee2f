"""Settings, batches, losses and whole runs of music, on music made up here."""

from __future__ import annotations

import dataclasses
import json
import math
from pathlib import Path
from typing import Any, get_args, get_type_hints

import numpy as np
import pytest
import torch
from torch.nn import functional as F

import softaxes
from softaxes.commands import cli
from softaxes.commands import train as command
from softaxes.commands.train import train_music
from softaxes.data.music import Song, cut_windows, note_array, write_song
from softaxes.geometry.kinds import Cycle
from softaxes.losses.notes import note_loss
from softaxes.losses.variance import decorrelation_term, scale_term
from softaxes.model.networks.ablations import RollViT
from softaxes.model.networks.decoders import OuterProducts, PoseDecoder
from softaxes.model.networks.frames import CHROMA_HARMONICS, FRAMED, SEMITONE
from softaxes.model.networks.rows import RowPoolEncoder
from softaxes.model.part import Part
from softaxes.report.music import music_report
from softaxes.training import loop
from softaxes.training.machine import Machine
from softaxes.training.tasks.music import task as task_module
from softaxes.training.tasks.music.config import (
    NETWORKS,
    MusicConfig,
    idle_settings,
    music_kinds,
    planes_of,
    recipe,
)
from softaxes.training.tasks.music.data import describe, load_music, run_config
from softaxes.training.tasks.music.task import MusicTask, best_threshold, predict_views
from softaxes.training.tasks.music.views import circularly_moved, moved_windows, training_views, transposed

SMALL = {"steps": 16, "dim": 12, "width": 24}
TINY: dict[str, Any] = {"dim": 31, "rows": 24, "width": 16, "depth": 1, "steps": 3, "batch": 8}
QUIET = Machine(progress=False, accelerator="cpu")
ENCODERS = get_args(get_type_hints(MusicConfig)["encoder"])


@pytest.fixture(autouse=True)
def _few_starting_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Principal components of a few windows will do, and a transformer of one layer."""
    monkeypatch.setattr(task_module, "STARTING_WINDOWS", 200)
    monkeypatch.setattr(RollViT.__init__, "__defaults__", (32, 128, 24, 1, 2, 8))


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


def small(encoder: str = "turning", **settings: Any) -> MusicConfig:
    """A run of three steps of small networks."""
    fitting = {name: value for name, value in TINY.items() if name not in idle_settings(encoder)}
    return MusicConfig(**{"encoder": encoder, **fitting, **settings})  # type: ignore[arg-type]


def cut(number: int = 3, context: int = 8) -> Any:
    return cut_windows([song(s) for s in range(number)], 32, hop_steps=1, context_steps=context)


def folder_of_songs(folder: Path, number: int = 14) -> Path:
    folder.mkdir()
    for seed in range(number):
        write_song(song(seed), folder / f"song {seed}.mid")
    return folder


class TestRowPoolEncoder:
    encoder = RowPoolEncoder(**SMALL, reach=6).eval()

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


class TestPoseDecoder:
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
        decoder = PoseDecoder(**SMALL, reach=6, rank=2).eval()
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

    def test_starts_at_the_density_of_notes(self) -> None:
        made = PoseDecoder(**SMALL, density=(0.01, 0.2))
        torch.testing.assert_close(torch.sigmoid(made.bias), torch.tensor([0.01, 0.2]))
        with pytest.raises(ValueError, match="`density` must lie between 0 and 1"):
            PoseDecoder(**SMALL, density=(0.0, 0.2))


def test_note_loss_is_the_loops() -> None:
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


class TestSettings:
    @pytest.mark.parametrize("texture", ["melody", "full"])
    @pytest.mark.parametrize("encoder", ENCODERS)
    def test_what_is_left_open_is_the_recipe_s(self, encoder: str, texture: str) -> None:
        config = MusicConfig(encoder=encoder, texture=texture)  # type: ignore[arg-type]
        for name, value in recipe(encoder, texture).items():
            assert getattr(config, name) == (None if name in idle_settings(encoder) else value), name
        assert MusicConfig(encoder=encoder, texture=texture, steps=7, notes=0.0).steps == 7  # type: ignore[arg-type]
        assert MusicConfig(encoder=encoder, texture=texture, notes=0.0).notes == 0.0  # type: ignore[arg-type]

    def test_recipes_speak_of_settings_that_are_open_and_of_all_of_them(self) -> None:
        opened = {field.name for field in dataclasses.fields(MusicConfig) if field.default is None}
        for encoder in ENCODERS:
            for texture in ("melody", "full"):
                assert set(recipe(encoder, texture)) == opened

    @pytest.mark.parametrize("encoder", ENCODERS)
    def test_settings_come_back_from_a_file_and_can_be_changed(self, encoder: str) -> None:
        config = MusicConfig(encoder=encoder)  # type: ignore[arg-type]
        assert MusicConfig(**json.loads(json.dumps(dataclasses.asdict(config)))) == config
        assert dataclasses.replace(config, seed=3) == MusicConfig(encoder=encoder, seed=3)  # type: ignore[arg-type]

    @pytest.mark.parametrize(
        ("settings", "said"),
        [
            ({"dim": 14}, "`dim` must be >= 15 and finite|`dim` must be >= 15, got 14"),
            ({"learning_rate": 0.0}, "`learning_rate` must lie between 0 and 1, got 0.0"),
            ({"encoder": "foo"}, "`encoder` must be one of turning, plain, rows, vit, strided, got 'foo'"),
            ({"temperature": 0.0}, "`temperature` must be positive and finite, got 0.0"),
            ({"temperature": math.nan}, "`temperature` must be positive and finite, got nan"),
            ({"infonce": math.nan}, "`infonce` must be >= 0 and finite, got nan"),
            ({"notes": -1.0}, "`notes` must be >= 0 and finite, got -1.0"),
            ({"noise": -0.1}, "`noise` must be >= 0 and finite, got -0.1"),
            ({"pitch_semitones": 200}, r"`pitch_semitones` must lie in 0..127, got 200"),
            ({"rows": 200}, r"`rows` must lie in 12..128, got 200"),
            ({"views": 0}, "`views` must be >= 1, got 0"),
            ({"steps": 0}, "`steps` must be >= 1, got 0"),
            ({"window_steps": 31}, "`window_steps` must be a multiple of 2 with encoder 'turning', got 31"),
            (
                {"encoder": "vit", "window_steps": 36},
                "`window_steps` must be a multiple of 8 with encoder 'vit', got 36",
            ),
            ({"encoder": "strided", "window_steps": 34}, "`window_steps` must be a multiple of 4 .* got 34"),
            ({"width": 20}, "`width` must be a multiple of 8 with encoder 'turning', got 20"),
            ({"encoder": "rows", "rows": 40}, "encoder 'rows' does not take `rows`: leave it out"),
            ({"encoder": "vit", "width": 64, "depth": 3}, "encoder 'vit' does not take `width`, `depth`"),
            ({"infonce": 0.0, "temperature": 3.0}, "a run without `infonce` does not take `temperature`"),
            ({"within": 0.3}, "`views` must be >= 2 with `within` or `pitch_semitones`, got 1"),
            ({"pitch_semitones": 5}, "`views` must be >= 2 with `within` or `pitch_semitones`, got 1"),
            ({"across": 0.3}, "`across` acts on transposed views only: give `pitch_semitones` too"),
            ({"folder": "somewhere"}, "corpus 'tunes' does not take `folder`"),
            ({"corpus": "folder"}, "`folder` must name a directory"),
            ({"corpus": "openscore"}, "`folder` must name a directory"),
            ({"corpus": "mixed"}, "`folder` must name a directory of music when corpus is 'mixed', got none"),
            ({"time_signature": "3/0"}, "time signature"),
        ],
    )
    def test_what_does_not_fit_is_refused(self, settings: dict[str, Any], said: str) -> None:
        with pytest.raises(ValueError, match=said):
            MusicConfig(**settings)

    def test_whole_numbers_are_whole(self) -> None:
        for wrong in (2.5, True, "3"):
            with pytest.raises(TypeError, match="`steps` must be of type int"):
                MusicConfig(steps=wrong)  # type: ignore[arg-type]

    @pytest.mark.parametrize("window_steps", [2, 4, 6, 24, 32, 48, 96])
    def test_planes_and_what_does_not_turn_add_up(self, window_steps: int) -> None:
        half = window_steps // 2
        for dim in range(FRAMED + 2, 200, 3):
            planes, invariants = planes_of(MusicConfig(dim=dim, window_steps=window_steps))
            assert len(planes) == half and 2 * sum(planes) + invariants == dim - FRAMED and invariants >= 0
            room = (dim - FRAMED) // 2
            assert all(planes) if room >= half else planes == (1,) * room + (0,) * (half - room)

    def test_planes_of_the_two_recipes(self) -> None:
        assert planes_of(MusicConfig()) == ((3, 4) * 7 + (3, 2), 7)
        assert planes_of(MusicConfig(texture="full")) == ((13, 17) * 7 + (13, 9), 35)

    def test_the_kinds_of_music(self) -> None:
        config = MusicConfig(window_steps=24, dim=60)
        pitch, chroma, metre = music_kinds(config)
        assert (pitch.name, chroma.name, metre.name) == ("pitch", "chroma", "metre")
        assert isinstance(chroma, Cycle) and isinstance(metre, Cycle)
        assert (chroma.period, chroma.follows, chroma.harmonics) == (12, "pitch", (1, 2, 3, 4, 5, 6))
        assert (metre.period, len(metre.harmonics)) == (24, sum(planes_of(config)[0]))


class TestViews:
    windows = cut(3)
    kinds = music_kinds(small())

    def drawn(self, rows: int = 12, **settings: Any) -> dict[str, torch.Tensor]:
        wide = torch.from_numpy(self.windows.rolls(slice(rows)))
        asked = {"context": 8, "semitones": 12, "steps": 8, "views": 6} | settings
        return training_views(wide, np.random.default_rng(5), self.kinds, **asked)

    @pytest.mark.parametrize("semitones", [0, 12])
    def test_they_are_the_shifts_that_their_amounts_say(self, semitones: int) -> None:
        drawn, wide = self.drawn(semitones=semitones), self.windows.rolls(slice(12))
        moved = np.random.default_rng(5).integers(-6, 7, size=12)  # by how much anchors move
        rng = np.random.default_rng(5)
        rng.integers(1, 9, size=(12, 6)), rng.choice([-1, 1], size=(12, 6))
        moved = rng.integers(-6, 7, size=12) if semitones else 0 * moved
        for row in range(12):
            for view in range(7):
                k = moved[row] + (int(drawn["semitones"][row, view - 1]) if view else 0)
                s = int(drawn["steps"][row, view - 1]) if view else 0
                truth = np.zeros((2, 128, 32), dtype=np.uint8)
                for p in range(128):
                    if 0 <= p - k < 128:
                        truth[:, p] = wide[row, :, p - k, 8 - s : 40 - s]
                assert np.array_equal(drawn["rolls"][row, view], truth), (row, view)

    def test_one_is_delayed_one_transposed_one_both(self) -> None:
        drawn = self.drawn()
        pitch, delay = drawn["semitones"], drawn["steps"]
        assert pitch.abs().max() <= 12 and delay.abs().max() <= 8
        assert (pitch[:, 0::3] == 0).all() and (delay[:, 0::3] != 0).all()
        assert (pitch[:, 1::3] != 0).all() and (delay[:, 1::3] == 0).all()
        assert (pitch[:, 2::3] != 0).all() and (delay[:, 2::3] != 0).all()
        assert torch.equal(drawn["amounts"][..., 0], pitch.float())
        assert torch.equal(drawn["amounts"][..., 1], pitch.float())  # chroma follows pitch
        assert torch.equal(drawn["amounts"][..., 2], delay.float())

    def test_none_is_transposed_where_register_is_read_off_the_roll(self) -> None:
        drawn = self.drawn(semitones=0)
        assert (drawn["semitones"] == 0).all() and (drawn["steps"] != 0).all()
        assert (drawn["amounts"][..., :2] == 0).all()
        assert np.array_equal(drawn["rolls"][:, 0], self.windows.center(slice(12)))

    def test_amounts_are_drawn_evenly_without_0(self) -> None:
        wide = torch.zeros(4000, 2, 128, 48, dtype=torch.uint8)[:, :, :, :18]
        steps = training_views(wide, np.random.default_rng(0), self.kinds, context=8, semitones=0, steps=8, views=1)[
            "steps"
        ]
        found = np.bincount(steps.flatten() + 8, minlength=17)
        assert found[8] == 0 and (np.delete(found, 8) > 180).all()

    def test_a_delay_beyond_the_context_is_refused(self) -> None:
        wide = torch.from_numpy(self.windows.rolls(slice(2)))
        with pytest.raises(ValueError, match="`amount` must lie within the context of 8, got 9"):
            moved_windows(wide, torch.zeros(2, 1, dtype=torch.long), torch.full((2, 1), 9), 8)

    def test_circularly_moved_is_the_loops(self) -> None:
        rolls = (torch.rand(3, 2, 128, 6) < 0.1).to(torch.uint8)
        semitones, steps = torch.tensor([0, -3, 100]), torch.tensor([1, -8, 6])
        slow = torch.zeros_like(rolls)
        for row in range(3):
            for p in range(128):
                for t in range(6):
                    q = p + int(semitones[row])
                    if 0 <= q < 128:
                        slow[row, :, q, (t + int(steps[row])) % 6] = rolls[row, :, p, t]
        assert torch.equal(circularly_moved(rolls, semitones, steps), slow)


class TestBatches:
    windows = cut(3)

    def test_a_step_always_draws_the_same_batch(self) -> None:
        task = MusicTask(small(batch=24), self.windows)
        first, again, other = task.batch(3), task.batch(3), task.batch(4)
        assert all(torch.equal(first[k], again[k]) for k in first)
        assert not torch.equal(first["rolls"], other["rolls"])
        seeded = MusicTask(small(batch=24, seed=1), self.windows).batch(3)
        assert not torch.equal(first["rolls"], seeded["rolls"])

    @pytest.mark.parametrize("batch", [4, 6, 9])
    def test_a_batch_has_its_size(self, batch: int) -> None:
        assert len(MusicTask(small(batch=batch), self.windows).batch(0)["rolls"]) == batch

    @pytest.mark.parametrize("encoder", ENCODERS)
    def test_every_encoder_learns_the_same_way(self, encoder: str) -> None:
        batch = 4
        task = MusicTask(small(encoder, batch=batch), self.windows)
        model = task.build_model()
        assert [type(model.encoder).__name__, type(model.decoder).__name__] == list(NETWORKS[encoder][0])
        terms = task.loss(model, task.batch(0), 0)
        parts = sum(float(term.detach()) for name, term in terms.items() if name != "loss")
        assert float(terms["loss"].detach()) == pytest.approx(parts, rel=1e-5)
        terms["loss"].backward()
        idle = {name for name, p in model.named_parameters() if p.requires_grad and p.grad is None}
        assert idle == set()
        assert all(torch.isfinite(p.grad).all() for p in model.parameters() if p.requires_grad)
        assert model.encoder(task.batch(1)["rolls"][:, 0]).shape == (batch, 31)
        for role, network in (("encoder", model.encoder), ("decoder", model.decoder)):
            rebuilt = Part(**json.loads(json.dumps(dataclasses.asdict(task.parts()[role])))).build()
            rebuilt.load_state_dict(network.state_dict())

    @pytest.mark.parametrize("encoder", ENCODERS)
    def test_a_few_steps_make_the_loss_smaller(self, encoder: str) -> None:
        torch.manual_seed(0)
        task = MusicTask(small(encoder), self.windows)
        model, batch = task.build_model(), task.batch(0)
        optimizer, losses = task.configure_optimizer(model), []
        for step in range(25):
            for group in optimizer.param_groups:
                group["lr"] = 3e-3
            terms = task.loss(model, batch, step)
            optimizer.zero_grad(), terms["loss"].backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            losses.append(float(terms["notes"].detach()))
        assert losses[-1] < 0.95 * losses[0]

    @pytest.mark.parametrize(
        "name",
        [
            "within",
            "across",
            "size",
            "squared_error",
            "infonce",
            "steered_notes",
            "spread",
            "decorrelation",
            "sigreg",
            "pull",
        ],
    )
    def test_every_weight_acts(self, name: str) -> None:
        settings = {"encoder": "plain", "views": 3, "pitch_semitones": 5, "batch": 16}
        losses = []
        for weight in (0.0, 1.0, 2.0):
            torch.manual_seed(0)
            task = MusicTask(small(**settings, **{name: weight}), self.windows)
            model = task.build_model()
            torch.manual_seed(1)
            losses.append(float(task.loss(model, task.batch(0), 0)["loss"].detach()))
        assert losses[1] - losses[0] == pytest.approx(losses[2] - losses[1], rel=1e-2)
        assert losses[1] != losses[0]

    @pytest.mark.parametrize("encoder", ["plain", "rows"])
    def test_the_notes_of_every_view_are_asked_for_in_turn(self, encoder: str) -> None:
        """decode(rho(s) f(x)) shall be the window's own notes, moved circularly."""
        task = MusicTask(small(encoder, noise=0.0, views=3, pitch_semitones=7), self.windows)
        torch.manual_seed(0)
        model, batch = task.build_model(), task.batch(0)
        anchor = model.encoder(batch["rolls"][:, 0]).float()
        predicted = predict_views(model.operators, anchor, batch["amounts"])
        for step in range(4):
            view = step % 3
            moved = circularly_moved(batch["rolls"][:, 0], batch["semitones"][:, view], batch["steps"][:, view])
            expected = note_loss(model.decoder(predicted[:, view]), moved, positive_weight=3.0)
            torch.testing.assert_close(task.loss(model, batch, step)["steered_notes"], expected)

    def test_operators_say_of_a_view_what_each_alone_says(self) -> None:
        task = MusicTask(small("rows"), self.windows)
        operators, z = task.build_model().operators, torch.randn(2, 31)
        amounts = torch.randn(2, 3, 3)
        got = predict_views(operators, z, amounts)
        for row in range(2):
            for view in range(3):
                one = operators(z[row : row + 1], amounts[row : row + 1, view])[0]
                torch.testing.assert_close(got[row, view], one)

    def test_a_framed_encoder_starts_with_its_components(self) -> None:
        task = MusicTask(small("turning", dim=60), self.windows)
        model = task.build_model()
        rolls = torch.from_numpy(self.windows.center())
        assert bool((model.encoder.to_planes.weight[:, 16:] != 0).any())
        with torch.no_grad():
            onset = model.decoder(model.encoder(rolls))[:, 0].sigmoid() > 0.05
        hit = (onset & (rolls[:, 0] > 0)).sum() / (rolls[:, 0] > 0).sum()
        assert float(hit) > 0.1  # notes come out before anything is learned

    def test_windows_must_bring_their_context(self) -> None:
        with pytest.raises(ValueError, match="must carry 8 steps of context, got 4"):
            MusicTask(small(), cut(1, context=4))
        with pytest.raises(ValueError, match="at least one window, got none"):
            MusicTask(small(), self.windows.select(np.zeros(0, dtype=int)))


class TestFinish:
    windows = cut(3)

    @pytest.mark.parametrize("encoder", ["turning", "plain"])
    def test_the_axes_are_the_operators(self, encoder: str) -> None:
        task = MusicTask(small(encoder), self.windows, card={"data": "made up"})
        network = task.build_model().eval()
        model = task.finish(network)
        assert (model.card, model.input_shape, model.axes_dim) == ({"data": "made up"}, (2, 128, 32), 31)
        rolls = torch.from_numpy(self.windows.center(slice(9)))
        z = model.encode(rolls)
        with torch.no_grad():
            torch.testing.assert_close(z, network.encoder(rolls))
            amounts = torch.tensor([[3.0, 3.0, -5.0]]).expand(9, -1)
            torch.testing.assert_close(model.steer(z, pitch=3, metre=-5), network.operators(z, amounts))
        assert float(model.axes["pitch"].coordinate(z[:1])) == pytest.approx(float(z[0, 0]) / SEMITONE, abs=1e-4)
        assert [model.axes[name].basis.shape[0] for name in ("pitch", "chroma")] == [1, 2 * CHROMA_HARMONICS]

    def test_turning_is_exact_before_any_training(self) -> None:
        model = MusicTask(small(), self.windows).finish(MusicTask(small(), self.windows).build_model().eval())
        rolls = torch.from_numpy(self.windows.center(slice(6)))
        moved = circularly_moved(rolls, torch.full((6,), -4), torch.full((6,), 7))
        torch.testing.assert_close(
            model.steer(model.encode(rolls), pitch=-4, metre=7), model.encode(moved), atol=1e-4, rtol=1e-4
        )

    def test_the_threshold_is_chosen_on_validation_windows(self) -> None:
        other = cut_windows([song(9)], 32, hop_steps=1, context_steps=8)
        task = MusicTask(small(), self.windows, other)
        model = task.finish(task.build_model().eval())
        assert model.threshold == best_threshold(model, other.center())

    def test_the_threshold_is_the_best_of_its_grid(self) -> None:
        class Known:
            def encode(self, windows: np.ndarray) -> np.ndarray:
                return windows

            def decode(self, z: np.ndarray) -> torch.Tensor:
                return torch.from_numpy(np.where(z > 0, 0.42, 0.31))

        windows = (np.random.default_rng(0).random((3, 2, 128, 8)) > 0.9).astype(np.uint8)
        assert best_threshold(Known(), windows) in (0.35, 0.4)  # type: ignore[arg-type]


class TestCommand:
    @pytest.mark.parametrize(
        ("words", "expected"),
        [
            (["--texture", "full"], {"dim": 512, "rows": 80}),
            ([], {"dim": 128, "rows": 48, "encoder": "turning"}),
            (["--encoder", "plain"], {"width": 512, "dim": 128}),
            (["--encoder", "rows", "--texture", "full"], {"dim": 512, "rows": None}),
            (["--dim", "64", "--infonce", "0"], {"dim": 64, "infonce": 0.0, "rows": 48}),
        ],
    )
    def test_flags_that_are_not_given_are_the_recipe_s(
        self, words: list[str], expected: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        seen: list[MusicConfig] = []

        def stop(config: MusicConfig, *_: Any) -> None:
            seen.append(config)
            raise ValueError("far enough")

        monkeypatch.setattr(command, "load_music", stop)
        assert cli.main(["train", "--out", str(tmp_path / "run"), *words]) == 2
        assert {name: getattr(seen[0], name) for name in expected} == expected

    def test_help_describes_every_setting_and_says_the_recipe_s_values(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert cli.main(["train", "--help"]) == 0
        text = " ".join(capsys.readouterr().out.split())
        assert "None" not in text
        for field in dataclasses.fields(MusicConfig):
            flag = f"--{field.name.replace('_', '-')} "
            described = text[text.index(flag) + len(flag) :].split("(default")[0]
            assert len(described.split()) > 2, flag
        for values in ("128; full: 512)", "48; full: 80)", "512; turning: 192)", "3; turning: 1; plain: 2)"):
            assert f"(default: {values}" in text

    def test_a_mistake_is_one_line(self, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
        assert cli.main(["train", "--out", str(tmp_path), "--encoder", "vit", "--width", "3"]) == 2
        said = capsys.readouterr().err
        assert "encoder 'vit' does not take `width`: leave it out" in said and said.count("\n") == 1


class TestRuns:
    def test_a_run_on_a_folder_of_midi_becomes_a_model(self, tmp_path: Path) -> None:
        folder = folder_of_songs(tmp_path / "my songs")
        (folder / "broken.mid").write_bytes(b"MThd nothing")
        config = small(corpus="folder", folder=str(folder), seed=1)
        run = train_music(config, QUIET, out=tmp_path / "a run")
        assert run_config(run) == config
        data, model = load_music(config), softaxes.load(run)
        assert len(data.corpus.manifest.skipped) == 1
        z = model.encode(data.test.center())
        assert z.shape == (len(data.test), 31)
        torch.testing.assert_close(model.steer(z, pitch=0), z)
        assert model.decode(z).shape == (len(z), 2, 128, 32)
        sides = model.card["split"]
        assert not set(sides["train"]) & set(sides["test"])
        assert F.cosine_similarity(z, z).min() > 0.99

    @pytest.mark.parametrize("encoder", ["turning", "plain", "rows"])
    def test_a_run_that_is_cut_off_ends_with_the_same_weights(
        self, encoder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        windows, machine = cut(2), dataclasses.replace(QUIET, checkpoint_seconds=0.0, threads=1)
        straight = loop.train(MusicTask(small(encoder, steps=5), windows), tmp_path / "straight", machine)
        task = MusicTask(small(encoder, steps=5), windows)
        whole = task.batch

        def cut_off(step: int) -> Any:
            if step == 3:
                raise KeyboardInterrupt
            return whole(step)

        monkeypatch.setattr(task, "batch", cut_off)
        with pytest.raises(KeyboardInterrupt):
            loop.train(task, tmp_path / "resumed", machine)
        monkeypatch.undo()
        resumed = loop.train(MusicTask(small(encoder, steps=5), windows), tmp_path / "resumed", machine)
        one, two = softaxes.load(straight), softaxes.load(resumed)
        assert one.threshold == two.threshold
        for name, weight in one.state_dict().items():
            assert torch.equal(weight, two.state_dict()[name]), name
        assert torch.equal(one.axes["pitch"].basis, two.axes["pitch"].basis)

    def test_the_split_belongs_to_the_run(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        """Songs that come later are neither judged nor trained on, and the report says that the music changed."""
        folder, out = folder_of_songs(tmp_path / "songs"), tmp_path / "run"
        config = small(corpus="folder", folder=str(folder), steps=2)
        run = train_music(config, QUIET, out=out)
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
            train_music(config, QUIET, out=out)

    def test_windows_that_are_left_out_are_counted_once(self, tmp_path: Path) -> None:
        folder = folder_of_songs(tmp_path / "songs")
        write_song(Song("few", note_array([(0, 2, 60), (70, 2, 62)])), folder / "few.mid")
        data = load_music(small(corpus="folder", folder=str(folder)))
        (reason, number) = data.train.left_out[0]
        lines = describe(data).splitlines()
        assert reason == "windows with fewer than 3 notes" and number > 0
        assert [line for line in lines if "left out" in line] == [f"  left out: {number} {reason}"]

    def test_music_too_short_for_windows_is_one_line(self, tmp_path: Path) -> None:
        folder = tmp_path / "songs"
        folder.mkdir()
        for seed in range(4):
            write_song(Song(f"{seed}", note_array([(0, 2, 60 + seed)])), folder / f"{seed}.mid")
        with pytest.raises(ValueError, match=r"corpus 'folder' .* has no .* window of 32 steps"):
            load_music(small(corpus="folder", folder=str(folder)))

    def test_a_run_of_another_version_is_refused(self, tmp_path: Path) -> None:
        settings = {"task": "music", **dataclasses.asdict(MusicConfig()), "forced": 0.4}
        (tmp_path / "config.json").write_text(json.dumps(settings), encoding="utf-8")
        with pytest.raises(ValueError, match="a run of another version of softaxes: it has settings forced"):
            run_config(tmp_path)
        (tmp_path / "config.json").write_text(json.dumps({"task": "toy"}), encoding="utf-8")
        with pytest.raises(ValueError, match="is no music run"):
            run_config(tmp_path)


def test_a_part_of_another_version_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown network 'Gone'"):
        Part("Gone").build()
