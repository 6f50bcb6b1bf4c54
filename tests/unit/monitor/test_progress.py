"""Progress: shown to those who watch, quiet otherwise (DESIGN §O7)."""

import sys
from types import SimpleNamespace

import numpy as np
import pytest

import xsim as xs
from xsim.engine.events import NoEvents
from xsim.errors import OptionError
from xsim.monitor.progress import Bar, is_interactive, progress_for

HOW = {
    "sequential": {},
    "threads": {"parallel": True, "workers": 2},
    "processes": {"parallel": True, "scheduler": "processes", "workers": 2},
}


@xs.process
class Tick:
    k = xs.variable(default=1)
    out = xs.variable(intent="out")

    def run_step(self):
        self.out = self.k
        if self.k < 0:
            raise ValueError("negative")


MODEL = xs.Model({"tick": Tick})


def setup_of(k=1):
    return xs.create_setup(
        model=MODEL,
        clocks={"time": np.arange(8)},
        input_vars={"tick__k": k},
        output_vars={"tick__out": None},
    )


@pytest.fixture
def terminal(monkeypatch):
    """Let stderr be a terminal; to be called in the test itself, whose stderr is not that of its fixtures."""
    return lambda: monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)


@pytest.fixture
def screen(capsys):
    """Give what was printed since the last time, out and err, without what a bar overwrites."""

    def read():
        captured = capsys.readouterr()
        return captured.out, captured.err.replace("\r", "\n")

    return read


@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("progress", [None, False])
def test_quiet(screen, how, progress):
    """Nothing is printed where nobody watches, or nobody wants to."""
    setup_of(("b", [1, 2, 3])).xsim.run(MODEL, batch_dim="b", progress=progress, **HOW[how])
    assert screen() == ("", "")


def test_quiet_single_run(screen):
    """A single run is quiet too."""
    setup_of().xsim.run(MODEL)
    assert screen() == ("", "")


def test_off_in_a_terminal(screen, terminal):
    """progress=False silences a terminal."""
    terminal()
    setup_of(("b", [1, 2, 3])).xsim.run(MODEL, batch_dim="b", progress=False)
    assert screen() == ("", "")


@pytest.mark.parametrize("how", HOW)
def test_on(screen, how):
    """progress=True shows members under every scheduler, and how the run ended; on stderr only."""
    setup_of(("b", [1, 2, 3])).xsim.run(MODEL, batch_dim="b", progress=True, **HOW[how])
    out, err = screen()
    assert out == ""
    assert "3/3" in err
    assert "member" in err
    assert "3 of 3 members done" in err


def test_on_single_run(screen):
    """progress=True shows the steps of a single run."""
    setup_of().xsim.run(MODEL, progress=True)
    out, err = screen()
    assert out == ""
    assert "7/7" in err
    assert "step" in err


def test_on_in_a_terminal(screen, terminal):
    """In a terminal progress is shown without being asked for."""
    terminal()
    setup_of(("b", [1, 2, 3])).xsim.run(MODEL, batch_dim="b")
    assert "3/3" in screen()[1]


def test_failures_are_counted(screen):
    """Members that fail count as ended, and are told apart."""
    with pytest.warns(xs.BatchWarning):
        setup_of(("b", [1, -2, 3, -4])).xsim.run(MODEL, batch_dim="b", progress=True, on_error="continue")
    _, err = screen()
    assert "4/4" in err
    assert "2 failed" in err
    assert "2 of 4 members done, 2 failed" in err


def test_the_bar_ends_after_an_error(screen, monkeypatch):
    """A bar is closed also when the run fails."""
    closed = []
    monkeypatch.setattr(Bar, "close", lambda self: closed.append(self))
    with pytest.raises(ValueError):  # noqa: PT011
        setup_of(-1).xsim.run(MODEL, progress=True)
    assert len(closed) == 1


def test_nobody_watches():
    """Where progress is off, events go nowhere and cost nothing."""
    with progress_for(setup_of().xsim.plan(MODEL, progress=False)) as events:
        assert isinstance(events, NoEvents)
    with progress_for(setup_of().xsim.plan(MODEL, progress=True)) as events:
        assert isinstance(events, Bar)


def test_who_watches(monkeypatch):
    """A terminal is one who watches; a file, a pipe, and no stderr at all are not; a notebook is."""
    monkeypatch.delitem(sys.modules, "IPython", raising=False)
    assert not is_interactive()
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stderr", None)
        assert not is_interactive()
    with monkeypatch.context() as patch:
        patch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
        assert is_interactive()
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "ipykernel", sys)
        assert not is_interactive()  # imported, but no kernel runs
        patch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: None))
        assert not is_interactive()
        patch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: SimpleNamespace(kernel=1)))
        assert is_interactive()


def test_results_are_the_same():
    """Watching changes no result."""
    setup = setup_of(("b", [1, 2, 3]))
    shown = setup.xsim.run(MODEL, batch_dim="b", progress=True, seed=1)
    hidden = setup.xsim.run(MODEL, batch_dim="b", progress=False, seed=1)
    xs.testing.assert_identical_runs(shown, hidden)


@pytest.mark.parametrize("use", ["with", "register", "hooks"])
def test_chosen_bar(screen, use):
    """A progress bar of the user's is shown without a terminal, in each way in which a hook is used."""
    bar = xs.monitoring.ProgressBar("console", desc="mine", ncols=60)
    if use == "with":
        with bar:
            setup_of().xsim.run(MODEL)
    elif use == "register":
        bar.register()
        setup_of().xsim.run(MODEL)
        bar.unregister()
    else:
        setup_of().xsim.run(MODEL, hooks=iter([bar]))
    out, err = screen()
    assert out == ""
    assert "mine: 100%" in err
    assert "7/7" in err
    assert max(map(len, err.splitlines())) <= 60
    setup_of().xsim.run(MODEL)
    assert screen() == ("", "")


@pytest.mark.parametrize("how", HOW)
def test_chosen_bar_in_batches(screen, how):
    """It shows members under every scheduler: progress is no matter of hooks (DESIGN §O7)."""
    with xs.monitoring.ProgressBar(mininterval=0):
        setup_of(("b", [1, 2, 3])).xsim.run(MODEL, batch_dim="b", **HOW[how])
    err = screen()[1]
    assert "3/3" in err
    assert "member" in err


def test_one_bar_only(screen, terminal):
    """It takes the place of xsim's own bar, and the last one chosen that of others."""
    terminal()
    with xs.monitoring.ProgressBar(desc="outer"):
        setup_of().xsim.run(MODEL, hooks=[xs.monitoring.ProgressBar(desc="inner")], progress=True)
    err = screen()[1]
    assert {line.partition(":")[0] for line in err.splitlines() if line} == {"inner"}


def test_chosen_bar_can_be_switched_off(screen):
    """progress=False shows none at all."""
    with xs.monitoring.ProgressBar():
        setup_of().xsim.run(MODEL, progress=False)
    assert screen() == ("", "")


def test_stages_are_shown(screen):
    """A single run says which stage it is in."""
    with xs.monitoring.ProgressBar(mininterval=0):
        setup_of().xsim.run(MODEL)
    stages = [line.partition(":")[0] for line in screen()[1].splitlines() if line]
    assert list(dict.fromkeys(stages)) == ["initialize", "run_step", "finalize", "done"]


@pytest.mark.parametrize("frontend", ["auto", "console"])
def test_frontends(screen, frontend):
    """Text is shown where there is no notebook."""
    with xs.monitoring.ProgressBar(frontend):
        setup_of().xsim.run(MODEL)
    assert "7/7" in screen()[1]


def test_unknown_frontend():
    """A frontend that does not exist is refused at once (DESIGN §E2)."""
    with pytest.raises(OptionError) as error:
        xs.monitoring.ProgressBar("notebok")
    assert str(error.value) == (
        "Frontend argument 'notebok' not supported\n"
        "  expected: one of 'auto', 'console', 'gui', 'notebook'\n"
        "  did you mean: 'notebook'?"
    )


def test_repr():
    """A progress bar prints how it was made."""
    assert repr(xs.monitoring.ProgressBar()) == "ProgressBar('auto')"
    assert repr(xs.monitoring.ProgressBar("gui", ncols=3)) == "ProgressBar('gui', ncols=3)"


def test_chosen_bar_has_no_hooks():
    """It costs nothing in the step loop: there is no function to call (DESIGN §O7)."""
    assert xs.monitoring.ProgressBar().functions() == []


def test_disabled_bar(screen):
    """tqdm's own switch silences the bar and what is said at the end."""
    with xs.monitoring.ProgressBar(disable=True):
        setup_of(("b", [1, 2])).xsim.run(MODEL, batch_dim="b")
        setup_of().xsim.run(MODEL)
    assert screen() == ("", "")
