"""Names of variables in a model: ``(process, variable)`` keys and ``process__variable`` names (DESIGN §V2)."""

from __future__ import annotations

SEPARATOR = "__"

Key = tuple[str, str]


def join_key(key: Key) -> str:
    """Give the dataset name of a key: ``("a", "b")`` is ``"a__b"``."""
    return f"{key[0]}{SEPARATOR}{key[1]}"


def split_name(name: str) -> Key | None:
    """Give the key of a dataset name, split at the first ``__``; None if there is none.

    Variable names may contain the separator themselves: ``"a__b__c"`` is ``("a", "b__c")``.
    """
    process, separator, variable = name.partition(SEPARATOR)
    if not (process and separator and variable):
        return None
    return process, variable
