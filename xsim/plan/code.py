"""Where the code of a process class comes from: its source text, its package, its commit."""

from __future__ import annotations

import hashlib
import inspect
import json
import sys
import textwrap
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from importlib import metadata
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname
from weakref import WeakKeyDictionary

import attrs

from xsim._base.repository import repository_of


@attrs.frozen
class Origin:
    """Where the code of a class comes from; None for what cannot be had.

    Attributes
    ----------
    source : str
        Hash of the source text of the class and its bases.
    distribution, version : str
        Package that the class was installed with.
    commit : str
        Commit of the git repository that its source file lies in.
    dirty : bool
        Whether files of the repository had changed since.
    """

    source: str | None = None
    distribution: str | None = None
    version: str | None = None
    commit: str | None = None
    dirty: bool | None = None


_KNOWN: WeakKeyDictionary[type, tuple[tuple[int, ...], Origin]] = WeakKeyDictionary()


def origin_of(cls: type) -> Origin:
    """Give the origin of a class, which is looked for once, unless members of the class are replaced."""
    members = tuple(id(value) for each in cls.__mro__[:-1] for value in vars(each).values())
    known = _KNOWN.get(cls)
    if known is None or known[0] != members:
        known = _KNOWN[cls] = members, _find(cls)
    return known[1]


def _find(cls: type) -> Origin:
    source = _source_digest(cls)
    path = _file_of(cls)
    if path is None:
        return Origin(source)
    package = _package_of(cls.__module__.partition(".")[0], path)
    found = None if _is_installed(path) else repository_of(path)
    return Origin(source, *(package or (None, None)), *((found.commit, found.dirty) if found else ()))


def _source_digest(cls: type) -> str | None:
    """Hash the source text of a class and its bases; None where nothing of it can be had, as in an interpreter."""
    texts = [text for each in cls.__mro__[:-1] if (text := _source_of(each)) is not None]
    return digest("\0".join(texts).encode()) if texts else None


def _source_of(cls: type) -> str | None:
    """Give the source text of a class, with that of methods which are not in it.

    There is no other text in notebooks, of classes that `type` made, and of methods that were set later. Of two classes
    of one name in a module, Python may find the text of the wrong one: then the methods tell them apart.
    """
    texts, lines, file = [], range(0), ""
    with suppress(OSError, TypeError):
        found, first = inspect.getsourcelines(cls)
        texts, lines, file = [textwrap.dedent("".join(found))], range(first, first + len(found)), inspect.getfile(cls)
    for name, value in sorted(vars(cls).items()):
        function = inspect.unwrap(getattr(value, "__func__", getattr(value, "fget", value)))
        # What attrs generates follows from the declarations.
        if not inspect.isfunction(function) or function.__code__.co_filename.startswith("<attrs generated"):
            continue
        if function.__code__.co_filename != file or function.__code__.co_firstlineno not in lines:
            with suppress(OSError):
                texts.append(f"{name}\0{textwrap.dedent(inspect.getsource(function))}")
    return "\0".join(texts) if texts else None


def digest(data: bytes) -> str:
    """Hash bytes."""
    return hashlib.sha256(data).hexdigest()[:32]


def _file_of(cls: type) -> Path | None:
    file = getattr(sys.modules.get(cls.__module__), "__file__", None)
    try:
        return Path(file).resolve(strict=True) if file else None
    except OSError:
        return None


def _is_installed(path: Path) -> bool:
    return any(part in ("site-packages", "dist-packages") for part in path.parts)


def _package_of(module: str, path: Path) -> tuple[str, str] | None:
    """Give name and version of the installed package that a file belongs to."""
    if module == "__main__":
        return None  # a script beside a package is no part of it
    for name in _candidates(module, _is_installed(path)):
        with suppress(metadata.PackageNotFoundError):
            package = metadata.distribution(name)
            if path.is_relative_to(Path(str(package.locate_file(""))).resolve()):
                return package.metadata["Name"], package.version
    return next(((name, version) for folder, name, version in _editable() if path.is_relative_to(folder)), None)


def _candidates(module: str, installed: bool) -> Iterator[str]:
    """Give names of packages that a module may come from; most are called as it is, and to look through all is slow."""
    yield module
    if installed:
        yield from _packages_of_modules().get(module, ())


@cache
def _packages_of_modules() -> dict[str, list[str]]:
    return dict(metadata.packages_distributions())


@cache
def _editable() -> tuple[tuple[Path, str, str], ...]:
    """Give folder, name and version of the packages that were installed in editable mode."""
    found = []
    for package in metadata.distributions():
        with suppress(ValueError, TypeError, AttributeError, OSError):
            direct = json.loads(package.read_text("direct_url.json") or "{}")
            if direct.get("dir_info", {}).get("editable"):
                folder = Path(url2pathname(urlsplit(direct["url"]).path)).resolve()
                found.append((folder, package.metadata["Name"], package.version))
    return tuple(found)
