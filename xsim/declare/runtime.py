"""Stage methods and the runtime arguments that they ask for."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from types import FunctionType
from typing import Any, TypeVar, overload

import attrs

from xsim._base.stages import Stage
from xsim.errors import DeclarationError, DeclarationTypeError

RUNTIME_ARGS = (
    "batch_size",
    "batch",
    "sim_start",
    "sim_end",
    "nsteps",
    "step",
    "step_start",
    "step_end",
    "step_delta",
    "main_clock_values",
    "main_clock_dataarray",
    "rng",
    "job",
)

_MARK = "__xsim_runtime_args__"

Method = TypeVar("Method", bound=Callable[..., Any])


@attrs.frozen
class StageMethod:
    """A method of a process class that runs in a stage, and the runtime arguments it asks for, in order."""

    stage: Stage
    args: tuple[str, ...]


@overload
def runtime(meth: Method, args: str | Sequence[str] | None = None) -> Method: ...
@overload
def runtime(meth: None = None, args: str | Sequence[str] | None = None) -> Callable[[Method], Method]: ...
def runtime(meth: Any = None, args: str | Sequence[str] | None = None) -> Any:
    """Decorate a stage method that takes runtime arguments.

    Parameters
    ----------
    meth : callable, optional
        The method, where the decorator is used without brackets.
    args : str, list or tuple of str, optional
        Names of the arguments, passed by position; one string may name several, separated by commas.

        - ``batch_size``, ``batch``: number of members and position of this one (both -1 outside batches)
        - ``sim_start``, ``sim_end``: first and last label of the main clock
        - ``nsteps``: number of steps
        - ``step``: number of this step, from 0
        - ``step_start``, ``step_end``, ``step_delta``: labels at both ends of this step, and their difference
        - ``main_clock_values``, ``main_clock_dataarray``: all labels, as numpy array or as DataArray
        - ``rng``: a `numpy.random.Generator` of the process's own; it follows from the seed of the run, the position
          of the member and the name of the process alone
        - ``job``: what external programs are run with, a `Job` of the process's own

    Raises
    ------
    DeclarationError
        If `args` is something else.

    Examples
    --------
    >>> import xsim as xs
    >>> @xs.process
    ... class Clock:
    ...     age = xs.variable(intent="out")
    ...     @xs.runtime(args="step_end, sim_start")
    ...     def run_step(self, end, start):
    ...         self.age = end - start
    """
    names = _names(args)

    def decorate(method: Any) -> Any:
        setattr(method, _MARK, names)
        return method

    return decorate if meth is None else decorate(meth)


def _names(args: Any) -> tuple[str, ...]:
    if args is None:
        return ()
    if isinstance(args, str):
        return tuple(name.strip() for name in args.split(",") if name.strip())
    if isinstance(args, (list, tuple)) and all(isinstance(name, str) for name in args):
        return tuple(args)
    raise DeclarationError(
        "args must be either a string, a list or a tuple, of names of runtime arguments",
        got=f"args={args!r}"[:80],
        expected="e.g. args='step_delta' or args=['step', 'step_delta']",
    )


def stage_methods(cls: type) -> dict[Stage, StageMethod]:
    """Find the stage methods of a process class.

    Raises
    ------
    DeclarationTypeError
        If a method does not take as many arguments as it asks for.
    """
    found = {}
    for stage in Stage:
        method = getattr(cls, stage.value, None)
        if callable(method):
            args = getattr(method, _MARK, None)
            if args is None:
                args = _undecorated(method) if stage is Stage.RUN_STEP else ()
            if isinstance(method, FunctionType):
                _check_signature(cls, method, args)
            found[stage] = StageMethod(stage, args)
    return found


def _undecorated(method: Any) -> tuple[str, ...]:
    """Give the arguments of a method without decorator: once, ``run_step(self, dt)`` was all that there was."""
    if not isinstance(method, FunctionType) or method.__code__.co_argcount != 2:
        return ()
    warnings.warn_explicit(
        f"{method.__qualname__}(self, {method.__code__.co_varnames[1]}) without decorator is deprecated; "
        "decorate it with @xs.runtime(args='step_delta')",
        FutureWarning,
        method.__code__.co_filename,
        method.__code__.co_firstlineno,
        registry=method.__globals__.setdefault("__warningregistry__", {}),
    )
    return ("step_delta",)


def _check_signature(cls: type, method: FunctionType, args: tuple[str, ...]) -> None:
    # Code objects, not inspect.signature: this runs for each stage of each class, at import.
    code = method.__code__
    takes = code.co_argcount - 1
    needs = takes - len(method.__defaults__ or ())
    by_name = code.co_kwonlyargcount - len(method.__kwdefaults__ or ())
    if not by_name and needs <= len(args) and (len(args) <= takes or code.co_flags & 0x04):
        return
    names = code.co_varnames[1 : code.co_argcount]
    raise DeclarationTypeError(
        f"stage method {cls.__qualname__}.{method.__name__} does not take the runtime arguments that it asks for",
        got=f"parameters ({', '.join(names)})",
        expected=f"{len(args)} after self, for args=({', '.join(map(repr, args))})",
        remedy="name the arguments with @xs.runtime(args=...), one for each parameter after self",
    )
