"""What a check has found."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import attrs

from xsim._base.render import names, quantity
from xsim._base.suggest import did_you_mean
from xsim.errors import CheckError, OptionError


@attrs.frozen
class Finding:
    """A rule that does not hold.

    Attributes
    ----------
    rule : str
        Its name, as in the argument ``skip`` of the check.
    variable : str
        Name of the variable or attribute concerned; empty if it is the process.
    problem : str
        The subject, and what is wrong.
    got, expected, remedy : str
    """

    rule: str
    variable: str
    problem: str
    got: str
    expected: str
    remedy: str

    def __str__(self) -> str:
        lines = [f"[{self.rule}] {self.problem}"]
        lines += [f"      {what}: {getattr(self, what)}" for what in ("got", "expected", "remedy")]
        return "\n".join(lines)


class Findings:
    """Collects what a check finds, the first of each kind.

    Parameters
    ----------
    rules : iterable of str
        Names of the rules that are checked.
    skip : iterable of str
        Rules that are not to be checked (``"dtype"``), or not of a variable (``"dtype:total"``).

    Raises
    ------
    OptionError
        If `skip` names no rule.
    """

    def __init__(self, rules: Iterable[str], skip: Iterable[str]) -> None:
        known = list(rules)
        self._skipped = {skip} if isinstance(skip, str) else set(skip)
        for each in self._skipped:
            rule = each.partition(":")[0]
            if rule not in known:
                raise OptionError(
                    f"skip= names no rule {rule!r}",
                    expected=f"one of {names(known, limit=len(known))}, or e.g. '{known[0]}:variable'",
                    suggestions=did_you_mean(rule, known),
                )
        self._found: dict[tuple[str, str], Finding] = {}

    def skips(self, rule: str, variable: str = "") -> bool:
        """Whether a rule is not to be checked (of a variable)."""
        return rule in self._skipped or f"{rule}:{variable}" in self._skipped

    def add(self, rule: str, variable: str, problem: str, *, got: str, expected: str, remedy: str) -> None:
        """Take a finding, unless there is one of the same rule and variable, or it is skipped."""
        if not self.skips(rule, variable):
            self._found.setdefault((rule, variable), Finding(rule, variable, problem, got, expected, remedy))

    def has(self, rule: str) -> bool:
        """Whether there is a finding of a rule."""
        return any(rule == found for found, _ in self._found)

    def report(self, subject: str) -> None:
        """Raise one error that lists everything.

        Raises
        ------
        CheckError
            If anything was found.
        """
        if self._found:
            found = tuple(self._found.values())
            raise CheckError.listing(
                f"{subject} breaks {quantity(len(found), 'rule')}", map(str, found), findings=found
            )


def attempt(call: Callable[..., Any], *args: Any) -> tuple[Any, str]:
    """Call something; give what it returns and nothing, or nothing and what it raised, in words."""
    try:
        return call(*args), ""
    except Exception as error:
        text = str(error).splitlines()
        return None, f"{type(error).__name__}: {text[0] if text else ''}"
