"""The default model of a ``with`` block."""

from __future__ import annotations

from contextvars import ContextVar
from typing import Any

from xsim.errors import ModelContextError

_active: ContextVar[Any] = ContextVar("xsim_model", default=None)


def enter_model(model: Any) -> None:
    """Make a model the default one.

    Raises
    ------
    ModelContextError
        If there is one already.
    """
    if _active.get() is not None:
        raise ModelContextError(
            "There is already a model object in context",
            got=repr(_active.get()).splitlines()[0],
            remedy="leave the other 'with model:' block first",
        )
    _active.set(model)


def leave_model() -> None:
    """End the default model."""
    _active.set(None)


def model_or_default(model: Any) -> Any:
    """Give the model itself, or the default one if it is None.

    Raises
    ------
    ModelContextError
        If there is neither.
    """
    if model is None:
        model = _active.get()
    if model is None:
        raise ModelContextError(
            "No model found in context", remedy="give model=..., or call this in a 'with model:' block"
        )
    return model
