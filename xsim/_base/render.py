"""Text, HTML and graph text from plain tables; every repr of xsim builds on it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape

import attrs

Row = Sequence[str]


@attrs.frozen
class Section:
    """A titled table.

    Attributes
    ----------
    title : str
    rows : sequence of sequences of str
        Cells; rows may be of different length.
    empty : str
        What stands for a table without rows; nothing by default.
    """

    title: str
    rows: Sequence[Row] = ()
    empty: str = ""


@attrs.frozen
class Page:
    """A heading above sections, which prints itself as text and as HTML."""

    head: str
    sections: Sequence[Section] = ()

    def cut(self, most: int = 60) -> Page:
        """Leave out what is more than so many sections, or rows of a section."""
        sections = [
            attrs.evolve(part, rows=[*part.rows[:most], (_more(len(part.rows) - most),)])
            if len(part.rows) > most
            else part
            for part in self.sections[:most]
        ]
        rest = len(self.sections) - most
        return Page(self.head, [*sections, Section(_more(rest))] if rest > 0 else sections)

    def text(self) -> str:
        """Print it for terminals and logs."""
        lines = [self.head]
        for part in self.sections:
            lines += [part.title, *(columns(part.rows) or ([f"    {part.empty}"] if part.empty else []))]
        return "\n".join(lines)

    def html(self) -> str:
        """Print it for notebooks: sections with rows can be folded."""
        body = "".join(_section_html(part) for part in self.sections)
        return f'<div class="xsim">{_STYLE}<strong>{escape(self.head)}</strong>{body}</div>'


def _more(count: int) -> str:
    return f"... and {count} more"


# Colours and fonts are the notebook's own, light or dark; only its tables are made as plain as text.
_STYLE = (
    "<style>.xsim summary, .xsim p {margin: 0.3em 0 0 0} .xsim summary {cursor: pointer} "
    ".xsim table {margin: 0 0 0 1.2em !important; border: none} .xsim tr {background: none !important} "
    ".xsim td {text-align: left !important; vertical-align: top; padding: 0 1em 0 0; border: none; white-space: normal}"
    "</style>"
)


def _section_html(part: Section) -> str:
    title = escape(part.title)
    if not part.rows:
        return f"<p>{title}{f' <em>{escape(part.empty)}</em>' if part.empty else ''}</p>"
    rows = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in part.rows)
    return f"<details open><summary>{title}</summary><table>{rows}</table></details>"


def digraph(
    nodes: Mapping[str, Mapping[str, str]],
    edges: Iterable[tuple[str, str, Mapping[str, str]]],
    defaults: Mapping[str, Mapping[str, str]],
) -> str:
    """Write a directed graph in the DOT language.

    Parameters
    ----------
    nodes : mapping of str to mapping
        Attributes of each node.
    edges : iterable of tuples
        Both ends of each edge, and its attributes.
    defaults : mapping of str to mapping
        Attributes of the ``graph`` itself, and of each ``node`` and ``edge``.
    """
    lines = [f"    {kind}{_dot_attributes(found)};" for kind, found in defaults.items() if found]
    lines += [f"    {_dot_text(node)}{_dot_attributes(found)};" for node, found in nodes.items()]
    lines += [f"    {_dot_text(start)} -> {_dot_text(end)}{_dot_attributes(found)};" for start, end, found in edges]
    return "\n".join(["digraph {", *lines, "}"]) + "\n"


def _dot_attributes(attributes: Mapping[str, str]) -> str:
    pairs = ", ".join(f"{name}={_dot_text(value)}" for name, value in attributes.items())
    return f" [{pairs}]" if pairs else ""


def _dot_text(text: str) -> str:
    escaped = str(text).replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def columns(rows: Iterable[Sequence[str]], indent: str = "    ", gap: str = "  ") -> list[str]:
    """Align the cells of rows in columns, one line a row, without trailing blanks."""
    table = [list(row) for row in rows]
    if not table:
        return []
    width = max(len(row) for row in table)
    padded = [row + [""] * (width - len(row)) for row in table]
    sizes = [max(len(row[i]) for row in padded) for i in range(width)]
    return [
        (indent + gap.join(cell.ljust(size) for cell, size in zip(row, sizes, strict=True))).rstrip() for row in padded
    ]


def quantity(count: int, singular: str, plural: str | None = None) -> str:
    """Print a count with its noun: ``1 process``, ``2 processes``."""
    return f"{count} {singular if count == 1 else plural or singular + 's'}"


def size(nbytes: float) -> str:
    """Print a number of bytes: ``512 B``, ``1.5 MiB``."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if nbytes < 1024:
            return f"{nbytes:.0f} B" if unit == "B" else f"{nbytes:.1f} {unit}"
        nbytes /= 1024
    return f"{nbytes:.1f} TiB"


def duration(seconds: float) -> str:
    """Print a time to three digits, or in minutes and hours: ``12 ns``, ``3.40 ms``, ``125 s``, ``1 h 4 min``."""
    if seconds >= 600:
        minutes, rest = divmod(round(seconds), 60)
        hours, minutes = divmod(minutes, 60)
        return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"
    for unit, factor in (("s", 1.0), ("ms", 1e3), ("µs", 1e6)):
        if (value := seconds * factor) >= 0.9995:
            return f"{value:.{max(0, 3 - len(str(int(value + 0.0005))))}f} {unit}"
    return f"{seconds * 1e9:.0f} ns"


def names(items: Iterable[str], limit: int = 10) -> str:
    """Print quoted names separated by commas, at most `limit` of them."""
    quoted = [repr(item) for item in items]
    if len(quoted) > limit:
        return ", ".join(quoted[:limit]) + f" ... and {len(quoted) - limit} more"
    return ", ".join(quoted) if quoted else "none"
