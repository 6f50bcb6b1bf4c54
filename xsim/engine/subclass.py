"""Subclasses that process objects become of for the time of a run, unknown to their classes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class _NoSubclass:
    """Keeps them from counting as subclasses that somebody wrote."""

    def __init_subclass__(cls) -> None:
        """Do not tell the bases."""


def quiet_subclass(cls: Any, namespace: dict[str, Any], quiet: bool = True) -> type:
    """Make a subclass of the same name and layout, so that objects can change their class.

    Parameters
    ----------
    cls : type
    namespace : dict of str to object
        What it has of its own.
    quiet : bool
        Whether bases that want to be told of subclasses are not: objects of some classes (generic ones) can only become
        of a direct subclass.
    """
    names = {"__slots__": (), "__module__": cls.__module__, "__qualname__": cls.__qualname__, "__doc__": cls.__doc__}
    quiet = quiet and any("__init_subclass__" in vars(base) for base in cls.__mro__[:-1])
    made: type = type(cls)(cls.__name__, (_NoSubclass, cls) if quiet else (cls,), {**names, **namespace})
    return made


def unpickled_by(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give the function that makes an object of the class without disguise, in place of pickle's own.

    Pickle insists that the class which its own function is told is that of the object.
    """
    return _new if function.__name__ == "__newobj__" else function


def _new(cls: Any, *arguments: Any) -> Any:
    return cls.__new__(cls, *arguments)
