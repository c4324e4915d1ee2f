"""What `test_ranks` starts twice: the terms and their gradients on this process's rows. Not a test itself.

python across_ranks.py RANK WORLD_SIZE FOLDER
"""

import sys
from pathlib import Path

import torch
import torch.distributed as dist

from softaxes.geometry.kinds import Circle, Cycle, Line
from softaxes.geometry.operators import LearnedOperators
from softaxes.losses._ranks import gather_rows, rank, sum_over_ranks, world_size
from softaxes.losses.factorization import SoftFactorization
from softaxes.losses.prediction import predict_infonce, predict_squared_error

KINDS = (Line("pitch"), Circle("metre", 16), Circle("beat", 4, follows="metre"))
ROWS, VIEWS, DIM = 10, 4, 8
UNEVEN = {1: [ROWS], 2: [3, ROWS - 3]}  # rows of each process: only InfoNCE asks for equal numbers
EVEN = {1: [ROWS], 2: [ROWS // 2, ROWS // 2]}
CYCLE = (Line("pitch"), Cycle("metre", 16), Cycle("beat", 4, follows="metre"))
TERMS = ("within", "across", "size", "cycle", "infonce", "unmoved", "squared")


def data():
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(ROWS, 1 + VIEWS, 12, generator=generator, dtype=torch.float64)
    kind = torch.randint(0, 2, (ROWS, VIEWS), generator=generator)
    amount = torch.randint(-4, 5, (ROWS, VIEWS), generator=generator)
    clipped = torch.rand(ROWS, VIEWS, generator=generator) < 0.2
    return x, kind, amount, clipped


def learner():
    torch.manual_seed(1)
    return torch.nn.Linear(12, DIM).double(), LearnedOperators(KINDS, DIM).double()


def term(name, encoder, operators, rows):
    x, kind, amount, clipped = (part[rows] for part in data())
    z = encoder(x)
    anchor, views = z[:, 0], z[:, 1:]
    if name in ("within", "across", "size", "cycle"):
        weight = {"within": 0.0, name: 1.0} if name != "cycle" else {"within": 1.0, "across": 1.0}
        loss = SoftFactorization(CYCLE if name == "cycle" else KINDS, **weight, drop_clipped=True)
        return loss(anchor=anchor, views=views, kind=kind, amount=amount, clipped=clipped).total
    columns = torch.stack([amount * (kind == 0), amount * (kind == 1), amount * (kind == 1)], dim=-1).double()
    predicted = operators(anchor.repeat_interleave(VIEWS, 0), columns.flatten(0, 1)).reshape(views.shape)
    if name in ("infonce", "unmoved"):
        return predict_infonce(predicted, views, anchor=anchor if name == "unmoved" else None, used=~clipped)
    return predict_squared_error(predicted, views, anchor, used=~clipped)


def values_and_gradients(number, size):
    out = {}
    for name in TERMS:
        split = (EVEN if name in ("infonce", "unmoved") else UNEVEN)[size]
        start = sum(split[:number])
        encoder, operators = learner()
        value = term(name, encoder, operators, slice(start, start + split[number]))
        value.backward()
        for i, parameter in enumerate([*encoder.parameters(), *operators.parameters()]):
            out[f"{name}.{i}"] = torch.zeros_like(parameter) if parameter.grad is None else parameter.grad
        out[name] = value.detach()
    return out


def main(number, size, folder):
    dist.init_process_group("gloo", init_method=f"file://{folder}/meeting", rank=number, world_size=size)
    assert (rank(), world_size()) == (number, size)
    out = values_and_gradients(number, size)
    x = torch.full((2, 3), float(number + 1), requires_grad=True)
    out["sum"], out["rows"] = sum_over_ranks(x).detach(), gather_rows(x).detach()
    out["transposed"] = sum_over_ranks(torch.arange(6.0).reshape(2, 3).T if number else torch.zeros(3, 2))
    torch.save(out, Path(folder) / f"{number}.pt")
    dist.destroy_process_group()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
