"""The code that canonicalizes: its pieces against loops, its starting point on music made up here."""

from __future__ import annotations

import copy
import dataclasses

import numpy as np
import pytest
import torch

from softaxes.data.music import cut_windows
from softaxes.geometry.axes import Axes, CircleAxis, LineAxis
from softaxes.geometry.kinds import Circle, Line
from softaxes.model.networks.aligned import (
    AlignedDecoder,
    AlignedEncoder,
    circular_shifts,
    interval_lag_autocorrelation,
    straight_through,
)
from softaxes.model.networks.aligned_start import pose_circles, start_from_music, stretch
from softaxes.training.tasks.music.aligned import CANONICALIZATION, AlignedTask, equivariance_loss
from softaxes.training.tasks.music.config import MusicConfig
from softaxes.training.tasks.music.views import transposed
from tests.training.test_music_task import song

SMALL = {"steps": 32, "dim": 40, "width": 24, "low": 6, "high": 18}
WINDOWS = cut_windows([song(s) for s in range(12)], 32, bars=2, hop_bars=1, context_steps=8)
CONFIG = MusicConfig(encoder="aligned", batch=24, dim=40, width=24, low=6, high=18, steps=10, notes=1.0)


def windows() -> torch.Tensor:
    return torch.from_numpy(WINDOWS.center().copy())


@pytest.fixture(scope="module")
def started() -> tuple[AlignedEncoder, AlignedDecoder, torch.Tensor]:
    torch.manual_seed(3)
    encoder, decoder = AlignedEncoder(**SMALL).eval(), AlignedDecoder(**SMALL).eval()
    basis = torch.linalg.qr(torch.randn(40, 6))[0].T
    by_kind = dict(zip(("pitch", "metre", "beat", "time"), basis.split([1, 2, 2, 1]), strict=True))
    start_from_music(encoder, decoder, by_kind, windows())
    return encoder, decoder, basis


def code_at_bar_line(encoder: AlignedEncoder, rolls: torch.Tensor, place: int = 0) -> torch.Tensor:
    """Latents as if the encoder knew that bars begin at step ``place``."""
    downbeat = torch.zeros(len(rolls), 16)
    downbeat[:, place % 16] = 1
    with torch.no_grad():
        return encoder.code(encoder.canonicalize(rolls.float()), downbeat)


class TestPieces:
    def test_circular_shifts_are_the_loops(self) -> None:
        downbeat = torch.rand(2, 16)
        matrix = circular_shifts(downbeat, 32)
        for t in range(32):
            for u in range(32):
                place = (u - t + 16) % 32 - 16  # -16 .. 15
                weight = downbeat[:, place % 16] if -8 <= place < 8 else torch.zeros(2)
                assert torch.equal(matrix[:, t, u], weight), (t, u)

    def test_autocorrelations_are_the_loops(self) -> None:
        onsets = (torch.rand(2, 128, 20) > 0.99).float()
        onsets[:, :12] = 0  # the lowest and the highest octave of MIDI would be neighbours
        slow = torch.zeros(2, 25, 16)
        for b, p, t in onsets.nonzero().tolist():
            for c, q, u in onsets.nonzero().tolist():
                if b == c and abs(q - p) <= 12 and 0 <= u - t < 16:
                    slow[b, q - p + 12, u - t] += 1
        fast = interval_lag_autocorrelation(onsets).square()
        torch.testing.assert_close(fast, slow.flatten(1), atol=1e-3, rtol=1e-3)

    def test_autocorrelations_do_not_change_under_transposition_and_delay(self) -> None:
        rolls = torch.nn.functional.pad(windows()[:4, 0, :, :16], (0, 16))
        moved = transposed(rolls[:, None], torch.full((4,), 7))[:, 0].roll(9, -1)
        here, there = interval_lag_autocorrelation(rolls), interval_lag_autocorrelation(moved)
        torch.testing.assert_close(here, there, atol=1e-3, rtol=1e-3)

    def test_straight_through_is_hard_forwards_and_soft_backwards(self) -> None:
        scores = torch.tensor([[0.0, 2.0, 1.0]], requires_grad=True)
        hard = straight_through(scores.softmax(-1))
        torch.testing.assert_close(hard.detach(), torch.tensor([[0.0, 1.0, 0.0]]))
        hard[0, 2].backward()
        p = scores.detach().softmax(-1)[0]
        expected = torch.tensor([-p[2] * p[0], -p[2] * p[1], p[2] * (1 - p[2])])
        torch.testing.assert_close(scores.grad[0], expected)

    def test_a_window_must_hold_whole_bars(self) -> None:
        with pytest.raises(ValueError, match=r"`steps` must be a multiple of `period` \(16\), got 24"):
            AlignedEncoder(steps=24)


class TestCanonicalize:
    def test_the_first_guess_is_the_lowest_row_and_the_frame_is_the_loops(self) -> None:
        encoder, rolls = AlignedEncoder(**SMALL).eval(), windows()[:5]
        with torch.no_grad():
            canonical = encoder.canonicalize(rolls.float())
        lowest = rolls[:, 1].amax(-1).argmax(-1)
        assert torch.equal(canonical.row.argmax(-1), lowest)
        for b in range(5):
            for i in range(25):
                p = int(lowest[b]) + i - 6
                torch.testing.assert_close(canonical.frame[b, :, i], rolls[b, :, p].float(), atol=1e-5, rtol=0)

    def test_a_frame_starts_at_its_bar_line(self) -> None:
        torch.manual_seed(0)
        encoder = AlignedEncoder(**SMALL).eval()
        with torch.no_grad():
            canonical = encoder.canonicalize(windows()[:3].float())
            downbeat = torch.zeros(3, 16)
            downbeat[[0, 1, 2], [0, 5, 13]] = 1
            own = encoder.frame_at_bar_line(canonical, downbeat)
        for row, place in enumerate((0, 5, -3)):  # 13 of 16: three steps early
            torch.testing.assert_close(own[row], canonical.frame[row].roll(-place, -1))

    def test_transposition_moves_the_place_and_nothing_else(self) -> None:
        encoder, rolls = AlignedEncoder(**SMALL).eval(), windows()[:6]
        with torch.no_grad():
            here, there = (encoder.canonicalize(x.float()) for x in (rolls, transposed(rolls, torch.full((6,), -5))))
        for name in ("frame", "downbeat", "time", "running"):
            torch.testing.assert_close(getattr(here, name), getattr(there, name), atol=1e-5, rtol=1e-4)
        torch.testing.assert_close(here.height - 5 / 12, there.height, atol=1e-5, rtol=1e-4)

    def test_silence_is_finite_and_has_finite_gradients(self) -> None:
        encoder = AlignedEncoder(**SMALL)
        z = encoder(torch.zeros(2, 2, 128, 32))
        z.square().sum().backward()
        assert torch.isfinite(z).all()
        assert all(torch.isfinite(p.grad).all() for p in encoder.parameters() if p.grad is not None)


class TestStart:
    def test_components_find_most_notes_before_any_training(self, started: tuple) -> None:
        encoder, decoder, _ = started
        truth = windows()[:, 0] > 0
        guess = decoder(encoder(windows().float()))[:, 0] > 0
        f1 = 2 * (guess & truth).sum() / (guess.sum() + truth.sum())
        assert f1 > 0.6  # 34 floats; a constant code decodes to the mean window, .2 at best

    def test_a_step_along_the_line_of_pitch_transposes_what_is_decoded(self, started: tuple) -> None:
        encoder, decoder, basis = started
        z = code_at_bar_line(encoder, windows()[:8])
        decoded, moved = decoder(z), decoder(z + 4 * 0.5 * basis[0])
        torch.testing.assert_close(decoded[:, :, 40:90], moved[:, :, 44:94], atol=0.1, rtol=0.01)

    def test_a_turn_of_bar_and_beat_delays_what_is_decoded(self, started: tuple) -> None:
        encoder, decoder, basis = started
        z = code_at_bar_line(encoder, windows()[:8])
        turned = z.clone()
        for rows, angle in ((basis[1:3], 2 * np.pi * 3 / 16), (basis[3:5], 2 * np.pi * 3 / 4)):
            cos, sin = np.cos(angle), np.sin(angle)
            xy = z @ rows.T
            turned += (xy @ torch.tensor([[cos, sin], [-sin, cos]], dtype=torch.float32) - xy) @ rows
        torch.testing.assert_close(decoder(z).roll(3, -1), decoder(turned), atol=0.2, rtol=0.05)

    def test_what_a_delay_does_is_in_the_circles_alone(self, started: tuple) -> None:
        encoder, _, basis = started
        rolls = windows()[:8]
        z, delayed = code_at_bar_line(encoder, rolls), code_at_bar_line(encoder, rolls.roll(5, -1), 5)
        free = torch.linalg.svd(basis)[2][6 + 11 :]  # the first 11 hold autocorrelations, which know the window's ends
        torch.testing.assert_close(z @ free.T, delayed @ free.T, atol=1e-4, rtol=1e-4)
        assert ((delayed - z) @ basis[1:5].T).norm(dim=-1).min() > 1

    def test_circles_are_where_the_encoder_has_the_pose_in_bar_and_beat(self, started: tuple) -> None:
        encoder, decoder, basis = started
        elsewhere = torch.linalg.qr(torch.randn(40, 6))[0].T
        axes = Axes([
            LineAxis(Line("pitch"), elsewhere[0], torch.zeros(40)),
            CircleAxis(Circle("metre", 16), elsewhere[1:3], torch.ones(40)),
            CircleAxis(Circle("beat", 4, follows="metre"), elsewhere[3:5], torch.ones(40)),
        ])  # fmt: skip
        posed = pose_circles(encoder, decoder, axes)
        assert posed["pitch"] is axes["pitch"]
        for name, rows in (("metre", basis[1:3]), ("beat", basis[3:5])):
            torch.testing.assert_close(posed[name].plane, rows, atol=1e-4, rtol=0)
        z = code_at_bar_line(encoder, windows()[:4], 3)
        torch.testing.assert_close(posed["metre"].coordinate(z), torch.full((4,), 3.0), atol=1e-3, rtol=0)


def test_a_stretched_latent_decodes_to_the_same_and_its_semitone_has_the_length_asked(started: tuple) -> None:
    encoder, decoder = copy.deepcopy(started[0]), copy.deepcopy(started[1])
    torch.nn.init.normal_(encoder.head.weight, std=0.1)
    basis = started[2]
    skewed = 0.5 * basis[0] + 0.02 * basis[5]  # a fitted line is near the one it was made with
    axes = Axes([
        LineAxis(Line("pitch"), skewed, torch.randn(40)),
        CircleAxis(Circle("metre", 16), basis[1:3], torch.zeros(40)),
        CircleAxis(Circle("beat", 4, follows="metre"), basis[3:5], torch.zeros(40)),
        LineAxis(Line("time"), 0.5 * basis[5], torch.zeros(40)),
    ])  # fmt: skip
    rolls = windows()[:6].float()
    with torch.no_grad():
        z = encoder(rolls)
        decoded, moved, register = decoder(z), decoder(axes["pitch"].shift(z, 3)), axes["pitch"].coordinate(z)
        there = stretch(encoder, decoder, axes, "pitch", 0.2)
        longer = encoder(rolls)
        assert float(there["pitch"].direction.norm()) == pytest.approx(0.2)
        assert not torch.allclose(longer, z, atol=0.1)
        torch.testing.assert_close(decoder(longer), decoded, atol=1e-2, rtol=1e-3)
        torch.testing.assert_close(decoder(there["pitch"].shift(longer, 3)), moved, atol=1e-2, rtol=1e-3)
        torch.testing.assert_close(there["pitch"].coordinate(longer), register, atol=1e-3, rtol=1e-4)


def test_the_semitone_of_a_finished_run_is_as_long_as_asked() -> None:
    task = AlignedTask(dataclasses.replace(CONFIG, semitone=0.35), WINDOWS)
    torch.manual_seed(0)
    model = task.build_model()
    task.loss(model, task.batch(2), 2)
    assert float(task.finish(model.eval()).axes["pitch"].direction.norm()) == pytest.approx(0.35, rel=1e-4)


class TestTask:
    def test_poses_agree_when_the_shift_is_undone(self) -> None:
        probability = torch.zeros(1, 3, 16)
        probability[0, 0, 14] = probability[0, 1, 1] = probability[0, 2, 10] = 1
        same = equivariance_loss(probability, torch.tensor([[3, -4]]))
        assert float(same) == pytest.approx(0.0, abs=2e-4)
        other = equivariance_loss(probability, torch.tensor([[3, -3]]))
        assert float(other) == pytest.approx(-np.log(1e-4) / 2, rel=1e-3)

    def test_first_only_canonicalization_is_learned(self) -> None:
        task = AlignedTask(CONFIG, WINDOWS)
        torch.manual_seed(0)
        model = task.build_model()
        terms = task.loss(model, task.batch(0), 0)
        assert terms.keys() == {"equivariance", "bar", "loss"}
        assert float(terms["loss"].detach()) == pytest.approx(float((terms["equivariance"] + terms["bar"]).detach()))
        terms["loss"].backward()
        learned = {name for name, p in model.named_parameters() if p.grad is not None and p.grad.norm() > 0}
        assert learned and all(name.startswith(CANONICALIZATION) for name in learned)
        assert {name.split(".")[1] for name in learned} >= {"row_score", "downbeat_score", "along"}
        assert float(task.loss(model, task.batch(1), 1)["bar"].detach()) == 0  # fades in the first half of two steps

    def test_canonicalization_has_more_windows_and_only_running_music(self) -> None:
        task = AlignedTask(CONFIG, WINDOWS)
        first, coding = task.batch(1), task.batch(2)
        assert (len(first["rolls"]), len(coding["rolls"])) == (48, 24)
        assert not first["lone"].any() and coding["lone"].any()

    def test_canonicalization_needs_no_autocorrelation(self) -> None:
        torch.manual_seed(0)
        encoder = AlignedEncoder(**SMALL).eval()
        rolls = windows()[:3].float()
        with_them, without = encoder.canonicalize(rolls), encoder.canonicalize(rolls, autocorrelation=False)
        assert without.autocorrelation.shape == (3, 0) and with_them.autocorrelation.abs().sum() > 0
        for name in ("frame", "row", "downbeat", "height", "time", "running"):
            assert torch.equal(getattr(with_them, name), getattr(without, name))

    def test_then_both_networks_start_from_principal_components_and_learn(self) -> None:
        task = AlignedTask(CONFIG, WINDOWS)
        assert (task.coding_from, task.decoder_from) == (2, 8)
        torch.manual_seed(0)
        model = task.build_model()
        bare = model.encoder.frame_linear.weight.clone()
        terms = task.loss(model, task.batch(2), 2)
        assert not torch.equal(model.encoder.frame_linear.weight, bare)
        started = model.encoder.frame_linear.weight.clone()
        task.loss(model, task.batch(3), 3)
        assert torch.equal(model.encoder.frame_linear.weight, started)  # once
        parts = sum(float(term.detach()) for name, term in terms.items() if name != "loss")
        assert float(terms["loss"].detach()) == pytest.approx(parts, rel=1e-5)
        assert {"factorization", "content_orthogonality", "notes"} <= terms.keys() and not {
            "equivariance",
            "bar",
        } & terms.keys()
        terms["loss"].backward()
        assert all(torch.isfinite(p.grad).all() for p in model.parameters() if p.grad is not None)
        stays = [p.grad for name, p in model.named_parameters() if name.startswith(CANONICALIZATION)]
        assert all(g is None or not g.any() for g in stays)

    def test_last_the_encoder_stays_and_the_decoder_goes_on(self) -> None:
        task = AlignedTask(CONFIG, WINDOWS)
        torch.manual_seed(0)
        model = task.build_model()
        terms = task.loss(model, task.batch(8), 8)
        terms["loss"].backward()
        assert terms.keys() == {"notes", "loss"}
        assert all(p.grad is None for p in model.encoder.parameters())
        assert float(model.decoder.frame_linear.weight.grad.norm()) > 0

    def test_each_parameter_learns_in_its_stage(self) -> None:
        task = AlignedTask(CONFIG, WINDOWS)
        model = task.build_model()
        stages = {
            parameter: (group.get("since", 0), group.get("until", task.steps))
            for group in task.configure_optimizer(model).param_groups
            for parameter in group["params"]
        }
        assert len(stages) == len(list(model.parameters()))
        for name, stage in {
            "encoder.downbeat_score.weight": (0, 2), "encoder.time_score.weight": (0, 0),
            "encoder.frame_linear.weight": (2, 8),
            "encoder.pose.weight": (2, 8), "operators.log_step": (2, 8), "decoder.frame_linear.weight": (2, 10),
            "decoder.register.weight": (2, 8),
        }.items():  # fmt: skip
            assert stages[model.get_parameter(name)] == stage, name
        assert task.learning_rate(1) != task.learning_rate(2)

    @pytest.mark.parametrize("bars", [1, 4])
    def test_windows_of_one_and_of_four_bars_go_through_all_stages(self, bars: int) -> None:
        config = dataclasses.replace(CONFIG, bars=bars, window_steps=16 * bars, batch=8)
        cut = cut_windows([song(s) for s in range(12)], 16 * bars, bars=bars, hop_bars=1, context_steps=8)
        task = AlignedTask(config, cut)
        torch.manual_seed(0)
        model = task.build_model()
        for step in (0, task.coding_from, task.decoder_from):
            terms = task.loss(model, task.batch(step), step)
            assert torch.isfinite(terms["loss"])
        made = task.finish(model.eval())
        rolls = cut.center()[:3]
        decoded = made.decode(made.steer(made.encode(rolls), pitch=2, metre=-3))
        assert decoded.shape == (3, 2, 128, 16 * bars)
        found = (made.decode(made.encode(rolls))[:, 0].numpy() > 0.5) & (rolls[:, 0] > 0)
        assert found.any()  # the starting point decodes to notes where there are some
