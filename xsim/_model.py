"""`xs.Model`: the model graph, its scratch state and its views."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self

from xsim._base.keys import Key, join_key
from xsim._base.render import names
from xsim._base.stages import RuntimeSignal, Stage
from xsim._base.suggest import did_you_mean
from xsim.declare.hook import collect_hooks
from xsim.errors import OptionError, StaticInputError, UnknownInputError, UnknownProcessError, UnknownVariableError
from xsim.model.context import enter_model, leave_model
from xsim.model.graph import ModelGraph, variable_names
from xsim.model.objects import make_objects
from xsim.model.views import GraphViews
from xsim.show.draw import drawing
from xsim.show.graph import graph_text
from xsim.show.page import model_page

if TYPE_CHECKING:
    from xsim.engine.state import StateValues

_SCRATCH = "_xsim_scratch"
_CACHED = "_xsim_cached"


class Model(GraphViews, Mapping[str, Any]):
    """Processes, linked and ordered.

    A model maps names to process objects, in the order of execution; they are attributes too. Running a model leaves
    it as it is: these objects, with `state` and `cache`, are a scratch state for trying things by hand.

    Parameters
    ----------
    processes : mapping of str to type
        Process classes by name.
    order : iterable of pairs of str, optional
        Hints on the order, where variables do not tell it: ``[("a", "b")]`` makes process a run before process b in
        each stage, e.g. where both update one variable. Dropping a process drops its hints.

    Raises
    ------
    NotAProcessClassError
        If a class is not decorated with `xsim.process`.
    MissingTargetError, AmbiguousTargetError, LagError
        If a foreign variable or global reference finds no process or variable, or several, or no lagged value.
    IntentConflictError
        If two processes set one variable.
    CycleError
        If processes wait for each other.
    OrderError, UnknownProcessError
        If hints are no pairs of names of processes of the model.

    Examples
    --------
    >>> import xsim as xs
    >>> @xs.process
    ... class Growth:
    ...     rate = xs.variable(default=0.1)
    ...     size = xs.variable(intent="inout", default=1.0)
    ...     def run_step(self):
    ...         self.size *= 1 + self.rate
    >>> xs.Model({"growth": Growth})
    <xsim.Model (1 process, 2 inputs)>
    growth
        rate  [in]
        size  [inout]
    """

    def __init__(self, processes: Mapping[str, type], *, order: Iterable[Iterable[str]] = ()) -> None:
        if not isinstance(processes, Mapping):
            raise TypeError(
                f"a model is made from a mapping of names to process classes, not from {type(processes).__name__!r}"
            )
        self._xsim_graph = ModelGraph(processes, order)

    # -- a mapping, with attribute access ---------------------------------------------------------------------------

    @property
    def _objects(self) -> dict[str, Any]:
        # Made on first use: most models are never looked into.
        if _SCRATCH not in self.__dict__:
            self.__dict__[_SCRATCH] = make_objects(self.graph)
        return self.__dict__[_SCRATCH]  # type: ignore[no-any-return]

    def __getitem__(self, name: str) -> Any:
        if name not in self.graph.specs:
            raise _unknown_process(self.graph, [name])
        return self._objects[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.graph.order)

    def __len__(self) -> int:
        return len(self.graph.order)

    def __contains__(self, name: object) -> bool:
        return name in self.graph.specs

    def __getattr__(self, name: str) -> Any:
        graph = self.__dict__.get("_xsim_graph")  # missing while unpickling
        if graph is None or name not in graph.specs:
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}", name=name, obj=self)
        return self._objects[name]

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *self.graph.order]

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Model):
            return NotImplemented
        one, two = self.graph, other.graph
        return dict(one.classes) == dict(two.classes) and set(one.hints) == set(two.hints)

    def __hash__(self) -> int:
        return hash((frozenset(self.graph.classes.items()), frozenset(self.graph.hints)))

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name not in (_SCRATCH, _CACHED)}

    def __repr__(self) -> str:
        return model_page(self).text()

    def _repr_html_(self) -> str:
        return model_page(self).html()

    def __enter__(self) -> Self:
        enter_model(self)
        return self

    def __exit__(self, *exception: object) -> None:
        leave_model()

    # -- a picture ---------------------------------------------------------------------------------------------------

    def visualize(
        self, show_only_variable: Key | str | None = None, show_inputs: bool = False, show_variables: bool = False
    ) -> Any:
        """Draw the model as a graph; see `xsim.dot.dot_graph`, which can also write it to a file.

        Parameters
        ----------
        show_only_variable : tuple of str or str, optional
            Show this variable, ``(process, variable)``, and all variables that share its value, but no others.
        show_inputs, show_variables : bool, default: False
            Show the inputs, or all variables.

        Returns
        -------
        graphviz.Source
            Notebooks display it.

        Raises
        ------
        DrawingError
            If Graphviz, or its Python package, is not installed (``pip install 'xarray-xsim[draw]'``).
        UnknownVariableError
            If the model has no such variable.
        """
        return drawing(graph_text(self, show_only_variable, show_inputs, show_variables))

    # -- other models from this one ---------------------------------------------------------------------------------

    def clone(self) -> Self:
        """Give a model of the same processes, with a scratch state of its own."""
        return self._with(self.graph)

    def update_processes(self, processes: Mapping[str, type]) -> Self:
        """Give a model with processes added or replaced.

        Parameters
        ----------
        processes : mapping of str to type
        """
        return self._with(self.graph.with_classes({**self.graph.classes, **processes}))

    def drop_processes(self, keys: str | Iterable[str]) -> Self:
        """Give a model without some processes.

        Parameters
        ----------
        keys : str or iterable of str
            Their names.

        Raises
        ------
        UnknownProcessError
            If the model has no process of that name.
        """
        dropped = [keys] if isinstance(keys, str) else list(keys)
        if unknown := [name for name in dropped if name not in self]:
            raise _unknown_process(self.graph, unknown)
        kept = {name: cls for name, cls in self.graph.classes.items() if name not in dropped}
        return self._with(self.graph.with_classes(kept))

    def _with(self, graph: ModelGraph) -> Self:
        # Not through the constructor: subclasses may have another one, and attributes of their own.
        other = type(self).__new__(type(self))
        other.__dict__ |= {**self.__getstate__(), "_xsim_graph": graph}
        return other

    def over(self, objects: Mapping[str, Any]) -> Self:
        """Give this model with other process objects as its state, as runtime hooks see it.

        Parameters
        ----------
        objects : mapping of str to object
            Process objects, by name.
        """
        other = self._with(self.graph)
        other.__dict__[_SCRATCH] = objects
        return other

    # -- the scratch state ------------------------------------------------------------------------------------------

    @property
    def state(self) -> StateValues:
        """Values in the scratch state, by ``(process, variable)``."""
        from xsim.engine.state import StateValues

        return StateValues(self.graph, self._objects)

    @property
    def cache(self) -> dict[Key, dict[str, Any]]:
        """For each variable its dataset ``name``, its ``metadata`` and its ``value`` (None if there is none)."""
        values = self.__dict__.get(_CACHED, {})
        return {
            key: {
                "name": join_key(key),
                "metadata": self.graph.metadata(key),
                "value": values.get(key),
            }
            for key in self.graph.keys
        }

    def update_cache(self, var_key: Key) -> None:
        """Read the value of a variable from the scratch state into `cache`.

        Parameters
        ----------
        var_key : tuple of str
            ``(process, variable)``.

        Raises
        ------
        UnknownVariableError
            If the model has no such variable.
        """
        if var_key not in self.graph.keys:
            known = variable_names(self.graph.keys)
            raise UnknownVariableError(
                f"{var_key!r} is no variable of the model",
                expected=f"one of {names(known)}",
                suggestions=did_you_mean("__".join(map(str, var_key)), known),
            )
        self.__dict__.setdefault(_CACHED, {})[var_key] = getattr(self[var_key[0]], var_key[1])

    def update_state(
        self,
        input_vars: Mapping[Key, Any],
        validate: bool = True,
        ignore_static: bool = False,
        ignore_invalid_keys: bool = True,
    ) -> None:
        """Set inputs in the scratch state.

        Parameters
        ----------
        input_vars : mapping
            Values by ``(process, variable)``; arrays are copied, and converters applied.
        validate : bool, default: True
            Let the validators see all inputs of the processes concerned.
        ignore_static : bool, default: False
            Set static inputs too.
        ignore_invalid_keys : bool, default: True
            Pass over keys that are no inputs.

        Raises
        ------
        StaticInputError
            If an input is static.
        UnknownInputError
            If a key is no input.
        """
        inputs = set(self.graph.inputs)
        for key, value in input_vars.items():
            if key not in inputs:
                if ignore_invalid_keys:
                    continue
                known = variable_names(self.graph.inputs)
                raise UnknownInputError(
                    f"{key!r} is not a valid input variable in model",
                    expected=f"one of {names(known)}",
                    suggestions=did_you_mean("__".join(map(str, key)) if isinstance(key, tuple) else key, known),
                )
            spec = self.graph.input_spec(key)
            if spec.static and not ignore_static:
                raise StaticInputError(
                    f"Cannot set value for static variable {key!r}",
                    expected="a variable without static=True",
                    remedy="set it before the run, with ignore_static=True",
                )
            copied = value.copy() if hasattr(value, "copy") else value
            setattr(self._objects[key[0]], key[1], copied if spec.converter is None else spec.converter(copied))
        if validate:
            self.validate({key[0] for key in input_vars if key in inputs})

    def validate(self, p_names: Iterable[str] | None = None) -> None:
        """Let the validators see the values in the scratch state.

        Parameters
        ----------
        p_names : iterable of str, optional
            Names of processes; by default all.

        Raises
        ------
        UnknownProcessError
            If the model has no process of that name.
        Exception
            What a validator raises.
        """
        from xsim.plan.inputs import check_value

        chosen = set(self if p_names is None else p_names)
        if unknown := [name for name in chosen if name not in self]:
            raise _unknown_process(self.graph, unknown)
        for key, value in self.state.items():
            if key[0] in chosen:
                check_value(self.graph, self._objects, key, value)

    def execute(
        self,
        stage: str,
        runtime_context: Mapping[str, Any],
        hooks: Sequence[Any] | None = None,
        validate: bool = False,
        parallel: bool = False,
        scheduler: str | None = None,
    ) -> RuntimeSignal:
        """Run one stage on the scratch state.

        Parameters
        ----------
        stage : {"initialize", "run_step", "finalize_step", "finalize"}
        runtime_context : mapping
            Values of the runtime arguments that the stage methods ask for.
        hooks : sequence, optional
            Functions decorated with `xsim.runtime_hook`, and `xsim.RuntimeHook` objects. They see this model.
        validate : bool, default: False
            Let the validators see all values afterwards.
        parallel : bool, default: False
            Run processes that do not wait for each other at the same time.
        scheduler : {"threads", "synchronous", "processes"}, optional
            As in a run of one model, whose state worker processes cannot share: "processes" runs them here.

        Returns
        -------
        RuntimeSignal
            What the hooks want, or BREAK where a process or a hook ends the simulation (`xsim.stop`); else NONE.

        Notes
        -----
        Lagged references get their values at the end of ``finalize_step``, which thus ends a step also where no process
        has such a stage.

        Raises
        ------
        OptionError
            If there is no such stage or scheduler.
        Exception
            What a process, a hook or a validator raises.
        """
        from xsim.engine.by_hand import run_stage
        from xsim.plan.options import RunOptions

        stages = [each.value for each in Stage]
        if stage not in stages:
            raise OptionError(
                f"{stage!r} is not a valid SimulationStage",
                expected="one of " + ", ".join(map(repr, stages)),
                suggestions=did_you_mean(stage, stages),
            )
        functions = collect_hooks(hooks or ())
        options = RunOptions(parallel=parallel, scheduler=scheduler)
        signal = run_stage(self.graph, self._objects, Stage(stage), runtime_context, functions, lambda: self, options)
        if validate:
            self.validate()
        return signal


def _unknown_process(graph: ModelGraph, unknown: list[str]) -> UnknownProcessError:
    return UnknownProcessError(
        f"the model has no process {names(unknown)}",
        expected=f"one of {names(graph.order)}",
        suggestions=[close for name in unknown for close in did_you_mean(name, graph.order)],
    )
