"""Where templates are, and the Jinja2 environment of pages for people."""

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # a command that renders nothing must not pay for it
    from jinja2 import Environment, FileSystemLoader

PACKAGE = Path(__file__).parents[1] / "templates"
"""In a wheel."""
REPOSITORY = Path(__file__).parents[3] / "templates"
"""In a source tree, which an editable install uses."""


def loader() -> "FileSystemLoader":
    from jinja2 import FileSystemLoader

    return FileSystemLoader([PACKAGE, REPOSITORY])


@cache
def _environment(html: bool) -> "Environment":
    from jinja2 import Environment, StrictUndefined

    return Environment(
        loader=loader(),
        autoescape=html,  # noqa: S701 -- Markdown has its own escaping, the filter `cell`
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def environment(*, html: bool) -> "Environment":
    """Jinja2 for reports and messages; `html` escapes every value."""
    return _environment(html)
