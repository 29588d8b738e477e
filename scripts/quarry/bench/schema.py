# SPDX-License-Identifier: MIT
"""Checks data against a JSON Schema, as far as our schema file goes.

Theory of operation

1. The file bench/schema/quarry-bench-1.json is what promises the shape of a
   result; whoever reads one with a full validator and we must agree. So the
   file itself is read and followed here, not a copy of it in Python.
2. Only the keywords below are known. A schema that uses another is refused as
   a whole, before any data is looked at: a promise nobody checks is none.
3. Stricter than the standard in two things. 1.0 is no integer, because it is
   not written back as one. `$` at the end of a pattern is the end of the text,
   which the `$` of Python is not when a newline comes last.
"""
import re

ANNOTATIONS = {"$schema", "title", "description", "$defs"}
PROBLEMS_MAX = 20   # more do not help anybody
SHOWN_MAX = 40      # characters of a value in a message


class SchemaError(Exception):
    """The schema says something that this validator would not check."""


def shown(value):
    """A foreign value in a message: one short line, no control characters."""
    text = ascii(value)
    return text if len(text) <= SHOWN_MAX else text[:SHOWN_MAX - 1] + "…"


def _same(a, b):
    """Equality of JSON: true is not 1."""
    return a == b and isinstance(a, bool) == isinstance(b, bool)


TYPES = {
    "object": lambda v: isinstance(v, dict),
    "array": lambda v: isinstance(v, list),
    "string": lambda v: isinstance(v, str),
    "integer": lambda v: isinstance(v, int) and not isinstance(v, bool),
    "number": lambda v: (isinstance(v, (int, float))
                         and not isinstance(v, bool)),
    "boolean": lambda v: isinstance(v, bool),
    "null": lambda v: v is None,
}


def _names(value):
    return [value] if isinstance(value, str) else value


def _type(want, value):
    if not any(TYPES[name](value) for name in _names(want)):
        yield "is %s, not %s" % (shown(value), " or ".join(_names(want)))


def _const(want, value):
    if not _same(want, value):
        yield "is %s, not %s" % (shown(value), shown(want))


def _enum(want, value):
    if not any(_same(one, value) for one in want):
        yield "is %s, none of %s" % (
            shown(value), ", ".join(map(str, want)))


def _pattern(want, value):
    if isinstance(value, str) and not re.search(
            re.sub(r"(?<!\\)\$$", r"\\Z", want), value):
        yield "%s does not match %s" % (shown(value), want)


def _minimum(want, value):
    if TYPES["number"](value) and not value >= want:
        yield "is %s, less than %s" % (shown(value), want)


def _maximum(want, value):
    if TYPES["number"](value) and not value <= want:
        yield "is %s, more than %s" % (shown(value), want)


def _min_items(want, value):
    if isinstance(value, list) and len(value) < want:
        yield "has %d items, at least %d belong there" % (len(value), want)


def _max_items(want, value):
    if isinstance(value, list) and len(value) > want:
        yield "has %d items, at most %d belong there" % (len(value), want)


def _required(want, value):
    if isinstance(value, dict):
        for name in want:
            if name not in value:
                yield "has no \"%s\"" % name


KEYWORDS = {"type": _type, "const": _const, "enum": _enum,
            "pattern": _pattern, "minimum": _minimum, "maximum": _maximum,
            "minItems": _min_items, "maxItems": _max_items,
            "required": _required}
# These hold schemas of parts of the value.
INNER = {"properties", "additionalProperties", "items"}


class Schema:
    """A schema whose every keyword is checked."""

    def __init__(self, root):
        self.root = root
        self._check(root, "#")

    def _check(self, schema, where):
        """Refuse what would not be followed, wherever it stands."""
        if not isinstance(schema, dict):
            raise SchemaError("%s: not an object" % where)
        for word, value in schema.items():
            place = "%s/%s" % (where, word)
            if word == "$ref":
                if len(schema) > 1:
                    raise SchemaError("%s: not alone" % place)
                self.target(value)
            elif word in ("items", "additionalProperties"):
                self._check(value, place)
            elif word in ("properties", "$defs"):
                for name, part in value.items():
                    self._check(part, "%s/%s" % (place, name))
            elif word == "type":
                unknown = set(_names(value)) - set(TYPES)
                if unknown:
                    raise SchemaError("%s: no type %s" % (
                        place, ", ".join(sorted(unknown))))
            elif word not in KEYWORDS and word not in ANNOTATIONS:
                raise SchemaError("%s: keyword not known here" % place)

    def target(self, reference):
        """What a $ref names; only "#/$defs/NAME" is known."""
        match = re.fullmatch(r"#/\$defs/([a-z_]+)", reference)
        if not match or match.group(1) not in self.root.get("$defs", {}):
            raise SchemaError("$ref %s leads nowhere" % reference)
        return self.root["$defs"][match.group(1)]

    def resolve(self, schema):
        """The schema without a $ref; {} for what has none."""
        while schema and "$ref" in schema:
            schema = self.target(schema["$ref"])
        return schema or {}

    def part(self, schema, name):
        """The schema of a property or (None) of an item; {} when free."""
        schema = self.resolve(schema)
        if name is None:
            return self.resolve(schema.get("items"))
        inner = schema.get("properties", {}).get(
            name, schema.get("additionalProperties"))
        return self.resolve(inner)

    def problems(self, value):
        """What is wrong with the value, one line each, the first few."""
        found = []
        for line in self._walk(self.root, value, ""):
            found.append(line)
            if len(found) == PROBLEMS_MAX:
                break
        return found

    def _walk(self, schema, value, where):
        schema = self.resolve(schema)
        for word, want in schema.items():
            check = KEYWORDS.get(word)
            if check:
                for text in check(want, value):
                    yield "%s %s" % (where.lstrip(".") or "it", text)
        if isinstance(value, dict) and not INNER.isdisjoint(schema):
            for name, inner in value.items():
                yield from self._walk(self.part(schema, name), inner,
                                      "%s.%s" % (where, _safe(name)))
        elif isinstance(value, list) and "items" in schema:
            for i, inner in enumerate(value):
                yield from self._walk(schema["items"], inner,
                                      "%s[%d]" % (where, i))


def _safe(name):
    """A foreign name in a path."""
    return name if re.fullmatch(r"[\w.:,=/+-]{1,60}", name, re.ASCII) \
        else shown(name)
