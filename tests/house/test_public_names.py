"""The public surface is what it is on purpose."""

from __future__ import annotations

import inspect
import operator
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import xarray as xr

import xsim as xs

NAMES = [
    *("process", "variable", "index", "on_demand", "any_object", "foreign", "global_ref", "group", "group_dict"),
    *("runtime", "Job", "runtime_hook", "RuntimeHook", "RuntimeSignal", "stop", "MAIN_CLOCK", "VarIntent", "VarType"),
    *("process_name", "filter_variables", "process_info", "variable_info"),
    *("Model", "create_setup", "XsimAccessor", "open_run", "cancel", "Explanation"),
    *("ThreadSynchronizer", "ProcessSynchronizer", "BatchWarning", "PlanWarning", "ProgramWarning"),
    *("dot", "validators", "monitoring", "testing", "errors", "__version__"),
]

SIGNATURES = {
    xs.create_setup: "model clocks main_clock input_vars output_vars fill_default master_clock",
    xs.process: "maybe_cls autodoc apply_attrs parallel",
    xs.variable: "dims intent global_name group groups default validator converter static description attrs encoding "
    "frozen",
    xs.index: "dims global_name groups description attrs encoding",
    xs.on_demand: "dims group groups description attrs encoding",
    xs.any_object: "global_name groups description attrs frozen",
    xs.foreign: "other_process_cls var_name intent lag initial",
    xs.global_ref: "name intent lag initial",
    xs.group: "name",
    xs.group_dict: "name",
    xs.runtime: "meth args",
    xs.stop: "reason",
    xs.Model: "processes order",
    xs.runtime_hook: "stage level trigger",
    xs.XsimAccessor.run: "self model batch_dim check_dims validate store encoding decoding hooks parallel scheduler "
    "safe_mode mode resume accept_code_change workers threads_per_worker block seed on_error max_failures retries "
    "time_limit progress scratch keep_scratch memory memory_per_member priority max_walltime",
    xs.cancel: "store members labels",
    xs.XsimAccessor.explain: "self model hooks safe_mode options",
    xs.Explanation.plot: "self ax",
    xs.XsimAccessor.update_clocks: "self model clocks main_clock master_clock",
    xs.XsimAccessor.update_vars: "self model input_vars output_vars",
    xs.XsimAccessor.reset_vars: "self model",
    xs.XsimAccessor.filter_vars: "self model",
    xs.XsimAccessor.summary: "self",
    xs.Model.update_state: "self input_vars validate ignore_static ignore_invalid_keys",
    xs.Model.execute: "self stage runtime_context hooks validate parallel scheduler",
    xs.Model.visualize: "self show_only_variable show_inputs show_variables",
    xs.filter_variables: "process var_type intent group func",
    xs.process_info: "process buf",
    xs.variable_info: "process var_name buf",
    xs.validators.in_bounds: "bounds closed",
    xs.validators.is_subdtype: "dtype",
    xs.monitoring.LiveStatus: "display interval file",
    xs.monitoring.ProgressBar: "frontend tqdm_kwargs",
    xs.dot.dot_graph: "model filename format show_only_variable show_inputs show_variables kwargs",
    xs.testing.run_process: "cls inputs varying state stages steps clock runtime seed name",
    xs.testing.check_process: "cls inputs varying state stages steps clock runtime seed name skip",
    xs.testing.assert_identical_runs: "a b ignore",
}


TESTING = {
    "testing": "run_process check_process assert_identical_runs ProcessRun Snapshot Finding strategies conformance",
    "testing.strategies": "models model_inputs drafts clocks setups run_options dtypes arrays",
    "testing.conformance": "SinkSuite BatchSinkSuite ExecutorSuite",
}


@pytest.mark.parametrize("path", TESTING)
def test_names_of_testing(path: str) -> None:
    """So are those of `xs.testing` and its parts, which can be reached from there."""
    module = operator.attrgetter(path)(xs)
    assert module.__all__ == TESTING[path].split()
    for name in module.__all__:
        assert inspect.getdoc(getattr(module, name))
    assert set(module.__all__) <= set(dir(module))


@pytest.mark.parametrize(("part", "package"), [("strategies", "hypothesis"), ("conformance", "pytest")])
def test_parts_of_testing_say_what_they_need(part: str, package: str) -> None:
    """Where a package of the extra `testing` is missing, the parts that need it say so; the rest works."""
    code = (
        f"import sys; sys.modules['{package}'] = None; import xsim as xs; xs.testing.run_process\n"
        f"try:\n    xs.testing.{part}\nexcept ImportError as error:\n    print(error)"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    expected = f"xsim.testing.{part} needs {package}: pip install 'xarray-xsim[testing]'"
    assert answer.stdout.strip() == expected


def test_names() -> None:
    """The names at the top level are pinned, each with a docstring."""
    assert xs.__all__ == NAMES
    for name in set(NAMES) - {"MAIN_CLOCK", "__version__"}:
        assert inspect.getdoc(getattr(xs, name))


@pytest.mark.parametrize("function", SIGNATURES, ids=lambda f: f.__qualname__)
def test_signatures(function: object) -> None:
    """Arguments keep their names and order, which models and notebooks rely on (API.md)."""
    assert list(inspect.signature(function).parameters) == SIGNATURES[function].split()  # type: ignore[arg-type]


def test_accessor_is_registered() -> None:
    """Every dataset has the accessor."""
    assert isinstance(xr.Dataset().xsim, xs.XsimAccessor)


def test_unfinished_arguments_are_refused() -> None:
    """An argument that does not work yet is an ordinary TypeError, never a stub."""
    with pytest.raises(TypeError, match="unexpected keyword argument 'checkpoint'"):
        xr.Dataset().xsim.run(xs.Model({}), checkpoint=1)


def test_version_is_that_of_the_distribution() -> None:
    """The version is written in two places, which agree."""
    pyproject = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8"))
    assert pyproject["project"]["version"] == xs.__version__


def test_running_brings_no_optional_package() -> None:
    """What runs models imports no package beyond the dependencies, of which tqdm comes when used."""
    code = (
        "import sys, xarray, zarr, dask, attr; before = {m.partition('.')[0] for m in sys.modules}; "
        "import xsim._run, xsim._execution, xsim.engine.measure, xsim.sink.outlook; "
        "print(sorted({m.partition('.')[0] for m in sys.modules} - before - set(sys.stdlib_module_names)))"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "['attrs', 'filelock', 'loky', 'threadpoolctl', 'xsim']"
