"""The magic ``%create_setup`` for IPython and notebooks: ``%load_ext xsim.ipython``."""

from __future__ import annotations

import ast
from typing import Any

import numpy as np
from attrs import NOTHING
from IPython.core.error import UsageError
from IPython.core.magic import Magics, line_magic, magics_class
from IPython.core.magic_arguments import argument, magic_arguments, parse_argstring

from xsim._base.dims import show_alternatives
from xsim._base.keys import Key, join_key
from xsim._base.render import names
from xsim._base.suggest import did_you_mean
from xsim.declare.variable_spec import VariableSpec
from xsim.errors import OptionError
from xsim.model.graph import HasGraph, ModelGraph

_INDENT = " " * 4
_LARGEST_ARRAY = 20
_LONGEST_CODE = 500


@magics_class
class SimulationMagics(Magics):  # type: ignore[misc, unused-ignore]
    """Magics for simulations."""

    shell: Any  # an InteractiveShell; never None where a magic is called

    @magic_arguments()
    @argument("model", type=str, help="the model: a name, or an expression without blanks")
    @argument("-s", "--skip-default", action="store_true", help="leave out inputs that have a default")
    @argument("-d", "--default", action="store_true", help="write the defaults of inputs (not with --skip-default)")
    @argument("-v", "--verbose", action="store_true", help="tell about each input in a comment")
    @argument("-n", "--nested", action="store_true", help="group inputs by process")
    @line_magic
    def create_setup(self, line: str = "") -> None:
        """Pre-fill the cell with the code that makes a setup for a model; inputs without a value are left blank."""
        args = parse_argstring(self.create_setup, line)
        graph = self._graph_of(args.model)
        code = setup_code(args.model, graph, args.skip_default, args.default, args.verbose, args.nested)
        self.shell.set_next_input(f"# %create_setup {line}\n{code}", replace=True)

    def _graph_of(self, text: str) -> ModelGraph:
        space = self.shell.user_ns
        try:
            model = self.shell.ev(text)
        except (NameError, AttributeError, KeyError, SyntaxError) as error:
            models = [name for name, value in space.items() if isinstance(value, HasGraph) and not name.startswith("_")]
            problem = OptionError(
                f"Model {text!r} not defined or not imported",
                got=f"{type(error).__name__}: {error}",
                expected=f"one of the models {names(models)}" if models else "a model, made with xs.Model({...})",
                suggestions=did_you_mean(text, models),
            )
            raise UsageError(str(problem)) from None
        if not isinstance(model, HasGraph):
            problem = OptionError(f"{text!r} is not a xsim.Model object", got=type(model).__name__)
            raise UsageError(str(problem))
        return model.graph


def load_ipython_extension(ipython: Any) -> None:
    """Add the magics to IPython; it calls this at ``%load_ext xsim.ipython``."""
    ipython.register_magics(SimulationMagics)


def setup_code(
    model: str,
    graph: ModelGraph,
    skip_default: bool = False,
    default: bool = False,
    verbose: bool = False,
    nested: bool = False,
) -> str:
    """Write the code that makes a setup.

    Parameters
    ----------
    model : str
        What the model is called there.
    graph : ModelGraph
    skip_default : bool
        Leave out inputs that have a default.
    default : bool
        Write the defaults.
    verbose : bool
        Tell about each input in a comment.
    nested : bool
        Group inputs by process.

    Returns
    -------
    str
        Python code, in which inputs without a value are left blank.
    """
    inputs = _inputs(graph, skip_default)
    lines: list[str] = []
    process = ""
    for (owner, variable), (spec, value) in inputs.items():
        if nested and owner != process:
            lines += ["},"] if process else []
            lines.append(f"{owner!r}: {{")
            process = owner
        name = variable if nested else join_key((owner, variable))
        own = [f"# {_about(spec)}"] if verbose else []
        own.append(_entry(name, value, default))
        lines += [f"{_INDENT if nested else ''}{line}" for line in own]
    if process:
        lines.append("},")
    body = "".join(f"\n{_INDENT * 2}{line}" for line in lines) + (f"\n{_INDENT}" if lines else "")
    needs_numpy = any("np." in line for line in lines)
    return "\n".join(
        [
            *(["import numpy as np"] if needs_numpy else []),
            "import xsim as xs",
            "",
            "ds_in = xs.create_setup(",
            f"{_INDENT}model={model},",
            f"{_INDENT}clocks={{}},",
            f"{_INDENT}input_vars={{{body}}},",
            f"{_INDENT}output_vars={{}},",
            ")",
            "",
        ]
    )


def _inputs(graph: ModelGraph, skip_default: bool) -> dict[Key, tuple[VariableSpec, Any]]:
    found = {}
    for key in graph.inputs:
        spec = graph.input_spec(key)
        value = spec.default_for(graph.specs[key[0]].cls)
        if value is NOTHING or not skip_default:
            found[key] = (spec, value)
    return found


def _about(spec: VariableSpec) -> str:
    facts = [
        spec.description or spec.name,
        f"in {spec.attrs['units']}" if "units" in spec.attrs else "",
        f"dims {show_alternatives(spec.dims)}" if any(spec.dims) else "",
        "static" if spec.static else "",
    ]
    return " ".join(", ".join(filter(None, facts)).split())  # on one line


def _entry(name: str, value: Any, default: bool) -> str:
    if not default or value is NOTHING:
        return f"{name!r}: ,"
    code = _as_code(value)
    # create_setup fills it in.
    return f"# {name!r} has a default that no code can be written for" if code is None else f"{name!r}: {code},"


def _as_code(value: Any) -> str | None:
    """Write an expression for a value; None where there is none."""
    if isinstance(value, np.datetime64 | np.timedelta64):
        unit = np.datetime_data(value.dtype)[0]
        number = repr(str(value)) if isinstance(value, np.datetime64) else str(int(value.astype(np.int64)))
        return f"np.{type(value).__name__}({number}, {unit!r})"
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not np.isfinite(value):
        return f"float({str(value)!r})"
    if isinstance(value, np.ndarray):
        if value.size > _LARGEST_ARRAY or value.dtype.kind not in "biufU":
            return None
        if value.dtype.kind == "f" and not np.isfinite(value).all():
            return None
        return f"np.array({value.tolist()!r}, dtype={str(value.dtype)!r})"
    text = repr(value)
    try:
        return text if len(text) <= _LONGEST_CODE and ast.literal_eval(text) == value else None
    except (ValueError, SyntaxError):
        return None
