"""Runtime hooks: functions called before or after a stage (DESIGN §O7)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar, Literal, Self, TypeVar, get_args

import attrs

from xsim._base.stages import Stage
from xsim._base.suggest import did_you_mean
from xsim.errors import DeclarationError, HookError

Level = Literal["model", "process"]
Trigger = Literal["pre", "post"]
HookFunction = Callable[[Any, Mapping[str, Any], Mapping[Any, Any]], Any]
Function = TypeVar("Function", bound=Callable[..., Any])

_MARK = "__xsim_hook__"


@attrs.frozen
class HookPoint:
    """When a hook is called."""

    stage: Stage
    level: Level
    trigger: Trigger


def runtime_hook(stage: str, level: str = "model", trigger: str = "post") -> Callable[[Function], Function]:
    """Decorate a function, or a method of a `RuntimeHook`, that is called while a model runs.

    Parameters
    ----------
    stage : {"initialize", "run_step", "finalize_step", "finalize"}
    level : {"model", "process"}, default: "model"
        Once a stage, or once for each process that implements the stage.
    trigger : {"pre", "post"}, default: "post"
        Before or after the stage, or the process's method.

    Returns
    -------
    callable
        The decorator. The function is called as ``func(model, context, state)``: the model with its live process
        objects, the runtime context and the state, both read-only mappings. It may return a `RuntimeSignal`.

    Raises
    ------
    DeclarationError
        If an argument is none of those listed.
    """
    point = HookPoint(
        Stage(_one_of("stage", stage, [each.value for each in Stage])),
        _one_of("level", level, get_args(Level)),
        _one_of("trigger", trigger, get_args(Trigger)),
    )

    def decorate(function: Function) -> Function:
        setattr(function, _MARK, point)
        return function

    return decorate


def _one_of(argument: str, value: str, known: Iterable[str]) -> Any:
    if value not in known:
        choice = " or ".join(map(repr, known))
        raise DeclarationError(
            f"{value!r} is not a valid SimulationStage"
            if argument == "stage"
            else f"{argument} argument must be either {choice}",
            got=f"runtime_hook({argument}={value!r})",
            expected=choice,
            suggestions=did_you_mean(value, known),
        )
    return value


class RuntimeHook:
    """Several hooks that go together, and may share a state.

    Parameters
    ----------
    *functions : callable
        Functions decorated with `runtime_hook`. Decorated methods of a subclass belong to the hook without being
        given.

    Notes
    -----
    A hook is active for the runs that it is given to (``hooks=[...]``), within a ``with`` block, or from `register`
    to `unregister`.
    """

    active: ClassVar[list[RuntimeHook]] = []

    def __init__(self, *functions: HookFunction) -> None:
        for function in functions:
            hook_point(function)
        self._functions = functions

    def functions(self) -> list[HookFunction]:
        """Give the functions and the decorated methods, in the order given."""
        methods = {
            name: getattr(self, name)
            for cls in reversed(type(self).__mro__)
            for name in vars(cls)
            # Not the member: a subclass may have put another one in its place.
            if hasattr(getattr(type(self), name, None), _MARK)
        }
        # A subclass that forgets super().__init__() has methods only.
        return [*getattr(self, "_functions", ()), *methods.values()]

    def register(self) -> None:
        """Be active in all runs from now on."""
        if not self._is_active:
            RuntimeHook.active.append(self)

    def unregister(self) -> None:
        """End being active.

        Raises
        ------
        HookError
            If the hook is not registered.
        """
        for i, hook in enumerate(RuntimeHook.active):
            if hook is self:
                del RuntimeHook.active[i]
                return
        raise HookError("the runtime hook is not registered", got=repr(self))

    @property
    def _is_active(self) -> bool:
        return any(hook is self for hook in RuntimeHook.active)

    def __enter__(self) -> Self:
        # A hook that is registered stays so after the block.
        self.__dict__.setdefault("_registered_before", []).append(self._is_active)
        self.register()
        return self

    def __exit__(self, *exception: object) -> None:
        if not self.__dict__["_registered_before"].pop():
            self.unregister()


def hook_point(function: Any) -> HookPoint:
    """Give the point at which a function is to be called.

    Raises
    ------
    HookError
        If it is not decorated.
    """
    point = getattr(function, _MARK, None)
    if point is None:
        raise HookError(
            f"{getattr(function, '__name__', function)!r} is not a RuntimeHook object nor a runtime_hook decorated "
            "function",
            remedy="decorate it, e.g. with @xs.runtime_hook('run_step')",
        )
    return point  # type: ignore[no-any-return]


def collect_hooks(hooks: Iterable[Any]) -> tuple[HookFunction, ...]:
    """Give all hook functions of a run: those of active hooks first, then those given, each in its order.

    Raises
    ------
    HookError
        If something given is no hook.
    """
    functions: list[HookFunction] = []
    # One that is active more than once, or active and given, is called once.
    for hook in {id(hook): hook for hook in (*RuntimeHook.active, *hooks)}.values():
        if isinstance(hook, RuntimeHook):
            functions += hook.functions()
        else:
            hook_point(hook)
            functions.append(hook)
    return tuple(functions)
