"""What can travel to worker processes and back."""

from __future__ import annotations

import builtins
import io
import pickle
from collections import ChainMap
from types import CodeType
from typing import Any, BinaryIO, ClassVar

import attrs
import cloudpickle

from xsim.engine.block import MemberResult, Work
from xsim.engine.failure import note
from xsim.errors import NotPicklableError


def dump(thing: Any, file: BinaryIO) -> None:
    """Pickle something for worker processes; classes and functions of scripts and notebooks go along by value."""
    _Pickler(file).dump(thing)


def dumps(thing: Any) -> bytes:
    """Give the bytes of the same."""
    with io.BytesIO() as file:
        dump(thing, file)
        return file.getvalue()


def _reduce_code(code: CodeType) -> tuple[Any, ...]:
    make, parts = cloudpickle.Pickler.dispatch_table[CodeType](code)
    return _code_of, (code.co_filename, make, parts)


def _code_of(filename: str, make: Any, parts: tuple[Any, ...]) -> CodeType:
    code: CodeType = make(*parts)
    return code.replace(co_filename=filename)


class _Pickler(cloudpickle.Pickler):  # type: ignore[misc]  # it has no annotations
    """Leaves code the name of its file, by which failures are located; some versions of cloudpickle drop it."""

    dispatch_table: ClassVar[Any] = ChainMap({CodeType: _reduce_code}, cloudpickle.Pickler.dispatch_table)


def check_picklable(work: Work, error: Exception) -> None:
    """Explain why work cannot be pickled.

    Raises
    ------
    NotPicklableError
        Naming the process class and attribute, the hook or the input that stops it.
    """
    for what, thing in _parts(work):
        try:
            dumps(thing)
        except Exception as reason:
            raise NotPicklableError(
                f"{what} cannot be sent to worker processes",
                got=f"{type(reason).__name__}: {reason}",
                expected="something that can be pickled",
                remedy="make it in a stage method (initialize), or use scheduler='threads'",
            ) from error


def _parts(work: Work) -> list[tuple[str, Any]]:
    parts: list[tuple[str, Any]] = []
    for function in work.hooks.functions:
        owner = getattr(function, "__self__", None)
        parts += [
            (f"attribute {name!r} of hook {type(owner).__name__}", value)
            for name, value in getattr(owner, "__dict__", {}).items()
        ]
        parts.append((f"hook {getattr(function, '__qualname__', function)!r}", function))
    for name, cls in work.plan.graph.classes.items():
        where = f"process class {cls.__name__} (process {name!r})"
        if not _can_travel(cls):
            parts += [
                (f"attribute {attribute!r} of {where}", value)
                for attribute, value in vars(cls).items()
                if not attribute.startswith("__")
            ]
        parts.append((where, cls))
    parts += [(f"the value of input {planned.name!r}", planned) for planned in work.plan.inputs]
    model = getattr(work.hooks.view, "__self__", None)
    parts += [
        (f"attribute {name!r} of the model", value)
        for name, value in getattr(model, "__dict__", {}).items()
        if not name.startswith("_xsim")
    ]
    return [*parts, ("the run plan", work.plan), ("the store", work.writer)]


def _can_travel(thing: Any) -> bool:
    try:
        dumps(thing)
    except Exception:
        return False
    return True


def travelling(result: MemberResult) -> MemberResult:
    """Give a result whose exception can travel: an unpicklable one becomes one of its built-in base class."""
    error = result.error
    if error is None:
        return result
    try:
        pickle.loads(dumps(error))
    except Exception:
        base = next(c for c in type(error).__mro__ if c.__module__ == "builtins" and hasattr(builtins, c.__name__))
        error = _plain(base, str(result.record["reason"]))
    # Frames stay behind; their text is what is left to find the line.
    note(error, f"in the worker process:\n{result.record['traceback']}")
    return attrs.evolve(result, error=error)


def _plain(base: type, message: str) -> BaseException:
    try:
        error: BaseException = base(message)
    except Exception:
        error = RuntimeError(message)
    return error
