"""The sizes of the design (section 4)."""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
MODULES = sorted((ROOT / "xsim").rglob("*.py"))
MODULE_LINES = 400
FUNCTION_LINES = 60


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Count a function's lines, from its `def` on, without its docstring."""
    total = function.end_lineno - function.lineno + 1
    if ast.get_docstring(function) is not None:
        docstring = function.body[0]
        total -= docstring.end_lineno - docstring.lineno + 1
    return total


def test_modules_are_short():
    """No module of xsim is longer than 400 lines."""
    found = {str(path.relative_to(ROOT)): path.read_text(encoding="utf-8").count("\n") for path in MODULES}

    assert {name: count for name, count in found.items() if count > MODULE_LINES} == {}


def test_functions_are_short():
    """No function of xsim is longer than 60 lines, not counting its docstring."""
    found = {
        f"{path.relative_to(ROOT)}:{function.lineno} {function.name}": lines(function)
        for path in MODULES
        for function in functions(path)
    }

    assert {name: count for name, count in found.items() if count > FUNCTION_LINES} == {}
