"""The magic `%create_setup`, in a real IPython."""

import textwrap

import numpy as np
import pytest
from IPython.core.error import UsageError
from IPython.core.interactiveshell import InteractiveShell

import xsim as xs
from xsim.ipython import setup_code


@xs.process
class Grid:
    n = xs.variable(description="number\nof nodes", attrs={"units": "1"}, static=True, default=3)
    spacing = xs.variable(description="distance", dims=[(), "axis"])


@xs.process
class Heat:
    heat = xs.variable("x")
    rate = xs.variable(default=0.5)

    @heat.default
    def _heat(self):
        return np.array([1.0, 2.0])


MODEL = xs.Model({"grid": Grid, "heat": Heat})


def text(doc):
    """Give a text as it is meant to be."""
    return textwrap.dedent(doc).lstrip()


@pytest.fixture
def shell(monkeypatch, tmp_path):
    """Give an IPython with the extension loaded, which notes what it puts into cells."""
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path))
    shell = InteractiveShell()
    shell.user_ns |= {"model": MODEL, "models": {"a": MODEL}, "number": 3}
    shell.cells = []
    monkeypatch.setattr(
        shell, "set_next_input", lambda code, replace=False: shell.cells.append((code, replace)), raising=False
    )
    shell.run_line_magic("load_ext", "xsim.ipython")
    yield shell
    shell.history_manager.end_session()


def cell(shell, line):
    """Give the code that the magic puts into the cell."""
    shell.run_line_magic("create_setup", line)
    ((code, replaced),) = shell.cells
    assert replaced
    return code


def test_plain(shell):
    """The cell is replaced by a setup with all inputs, left blank, and keeps the magic as a comment."""
    assert cell(shell, "model") == text(
        """
        # %create_setup model
        import xsim as xs

        ds_in = xs.create_setup(
            model=model,
            clocks={},
            input_vars={
                'grid__n': ,
                'grid__spacing': ,
                'heat__heat': ,
                'heat__rate': ,
            },
            output_vars={},
        )
        """
    )


@pytest.mark.parametrize("flag", ["-s", "--skip-default", "-s -d"])
def test_skip_default(shell, flag):
    """`-s` leaves out inputs that have a default."""
    assert cell(shell, f"model {flag}").splitlines()[6:9] == [
        "    input_vars={",
        "        'grid__spacing': ,",
        "    },",
    ]


@pytest.mark.parametrize("flags", ["-d -v -n", "--default --verbose --nested"])
def test_all_flags(shell, flags):
    """`-d` writes defaults, `-v` comments on each input, `-n` groups them by process."""
    assert cell(shell, f"models['a'] {flags}") == text(
        f"""
        # %create_setup models['a'] {flags}
        import numpy as np
        import xsim as xs

        ds_in = xs.create_setup(
            model=models['a'],
            clocks={{}},
            input_vars={{
                'grid': {{
                    # number of nodes, in 1, static
                    'n': 3,
                    # distance, dims () or ('axis',)
                    'spacing': ,
                }},
                'heat': {{
                    # heat, dims ('x',)
                    'heat': np.array([1.0, 2.0], dtype='float64'),
                    # rate
                    'rate': 0.5,
                }},
            }},
            output_vars={{}},
        )
        """
    )


@pytest.mark.parametrize("flags", ["-d", "-d -n", "-d -v", "-v", "-n", "", "-s", "-s -n -v"])
def test_filled_in_code_runs(shell, flags):
    """Once the blanks are filled in, the cell makes the setup that was meant."""
    code = cell(shell, f"model {flags}")
    values = {"n": "3", "spacing": "2.0", "heat": "[1.0, 2.0]", "rate": "0.5"}
    for name, value in values.items():
        code = code.replace(f"{name}': ,", f"{name}': {value},")
    done = shell.run_cell(code)

    assert done.success
    expected = xs.create_setup(MODEL, input_vars={"grid__spacing": 2.0})
    assert shell.user_ns["ds_in"].equals(expected)


def test_empty_model(shell):
    """A model without inputs gives code that runs as it is."""
    shell.user_ns["empty"] = xs.Model({})
    code = cell(shell, "empty -n")

    assert "    input_vars={},\n" in code
    assert shell.run_cell(code).success


@pytest.mark.parametrize(
    "value",
    [
        *(1, 0.5, True, None, "it's", (1, 2), [1.5], {"a": 1}, np.nan, -np.inf, np.float32(0.5), np.int64(3)),
        *(np.bool_(True), np.str_("a"), np.datetime64("2000-01-02T03:04", "m"), np.timedelta64(3, "D")),
        *(np.array([1, 2]), np.zeros((2, 2), "float32"), np.array(["a", "bc"]), np.array(3)),
    ],
)
def test_defaults_as_code(value):
    """Numbers, text, dates, small arrays and what is made of them are written so that they come back equal."""
    model = xs.Model({"p": xs.process(type("P", (), {"v": xs.variable([(), "x"], default=value)}))})
    code = setup_code("model", model.graph, default=True)
    namespace = {}
    exec(code.replace("xs.create_setup", "dict"), namespace | {"model": model}, namespace)

    found = namespace["ds_in"]["input_vars"]["p__v"]
    np.testing.assert_array_equal(found, value)
    if isinstance(value, np.ndarray | np.datetime64 | np.timedelta64):
        assert found.dtype == value.dtype


@pytest.mark.parametrize("value", [object(), np.zeros(100), np.array([np.nan]), print, [np.float64(1)], [0] * 1000])
def test_defaults_without_code(value):
    """What no code can be written for is left to `create_setup`, with a comment that says so."""
    model = xs.Model({"p": xs.process(type("P", (), {"v": xs.variable([(), "x"], default=value)}))})

    for nested, name in ((False, "p__v"), (True, "v")):
        code = setup_code("model", model.graph, default=True, nested=nested)
        assert f"        # {name!r} has a default that no code can be written for\n" in code
        compile(code, "cell", "exec")


@pytest.mark.parametrize(
    "line, message",
    [
        (
            "modle",
            """
            Model 'modle' not defined or not imported
              got: NameError: name 'modle' is not defined
              expected: one of the models 'model'
              did you mean: 'model'?
            """,
        ),
        (
            "number -v",
            """
            'number' is not a xsim.Model object
              got: int
            """,
        ),
        (
            "models['b']",
            """
            Model "models['b']" not defined or not imported
              got: KeyError: 'b'
              expected: one of the models 'model'
              did you mean: 'model'?
            """,
        ),
        ("", "the following arguments are required: model\n"),
        ("model -x", "unrecognized arguments: -x\n"),
    ],
)
def test_mistakes(shell, line, message):
    """A mistake is told in a few lines, without a traceback, and leaves the cell alone."""
    with pytest.raises(UsageError) as error:
        shell.run_line_magic("create_setup", line)

    assert str(error.value) + "\n" == text(message)
    assert shell.cells == []


def test_no_model_at_all(shell):
    """Without any model, the message says how to make one."""
    shell.user_ns.pop("model")
    with pytest.raises(UsageError) as error:
        shell.run_line_magic("create_setup", "model")

    assert str(error.value).splitlines()[2] == "  expected: a model, made with xs.Model({...})"
