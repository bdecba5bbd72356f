"""The allowed order, as docs/architecture.md prints it between two markers."""

import re

BEGIN, END = "<!-- layers -->", "<!-- end of layers -->"
HEAD = "| crate | may use | rooms, lowest first |\n|---|---|---|\n"


class Row:
    """`uses`: crates. `levels`: lists of rooms, the lowest first; empty while circles tie them."""

    def __init__(self, crate, uses, levels):
        self.crate, self.uses, self.levels = crate, uses, levels

    def __str__(self):
        uses = " ".join(f"`{name}`" for name in self.uses)
        rooms = " < ".join(" ".join(f"`{name}`" for name in level) for level in self.levels)
        return f"| `{self.crate}` | {uses} | {rooms} |"


def read(text):
    """The rows, in order, or nothing where the markers are missing."""
    if BEGIN not in text or END not in text:
        return []
    rows = []
    for line in text.split(BEGIN, 1)[1].split(END, 1)[0].splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if len(cells) == 3 and cells[0].startswith("`"):
            levels = [re.findall(r"`([^`]+)`", level) for level in cells[2].split("<")]
            rows.append(
                Row(
                    cells[0].strip("`"),
                    re.findall(r"`([^`]+)`", cells[1]),
                    [level for level in levels if level],
                )
            )
    return rows


def written(text, rows):
    """`text` with these rows."""
    before, rest = text.split(BEGIN, 1)
    after = rest.split(END, 1)[1]
    table = HEAD + "".join(f"{row}\n" for row in rows)
    return f"{before}{BEGIN}\n{table}{END}{after}"
