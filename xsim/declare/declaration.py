"""The marker that stands for a variable in a class body, until the class is decorated."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import attr
from attrs import NOTHING

from xsim.declare.variable_spec import VariableSpec, VarType
from xsim.errors import DeclarationError


class Declaration:
    """A variable as written in a class body; its methods decorate other methods of that class."""

    def __init__(self, **facts: Any) -> None:
        self._facts = facts

    def spec(self, name: str) -> VariableSpec:
        """Freeze the declaration under the name it has in the class."""
        return VariableSpec(name=name, **({"default": NOTHING} | self._facts))

    def compute(self, method: Callable[[Any], Any] | None = None, *, cache: bool = False) -> Callable[..., Any]:
        """Decorate the method that computes an on-demand variable.

        Parameters
        ----------
        method : callable, optional
            Takes the process object, returns the value.
        cache : bool, default: False
            Keep the value within a stage, from the end of the process's own stage method on.

        Raises
        ------
        DeclarationError
            If the variable is not an on-demand variable.
        """
        if self._facts["var_type"] is not VarType.ON_DEMAND:
            raise DeclarationError(
                "only on-demand variables are computed",
                got=f"a declaration of kind {self._facts['var_type'].value!r}",
                remedy="declare it with xs.on_demand()",
            )

        def decorate(method: Callable[[Any], Any]) -> Callable[[Any], Any]:
            self._facts |= {"compute": method, "compute_cache": cache}
            return method

        return decorate if method is None else decorate(method)

    def default(self, method: Callable[[Any], Any]) -> Callable[[Any], Any]:
        """Decorate the method that gives the default value."""
        self._only_variables("default")
        self._facts["default"] = attr.Factory(method, takes_self=True)
        return method

    def validator(self, method: Callable[..., Any]) -> Callable[..., Any]:
        """Decorate a method ``(self, attribute, value)`` that raises if the value is not valid."""
        self._only_variables("validator")
        self._facts["validator"] = all_of([self._facts.get("validator"), method])
        return method

    def _only_variables(self, what: str) -> None:
        if self._facts["var_type"] is not VarType.VARIABLE:
            raise DeclarationError(
                f"only variables have a {what}",
                got=f"a declaration of kind {self._facts['var_type'].value!r}",
                remedy="declare it with xs.variable()",
            )


def all_of(validators: Sequence[Callable[..., Any] | None]) -> Callable[..., Any] | None:
    """Join validators into one; None if there are none."""
    given = [v for v in validators if v is not None]
    if len(given) < 2:
        return given[0] if given else None
    return attr.validators.and_(*given)
