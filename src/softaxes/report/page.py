"""How does a report become one file that needs nothing else?

A page is plain data: a title, what it shows in two sentences, and sections of text, tables and pictures. ``write_page``
makes ``report.html`` of it, with pictures inlined, no request to anywhere, light or dark as the reader's system is, and
``metrics.json`` beside it. ``KIND_COLOURS`` is the one colour of each kind, in every picture and page of the project.
"""

from __future__ import annotations

import html
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from softaxes.data.files import write_text

KIND_COLOURS = {"pitch": "#3f83d8", "metre": "#dd7f2a", "time": "#21a07a", "chroma": "#b366cc"}
NEUTRAL = "#8b9099"  # what is about no kind, or about two
READING = "how to read it"  # the header over a table's sentences
REPORT_FILE, METRICS_FILE = "report.html", "metrics.json"


def kind_colour(name: str) -> str:
    """The colour of a kind; neutral for any that has none, or for a pair of kinds."""
    return KIND_COLOURS.get(name, NEUTRAL)


@dataclass(frozen=True)
class Picture:
    """A figure and how to read it."""

    figure: Figure
    caption: str


@dataclass(frozen=True)
class Widget:
    """Interactive HTML that brings its own script, and how to read it."""

    body: str
    caption: str


@dataclass(frozen=True)
class Table:
    """Rows of plain text under ``header``. ``kinds`` colours a row's first cell by the kind it is about, or by "".

    Raises:
        ValueError: rows that are not as long as the header.
    """

    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    caption: str = ""
    kinds: Sequence[str] = ()
    folded: bool = False

    def __post_init__(self) -> None:
        for row in self.rows:
            if len(row) != len(self.header):
                raise ValueError(f"a row must have {len(self.header)} cells as the header does, got {list(row)}")


Block = str | Picture | Widget | Table


@dataclass(frozen=True)
class Section:
    """A heading and what stands under it; a string is a paragraph."""

    title: str
    blocks: Sequence[Block]


@dataclass(frozen=True)
class Page:
    """``summary`` says what the page shows; ``opening`` stands above all sections. ``slug`` begins every name inside
    the page, so that the bodies of two pages can stand in one."""

    title: str
    summary: str
    opening: Sequence[Block]
    sections: Sequence[Section]
    slug: str = "report"


def write_page(folder: Path, page: Page, metrics: Mapping[str, Any]) -> Path:
    """Write ``report.html`` and ``metrics.json`` into ``folder``; returns the path of the page.

    NaN and infinity become null in ``metrics.json``.
    """
    folder.mkdir(parents=True, exist_ok=True)
    numbers = json.dumps(plain_numbers(metrics), indent=2, allow_nan=False, ensure_ascii=False)
    write_text(folder / METRICS_FILE, numbers + "\n")
    write_text(folder / REPORT_FILE, render(page))
    return folder / REPORT_FILE


def plain_numbers(value: Any) -> Any:
    """``value`` as JSON can hold it: numpy and torch scalars as numbers, NaN and infinity as None."""
    if isinstance(value, Mapping):
        return {str(key): plain_numbers(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain_numbers(item) for item in value]
    if hasattr(value, "tolist"):
        return plain_numbers(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def render(page: Page) -> str:
    """The whole page as HTML."""
    from softaxes.report.pictures.canvas import to_svg

    number = 0

    def block(item: Block) -> str:
        nonlocal number
        if isinstance(item, Picture):
            number += 1
            return _figure(to_svg(item.figure, prefix=f"{page.slug}{number}-"), item.caption)
        if isinstance(item, Widget):
            return _figure(item.body, item.caption)
        return _table(item) if isinstance(item, Table) else f"<p>{html.escape(item)}</p>"

    anchors = [f"{page.slug}-{index}" for index in range(len(page.sections))]
    links = " ".join(
        f'<a href="#{anchor}">{html.escape(section.title)}</a>'
        for anchor, section in zip(anchors, page.sections, strict=True)
    )
    body = "".join(block(item) for item in page.opening)
    for anchor, section in zip(anchors, page.sections, strict=True):
        inner = "".join(block(item) for item in section.blocks)
        body += f'<section id="{anchor}"><h2>{html.escape(section.title)}</h2>{inner}</section>'
    return _SHELL.format(
        title=html.escape(page.title), summary=html.escape(page.summary), links=links, body=body, style=_STYLE
    )


def body_of(page: str) -> str:
    """What a rendered page holds under its title, headings one step lower: for another page to take in."""
    _, _, rest = page.partition(_BEGIN)
    body, _, _ = rest.partition(_END)
    return body.replace("<h2>", "<h3>").replace("</h2>", "</h3>")


def _figure(body: str, caption: str) -> str:
    return f"<figure>{body}<figcaption>{html.escape(caption)}</figcaption></figure>"


def _table(table: Table) -> str:
    titles = "".join(f"<th{_align(cell)}>{html.escape(cell)}</th>" for cell in table.header)
    rows = []
    for index, row in enumerate(table.rows):
        kind = table.kinds[index] if table.kinds else ""
        mark = f' style="border-left-color:{kind_colour(kind)}"' if kind else ""
        cells = [f"<th scope=row{mark}>{html.escape(row[0])}</th>"]
        aligned = zip(table.header[1:], row[1:], strict=True)
        cells += [f"<td{_align(head)}>{_cell(cell)}</td>" for head, cell in aligned]
        rows.append(f"<tr>{''.join(cells)}</tr>")
    caption = f"<caption>{html.escape(table.caption)}</caption>" if table.caption and not table.folded else ""
    body = (
        f"<div class=wide><table>{caption}<thead><tr>{titles}</tr></thead><tbody>{''.join(rows)}</tbody></table></div>"
    )
    return f"<details><summary>{html.escape(table.caption)}</summary>{body}</details>" if table.folded else body


def _cell(text: str) -> str:
    """A value's interval goes under it, in small."""
    value, bracket, rest = text.partition(" [")
    return f"{html.escape(value)}<small>[{html.escape(rest)}</small>" if bracket else html.escape(text)


def _align(header: str) -> str:
    """Sentences read from the left, numbers stand under each other at the right."""
    return " class=words" if header == READING else ""


_STYLE = """
:root{color-scheme:light dark;--paper:#fdfdfc;--ink:#1d1f23;--faint:#6c727c;--line:#dfe1e5}
@media(prefers-color-scheme:dark){:root{--paper:#16181c;--ink:#e4e6ea;--faint:#9aa1ac;--line:#33373e}}
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.55 "DejaVu Sans",Verdana,system-ui,sans-serif}
main{max-width:64rem;margin:0 auto;padding:2.5rem 1.25rem 5rem}
h1{font-size:1.7rem;line-height:1.25;margin:0 0 .6rem}h2{font-size:1.15rem;margin:3.2rem 0 .6rem}
h3{font-size:1rem;margin:2.6rem 0 .6rem}
p,figcaption,caption,nav{max-width:46rem}.lead{font-size:1.08rem}
nav{font-size:.85rem;margin:1rem 0 1.6rem}nav a{margin-right:1rem;white-space:nowrap}a{color:inherit}
figure{margin:1.6rem 0}figure>svg{width:100%;height:auto;display:block}
figcaption,caption,summary{color:var(--faint);font-size:.85rem;text-align:left}caption{padding-bottom:.4rem}
.wide{overflow-x:auto;margin:1.2rem 0}
table{border-collapse:collapse;font-size:.82rem;font-variant-numeric:tabular-nums}
th,td{padding:.28rem .5rem;border-bottom:1px solid var(--line);text-align:right;white-space:nowrap;vertical-align:top}
th{font-weight:600}thead th{color:var(--faint);white-space:normal;vertical-align:bottom}
thead th:first-child,tbody th{text-align:left}
tbody th{font-weight:400;white-space:normal;min-width:8.5rem;border-left:3px solid transparent}
td small{color:var(--faint);font-size:.74rem;display:block}
td.words,thead th.words{text-align:left}
td.words{text-align:left;white-space:normal;min-width:9rem;color:var(--faint)}
summary{cursor:pointer;margin:1rem 0}
"""
_BEGIN, _END = "<!--begin-->", "<!--end-->"
_SHELL = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<title>{title}</title><style>{style}</style></head>
<body><main><h1>{title}</h1><!--begin--><p class="lead">{summary}</p><nav>{links}</nav>
{body}<!--end-->
</main></body></html>
"""
