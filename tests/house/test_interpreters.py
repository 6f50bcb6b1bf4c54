"""`ci/interpreters`, run with made-up interpreters on the path."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="ci/interpreters is a POSIX sh script")

SCRIPT = Path(__file__).parents[2] / "ci" / "interpreters"
NONE = (
    "ci/interpreters: no Python 3.11 to 3.14 with venv and ensurepip was found; name one with PYTHON=/path/to/python\n"
)


class Machine:
    """A folder of made-up commands, the only ones on the path but for the system's own tools."""

    def __init__(self, root: Path):
        self.bin = root / "a bin"  # paths with spaces have to work
        self.home = root / "home"
        for folder in (self.bin, self.home):
            folder.mkdir()
        for tool in ("sh", "cat"):
            found = next(Path(place, tool) for place in ("/bin", "/usr/bin") if Path(place, tool).exists())
            (self.bin / tool).symlink_to(found)

    def command(self, path: Path | str, body: str) -> str:
        path = self.bin / path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"#!/bin/sh\n{body}\n")
        path.chmod(0o755)
        return str(path)

    def python(self, path: Path | str, minor: int) -> str:
        """Add an interpreter that answers with its version and its path."""
        return self.command(path, f'echo "3 {minor} $0"')

    def shim(self, path: Path | str) -> str:
        """Add a command that is found, and fails when called."""
        return self.command(path, "exit 127")

    def run(self, *arguments: str, **environ: str) -> tuple[int, list[str], str]:
        """Run the script; return its status, the lines it printed and its error output."""
        done = subprocess.run(
            [SCRIPT, *arguments],
            env={"PATH": str(self.bin), "HOME": str(self.home), **environ},
            capture_output=True,
            text=True,
        )
        return done.returncode, done.stdout.splitlines(), done.stderr


@pytest.fixture
def machine(tmp_path):
    return Machine(tmp_path)


def test_each_minor_version_is_listed_once(machine):
    """Interpreters are listed by version, and further names of a listed version are left out."""
    new = machine.python("python3.13", 13)
    old = machine.python("python3.11", 11)
    machine.python("python3", 13)

    assert machine.run() == (0, [old, new], "")


def test_first_is_the_preferred_one(machine):
    """With --first only the preferred interpreter is printed."""
    machine.python("python3.13", 13)
    old = machine.python("python3.11", 11)

    assert machine.run("--first") == (0, [old], "")


def test_failing_shims_are_passed_over(machine):
    """A command that is on the path and fails when called is no interpreter."""
    machine.shim("python3.11")
    good = machine.python("python3.12", 12)

    assert machine.run() == (0, [good], "")


def test_unnumbered_commands_count(machine):
    """An interpreter that is only called python3 or python is found."""
    three = machine.python("python3", 12)
    plain = machine.python("python", 13)

    assert machine.run() == (0, [three, plain], "")


@pytest.mark.parametrize("minor", [10, 15])
def test_other_versions_do_not_fit(machine, minor):
    """Versions older than 3.11 or newer than 3.14 are passed over."""
    machine.python("python3", minor)

    assert machine.run() == (1, [], NONE)


def test_pyenv_is_searched_last(machine):
    """Versions of pyenv that no command on the path leads to are found, after those on the path."""
    pyenv = machine.home / "py env"
    machine.command("pyenv", f'[ "$1" = root ] && echo "{pyenv}"')
    machine.shim("python3.12")
    on_path = machine.python("python3.13", 13)
    installed = machine.python(pyenv / "versions/3.12.1/bin/python3.12", 12)
    machine.python(pyenv / "versions/3.13.0/bin/python3.13", 13)

    assert machine.run() == (0, [on_path, installed], "")


def test_pyenv_is_found_in_its_usual_place(machine):
    """The versions of a pyenv that is not on the path are found in the home folder."""
    installed = machine.python(machine.home / ".pyenv/versions/3.12.1/bin/python3.12", 12)

    assert machine.run() == (0, [installed], "")


def test_a_given_interpreter_alone_counts(machine):
    """PYTHON= may be a name or a path, and then no other interpreter is tried."""
    machine.python("python3.11", 11)
    named = machine.python("python3.13", 13)
    elsewhere = machine.python(machine.home / "my python", 12)

    assert machine.run(PYTHON="python3.13") == (0, [named], "")
    assert machine.run("--first", PYTHON=elsewhere) == (0, [elsewhere], "")


def test_a_given_interpreter_has_to_fit(machine):
    """A PYTHON= that does not fit is an error of one line, even where others would fit."""
    machine.python("python3.13", 13)
    shim = machine.shim("shim")
    message = "ci/interpreters: PYTHON={} is not a Python 3.11 to 3.14 with venv and ensurepip\n"

    assert machine.run(PYTHON=shim) == (1, [], message.format(shim))
    assert machine.run(PYTHON="absent") == (1, [], message.format("absent"))


def test_none_is_an_error(machine):
    """Without any fitting interpreter the script fails, and says so in one line."""
    machine.shim("python3.11")

    assert machine.run() == (1, [], NONE)


def test_unknown_arguments_are_refused(machine):
    """An argument other than --first and --minor is refused by name."""
    message = "ci/interpreters: unknown argument '--last'; there are --first and --minor N\n"

    assert machine.run("--last") == (2, [], message)


def test_one_minor_version_can_be_asked_for(machine):
    """With --minor that version alone is found, however old: other frameworks need their own."""
    machine.python("python3.11", 11)
    machine.python("python3", 13)
    old = machine.python("python3.9", 9)

    assert machine.run("--minor", "9") == (0, [old], "")
    assert machine.run("--minor", "8") == (1, [], NONE.replace("3.11 to 3.14", "3.8"))
    assert machine.run("--minor") == (2, [], "ci/interpreters: --minor needs a number\n")


def test_this_interpreter_fits(machine):
    """The real interpreter that runs this test is found, and printed as one that can be run."""
    status, printed, errors = machine.run(PYTHON=sys.executable)

    assert (status, len(printed), errors) == (0, 1, "")
    assert os.access(printed[0], os.X_OK)
