"""Terminal output as an SVG that refers to nothing outside itself (no font, script or image)."""

from __future__ import annotations

import io
import re
from html import unescape
from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.console import Console

if TYPE_CHECKING:
    from pathlib import Path

    from rich.console import RenderableType

FORMAT = """\
<svg viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg">
<style>
.{unique_id}-matrix {{ font-family: "DejaVu Sans Mono", Menlo, Consolas, "Noto Sans Mono", monospace;
font-size: {char_height}px; line-height: {line_height}px; font-variant-east-asian: full-width; }}
.{unique_id}-title {{ font-size: 18px; font-weight: bold; font-family: sans-serif; }}
{styles}
</style>
<defs>
<clipPath id="{unique_id}-clip-terminal">
<rect x="0" y="0" width="{terminal_width}" height="{terminal_height}"/>
</clipPath>
</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix">
{matrix}
</g>
</g>
</svg>
"""
"""rich's own template without its web fonts."""

CELL_PX = 20 * 0.61
"""Width of a cell in pixels: rich's character height times its aspect ratio."""


def save_picture(content: RenderableType, path: Path, title: str, columns: int) -> None:
    """Write a picture of what a terminal of that width shows.

    Args:
        content: What it shows.
        path: The file; its folder is made.
        title: Text in the picture's frame.
        columns: Width in characters.
    """
    console = Console(
        record=True,
        width=columns,
        file=io.StringIO(),
        force_terminal=True,
        color_system="truecolor",
        highlight=False,
    )
    console.print(content)
    path.parent.mkdir(parents=True, exist_ok=True)
    svg = console.export_svg(title=title, code_format=FORMAT, unique_id="t")
    path.write_text(_smaller(svg), encoding="utf-8")


def _as_wide_as_cells(found: re.Match[str]) -> str:
    """Set a text's width by its cells: rich counts characters, but a Hangul character takes two cells."""
    cells = cell_len(unescape(found[1]))
    return f'textLength="{cells * CELL_PX:.5g}">{found[1]}<'


def _smaller(svg: str) -> str:
    """Remove elements that draw nothing: blank texts, and the clip path of each line, as no line is too long."""
    svg = svg.replace("&#160;", "\N{NO-BREAK SPACE}")
    svg = re.sub(r' clip-path="url\(#t-line-\d+\)"', "", svg)
    svg = re.sub(r"<text[^>]*>\s*</text>", "", svg)
    svg = re.sub(r'textLength="[\d.]+">([^<]*)<', _as_wide_as_cells, svg)
    return "\n".join(line.strip() for line in svg.splitlines() if line.strip()) + "\n"
