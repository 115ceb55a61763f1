"""Where a gadget without hubs is drawn: its vertices on a circle, by number, names outside."""

from __future__ import annotations

import math

from commlb.plots.layout import MIDDLE, WIDTH, Layout, Point, polar
from commlb.records import Drawing

RADIUS = 1.45
MOST_NAMED = 48
"""Vertices up to which each has its name beside it."""


def layout_ring(drawing: Drawing) -> Layout:
    """All vertices clockwise from the top; where they are many, only Bob's and the first have names."""
    vertices = [name for _, names in drawing.vertices for name in names]
    centre: Point = (WIDTH / 2, MIDDLE)
    positions, names = {}, {}
    asked = {name for party, _, ends in drawing.tokens if party == "Bob" for name in ends}
    for k, vertex in enumerate(vertices):
        angle = math.pi / 2 - 2 * math.pi * k / len(vertices)
        positions[vertex] = polar(centre, angle, RADIUS)
        if len(vertices) <= MOST_NAMED or vertex in asked or not k:
            names[vertex] = polar(centre, angle, RADIUS + 0.17 + 0.07 * abs(math.cos(angle)))
    return Layout(positions, names, (), (), 0.0)
