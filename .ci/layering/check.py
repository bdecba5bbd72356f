"""What is wrong with the order of a workspace's crates, rooms and files."""

import json
import subprocess
from pathlib import Path

from layering import circles, imports, modules, table

PREFIX = "basalt-"
DOCUMENT = "docs/architecture.md"


class Crate:
    """A package of the workspace, with the module trees of its library and its programs."""

    def __init__(self, package):
        self.folder = Path(package["manifest_path"]).parent
        self.name = package["name"].removeprefix(PREFIX)
        self.uses = sorted(
            dependency["name"].removeprefix(PREFIX)
            for dependency in package["dependencies"]
            if dependency.get("path") and dependency["kind"] != "dev"
        )
        self.roots = [
            modules.read_crate(target["src_path"])
            for target in package["targets"]
            if {"lib", "bin"} & set(target["kind"])
        ]
        self.imports = [found for root in self.roots for found in imports.imports_of(root)]
        self.rooms = {}
        for root in self.roots:
            self.rooms[root.file] = None
            for name, child in root.children.items():
                for module in child.all():
                    self.rooms.setdefault(module.file, name)

    def short(self, file):
        return str(file.relative_to(self.folder))

    def room_graph(self):
        """Rooms by name; the crate's root files, which only put rooms together, are left out."""
        graph = {room: set() for room in self.rooms.values() if room}
        for found in self.imports:
            above, below = self.rooms[found.source], self.rooms[found.target]
            if above and below and above != below:
                graph[above].add(below)
        return graph


def workspace(folder):
    """The crates of a workspace."""
    command = ["cargo", "metadata", "--no-deps", "--offline", "--format-version", "1"]
    answer = subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True)
    return [Crate(package) for package in json.loads(answer.stdout)["packages"]]


def problems_of(crate, in_full=False):
    """Circles between files, and between rooms: one of each knot, or all its imports."""
    graph = {}
    for found in crate.imports:
        graph.setdefault(found.source, set()).add(found.target)
        graph.setdefault(found.target, set())
    file_knots = circles.knots(graph)
    for knot in file_knots:
        yield told(crate, "files", graph, knot, lambda file: file, crate.short, in_full)
    graph = crate.room_graph()
    for knot in circles.knots(graph):
        yield told(crate, "rooms", graph, knot, lambda file: crate.rooms[file], str, in_full)


def told(crate, kind, graph, knot, node_of, shown, in_full):
    """The members of a knot, and the imports that tie it."""
    members = " ".join(map(shown, knot))
    lines = [f"{crate.name}: {len(knot)} {kind} in circles: {members}"]
    circle = circles.shortest(graph, knot)
    wanted = list(zip(circle, [*circle[1:], circle[0]]))
    if in_full:
        wanted = [(above, below) for above in knot for below in knot if above != below]
    for above, below in wanted:
        for found in crate.imports:
            if (node_of(found.source), node_of(found.target)) == (above, below):
                lines.append(
                    f"    {crate.short(found.source)}:{found.line} -> "
                    f"{crate.short(found.target)}  ({found.name})"
                )
                if not in_full:
                    break
    return "\n".join(lines)


def problems_by_table(crates, rows):
    """Crates and rooms that use what the table does not have below them."""
    yield from order_of_crates(crates, rows)
    by_name = {crate.name: crate for crate in crates}
    for row in rows:
        if row.crate in by_name:
            yield from order_of_rooms(by_name[row.crate], row)


def order_of_crates(crates, rows):
    """Crates that use what the table does not allow."""
    place = {row.crate: index for index, row in enumerate(rows)}
    allowed = {row.crate: row.uses for row in rows}
    for crate in crates:
        if crate.name not in place:
            yield f"{crate.name}: has no row in {DOCUMENT}"
            continue
        for used in crate.uses:
            if used not in allowed[crate.name]:
                yield f"{crate.name}: uses {used}, which the table does not allow"
    names = {crate.name for crate in crates}
    for row in rows:
        if row.crate not in names:
            yield f"{row.crate}: is in the table of {DOCUMENT}, and is no crate"
        for used in row.uses:
            if place.get(used, len(rows)) >= place[row.crate]:
                yield f"{row.crate}: may use {used}, which stands below it in the table"


def order_of_rooms(crate, row):
    """Rooms that use one at the same height or above, by the table."""
    if not row.levels and circles.knots(crate.room_graph()):
        # It has no order; the circles are told already.
        return
    height = {room: index for index, level in enumerate(row.levels) for room in level}
    rooms = {room for room in crate.rooms.values() if room}
    for room in sorted(rooms - height.keys()):
        yield f"{crate.name}: room {room} is not in the table of {DOCUMENT}"
    for room in sorted(height.keys() - rooms):
        yield f"{crate.name}: room {room} is in the table of {DOCUMENT}, and not in the crate"
    for found in crate.imports:
        above, below = crate.rooms[found.source], crate.rooms[found.target]
        if above in height and below in height and above != below:
            if height[above] <= height[below]:
                yield (
                    f"{crate.name}: {crate.short(found.source)}:{found.line} imports "
                    f"{found.name} of room {below}, which is not below {above}"
                )


def rows_from_code(crates, rows):
    """The table as the code is: rooms in order, where they have one."""
    old = {row.crate: row for row in rows}
    graph = {crate.name: set(crate.uses) for crate in crates}
    by_name = {crate.name: crate for crate in crates}
    for level in circles.levels(graph):
        for name in level:
            rooms = by_name[name].room_graph()
            levels = [] if circles.knots(rooms) else circles.levels(rooms)
            yield table.Row(name, by_name[name].uses, levels)
