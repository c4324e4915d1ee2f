"""What the scripts leave stands where it is looked for."""

from __future__ import annotations

import ship

from softaxes.model.checkpoint import shipped


def test_models_ship_to_where_they_are_looked_for() -> None:
    assert {path.stem for path in ship.MODELS.glob("*.safetensors")} == set(shipped())
