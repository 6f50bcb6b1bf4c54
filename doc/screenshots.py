"""Takes the pictures of LiveStatus in doc/images, from real runs of examples/solver_profiles.py.

In a terminal: the example runs in tmux, and rich draws what stands there. In a notebook: a run is watched, and Chromium
draws the table that a cell shows. Both show a moment at which a profile is done, and two tell how far they are.
Needed are tmux, chromium, and the packages of the example and of LiveStatus::

    python doc/screenshots.py
"""

from __future__ import annotations

import io
import re
import shlex
import subprocess
import sys
import tempfile
import threading
import time
import warnings
from collections.abc import Callable
from pathlib import Path

from rich.console import Console
from rich.text import Text

import xsim as xs
from xsim.monitoring import LiveStatus

ROOT = Path(__file__).parents[1]
IMAGES = ROOT / "doc" / "images"
EXAMPLE = ROOT / "examples" / "solver_profiles.py"
HOURS = 8760
COLUMNS, LINES = 72, 8
MOMENT = re.compile(r"(?=.*[1-9]\S* done).* [1-9]\d?%.* [1-9]\d?%", re.S)
WAIT = 120.0  # seconds at the most, for the moment to come
PAGE = '<!DOCTYPE html><meta charset="utf-8"><style>body {{ font: 15px sans-serif; margin: 12px }}</style>{}'


def at_the_moment(look: Callable[[], str]) -> str:
    """Give what is shown at the moment at which the picture is to be taken."""
    until = time.monotonic() + WAIT
    while time.monotonic() < until:
        shown = look()
        if MOMENT.search(Text.from_ansi(shown).plain):
            return shown
        time.sleep(0.1)
    raise TimeoutError(f"the moment did not come; shown last:\n{shown}")


def terminal(path: Path, folder: str) -> None:
    """Draw what a terminal shows while the example runs."""
    tmux = ["tmux", "-L", f"xsim-screenshots-{time.time_ns()}", "-f", "/dev/null"]  # a server of its own
    command = shlex.join([sys.executable, EXAMPLE.name, "--out", folder, "--hours", str(HOURS), "--live"])
    size = ["-x", str(COLUMNS), "-y", str(LINES)]
    subprocess.run([*tmux, "new-session", "-d", *size, command], cwd=EXAMPLE.parent, check=True)
    show = [*tmux, "capture-pane", "-p", "-e"]
    try:
        shown = at_the_moment(lambda: subprocess.run(show, check=True, capture_output=True, text=True).stdout)
    finally:
        subprocess.run([*tmux, "kill-server"], check=False)
    console = Console(record=True, force_terminal=True, width=COLUMNS, file=io.StringIO())
    console.print(Text.from_ansi(shown.rstrip()))
    svg = console.export_svg(title="python examples/solver_profiles.py --live")
    fonts = r"@font-face \{.*?\}\s*"  # are fetched from elsewhere
    path.write_text(re.sub(fonts, "", svg, flags=re.S), encoding="utf-8")


def notebook(path: Path, folder: str) -> None:
    """Draw what a cell of a notebook shows while the profiles are being solved."""
    sys.path.insert(0, str(EXAMPLE.parent))
    import solver_profiles as scan

    live = LiveStatus(display="none")
    shown: list[str] = []

    def watch() -> None:
        at_the_moment(lambda: repr(live.status))
        shown.append(live.status._repr_html_())  # type: ignore[union-attr]
        live.cancel(*range(len(scan.PROFILES)))  # the rest is not shown

    watcher = threading.Thread(target=watch)
    watcher.start()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", xs.BatchWarning)
        scan.profile_setup(Path(folder) / "matrix.npz", HOURS).xsim.run(
            model=scan.build_model(),
            batch_dim="profile",
            parallel=True,
            workers=2,
            threads_per_worker=1,
            on_error="continue",
            hooks=[live],
        )
    watcher.join()
    page = Path(folder) / "page.html"
    page.write_text(PAGE.format(*shown), encoding="utf-8")
    chromium = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--force-device-scale-factor=2"]
    picture = [f"--screenshot={path}", "--window-size=560,110", page.as_uri()]
    subprocess.run([*chromium, *picture], check=True, capture_output=True)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        terminal(IMAGES / "live_terminal.svg", scratch)
        notebook(IMAGES / "live_notebook.png", scratch)
