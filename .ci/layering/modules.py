"""The tree of a crate's modules, with what each defines and what it names of others."""

from pathlib import Path

from layering.tokens import tokens

OPEN, CLOSE = {"(", "[", "{"}, {")", "]", "}"}
NAMED = {"fn", "struct", "enum", "union", "trait", "type", "const", "static"}
# Words with which an item begins; what else has an attribute is a statement, a field or an arm.
ITEMS = NAMED | {"mod", "impl", "use", "extern", "unsafe", "async", "macro_rules", "pub"}
ENDS_WITH_SEMICOLON = {"use", "const", "static", "type"}


class Module:
    """A module, in a file of its own or inline in its parent's."""

    def __init__(self, name, file, folder, parent):
        self.name, self.file, self.folder, self.parent = name, file, folder, parent
        self.children = {}
        # Name -> line.
        self.items = {}
        # Name -> [(path, line)]: what `use` brings in under it.
        self.aliases = {}
        # [(path, line)]
        self.globs = []
        # [(path, line)]: every `use`, and every path of two or more names in code.
        self.named = []
        # Name -> line: single names in code, which a glob may have brought in.
        self.words = {}
        # Name -> line: macros that are called without a path.
        self.calls = {}
        # Names of the macros that are defined here.
        self.macros = set()

    @property
    def root(self):
        return self if self.parent is None else self.parent.root

    def all(self):
        yield self
        for child in self.children.values():
            yield from child.all()


def read_crate(root_file):
    """The tree below a crate's root file."""
    root_file = Path(root_file)
    root = Module("crate", root_file, root_file.parent, None)
    Reader(root, tokens(root_file.read_text())).read_module()
    return root


class Reader:
    """Reads the tokens of one file into modules."""

    def __init__(self, module, source):
        self.module, self.source, self.at = module, source, 0

    def text(self, ahead=0):
        place = self.at + ahead
        return self.source[place].text if 0 <= place < len(self.source) else ""

    def is_ident(self, ahead=0):
        place = self.at + ahead
        return 0 <= place < len(self.source) and self.source[place].kind == "ident"

    @property
    def line(self):
        return self.source[self.at].line

    def group(self):
        """Goes behind the bracket that closes the one here; returns what is between."""
        start, depth = self.at + 1, 0
        while self.at < len(self.source):
            text = self.text()
            depth += (text in OPEN) - (text in CLOSE)
            self.at += 1
            if depth == 0:
                break
        return self.source[start : self.at - 1]

    def read_module(self):
        """Reads up to the end of the file, or to the brace that closes an inline module."""
        depth, path = 0, None
        while self.at < len(self.source):
            text = self.text()
            if text == "#" and (self.text(1) == "[" or (self.text(1), self.text(2)) == ("!", "[")):
                inner = self.text(1) == "!"
                self.at += 2 if inner else 1
                attribute = self.group()
                if is_for_tests(attribute):
                    if inner:
                        self.at = len(self.source)
                    else:
                        self.skip_item()
                elif [token.text for token in attribute[:2]] == ["path", "="]:
                    path = attribute[2].text.strip('"')
            elif text == "pub" and self.text(1) == "(":
                # `pub(in crate::a)` names no import.
                self.at += 1
                self.group()
            elif text == "mod" and self.is_ident(1) and self.text(2) in {";", "{"}:
                self.read_child(path)
                path = None
            elif text == "use" and self.text(-1) not in {".", "::"}:
                self.read_use()
            elif text == "macro_rules" and self.text(1) == "!":
                self.module.items.setdefault(self.text(2), self.line)
                self.module.macros.add(self.text(2))
                self.at += 3
            elif text in NAMED and self.is_ident(1):
                if depth == 0 and self.text(1) not in {"fn", "mut", "unsafe", "_"}:
                    self.module.items.setdefault(self.text(1), self.line)
                elif depth == 0 and self.text(1) == "mut":
                    self.module.items.setdefault(self.text(2), self.line)
                # The name of an item that is defined here is none that is used.
                self.at += 1 if self.text(1) in {"fn", "mut", "unsafe"} else 2
            elif self.is_ident():
                self.read_path()
            else:
                depth += (text in OPEN) - (text in CLOSE)
                self.at += 1
                if depth < 0:
                    return

    def read_child(self, path):
        parent, name = self.module, self.text(1)
        inline = self.text(2) == "{"
        self.at += 3
        if inline:
            child = Module(name, parent.file, parent.folder / name, parent)
            parent.children[name] = child
            self.module = child
            self.read_module()
            self.module = parent
            return
        candidates = [parent.folder / f"{name}.rs", parent.folder / name / "mod.rs"]
        if path is not None:
            candidates = [parent.file.parent / path]
        file = next((file for file in candidates if file.is_file()), None)
        if file is None:
            # A module that the build makes; it is not ours to judge.
            return
        folder = file.parent if file.name == "mod.rs" or path else parent.folder / name
        child = Module(name, file, folder, parent)
        parent.children[name] = child
        Reader(child, tokens(file.read_text())).read_module()

    def read_use(self):
        self.at += 1
        self.read_use_tree([])
        if self.text() == ";":
            self.at += 1

    def read_use_tree(self, prefix):
        path, line = list(prefix), self.line
        while self.at < len(self.source):
            text = self.text()
            if text == "{":
                self.at += 1
                while self.text() not in {"}", ""}:
                    self.read_use_tree(path)
                    if self.text() == ",":
                        self.at += 1
                self.at += 1
                return
            if text == "*":
                self.at += 1
                self.module.globs.append((path, line))
                return
            if text == "::" or text == "$":
                self.at += 1
            elif self.is_ident() and text != "as":
                line = self.line
                path.append(text)
                self.at += 1
            else:
                break
        if path and path[-1] == "self" and len(path) > 1:
            path.pop()
        name = path[-1] if path else "_"
        if self.text() == "as":
            name = self.text(1)
            self.at += 2
        if path:
            self.module.named.append((path, line))
            if name != "_":
                self.module.aliases.setdefault(name, []).append((path, line))

    def read_path(self):
        before, line, path = self.text(-1), self.line, [self.text()]
        self.at += 1
        while self.text() == "::" and self.is_ident(1):
            path.append(self.text(1))
            self.at += 2
        if before in {".", "::"}:
            return
        if len(path) > 1:
            self.module.named.append((path, line))
        elif self.text() == "!" and self.text(1) in OPEN:
            self.module.calls.setdefault(path[0], line)
        else:
            self.module.words.setdefault(path[0], line)

    def skip_item(self):
        """Goes behind what the attributes before it belong to."""
        while self.text() == "#" and self.text(1) == "[":
            self.at += 1
            self.group()
        if self.text() == "pub":
            self.at += 1
            if self.text() == "(":
                self.group()
        word, is_item = self.text(), self.text() in ITEMS
        semicolon_only = word in ENDS_WITH_SEMICOLON and self.text(1) not in {"fn", "unsafe"}
        while self.at < len(self.source):
            text = self.text()
            if text in CLOSE:
                return
            if text in OPEN:
                self.group()
                if text == "{" and not semicolon_only:
                    return
                continue
            self.at += 1
            if text == ";" or (text == "," and not is_item):
                return


def is_for_tests(attribute):
    """Whether what has this attribute is there in tests only."""
    words = [token.text for token in attribute]
    if words in (["test"], ["bench"]):
        return True
    return words[:2] == ["cfg", "("] and holds(words[2:-1]) is False


def holds(words):
    """A condition of `cfg` without tests: True, False, or None where that is not known."""
    if words == ["test"]:
        return False
    if len(words) < 3 or words[0] not in {"all", "any", "not"} or words[1] != "(":
        return None
    parts, depth, part = [], 0, []
    for word in words[2:-1]:
        depth += (word == "(") - (word == ")")
        if word == "," and depth == 0:
            parts.append(part)
            part = []
        else:
            part.append(word)
    values = [holds(part) for part in [*parts, part] if part]
    if words[0] == "not":
        return None if values[0] is None else not values[0]
    decisive = words[0] == "any"
    if decisive in values:
        return decisive
    return None if None in values else not decisive
