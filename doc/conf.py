"""How Sphinx builds the documentation; `make doc` runs it. Nothing is fetched while building."""

from __future__ import annotations

import atexit
import os
import re
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

from jupyter_client import AsyncKernelManager
from sphinx.application import Sphinx

import xsim

project = "xsim"
author = "xsim developers"
version = release = xsim.__version__

extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.autosummary", "sphinx.ext.napoleon", "sphinx_copybutton"]
exclude_patterns = ["README.md"]  # the way into this folder for readers of the repository
templates_path: list[str] = []

# --- Text: MyST Markdown, where `name` is code, as everywhere ---
myst_enable_extensions = ["deflist", "colon_fence"]
myst_heading_anchors = 3
# In docstrings, `name` is a link where there is such an object.
default_role = "autolink"

# --- Code: cells are run at each build, in a folder of their own; an error ends the build ---
nb_execution_mode = "force"
nb_execution_in_temp = True
nb_execution_raise_on_error = True
nb_execution_timeout = 300
# What a cell prints to stderr, warnings among it, is not expected, unless the cell says so (`output_stderr: show`).
nb_output_stderr = "warn"
nb_merge_streams = True
nb_ipywidgets_js: dict[str, dict[str, str]] = {}
# Kernels have a profile of their own, not that of whoever builds. Errors are shown by their message, without traceback.
profile = Path(tempfile.mkdtemp(prefix="xsim-doc-", dir=None if sys.platform == "win32" else "/tmp"))
atexit.register(shutil.rmtree, profile, ignore_errors=True)
(profile / "profile_default").mkdir()
(profile / "profile_default" / "ipython_kernel_config.py").write_text(
    "c = get_config()\nc.InteractiveShell.xmode = 'Minimal'\nc.HistoryManager.enabled = False\n",
    encoding="utf-8",
)
os.environ["IPYTHONDIR"] = str(profile)
if sys.platform != "win32":
    # Kernels are reached through files, not through ports: two that start at the same time, in this build and in
    # another one, may be given the same port and then wait for ever. No setting gets there from here. The folder's path
    # is short, as that of such files must be, and absolute, as kernels run in folders of their own.
    AsyncKernelManager.transport = "ipc"
    AsyncKernelManager.ip = str(profile / "kernel")
os.environ["MATPLOTLIBRC"] = str(Path(__file__).parent / "matplotlibrc")
os.environ["MPLBACKEND"] = "module://matplotlib_inline.backend_inline"
# Progress bars are for people; pages that show one switch it on. The notice is of their form in notebooks.
os.environ["TQDM_DISABLE"] = "1"
os.environ["PYTHONWARNINGS"] = "ignore:IProgress not found"

# --- Reference: from docstrings, whose sections give the types ---
autodoc_typehints = "none"
autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
napoleon_google_docstring = False
napoleon_use_rtype = False
napoleon_use_ivar = True
copybutton_exclude = ".linenos, .gp, .go"

# --- Looks ---
html_theme = "furo"
html_title = f"xsim {release}"
html_static_path = ["_static"]
html_css_files = ["xsim.css"]
html_copy_source = False
html_show_copyright = False
html_theme_options = {"footer_icons": []}
pygments_style = "friendly"
pygments_dark_style = "monokai"


def link_design_rules(app: Sphinx, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    """Let docstrings that cite a design rule link to the rules."""
    lines[:] = [re.sub(r"DESIGN (§\w+)", r":doc:`design rule \1 </design/rules>`", line) for line in lines]


def plain_errors(app: Sphinx, what: str, name: str, obj: Any, *_: Any) -> tuple[str, str] | None:
    """Show only once how an error of xsim is made: the same for all of them."""
    return ("", "") if what == "exception" and issubclass(obj.__base__, xsim.errors.XsimError) else None


def setup(app: Sphinx) -> None:
    """Register what is above."""
    app.connect("autodoc-process-docstring", link_design_rules)
    app.connect("autodoc-process-signature", plain_errors)
