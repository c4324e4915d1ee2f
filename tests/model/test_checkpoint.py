"""Files that are whole or not there, and models that come back as they were."""

import json
import os
import resource
from types import SimpleNamespace

import pytest
import torch
from safetensors.torch import save_file

from softaxes.data.files import one_writer, write_text
from softaxes.geometry.kinds import Circle, Cycle, Line
from softaxes.geometry.operators import LearnedOperators
from softaxes.model import checkpoint
from softaxes.model.checkpoint import kind_from_record, kind_record, load, read_tensors, save_model, write_tensors
from softaxes.model.model import Model
from softaxes.training.state import optimizer_tensors, restore_optimizer
from tests.model.test_model import DECODER, DIM, ENCODER, SHAPE, some_axes


@pytest.fixture
def model():
    return Model(ENCODER, some_axes(), SHAPE, decoder=DECODER, threshold=0.25, card={"data": "none", "f1": 0.5})


# --- tensors -----------------------------------------------------------------------------------------------------


def test_tensors_and_header_round_trip(tmp_path):
    tensors = {
        "float": torch.randn(3, 2),
        "half": torch.randn(3).to(torch.bfloat16),
        "whole": torch.arange(4),
        "number": torch.tensor(2.5),
        "empty": torch.zeros(0, 3),
        "transposed": torch.randn(3, 2).T,
        "expanded": torch.ones(1).expand(4),
        "trained": torch.nn.Parameter(torch.ones(2)),
    }
    tensors["tied"] = tensors["float"]
    write_tensors(tmp_path / "a.safetensors", tensors, {"step": 3, "card": {"ä": [1, None]}})
    back, header = read_tensors(tmp_path / "a.safetensors")
    assert header == {"format": checkpoint.FORMAT, "step": 3, "card": {"ä": [1, None]}}
    assert set(back) == set(tensors)
    for name, tensor in tensors.items():
        assert torch.equal(back[name], tensor)
        assert back[name].dtype == tensor.dtype
    assert [path.name for path in tmp_path.iterdir()] == ["a.safetensors"]


def test_files_are_as_readable_as_any_other(tmp_path):
    write_tensors(tmp_path / "a.safetensors", {"x": torch.ones(1)}, {})
    (tmp_path / "other").touch()
    assert (tmp_path / "a.safetensors").stat().st_mode == (tmp_path / "other").stat().st_mode


def test_what_a_killed_writer_left_is_removed(tmp_path):
    (tmp_path / ".a.safetensors.1.partial").write_bytes(b"half a file")
    with one_writer(tmp_path):
        write_tensors(tmp_path / "a.safetensors", {"x": torch.ones(1)}, {})
    assert [path.name for path in tmp_path.iterdir()] == ["a.safetensors"]


@pytest.mark.parametrize("where", ["replace", "fsync"])
def test_a_disk_that_refuses_leaves_the_old_file(tmp_path, monkeypatch, where):
    path = tmp_path / "a.safetensors"
    write_tensors(path, {"x": torch.zeros(2)}, {"step": 1})

    def refuse(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, where, refuse)
    with pytest.raises(OSError, match=r"cannot write .*a.safetensors: .*No space left .*; what was there .* untouched"):
        write_tensors(path, {"x": torch.ones(2)}, {"step": 2})
    monkeypatch.undo()
    tensors, header = read_tensors(path)
    assert (tensors["x"].tolist(), header["step"]) == ([0, 0], 1)
    assert [file.name for file in tmp_path.iterdir()] == ["a.safetensors"]


def test_a_disk_that_is_really_full_leaves_the_old_file(tmp_path):
    path = tmp_path / "a.safetensors"
    write_tensors(path, {"x": torch.zeros(2)}, {"step": 1})
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard))  # the system now refuses larger files
    try:
        with pytest.raises(OSError, match=r"cannot write .*: .*; what was there before is untouched"):
            write_tensors(path, {"x": torch.ones(100_000)}, {"step": 2})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert read_tensors(path)[1]["step"] == 1
    assert [file.name for file in tmp_path.iterdir()] == ["a.safetensors"]


def test_text_is_whole_or_not_there(tmp_path, monkeypatch):
    path = tmp_path / "config.json"
    write_text(path, "old")

    def refuse(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(OSError, match=r"cannot write .*config.json: .*No space left"):
        write_text(path, "new")
    assert path.read_text() == "old"
    assert [file.name for file in tmp_path.iterdir()] == ["config.json"]


@pytest.mark.parametrize("kept", [0, 4, 100, 0.5, 0.99])
def test_a_truncated_file_is_no_checkpoint(tmp_path, kept):
    path = tmp_path / "a.safetensors"
    write_tensors(path, {"x": torch.ones(1000)}, {"step": 1})
    whole = path.read_bytes()
    path.write_bytes(whole[: kept if isinstance(kept, int) else int(kept * len(whole))])
    with pytest.raises(ValueError, match=r"a.safetensors is not a readable checkpoint"):
        read_tensors(path)


def test_other_files_are_no_checkpoints(tmp_path):
    path = tmp_path / "a.safetensors"
    path.write_text("hello, I am text, and longer than a header")
    with pytest.raises(ValueError, match="is not a readable checkpoint"):
        read_tensors(path)
    save_file({"x": torch.ones(1)}, path)
    with pytest.raises(ValueError, match="holds no softaxes header"):
        read_tensors(path)
    save_file({"x": torch.ones(1)}, path, metadata={"softaxes": "{"})
    with pytest.raises(ValueError, match="is not a readable checkpoint"):
        read_tensors(path)
    with pytest.raises(OSError, match=r"missing.safetensors"):
        read_tensors(tmp_path / "missing.safetensors")


def test_another_format_is_refused_by_name(tmp_path, model, monkeypatch):
    monkeypatch.setattr(checkpoint, "FORMAT", "2")
    save_model(model, tmp_path / "model.safetensors")
    monkeypatch.undo()
    with pytest.raises(ValueError, match="has format '2'; this version of softaxes reads '1'"):
        load(tmp_path)


# --- models ------------------------------------------------------------------------------------------------------


def test_a_model_comes_back_as_it_was(tmp_path, model):
    save_model(model, tmp_path / "model.safetensors")
    images = torch.rand(3, *SHAPE)
    for name in (tmp_path, str(tmp_path), tmp_path / "model.safetensors"):
        back = load(name)
        z = model.encode(images)
        assert torch.equal(back.encode(images), z)
        assert torch.equal(back.decode(z), model.decode(z))
        assert torch.equal(back.steer(z, pitch=2, metre=-3), model.steer(z, pitch=2, metre=-3))
        assert (back.threshold, back.card, back.input_shape) == (0.25, model.card, SHAPE)
        assert back.axes.kinds == model.axes.kinds
        assert not back.training


def test_a_model_without_decoder_comes_back_too(tmp_path):
    save_model(Model(ENCODER, some_axes(), SHAPE), tmp_path / "model.safetensors")
    assert load(tmp_path).decoder is None


@pytest.mark.parametrize(
    "kind",
    [
        Line("pitch", size=2.0),
        Circle("metre", 16),
        Circle("beat", 3.5, follows="metre"),
        Cycle("metre", 32),
        Cycle("chroma", 12, harmonics=(5, 1, 1), weights=(1, 0.5), size=2.0, follows="pitch"),
    ],
)
def test_kinds_round_trip(kind):
    assert kind_from_record(json.loads(json.dumps(kind_record(kind)))) == kind


def test_a_model_with_a_cycle_comes_back_as_it_was(tmp_path):
    kinds = (Line("pitch"), Cycle("metre", 8, harmonics=(1, 3)))
    operators = LearnedOperators(kinds, DIM)
    model = Model(ENCODER, operators.fitted(torch.randn(DIM)), SHAPE)
    save_model(model, tmp_path / "model.safetensors")
    back, z = load(tmp_path), torch.randn(4, DIM)
    assert back.axes.kinds == kinds
    assert torch.equal(back.steer(z, metre=2.5, pitch=1), model.steer(z, metre=2.5, pitch=1))
    assert back.digest() == model.digest()


def test_a_geometry_of_the_future_is_refused():
    with pytest.raises(ValueError, match="kind 'pitch' has unknown geometry 'Torus'"):
        kind_from_record({"geometry": "Torus", "name": "pitch"})


def test_load_says_what_it_looked_for(tmp_path, model, monkeypatch):
    with pytest.raises(ValueError, match="no model 'nothing': neither a path nor one of the shipped ones"):
        load("nothing")
    with pytest.raises(ValueError, match=r"is no run folder: it holds no model.safetensors"):
        load(tmp_path)
    write_tensors(tmp_path / "state.safetensors", {"x": torch.ones(1)}, {"step": 3})
    with pytest.raises(ValueError, match=r"the run in .* has not finished: run its training command again"):
        load(tmp_path)
    with pytest.raises(ValueError, match=r"state.safetensors holds no model"):
        load(tmp_path / "state.safetensors")


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda header, tensors: header["parts"].pop("encoder"), "does not fit this version of softaxes: 'encoder'"),
        (lambda header, tensors: header["kinds"][0].update(colour=1), "does not fit this version .* 'colour'"),
        (lambda header, tensors: tensors.pop("axes.pitch.direction"), "does not fit .* 'pitch.direction'"),
        (lambda header, tensors: tensors.pop("encoder.layers.1.weight"), "does not fit .*layers.1.weight"),
        (lambda header, tensors: header["parts"]["encoder"].update(network="Lost"), "unknown network 'Lost'"),
        (lambda header, tensors: header["parts"]["encoder"]["arguments"].update(new=1), "does not take"),
    ],
)
def test_a_model_of_another_version_is_refused(tmp_path, model, spoil, message):
    path = tmp_path / "model.safetensors"
    save_model(model, path)
    tensors, header = read_tensors(path)
    spoil(header, tensors)
    write_tensors(path, tensors, header)
    with pytest.raises(ValueError, match=message):
        load(path)


@pytest.mark.parametrize("network", ["AlignedEncoder", "FlatEncoder"])
def test_a_model_of_music_of_0_3_is_refused_in_a_line_that_says_what_to_do(tmp_path, model, network):
    """Whether its network is gone or still there: its metre was one circle, and nothing turns by it now."""
    old = Model(ENCODER, model.axes, SHAPE, card={"task": "music"})
    save_model(old, tmp_path / "model.safetensors")
    tensors, header = read_tensors(tmp_path / "model.safetensors")
    header["parts"]["encoder"]["network"] = network
    write_tensors(tmp_path / "model.safetensors", tensors, header)
    said = "is a model of music of softaxes 0.3, .*: train it again .softaxes train., or load a shipped model"
    with pytest.raises(ValueError, match=said) as caught:
        load(tmp_path)
    assert "\n" not in str(caught.value)
    assert str(tmp_path) in str(caught.value)


@pytest.mark.parametrize(("old", "new"), [("pop909", "piano-roll"), ("pop909-melody", "melody")])
def test_a_name_of_0_3_says_what_took_its_place(old, new, tmp_path, model, monkeypatch):
    with pytest.raises(ValueError, match=f"model '{old}' of softaxes 0.3 is replaced by '{new}': load that one"):
        load(old)
    monkeypatch.chdir(tmp_path)
    (tmp_path / old).mkdir()
    save_model(model, tmp_path / old / "model.safetensors")
    assert load(old).axes_dim == DIM  # a folder of that name is one's own


def test_shipped_models_are_of_this_version():
    assert checkpoint.shipped() == ["melody", "piano-roll"]
    for name in checkpoint.shipped():
        back = load(name)
        assert [kind.name for kind in back.axes.kinds] == ["pitch", "chroma", "metre"]
        assert back.axes["metre"].kind.period == back.window_steps == 32


def test_a_shipped_name_wins_over_a_folder_of_that_name(tmp_path, model, monkeypatch):
    package = tmp_path / "package"
    (package / "model" / "shipped").mkdir(parents=True)
    save_model(model, package / "model" / "shipped" / "pop909.safetensors")
    (package / "model" / "shipped" / "README").touch()
    (tmp_path / "pop909").mkdir()
    monkeypatch.setattr(checkpoint.resources, "files", lambda name: package)
    monkeypatch.chdir(tmp_path)
    assert checkpoint.shipped() == ["pop909"]
    assert load("pop909").axes_dim == DIM
    with pytest.raises(ValueError, match="is no run folder"):
        load("./pop909")
    with pytest.raises(ValueError, match=r"no model 'other': .* \(pop909\)"):
        load("other")


# --- optimizers --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "make",
    [
        lambda p: torch.optim.Adam(p, 0.1),
        lambda p: torch.optim.AdamW(p, 0.1, amsgrad=True),
        lambda p: torch.optim.SGD(p, 0.1, momentum=0.9),
        lambda p: torch.optim.SGD(p, 0.1),
        lambda p: torch.optim.Adagrad(p, 0.1),
    ],
    ids=["adam", "amsgrad", "momentum", "sgd", "adagrad"],
)
def test_an_optimizer_goes_on_to_the_last_bit(tmp_path, make):
    def step(parameter, optimizer, k):
        optimizer.zero_grad()
        (parameter * torch.arange(3.0) + k).square().sum().backward()
        optimizer.step()

    straight, other = (torch.nn.Parameter(torch.ones(3)) for _ in range(2))
    idle = torch.nn.Parameter(torch.ones(2))  # never has a gradient, nor a state
    one, two = make([straight, idle]), make([other, idle])
    for k in range(3):
        step(straight, one, k)
    write_tensors(tmp_path / "o.safetensors", optimizer_tensors(one), {})
    restore_optimizer(two, read_tensors(tmp_path / "o.safetensors")[0])
    other.data.copy_(straight.data)
    for k in range(3, 6):
        step(straight, one, k)
        step(other, two, k)
    assert torch.equal(straight, other)


def test_empty_slots_of_an_optimizer_are_left_and_numbers_become_tensors():
    state = {"state": {0: {"momentum": None, "scale": 0.5}, 2: {"square": torch.ones(2)}}, "param_groups": []}
    tensors = optimizer_tensors(SimpleNamespace(state_dict=lambda: state))
    assert {name: value.tolist() for name, value in tensors.items()} == {"0.scale": 0.5, "2.square": [1, 1]}


def test_halved_weights_are_half_the_size_and_nearly_the_same(tmp_path, model, monkeypatch):
    monkeypatch.setattr(checkpoint, "LARGE", 10)
    save_model(model, tmp_path / "whole.safetensors")
    save_model(model, tmp_path / "half.safetensors", half=True)
    tensors, _ = read_tensors(tmp_path / "half.safetensors")
    assert {t.dtype for name, t in tensors.items() if t.numel() > 10 and not name.startswith("axes.")} == {
        torch.float16
    }
    assert all(t.dtype == torch.float32 for name, t in tensors.items() if name.startswith("axes."))
    x = torch.rand(4, *SHAPE)
    whole, half = load(tmp_path / "whole.safetensors"), load(tmp_path / "half.safetensors")
    torch.testing.assert_close(half.encode(x), whole.encode(x), atol=1e-2, rtol=1e-2)
    assert next(half.parameters()).dtype == torch.float32
