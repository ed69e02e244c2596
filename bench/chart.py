#!/usr/bin/python3
"""Draws the result of peers.py as SVG: chart.py PEERS.JSON >PEERS.SVG"""

import json
import sys
from xml.sax.saxutils import escape

# A background of its own, so that a page in dark colours can show it, too.
WHITE, INK, FAINT, RULE = "#ffffff", "#1f2328", "#59636e", "#d1d9e0"
COLOURS = {"ours": "#0969da", "peer": "#9aa4ae", "bound": "#d8c28a"}
KINDS = {"ours": "adp-seal", "peer": "other tools", "bound": "the least that any tool must do"}

WIDTH, MARGIN, GAP = 1000, 20, 30
LABEL_WIDTH, VALUE_WIDTH = 130, 46
ROW, BAR = 22, 13
HEAD_LEN, PANEL_HEAD, PANEL_FOOT = 88, 30, 36


def text(x, y, content, size=12, anchor="start", colour=INK, weight="normal"):
    return (f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}" '
            f'fill="{colour}" font-weight="{weight}">{escape(content)}</text>')


def label(x, y, content, weight):
    """A text that stays legible upon a line."""
    return (f'<text x="{x:.1f}" y="{y:.1f}" font-size="11" fill="{INK}" font-weight="{weight}" '
            f'stroke="{WHITE}" stroke-width="3" paint-order="stroke">{escape(content)}</text>')


def rect(x, y, width, height, colour):
    return (f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" '
            f'fill="{colour}"/>')


def line(x1, y1, x2, y2, colour, width=1.0, dash=""):
    dashes = f' stroke-dasharray="{dash}"' if dash else ""
    return (f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}" '
            f'stroke-width="{width}"{dashes}/>')


def tick_step(limit):
    return next(step for step in (0.25, 0.5, 1, 2, 5, 10, 20, 50, 100, 1000)
                if limit / step <= 6 or step == 1000)


def axis_limit(directions):
    """One scale for both directions of a library. A single slow run may leave it, else it would
    press all others flat."""
    every = [c["relative_wall"] for commands in directions.values() for c in commands.values()]
    return max(1.25, min(max(c["high"] for c in every), 1.5 * max(c["median"] for c in every)))


def axis(x, y, width, height, limit, unit):
    parts = []
    step = tick_step(limit)
    for i in range(int(limit / step + 1e-9) + 1):
        at = x + width * i * step / limit
        parts += [line(at, y, at, y + height, RULE),
                  text(at, y + height + 14, f"{i * step:g}", 11, "middle", FAINT)]
    one = x + width / limit
    parts += [line(one, y, one, y + height, INK, 1.2, "4 3"),
              text(one, y - 4, unit, 10, "middle", FAINT)]
    return parts


def bar(x, y, width, limit, found):
    """A bar to the median, a whisker from the lowest to the highest, the figure behind both."""
    figures = found["relative_wall"]
    scale = width / limit
    low, high = figures["low"] * scale, min(figures["high"], limit) * scale
    middle = y + BAR / 2
    parts = [rect(x, y, figures["median"] * scale, BAR, COLOURS[found["kind"]]),
             line(x + low, middle, x + high, middle, INK, 1.4),
             line(x + low, middle - 4, x + low, middle + 4, INK, 1.4)]
    if figures["high"] <= limit:
        parts.append(line(x + high, middle - 4, x + high, middle + 4, INK, 1.4))
    end = max(high, figures["median"] * scale)
    return parts + [label(x + end + 6, middle + 4, f"{figures['median']:.2f}",
                          "bold" if found["kind"] == "ours" else "normal")]


def panel(x, y, width, direction, commands, limit, unit):
    """One direction of one library, its upper left corner at x, y."""
    left, across = x + LABEL_WIDTH, width - LABEL_WIDTH - VALUE_WIDTH
    top = y + PANEL_HEAD
    parts = [text(x, top - 4, direction, 13, weight="bold")]
    parts += axis(left, top, across, ROW * len(commands), limit, unit)
    order = sorted(commands.items(), key=lambda item: list(COLOURS).index(item[1]["kind"]))
    for i, (name, found) in enumerate(order):
        middle = top + ROW * (i + 0.5)
        parts.append(text(left - 8, middle + 4, name, 12, "end",
                          weight="bold" if found["kind"] == "ours" else "normal"))
        parts += bar(left, middle - BAR / 2, across, limit, found)
    return parts


def legend(y):
    parts, x = [], MARGIN
    for kind, words in KINDS.items():
        parts += [rect(x, y - 10, 12, 12, COLOURS[kind]), text(x + 18, y, words)]
        x += 18 + 7 * len(words) + 24
    return parts


def machine(facts):
    return (f"{facts['cpu']}, {facts['cores']} cores, {facts['file_system']}, "
            f"Linux {facts['kernel']}")


def extent(result):
    return (f"{counted(result['files'], 'file')}, {result['bytes'] / 1e6:,.0f} MB, "
            f"{counted(result['rounds'], 'round')}")


def counted(number, what):
    return f"{number:,} {what}{'s' * (number != 1)}"


def svg(results, unit):
    """The whole picture: a row for each library, a column for each direction."""
    facts = results["conditions"]
    title = f"{facts['tool']} beside other tools: {machine(facts)}"
    parts = [text(MARGIN, 30, title, 15, weight="bold"),
             text(MARGIN, 52, f"Wall time relative to {unit} in the same round, "
                  f"{'cold' if facts['cold'] else 'warm'} and durable: median, lowest, highest. "
                  "Less is better.", colour=FAINT), *legend(76)]
    y = HEAD_LEN
    width = (WIDTH - 2 * MARGIN - GAP) / 2
    for library, result in results["libraries"].items():
        parts += [line(MARGIN, y + 4, WIDTH - MARGIN, y + 4, RULE),
                  text(MARGIN, y + 26, f"{library}: {extent(result)}", 14, weight="bold")]
        limit = axis_limit(result["commands"])
        for i, (direction, commands) in enumerate(result["commands"].items()):
            parts += panel(MARGIN + i * (width + GAP), y + 32, width, direction, commands, limit,
                           unit)
        y += 32 + PANEL_HEAD + PANEL_FOOT + ROW * max(map(len, result["commands"].values()))
    head = (f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{y}" '
            f'viewBox="0 0 {WIDTH} {y}" role="img" font-family="sans-serif">')
    return "\n".join([head, f"<title>{escape(title)}</title>", rect(0, 0, WIDTH, y, WHITE),
                      *parts, "</svg>"]) + "\n"


def main():
    if len(sys.argv) != 2:
        print("usage: chart.py PEERS.JSON >PEERS.SVG", file=sys.stderr)
        return 2
    with open(sys.argv[1], encoding="utf-8") as results:
        sys.stdout.write(svg(json.load(results), "cp -r"))
    return 0


if __name__ == "__main__":
    sys.exit(main())
