"""The ratios as one SVG: a bar a figure, on a logarithmic axis, the peer at 1."""

from __future__ import annotations

import math
from collections.abc import Mapping
from html import escape
from typing import Any

ROW, LEFT, WIDTH = 22, 300, 760


def draw(rows: Mapping[str, Any], names: list[str]) -> str:
    """An SVG document; figures without a ratio are left out."""
    bars = [(name, row["ratio"], row["unit"]) for name, row in rows.items() if row["ratio"]]
    height = ROW * (len(bars) + 2)
    middle = LEFT + (WIDTH - LEFT) / 2
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH + 80}" height="{height}" '
        'font-family="sans-serif" font-size="12">',
        f'<text x="{LEFT}" y="15">{escape(" / ".join(names))}, median of the runs; '
        "1 is the peer, right of it is faster</text>",
        f'<line x1="{middle}" y1="20" x2="{middle}" y2="{height}" stroke="#888"/>',
    ]
    for number, (name, ratio, unit) in enumerate(bars, 1):
        gain = ratio if unit.endswith("/s") else 1 / ratio
        reach = max(-1.0, min(1.0, math.log2(gain) / 5)) * (WIDTH - LEFT) / 2
        y = ROW * number + 4
        out.append(f'<text x="{LEFT - 8}" y="{y + 13}" text-anchor="end">{escape(name)}</text>')
        out.append(
            f'<rect x="{min(middle, middle + reach):.0f}" y="{y}" width="{abs(reach):.0f}" '
            f'height="{ROW - 6}" fill="{"#2a7" if gain >= 1 else "#c53"}"/>'
        )
        out.append(f'<text x="{WIDTH + 4}" y="{y + 13}">{gain:.1f}x</text>')
    return "\n".join([*out, "</svg>\n"])
