"""The exception tree.

::

    XsimError
    ├── DeclarationError (ValueError)            a process class is not well-formed
    │   ├── NotAProcessClassError
    │   ├── DeclarationTypeError (TypeError)
    │   ├── MissingComputeError (KeyError)
    │   └── HookError (TypeError, KeyError)
    ├── ModelError                               processes do not fit together
    │   ├── CycleError (RuntimeError)
    │   ├── IntentConflictError (ValueError)
    │   ├── MissingTargetError (KeyError)
    │   ├── AmbiguousTargetError (ValueError)
    │   ├── GroupTargetError (ValueError)
    │   ├── LagError (ValueError)
    │   ├── OrderError (ValueError)
    │   ├── ProcessNameError (ValueError)
    │   ├── UnknownProcessError (KeyError)
    │   ├── UnknownVariableError (KeyError)
    │   └── ModelContextError (ValueError)
    ├── SetupError                               the setup dataset does not fit the model
    │   ├── ClockError (ValueError)
    │   ├── UnknownClockError (KeyError, ValueError)
    │   ├── UnknownInputError (KeyError)
    │   ├── UnknownOutputError (KeyError)
    │   ├── MissingInputError (KeyError)
    │   ├── InputError (ValueError)
    │   ├── InputTypeError (TypeError)
    │   ├── OutputRequestError (ValueError)
    │   └── BatchDimensionError (KeyError)
    ├── OptionError (ValueError)                 an argument of ``run`` makes no sense
    ├── RuntimeContextError (KeyError)           a runtime argument that nobody provides
    ├── UnsetVariableError (AttributeError, KeyError)  a value is read before it is set
    ├── ReadOnlyError (AttributeError)           a value is set by a process that only reads it
    │   └── ReadOnlyArrayError (ValueError)      ... or an array is changed in place
    ├── StaticInputError (ValueError)            a static input is changed
    ├── OutputError (ValueError)                 a value cannot be saved as it is
    ├── NotPicklableError (TypeError)            something cannot go to worker processes
    ├── DrawingError (RuntimeError)              a graph cannot be drawn
    ├── WorkerError (RuntimeError)               a worker process ended
    ├── TimeLimitError (TimeoutError)            a member ran longer than it may
    ├── CancelledError (RuntimeError)            a member was cancelled
    ├── ProgramError (RuntimeError)              an external program failed
    ├── StoppedError (SystemExit)                a run was stopped from outside, and can go on
    ├── BatchError (RuntimeError)                members of a batch failed
    ├── CheckError (AssertionError)              what a test checks does not hold; see `xsim.testing`
    └── StoreError (ValueError)                  a store cannot be written to or read
        ├── StoreExistsError (FileExistsError)
        ├── StoreBusyError (BlockingIOError)
        └── ResumeError

Every error also derives from the built-in type in brackets, which is what xarray-simlab raised at the same
place, so that ``except`` clauses and test suites of models keep working (DESIGN §E2).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Self


class XsimError(Exception):
    """Base class of everything that xsim raises on purpose.

    Parameters
    ----------
    problem : str
        The subject and the rule that it breaks, as one sentence.
    got, expected : str, optional
        What was found, and what would have been right.
    suggestions : iterable of str, optional
        Existing names close to the one given ("did you mean").
    remedy : str, optional
        What to do about it.
    **context
        Facts for programs (names of processes, variables, clocks ...); each becomes an attribute.

    Notes
    -----
    ``str(error)`` prints the parts that are given on lines of their own, and never a ``KeyError``'s quoted
    representation.
    """

    def __init__(
        self,
        problem: str,
        *,
        got: str | None = None,
        expected: str | None = None,
        suggestions: Iterable[str] = (),
        remedy: str | None = None,
        **context: Any,
    ) -> None:
        super().__init__(problem)
        self.problem = problem
        self.got = got
        self.expected = expected
        self.suggestions = tuple(suggestions)
        self.remedy = remedy
        self.context = context

    def __getattr__(self, name: str) -> Any:
        # Only reached for names that are not found otherwise; `context` itself is missing while unpickling.
        try:
            return self.__dict__["context"][name]
        except KeyError:
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}") from None

    def __str__(self) -> str:
        lines = [self.problem]
        if self.got is not None:
            lines.append(f"  got: {self.got}")
        if self.expected is not None:
            lines.append(f"  expected: {self.expected}")
        if self.suggestions:
            lines.append(f"  did you mean: {', '.join(repr(s) for s in self.suggestions)}?")
        if self.remedy is not None:
            lines.append(f"  remedy: {self.remedy}")
        return "\n".join(lines)

    def __reduce__(self) -> tuple[Any, ...]:
        parts = {
            "got": self.got,
            "expected": self.expected,
            "suggestions": self.suggestions,
            "remedy": self.remedy,
            **self.context,
        }
        notes = getattr(self, "__notes__", None)
        return _rebuild, (type(self), self.problem, parts), {"__notes__": list(notes)} if notes else None

    @classmethod
    def listing(cls, problem: str, items: Iterable[str], **parts: Any) -> Self:
        """Make an error that puts each of several culprits on a line of its own."""
        return cls("\n".join([problem, *(f"  - {item}" for item in items)]), **parts)


def _rebuild(cls: type[XsimError], problem: str, parts: dict[str, Any]) -> XsimError:
    return cls(problem, **parts)


class DeclarationError(XsimError, ValueError):
    """A process class is not well-formed."""


class NotAProcessClassError(DeclarationError):
    """A class is used as a process without being decorated."""


class DeclarationTypeError(DeclarationError, TypeError):
    """Something in a process class has not the form that it must have."""


class MissingComputeError(DeclarationError, KeyError):
    """An on-demand variable has no compute method."""


class HookError(DeclarationError, TypeError, KeyError):
    """A runtime hook that is none, or is not registered."""


class ModelError(XsimError):
    """Processes do not fit together."""


class CycleError(ModelError, RuntimeError):
    """Processes wait for each other in a circle; ``path`` holds their names, the first one repeated."""


class IntentConflictError(ModelError, ValueError):
    """Two declarations claim to set the same variable."""


class MissingTargetError(ModelError, KeyError):
    """A foreign variable or global reference points at nothing in the model."""


class AmbiguousTargetError(ModelError, ValueError):
    """A foreign variable or global reference may mean several things in the model."""


class GroupTargetError(ModelError, ValueError):
    """A foreign variable points at a group variable, which has no value of its own."""


class LagError(ModelError, ValueError):
    """A lagged reference leads to something of which no copy can be kept."""


class OrderError(ModelError, ValueError):
    """Hints on the order of processes that make no sense."""


class ProcessNameError(ModelError, ValueError):
    """A process name that cannot be used."""


class UnknownProcessError(ModelError, KeyError):
    """No process of that name in the model."""


class UnknownVariableError(ModelError, KeyError):
    """No variable of that name in a process or in the model."""


class ModelContextError(ModelError, ValueError):
    """No default model, or more than one."""


class SetupError(XsimError):
    """The setup dataset does not fit the model."""


class ClockError(SetupError, ValueError):
    """A clock breaks a rule of clocks (DESIGN §C1)."""


class UnknownClockError(SetupError, KeyError, ValueError):
    """No clock of that name."""


class UnknownInputError(SetupError, KeyError):
    """A value is given for something that is not an input of the model."""


class UnknownOutputError(SetupError, KeyError):
    """An output is requested of something that is not a variable of the model."""


class MissingInputError(SetupError, KeyError):
    """Inputs of the model have no value; ``variables`` names all of them."""


class InputError(SetupError, ValueError):
    """A value given for an input breaks its declaration."""


class InputTypeError(SetupError, TypeError):
    """A value given for an input has a form that its declaration does not know."""


class OutputRequestError(SetupError, ValueError):
    """An output that cannot be saved."""


class BatchDimensionError(SetupError, KeyError):
    """A batch dimension that the setup does not have."""


class OptionError(XsimError, ValueError):
    """An argument of ``run`` makes no sense."""


class RuntimeContextError(XsimError, KeyError):
    """A runtime argument that nobody provides."""


class UnsetVariableError(XsimError, AttributeError, KeyError):
    """A value is read before it is set."""


class ReadOnlyError(XsimError, AttributeError):
    """A value is set by a process that only reads it."""


class ReadOnlyArrayError(ReadOnlyError, ValueError):
    """An array is changed in place by a process that only reads it, or is declared frozen."""


class StaticInputError(XsimError, ValueError):
    """A static input is changed."""


class OutputError(XsimError, ValueError):
    """A value cannot be saved as it is."""


class NotPicklableError(XsimError, TypeError):
    """Something cannot be sent to worker processes."""


class DrawingError(XsimError, RuntimeError):
    """A graph cannot be drawn."""


class WorkerError(XsimError, RuntimeError):
    """A worker process ended without an answer."""


class TimeLimitError(XsimError, TimeoutError):
    """A member ran longer than it may."""


class CancelledError(XsimError, RuntimeError):
    """A member was cancelled."""


class ProgramError(XsimError, RuntimeError):
    """An external program cannot be started, failed, or has not written what it must.

    ``command`` and ``exit_code`` tell of it, ``scratch`` is the folder in which it ran.
    """


class StoppedError(XsimError, SystemExit):
    """A run was stopped from outside before all of its members had run; those that are done are saved.

    Uncaught, it ends Python without a traceback and with an exit code that a batch queue can tell from others.

    Attributes
    ----------
    code : int
        75 (try again later) after ``max_walltime=``, 143 after SIGTERM.
    """

    def __init__(self, problem: str, *, code: int = 75, **parts: Any) -> None:
        super().__init__(problem, code=code, **parts)
        self.code = code


class BatchError(XsimError, RuntimeError):
    """Members of a batch failed; the others are done and saved.

    Attributes
    ----------
    result : xarray.Dataset
        The partial result, with the outcome of each member.
    """

    result: Any

    @classmethod
    def of(cls, failure: BaseException | None, problem: str, **parts: Any) -> BatchError:
        """Make an error that also is of the type of a failure, so that ``except ValueError`` catches it.

        Where a class cannot be joined with this one, the nearest of its bases is that can.
        """
        for base in type(failure).__mro__ if isinstance(failure, Exception) else ():
            if base is Exception:
                break
            try:
                error = _rebuild_batch_error(base, problem, parts)
                if str(error).startswith(problem) and all(getattr(error, k) is v for k, v in parts.items()):
                    return error
            except Exception:
                continue
        return cls(problem, **parts)

    base: type | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        function, (_, problem, parts), *state = super().__reduce__()
        if self.base is None:
            return (function, (BatchError, problem, parts), *state)
        return (_rebuild_batch_error, (self.base, problem, parts), *state)


def _rebuild_batch_error(base: type, problem: str, parts: dict[str, Any]) -> BatchError:
    error: BatchError = type("BatchError", (BatchError, base), {"__module__": BatchError.__module__})(problem, **parts)
    error.base = base
    # On the object itself, where attributes of the other class do not hide them.
    error.__dict__ |= error.context
    return error


class CheckError(XsimError, AssertionError):
    """What a test checks does not hold; ``findings`` lists all that was found."""


class StoreError(XsimError, ValueError):
    """A store cannot be written to or read."""


class StoreExistsError(StoreError, FileExistsError):
    """A store already holds results."""


class StoreBusyError(StoreError, BlockingIOError):
    """Another run is writing to a store."""


class ResumeError(StoreError):
    """What a store holds is not the beginning of this run; ``differences`` says how they differ."""


class PlanWarning(UserWarning):
    """A run can be done, but not as its options may have been meant."""


class ProgramWarning(UserWarning):
    """Something about an external program went wrong that does not concern its result."""


class BatchWarning(UserWarning):
    """Members of a batch failed, and the run went on (``on_error="continue"``); or have to run again."""
