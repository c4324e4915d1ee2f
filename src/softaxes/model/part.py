"""How is a network written down, so that a checkpoint can build it again? By its class's name and arguments."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import nn

from softaxes.model.networks import ablations, decoders, images, plain, rows, turning


@dataclass(frozen=True)
class Part:
    """A network as it is written down: the name of its class and the arguments that build it (anything JSON holds)."""

    network: str
    arguments: Mapping[str, Any] = field(default_factory=dict)

    def build(self) -> nn.Module:
        """The network, freshly initialised; ValueError if `softaxes.model.networks` knows none of that name or it does
        not take the arguments."""
        for module in (images, turning, plain, rows, ablations, decoders):
            found = getattr(module, self.network, None)
            if isinstance(found, type) and issubclass(found, nn.Module):
                try:
                    return found(**self.arguments)
                except TypeError as error:
                    raise ValueError(
                        f"network {self.network!r} does not take {dict(self.arguments)}: {error}"
                    ) from error
        raise ValueError(
            f"unknown network {self.network!r}: this checkpoint is from another version of softaxes; "
            "train it again (softaxes train), or load a shipped model"
        )
