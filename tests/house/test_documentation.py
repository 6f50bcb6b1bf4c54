"""The documentation is complete; `make doc` builds it and runs its code."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest

import xsim as xs
from xsim.plan.options import RunOptions
from xsim.setup import attributes
from xsim.sink.finish import MISSING
from xsim.sink.journal import FIELDS, JOURNAL

ROOT = Path(__file__).parents[2]
DOC = ROOT / "doc"
NOT_PAGES = {"README.md"}  # for readers of the repository


def pages() -> set[str]:
    """Give all pages, as toctrees name them."""
    return {
        path.relative_to(DOC).with_suffix("").as_posix() for path in DOC.rglob("*.md") if path.name not in NOT_PAGES
    }


def text(page: str) -> str:
    """Give the source of a page."""
    return (DOC / f"{page}.md").read_text(encoding="utf-8")


def described() -> set[str]:
    """Give what the reference describes from docstrings, by its full name."""
    found = set()
    for page in pages():
        if page.startswith("reference/"):
            found |= set(re.findall(r"^\.\. (?:auto\w+|data):: ([\w.]+)$", text(page), re.M))
    return {name if name.startswith("xsim.") else f"xsim.{name}" for name in found}


def test_every_public_name_is_in_the_reference() -> None:
    """Names at the top level, and modules that users import from, are described in the reference, and no others."""
    modules = {f"xsim.{path.stem}" for path in (ROOT / "xsim").glob("[!_]*.py")}
    modules |= {f"xsim.{path.parent.name}" for path in (ROOT / "xsim").glob("testing/__init__.py")}
    public = {f"xsim.{name}" for name in xs.__all__ if name != "__version__"} | modules
    assert public - described() == set(), "add these to a page of doc/reference"
    assert {name for name in described() if name.count(".") == 1} - public == set()


def test_every_argument_of_a_run_is_in_the_reference() -> None:
    """The table of arguments has each argument of `run`, in their order, with its default."""
    rows = re.findall(r"^\| `(\w+)` \| `([^`]+)` \|", text("reference/options"), re.M)
    parameters = list(inspect.signature(xs.XsimAccessor.run).parameters.values())[1:]
    assert rows == [(p.name, repr(p.default).replace("'", '"')) for p in parameters]


@pytest.mark.parametrize("page", ["reference/options", "how-to/store"])
def test_every_key_of_encodings_is_named(page: str) -> None:
    """Pages that list the keys of encodings list all of them."""
    with pytest.raises(xs.errors.OptionError) as caught:
        RunOptions(encoding={"output": {"no such key": 1}})
    keys = re.findall(r"'(\w+)'", str(caught.value.expected))
    assert {"dtype", "chunks"} < set(keys)
    assert [key for key in keys if f"`{key}`" not in text(page)] == []


def test_the_layout_of_stores_is_complete() -> None:
    """The page on stores names each attribute and each variable that xsim writes."""
    names = {value for value in vars(attributes).values() if isinstance(value, str) and value.startswith("xsim_")}
    names |= {name for name, _, _ in FIELDS.values()} | {MISSING, JOURNAL}
    assert len(names) > 20
    assert [name for name in sorted(names) if f"`{name}`" not in text("reference/store")] == []


def test_every_page_is_in_a_toctree() -> None:
    """Each page but the first can be reached from the contents, and the contents name no other."""
    listed = set()
    for page in pages():
        for body in re.findall(r"^```\{toctree\}\n(.*?)^```", text(page), re.M | re.S):
            entries = [line for line in body.splitlines() if line and not line.startswith(":")]
            folder = Path(page).parent
            listed |= {(folder / entry).as_posix() for entry in entries}
    assert pages() - {"index"} == listed


def test_code_fits_the_page() -> None:
    """Code in cells has no line that is wider than a page shows."""
    wide = []
    for page in sorted(pages()):
        for cell in re.findall(r"^```\{code-cell\} ipython3\n(.*?)^```", text(page), re.M | re.S):
            wide += [f"{page}: {line}" for line in cell.splitlines() if len(line) > 88]
    assert wide == []
