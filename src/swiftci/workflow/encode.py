"""Values to YAML scalars that every reader of workflows takes for the same thing, and the Jinja2 that uses them."""

import re
from functools import cache, lru_cache
from typing import Any

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from swiftci.spec.template import loader

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_./@+-]*( [A-Za-z0-9_./@+-]+)*")
_WORDS = frozenset(["y", "n", "yes", "no", "on", "off", "true", "false", "null"])
"""What YAML 1.1 readers take for true, false or nothing."""
_ESCAPED = re.compile('["\\\\\x00-\x1f\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]')
_SURROGATE = re.compile("[\ud800-\udfff]")
_NAMES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r"}
_EXPRESSION = re.compile(r"[^\n\r\x00-\x1f:#]*\$\{\{[^\n\r\x00-\x1f]*\}\}[^\n\r\x00-\x1f:#]*")


class Expression(str):
    """Text with `${{ }}` that swiftci itself made; no other text may hold any."""


def scalar(text: str) -> str:
    """A text as one YAML scalar: plain where no reader could take it for anything else, else double-quoted."""
    if isinstance(text, Expression):
        if not _EXPRESSION.fullmatch(text):
            raise ValueError(f"not an expression: {text!r}")
        return str(text)
    if _PLAIN.fullmatch(text) and text.lower() not in _WORDS:
        return text
    if "${{" in text:
        raise ValueError(f"an expression in data: {text!r}")
    if _SURROGATE.search(text):
        raise ValueError(f"a lone surrogate in {text!r}")
    return '"' + _ESCAPED.sub(lambda m: _NAMES.get(m[0]) or _escape(m[0]), text) + '"'


def _escape(character: str) -> str:
    number = ord(character)
    return f"\\x{number:02X}" if number < 0x100 else f"\\u{number:04X}"


def flow(value: Any) -> str:
    """A value in one line; floats are refused, since readers differ on how they are written."""
    match value:
        case str():
            return scalar(value)
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case None:
            return "null"
        case list() | tuple():
            return "[" + ", ".join(flow(item) for item in value) + "]"
        case dict():
            return "{" + ", ".join(f"{scalar(key)}: {flow(item)}" for key, item in value.items()) + "}"
        case _:
            raise TypeError(f"{type(value).__name__} has no place in a workflow: {value!r}")


def _finalize(value: Any) -> Markup:
    if isinstance(value, StrictUndefined):
        str(value)  # raises, and names what is not defined
    if isinstance(value, Markup):
        return value
    return _text(value) if isinstance(value, str) else Markup(flow(value))  # noqa: S704 -- flow() is the escaping


@lru_cache(
    maxsize=4096, typed=True
)  # a repository's workflows mostly hold the same texts; an Expression is no str here
def _text(text: str) -> Markup:
    return Markup(scalar(text))  # noqa: S704 -- scalar() is the escaping


def comment(text: str) -> Markup:
    """Text that stays one comment."""
    if "${{" in text:
        raise ValueError(f"an expression in a comment: {text!r}")
    if not text.isprintable():
        text = "".join(c if c.isprintable() else "?" for c in text)
    return Markup(text)  # noqa: S704 -- one line of printable text


def at(block: Markup, indent: int) -> Markup:
    """A macro's lines, all but the first moved right by `indent`."""
    lines = str(block).strip("\n").split("\n")
    return Markup(("\n" + " " * indent).join(lines))  # noqa: S704 -- the macro's text is encoded already


def block(value: list[str] | tuple[str, ...] | str, indent: int) -> Markup:
    """A list in block style, one item a line, or a text of several lines as a literal block."""
    margin = "\n" + " " * indent
    if isinstance(value, str):
        lines = value.split("\n")
        if not all(line == line.strip() and line and line.isprintable() for line in lines):
            raise ValueError(f"not plain lines: {value!r}")
        if not isinstance(value, Expression) and "${{" in value:
            raise ValueError(f"an expression in data: {value!r}")
        return Markup("|" + "".join(margin + line for line in lines))  # noqa: S704 -- plain lines
    return Markup("".join(f"{margin}- {flow(item)}" for item in value))  # noqa: S704 -- flow() is the escaping


@cache
def environment() -> Environment:
    """Jinja2 that leaves `${{ }}` alone and knows our three filters only."""
    jinja = Environment(
        loader=loader(),
        block_start_string="<%",
        block_end_string="%>",
        variable_start_string="<<",
        variable_end_string=">>",
        comment_start_string="<#",
        comment_end_string="#>",
        line_statement_prefix="%%",
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_finalize,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    jinja.filters.clear()
    jinja.filters.update({"comment": comment, "at": at, "block": block})
    jinja.globals.clear()
    return jinja
