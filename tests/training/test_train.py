"""Training runs: the same weights whatever interrupts them and wherever they run, and a clear line when they cannot."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from softaxes.data.files import one_writer, open_folder
from softaxes.model import checkpoint
from softaxes.training import loop as training
from softaxes.training import processes
from softaxes.training.interrupt import Interrupted, stop_signals
from softaxes.training.loop import Diverged, train
from softaxes.training.machine import Machine
from softaxes.training.progress import progress_bar
from softaxes.training.tracking import read_metrics
from tests.training.small_task import SmallConfig, SmallTask

QUIET = Machine(threads=1, log_every=1, checkpoint_seconds=0.0, progress=False)
NEVER_SAVES = replace(QUIET, checkpoint_seconds=1e9)
SHORT = SmallConfig(steps=6)


def script(out, *options):
    """The task as a script of its own: exit code, standard output and standard error."""
    command = [sys.executable, "-W", "error", str(Path(__file__).with_name("small_task.py")), str(out)]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    return subprocess.run(
        [*command, *map(str, options)], capture_output=True, text=True, timeout=300, env=environment, check=False
    )


def rows_without_seconds(folder):
    return [{name: value for name, value in row.items() if name != "seconds"} for row in read_metrics(folder)]


def saved_step(folder):
    return checkpoint.read_tensors(folder / checkpoint.STATE_FILE)[1]["step"]


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory):
    """A run that nothing disturbs."""
    return train(SmallTask(), tmp_path_factory.mktemp("unbroken") / "run", QUIET)


# --- a run -------------------------------------------------------------------------------------------------------


def test_groups_learn_from_a_step_until_a_step_at_their_share_of_the_rate(tmp_path):
    rates = []

    class Staged(SmallTask):
        def configure_optimizer(self, model):
            groups = [{"params": model.encoder.parameters(), "since": 2, "until": 4}]
            groups += [{"params": model.operators.parameters(), "share": 0.5}]
            self.optimizer = torch.optim.AdamW(groups, lr=0.1)
            return self.optimizer

        def loss(self, model, batch, step):
            rates.append([group["lr"] for group in self.optimizer.param_groups])
            return super().loss(model, batch, step)

    task = Staged(SHORT)
    train(task, tmp_path / "run", QUIET)
    full = [task.learning_rate(step) for step in range(6)]
    assert [rate for rate, _ in rates] == [0, 0, full[2], full[3], 0, 0]
    assert [rate for _, rate in rates] == [0.5 * rate for rate in full]


def test_a_group_that_rests_has_no_optimizer_state_and_its_first_update_is_the_rate(tmp_path):
    """Moments and step count of Adam grow with zero gradients: first updates would be several times too large."""
    states, weights = [], []

    class Staged(SmallTask):
        def configure_optimizer(self, model):
            groups = [{"params": model.encoder.parameters(), "since": 4}, {"params": model.operators.parameters()}]
            self.optimizer = torch.optim.Adam(groups, lr=0.1)
            return self.optimizer

        def learning_rate(self, step):
            return 1e-3

        def loss(self, model, batch, step):
            states.append(sum(bool(self.optimizer.state.get(p)) for p in model.encoder.parameters()))
            weights.append([p.detach().clone() for p in model.encoder.parameters()])
            return super().loss(model, batch, step)

    train(Staged(SHORT), tmp_path / "run", QUIET)
    assert states == [0, 0, 0, 0, 0, len(weights[0])]
    assert all(torch.equal(a, b) for a, b in zip(weights[0], weights[4], strict=True))
    moved = torch.cat([(b - a).abs().flatten() for a, b in zip(weights[4], weights[5], strict=True)])
    assert float(moved.max()) == pytest.approx(1e-3, rel=1e-2)


def test_a_group_that_learns_no_more_stays_where_it_is(tmp_path):
    weights = []

    class Staged(SmallTask):
        def configure_optimizer(self, model):
            groups = [{"params": model.encoder.parameters(), "until": 3}, {"params": model.operators.parameters()}]
            return torch.optim.Adam(groups, lr=0.1)

        def loss(self, model, batch, step):
            weights.append(torch.cat([p.detach().flatten() for p in model.encoder.parameters()]))
            return super().loss(model, batch, step)

    train(Staged(SHORT), tmp_path / "run", QUIET)
    assert not torch.equal(weights[2], weights[3])
    assert torch.equal(weights[3], weights[5])


def test_a_finished_run_holds_config_metrics_and_model(unbroken):
    assert sorted(path.name for path in unbroken.iterdir()) == ["config.json", "metrics.jsonl", "model.safetensors"]
    config = json.loads((unbroken / "config.json").read_text())
    assert config == {"task": "small", "steps": 24, "rows": 16, "seed": 3, "noise": 0.1}
    rows = read_metrics(unbroken)
    assert [row["step"] for row in rows] == list(range(1, 25))
    assert set(rows[0]) == {"step", "loss", "within", "predict", "learning_rate", "seconds"}
    assert rows[0]["learning_rate"] == 3e-3
    assert rows[-1]["learning_rate"] == pytest.approx(3e-3 / 24)
    seconds = [row["seconds"] for row in rows]
    assert seconds == sorted(seconds)
    assert checkpoint.load(unbroken).encode(torch.zeros(2, 1, 8, 8)).shape == (2, 8)


def test_a_finished_run_is_left_as_it_is(unbroken):
    before = (unbroken / "model.safetensors").stat().st_mtime_ns
    assert train(SmallTask(faults={"nan": 0}), unbroken, QUIET) == unbroken
    assert (unbroken / "model.safetensors").stat().st_mtime_ns == before


def test_figures_are_logged_now_and_then_and_at_the_end(tmp_path):
    train(SmallTask(SHORT), tmp_path / "run", replace(QUIET, log_every=4))
    assert [row["step"] for row in read_metrics(tmp_path / "run")] == [4, 6]


def test_no_steps_still_give_a_model(tmp_path):
    train(SmallTask(SmallConfig(steps=0)), tmp_path / "run", QUIET)
    assert read_metrics(tmp_path / "run") == []
    assert (tmp_path / "run" / "model.safetensors").is_file()


def test_another_seed_gives_another_run(tmp_path, unbroken):
    train(SmallTask(replace(SHORT, seed=4)), tmp_path / "run", QUIET)
    assert read_metrics(tmp_path / "run")[0]["loss"] != read_metrics(unbroken)[0]["loss"]


def test_bf16_is_close_to_float32(tmp_path):
    for precision in ("32-true", "bf16-mixed"):
        train(SmallTask(SHORT), tmp_path / precision, replace(QUIET, precision=precision))
    plain, mixed = (read_metrics(tmp_path / precision)[-1]["loss"] for precision in ("32-true", "bf16-mixed"))
    assert mixed != plain
    assert mixed == pytest.approx(plain, rel=0.1)


def test_a_parameter_that_no_step_uses_has_a_gradient_of_zero():
    learner = training._Learner(SmallTask())
    learner(SmallTask().batch(0), 0)["loss"].backward()
    assert learner.model.never.grad.item() == 0
    assert learner.model.seldom.grad.tolist() == [0, 0, 0]
    assert all(p.grad is not None for p in learner.parameters())


# --- interrupted and resumed -------------------------------------------------------------------------------------


@pytest.mark.slow
def test_interrupted_then_killed_it_ends_with_the_same_bytes(tmp_path, unbroken):
    out = tmp_path / "run"
    with pytest.raises(Interrupted, match=r"^stopped at step 6 of 24; the same command goes on from there$"):
        train(SmallTask(faults={"interrupt": 5}), out, NEVER_SAVES)
    killed = script(out, "--kill", 13, "--checkpoint-seconds", 1e9)
    assert killed.returncode == -signal.SIGKILL
    assert saved_step(out) == 6
    assert [row["step"] for row in read_metrics(out)] == list(range(1, 14))  # more than the checkpoint knows
    train(SmallTask(), out, QUIET)
    assert (out / "model.safetensors").read_bytes() == (unbroken / "model.safetensors").read_bytes()
    assert rows_without_seconds(out) == rows_without_seconds(unbroken)
    seconds = [row["seconds"] for row in read_metrics(out)]
    assert seconds == sorted(seconds)


def test_stopped_at_every_step_it_ends_with_the_same_bytes(tmp_path):
    whole = train(SmallTask(SHORT), tmp_path / "whole", QUIET)
    for step in range(6):
        with pytest.raises(Interrupted):
            train(SmallTask(SHORT, faults={"interrupt": step}), tmp_path / "run", NEVER_SAVES)
        assert saved_step(tmp_path / "run") == step + 1
    train(SmallTask(SHORT), tmp_path / "run", QUIET)
    assert (tmp_path / "run/model.safetensors").read_bytes() == (whole / "model.safetensors").read_bytes()


def test_sigterm_stops_as_ctrl_c_does(tmp_path):
    handler = signal.getsignal(signal.SIGTERM)
    with pytest.raises(Interrupted, match="stopped at step 3 of 6"):
        train(SmallTask(SHORT, faults={"terminate": 2}), tmp_path / "run", NEVER_SAVES)
    assert saved_step(tmp_path / "run") == 3
    assert signal.getsignal(signal.SIGTERM) is handler


def test_a_second_ctrl_c_stops_at_once():
    with stop_signals() as stop:
        os.kill(os.getpid(), signal.SIGINT)
        while not stop.is_set():
            time.sleep(0.001)
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(1)


def test_checkpoints_come_by_the_clock(tmp_path, monkeypatch):
    saves = []
    monkeypatch.setattr(training._Run, "_save", lambda run: saves.append(run.done))
    train(SmallTask(SHORT), tmp_path / "often", QUIET)
    assert saves == [1, 2, 3, 4, 5, 6]
    saves.clear()
    train(SmallTask(SHORT), tmp_path / "seldom", NEVER_SAVES)
    assert saves == [6]


def test_a_full_disk_stops_the_run_and_leaves_the_last_checkpoint(tmp_path, monkeypatch):
    out, save, calls = tmp_path / "run", checkpoint.write_tensors, []

    def fails_the_third_time(*arguments, **options):
        calls.append(1)
        if len(calls) == 3:
            raise OSError("cannot write state.safetensors: No space left on device")
        save(*arguments, **options)

    monkeypatch.setattr("softaxes.training.state.write_tensors", fails_the_third_time)
    with pytest.raises(OSError, match=r"cannot write .*state.safetensors: .*No space left"):
        train(SmallTask(SHORT), out, QUIET)
    assert saved_step(out) == 2
    train(SmallTask(SHORT), out, QUIET)
    assert [row["step"] for row in read_metrics(out)] == [1, 2, 3, 4, 5, 6]


# --- what stops a run --------------------------------------------------------------------------------------------


def test_a_loss_that_is_not_finite_stops_the_run_and_keeps_the_last_checkpoint(tmp_path):
    out = tmp_path / "run"
    message = r"^the loss is nan at step 4 of 6 \(the checkpoint of step 3 is kept\); lower the learning rate .*$"
    for _ in range(2):
        with pytest.raises(Diverged, match=message):
            train(SmallTask(SHORT, faults={"nan": 3}), out, QUIET)
        assert saved_step(out) == 3


def test_a_gradient_that_is_not_finite_stops_the_run(tmp_path):
    message = r"the norm of the gradient is nan at step 2 of 6 \(the checkpoint of step 1 is kept\)"
    with pytest.raises(Diverged, match=message):
        train(SmallTask(SHORT, faults={"infinite_gradient": 1}), tmp_path / "run", QUIET)
    with pytest.raises(Diverged, match=r"at step 2 of 6 \(there is no checkpoint yet\)"):
        train(SmallTask(SHORT, faults={"infinite_gradient": 1}), tmp_path / "other", NEVER_SAVES)


def test_without_clipping_no_weight_that_is_not_finite_is_saved(tmp_path):
    task = SmallTask(SHORT, faults={"infinite_gradient": 5})
    task.clip_norm = None
    with pytest.raises(Diverged, match=r"seldom.* is not finite at step 6 of 6 \(the checkpoint of step 5 is kept\)"):
        train(task, tmp_path / "run", QUIET)
    assert saved_step(tmp_path / "run") == 5


def test_a_task_must_name_its_loss(tmp_path):
    task = SmallTask(SHORT)
    task.loss = lambda model, batch, step: {"total": model.never}
    with pytest.raises(ValueError, match=r"`loss` of task 'small' must return a term 'loss', got \['total'\]"):
        train(task, tmp_path / "run", QUIET)


def test_a_run_with_other_settings_is_refused(tmp_path):
    with pytest.raises(Interrupted):
        train(SmallTask(faults={"interrupt": 1}), tmp_path / "run", QUIET)
    other = SmallTask(SmallConfig(seed=5, noise=0.2))
    with pytest.raises(ValueError, match=r"run holds a run with other settings \(noise, seed\); choose another folder"):
        train(other, tmp_path / "run", QUIET)
    other = SmallTask()
    other.name = "another"
    with pytest.raises(ValueError, match=r"other settings \(task\)"):
        train(other, tmp_path / "run", QUIET)
    assert saved_step(tmp_path / "run") == 2


def test_only_an_empty_folder_becomes_a_run_folder(tmp_path):
    (tmp_path / "thesis.tex").touch()
    with pytest.raises(ValueError, match="is not empty and holds no run"):
        train(SmallTask(), tmp_path, QUIET)
    with pytest.raises(ValueError, match=r"thesis.tex is a file, not the folder of a run"):
        train(SmallTask(), tmp_path / "thesis.tex", QUIET)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]
    begun = tmp_path / "begun"
    begun.mkdir()
    (begun / ".config.json.77.partial").touch()  # killed while it wrote its first file
    open_folder(begun, "config.json", {"task": "small"}, "a run")
    (begun / "config.json").write_text("{")
    with pytest.raises(ValueError, match=r"config.json is no JSON"):
        open_folder(begun, "config.json", {"task": "small"}, "a run")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"devices": 0}, "`devices` must be >= 1, got 0"),
        ({"nodes": 0}, "`nodes` must be >= 1, got 0"),
        ({"threads": -1}, "`threads` must be >= 0, got -1"),
        ({"checkpoint_seconds": -1.0}, "`checkpoint_seconds` must be >= 0 and finite, got -1.0"),
        ({"checkpoint_seconds": float("nan")}, "`checkpoint_seconds` must be >= 0 and finite, got nan"),
        ({"log_every": 0}, "`log_every` must be >= 1, got 0"),
        ({"accelerator": "tpu"}, "`accelerator` must be one of auto, cpu, cuda, mps, got 'tpu'"),
        ({"precision": "16-mixed"}, "`precision` must be one of 32-true, bf16-mixed, got '16-mixed'"),
        ({"trackers": ("mlflow",)}, "`trackers` must be of wandb, tensorboard, trackio, got 'mlflow'"),
    ],
)
def test_machine_errors(options, message):
    with pytest.raises(ValueError, match=message):
        Machine(**options)


# --- several processes -------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_what_stops_one_process_stops_all(tmp_path):
    """A weight of the first process is not finite, or its disk is full: no other process waits for it."""
    stopped = script(tmp_path / "weight", "--noise", 0, "--devices", 2, "--nan_weight", 4)
    assert stopped.returncode == 3, stopped.stderr
    said = "Diverged: model.never is not finite at step 5 of 24 (the checkpoint of step 4 is kept)"
    assert stopped.stdout.count(said) == 2
    assert "Traceback" not in stopped.stderr and "Warning" not in stopped.stderr
    with one_writer(tmp_path / "weight"):
        stopped = script(tmp_path / "weight", "--noise", 0, "--devices", 2)
    assert stopped.returncode == 3, stopped.stderr
    assert stopped.stdout.count("BlockingIOError: another process is writing into") == 2


@pytest.mark.slow
def test_two_processes_stopped_and_finished_by_one_have_the_curve_of_one(tmp_path):
    """SIGTERM reaches one of the two; both stop after the same step, and the rest needs no second process."""
    alone = train(SmallTask(SmallConfig(noise=0.0)), tmp_path / "alone", QUIET)
    out = tmp_path / "two"
    stopped = script(out, "--noise", 0, "--devices", 2, "--terminate", 14)
    assert stopped.returncode == 3, stopped.stderr
    said = "Interrupted: stopped at step 15 of 24; the same command goes on from there"
    assert stopped.stdout.replace("\n", "") == 2 * said  # two processes write to one pipe: line ends may trade places
    assert "Warning" not in stopped.stderr
    assert saved_step(out) == 15
    train(SmallTask(SmallConfig(noise=0.0)), out, QUIET)
    one, two = read_metrics(alone), read_metrics(out)
    assert [row["step"] for row in two] == list(range(1, 25))
    for term in ("loss", "within", "predict"):
        assert [row[term] for row in two] == pytest.approx([row[term] for row in one], rel=1e-4)


def test_each_process_takes_its_rows():
    parts = []
    for number in range(3):
        fabric = SimpleNamespace(world_size=3, global_rank=number, to_device=lambda x: x)
        parts.append(processes.share_of(fabric, {"x": torch.arange(6)})["x"].tolist())
    assert parts == [[0, 1], [2, 3], [4, 5]]


@pytest.mark.parametrize("batch", [{"x": torch.zeros(4), "y": torch.zeros(5, 2)}, {"y": torch.zeros(())}])
def test_a_batch_that_processes_cannot_share_is_refused(batch):
    fabric = SimpleNamespace(world_size=2, global_rank=0, to_device=lambda x: x)
    message = r"`batch` must have rows that 2 processes can share equally, got 'y' of shape \((5, 2)?\)"
    with pytest.raises(ValueError, match=message):
        processes.share_of(fabric, batch)


def test_a_device_that_is_not_there_is_one_line(tmp_path):
    if torch.cuda.is_available():
        pytest.skip("there is a GPU here")
    with pytest.raises(ValueError, match=r"no 1 device\(s\) of accelerator 'cuda' here: use --accelerator cpu"):
        train(SmallTask(SHORT), tmp_path / "run", replace(QUIET, accelerator="cuda"))


def test_torch_has_the_caller_s_threads_again_after_a_run(tmp_path):
    before = torch.get_num_threads()
    train(SmallTask(SHORT), tmp_path / "run", replace(QUIET, threads=before + 1))
    assert torch.get_num_threads() == before


def test_a_run_chooses_its_threads_says_so_and_keeps_them(tmp_path, monkeypatch, capfd):
    """Other threads round otherwise: a run that goes on has the number that it began with, however busy it is now."""
    chosen = replace(QUIET, threads=0, progress=True)
    monkeypatch.setattr(training, "free_threads", lambda processes: 2)
    with pytest.raises(Interrupted):
        train(SmallTask(SHORT, faults={"interrupt": 2}), tmp_path / "run", chosen)
    assert "small on 2 thread(s)" in capfd.readouterr().err
    monkeypatch.setattr(training, "free_threads", lambda processes: 1)
    train(SmallTask(SHORT), tmp_path / "run", chosen)
    assert "small on 2 thread(s)" in capfd.readouterr().err


def test_two_processes_do_not_train_into_one_folder(tmp_path):
    train(SmallTask(SHORT), tmp_path / "run", QUIET)
    (tmp_path / "run" / "model.safetensors").unlink()
    with one_writer(tmp_path / "run"), pytest.raises(OSError, match="another process is writing into"):
        train(SmallTask(SHORT), tmp_path / "run", QUIET)


# --- the progress bar --------------------------------------------------------------------------------------------


def test_the_progress_bar_shows_steps_loss_and_time_left(monkeypatch, capsys):
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "100")
    with progress_bar("small", 100, start=40, show=True) as advance:
        for _ in range(20):
            time.sleep(0.01)
            advance(1, "loss 0.2500")
    shown = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", capsys.readouterr().err)
    assert "60/100" in shown
    assert "loss 0.2500" in shown
    assert re.search(r"0:00:0\d left", shown)


def test_a_run_shows_its_bar_on_standard_error(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("FORCE_COLOR", "1")
    train(SmallTask(SHORT), tmp_path / "run", replace(QUIET, progress=True))
    seen = capsys.readouterr()
    assert "6/6" in seen.err
    assert seen.out == ""
