"""Which file imports which, through re-exports to the file that defines the thing."""


class Import:
    """`source` imports from `target`, both files; `name` is what it wrote in `line`."""

    __slots__ = ("source", "target", "name", "line")

    def __init__(self, source, target, name, line):
        self.source, self.target, self.name, self.line = source, target, name, line


def imports_of(root):
    """All imports between files of the crate with this root module, without repetitions."""
    found = {}
    resolver = Resolver(root)

    def add(module, target, path, line):
        if target is not None and target != module.file:
            found.setdefault(
                (module.file, target), Import(module.file, target, "::".join(path), line)
            )

    for module in root.all():
        for path, line in module.named:
            # A module alone is no dependency: what is taken from it is named elsewhere.
            add(module, file_of_item(resolver.resolve(module, path)), path, line)
        for path, line in module.globs:
            target = resolver.resolve(module, path)
            # All that the module defines itself is taken, also traits, whose names do not appear.
            file = target.file if is_module(target) else file_of_item(target)
            add(module, file, [*path, "*"], line)
        for word, line in module.words.items():
            if word in module.items or word in module.aliases or word in module.children:
                continue
            for path, _ in module.globs:
                target = resolver.resolve(module, path)
                if is_module(target):
                    add(module, file_of_item(resolver.look_up(target, word)), [word], line)
        for name, line in module.calls.items():
            files = resolver.macros.get(name, set())
            # Macros are in scope by the order of the text; the name has to tell.
            if len(files) == 1 and name not in module.aliases:
                add(module, *files, [name + "!"], line)
    return list(found.values())


def is_module(thing):
    return hasattr(thing, "children")


def file_of_item(thing):
    """The file that defines an item; nothing for a module."""
    return None if thing is None or is_module(thing) else thing


class Resolver:
    """Follows paths. A path leads to a module, to the file of an item, or (None) out of the crate."""

    def __init__(self, root):
        self.root = root
        # Name of a macro -> the files that define it.
        self.macros = {}
        for module in root.all():
            for name in module.macros:
                self.macros.setdefault(name, set()).add(module.file)

    def resolve(self, module, path, visited=frozenset()):
        first, rest = path[0], path[1:]
        if first == "crate":
            place = self.root
        elif first == "self":
            place = module
        elif first == "super":
            place = module.parent
        else:
            place = self.look_up(module, first, visited)
        while is_module(place) and rest:
            name, rest = rest[0], rest[1:]
            if name == "super":
                place = place.parent
                continue
            inner = self.look_up(place, name, visited)
            # What is not seen there was made by a macro there, or comes from another crate by it.
            place = place.file if inner is None else inner
        return place

    def look_up(self, module, name, visited=frozenset()):
        """What `name` means inside a module."""
        if (module, name) in visited:
            return None
        visited = visited | {(module, name)}
        if name in module.children:
            return module.children[name]
        if name in module.items:
            return module.file
        for path, _ in module.aliases.get(name, ()):
            if path == [name]:
                continue
            target = self.resolve(module, path, visited)
            if target is not None:
                return target
        for path, _ in module.globs:
            place = self.resolve(module, path, visited)
            if is_module(place) and place is not module:
                target = self.look_up(place, name, visited)
                if target is not None:
                    return target
        return None
