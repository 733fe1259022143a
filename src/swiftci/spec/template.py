"""Where templates are, and the Jinja2 environment of pages for people."""

from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

PACKAGE = Path(__file__).parents[1] / "templates"
"""In a wheel."""
REPOSITORY = Path(__file__).parents[3] / "templates"
"""In a source tree, which an editable install uses."""


def loader() -> FileSystemLoader:
    return FileSystemLoader([PACKAGE, REPOSITORY])


@cache
def _environment(html: bool) -> Environment:
    return Environment(
        loader=loader(),
        autoescape=html,  # noqa: S701 -- Markdown has its own escaping, the filter `cell`
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def environment(*, html: bool) -> Environment:
    """Jinja2 for reports and messages; `html` escapes every value."""
    return _environment(html)
