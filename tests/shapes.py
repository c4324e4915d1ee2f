"""Do tensors have the shapes that signatures promise? A checker for jaxtyping's import hook that looks at arrays alone.

A call that raises is not looked at: what a function refuses need not fit its signature, what it accepts must, and so
must what it returns. Dimensions of one name agree within a call.
"""

from __future__ import annotations

import inspect
import types
from collections.abc import Callable
from typing import Any, get_args, get_origin

from jaxtyping import AbstractArray


def accepted_arrays(function: Callable[..., Any]) -> Callable[..., None]:
    """The check of ``function``, which stands for one that has returned; before the call (result: Any) it passes."""
    signature = inspect.signature(function)
    result = signature.return_annotation
    arrays = {p.name: p.annotation for p in signature.parameters.values() if _is_array(p.annotation)}
    if result is Any or not (arrays or _is_array(result)):
        return lambda *args, **kwargs: None

    def check(*args: Any, **kwargs: Any) -> None:
        given = signature.bind(*args, **kwargs).arguments
        values = [(given[name], annotation) for name, annotation in arrays.items() if name in given]
        if _is_array(result):
            values.append((function(*args, **kwargs), result))
        for value, annotation in values:
            if not isinstance(value, annotation):
                raise TypeError(f"{function.__qualname__}: {value!r} is no {annotation}")

    return check


def _is_array(annotation: Any) -> bool:
    if get_origin(annotation) is types.UnionType or str(get_origin(annotation)) == "typing.Union":
        parts = [part for part in get_args(annotation) if part is not types.NoneType]
        return bool(parts) and all(_is_array(part) for part in parts)
    return inspect.isclass(annotation) and issubclass(annotation, AbstractArray)
