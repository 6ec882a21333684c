"""Two kinds of plots as SVG, for bench report: bars on a logarithmic or linear scale, and lines."""
import html
import math

FONT = "font-family='DejaVu Sans, Verdana, sans-serif'"
INK, PALE = "#222", "#ccc"
COLORS = ("#0b6e4f", "#c1440e", "#2f4b7c", "#8a6d1b", "#7b2d8b", "#555555")


def _text(x, y, text, anchor="start", size=12, color=INK):
    return (f"<text x='{x:.1f}' y='{y:.1f}' {FONT} font-size='{size}' fill='{color}' "
            f"text-anchor='{anchor}'>{html.escape(text)}</text>")


def _document(width, height, parts):
    return "\n".join([
        f"<svg xmlns='http://www.w3.org/2000/svg' width='{width}' height='{height}' "
        f"viewBox='0 0 {width} {height}'>",
        f"<rect width='{width}' height='{height}' fill='white'/>", *parts, "</svg>", ""])


def short(value):
    """1.53 M, 46.2 k, 870."""
    for size, name in ((1e9, " G"), (1e6, " M"), (1e3, " k")):
        if abs(value) >= size:
            return f"{value / size:.3g}{name}"
    return f"{value:.3g}"


def bars(title, rows, unit, log=True):
    """rows: (label, value, group); a group has one colour. A bar on a logarithmic scale begins at
    the power of ten below the smallest."""
    left, right, top, step = 250, 90, 46, 26
    width, height = 860, top + step * len(rows) + 50
    span = width - left - right
    values = [value for _, value, _ in rows if value > 0] or [1]
    low = 10 ** math.floor(math.log10(min(values)) - 0.01) if log else 0
    high = 10 ** math.ceil(math.log10(max(values))) if log else max(values) * 1.05

    def at(value):
        if log:
            share = math.log10(max(value, low) / low) / math.log10(high / low)
        else:
            share = value / high
        return left + span * share

    parts = [_text(16, 26, title, size=15)]
    ticks = ([10.0 ** power for power in range(round(math.log10(low)), round(math.log10(high)) + 1)]
             if log else [high * part / 5 for part in range(6)])
    bottom = top + step * len(rows)
    for tick in ticks:
        parts.append(f"<line x1='{at(tick):.1f}' y1='{top}' x2='{at(tick):.1f}' y2='{bottom}' "
                     f"stroke='{PALE}'/>")
        parts.append(_text(at(tick), bottom + 18, short(tick), "middle", 11))
    parts.append(_text(left + span / 2, bottom + 38, unit + (", logarithmic" if log else ""),
                       "middle", 11))
    groups = list(dict.fromkeys(group for _, _, group in rows))
    for index, (label, value, group) in enumerate(rows):
        y = top + step * index
        color = COLORS[groups.index(group) % len(COLORS)]
        parts.append(_text(left - 8, y + 17, label, "end"))
        parts.append(f"<rect x='{left}' y='{y + 4}' width='{max(1, at(value) - left):.1f}' "
                     f"height='{step - 8}' fill='{color}'/>")
        parts.append(_text(at(value) + 6, y + 17, short(value)))
    return _document(width, height, parts)


def lines(title, series, x_unit, y_unit, log_y=False):
    """series: name -> [(x, y)]."""
    width, height, left, right, top, bottom = 860, 420, 80, 190, 46, 60
    points = [point for curve in series.values() for point in curve]
    x_high = max(x for x, _ in points)
    y_values = [y for _, y in points if y > 0] or [1]
    y_low = 10 ** math.floor(math.log10(min(y_values)) - 0.01) if log_y else 0
    y_high = 10 ** math.ceil(math.log10(max(y_values))) if log_y else max(y_values) * 1.1

    def at(x, y):
        share = (math.log10(max(y, y_low) / y_low) / math.log10(y_high / y_low) if log_y
                 else y / y_high)
        return (left + (width - left - right) * x / x_high,
                height - bottom - (height - top - bottom) * share)

    parts = [_text(16, 26, title, size=15)]
    ticks = ([10.0 ** power for power in range(round(math.log10(y_low)),
                                               round(math.log10(y_high)) + 1)]
             if log_y else [y_high * part / 5 for part in range(6)])
    for tick in ticks:
        _, y = at(0, tick)
        parts.append(f"<line x1='{left}' y1='{y:.1f}' x2='{width - right}' y2='{y:.1f}' "
                     f"stroke='{PALE}'/>")
        parts.append(_text(left - 8, y + 4, short(tick), "end", 11))
    for x in sorted({x for x, _ in points}):
        place, _ = at(x, y_low)
        parts.append(_text(place, height - bottom + 18, f"{x:g}", "middle", 11))
    parts.append(_text((left + width - right) / 2, height - 16, x_unit, "middle", 11))
    parts.append(_text(16, 42, y_unit + (", logarithmic" if log_y else ""), size=11))
    for index, (name, curve) in enumerate(series.items()):
        color = COLORS[index % len(COLORS)]
        way = " ".join(f"{x:.1f},{y:.1f}" for x, y in (at(*point) for point in sorted(curve)))
        parts.append(f"<polyline points='{way}' fill='none' stroke='{color}' stroke-width='2'/>")
        for point in curve:
            x, y = at(*point)
            parts.append(f"<circle cx='{x:.1f}' cy='{y:.1f}' r='3' fill='{color}'/>")
        y = top + 12 + 18 * index
        parts.append(f"<rect x='{width - right + 14}' y='{y - 9}' width='10' height='10' "
                     f"fill='{color}'/>")
        parts.append(_text(width - right + 30, y, name))
    return _document(width, height, parts)
