"""A canvas of dots. Each character holds two by four of them (Braille patterns, U+2800), in one colour."""

from __future__ import annotations

from rich.text import Text

DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
"""Bit of each dot of a Braille pattern, by row and column (The Unicode Standard, 21.1)."""
ACROSS, DOWN = 2, 4
BLANK = 0x2800


class Canvas:
    """Dots, lines and marks on a grid of characters. What lies outside is not drawn.

    Args:
        columns: Width in characters.
        rows: Height in characters.
    """

    def __init__(self, columns: int, rows: int) -> None:
        self.columns, self.rows = columns, rows
        self.width, self.height = columns * ACROSS, rows * DOWN
        self._bits = [[0] * columns for _ in range(rows)]
        self._styles = [[""] * columns for _ in range(rows)]
        self._marks: dict[tuple[int, int], str] = {}

    def dot(self, x: float, y: float, style: str = "") -> None:
        """Set a dot. (0, 0) is at the top left."""
        column, row = int(x), int(y)
        if 0 <= column < self.width and 0 <= row < self.height:
            self._bits[row // DOWN][column // ACROSS] |= DOTS[row % DOWN][column % ACROSS]
            self._styles[row // DOWN][column // ACROSS] = style

    def mark(self, x: float, y: float, sign: str, style: str = "") -> None:
        """Draw a character at the position of a dot."""
        column, row = int(x) // ACROSS, int(y) // DOWN
        if 0 <= column < self.columns and 0 <= row < self.rows and x >= 0 and y >= 0:
            self._marks[row, column] = sign
            self._styles[row][column] = style

    def label(self, x: float, y: float, text: str) -> None:
        """Write a label to the right of a mark, or to its left. Leave it out if it would hide another mark."""
        at = int(x) // ACROSS
        for first in (at + 2, at - 1 - len(text)):
            cells = [(int(y) // DOWN, column) for column in range(first, first + len(text))]
            if 0 <= first <= self.columns - len(text) and not any(cell in self._marks for cell in cells):
                for number, sign in enumerate(text):
                    self.mark((first + number) * ACROSS, y, sign)
                return

    def line(self, start: tuple[float, float], end: tuple[float, float], style: str = "") -> None:
        """Draw a straight line between two positions in dots."""
        (x, y), (to_x, to_y) = start, end
        low, high = sorted((x, to_x))
        bottom, top = sorted((y, to_y))
        if high < 0 or low >= self.width or top < 0 or bottom >= self.height:
            return
        steps = max(1, round(max(abs(to_x - x), abs(to_y - y))))
        for step in range(steps + 1):
            self.dot(x + (to_x - x) * step / steps, y + (to_y - y) * step / steps, style)

    def lines(self) -> list[Text]:
        """Return the rows as text."""
        return [self._line(row) for row in range(self.rows)]

    def _line(self, row: int) -> Text:
        """Return a row as text with one piece per change of colour. Blanks continue the previous colour."""
        text, run, style = Text(no_wrap=True), "", ""
        for column in range(self.columns):
            bits = self._bits[row][column]
            sign = self._marks.get((row, column)) or (chr(BLANK | bits) if bits else " ")
            own = self._styles[row][column] if sign != " " else style
            if own != style:
                text.append(run, style or None)
                run, style = "", own
            run += sign
        return text.append(run, style or None)
