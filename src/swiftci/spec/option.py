"""An option: a dataclass field with its one sentence of documentation.

Whatever a user can set is declared once as such a field; the reader, the command line, action.yml and
the tables in the docs are derived from it.
"""

import dataclasses
import types
import typing
from collections.abc import Callable, Sequence
from dataclasses import MISSING, dataclass
from functools import cache, cached_property
from typing import Any

KEY = "swiftci.option"


@dataclass(frozen=True, kw_only=True)
class Option:
    """One option, as declared."""

    name: str
    help: str
    type: Any
    default: Any = MISSING
    choices: tuple[str, ...] = ()

    @property
    def required(self) -> bool:
        return self.default is MISSING

    @property
    def key(self) -> str:
        """The option as YAML in an action and a flag on the command line spell it."""
        return self.name.replace("_", "-")

    @property
    def env(self) -> str:
        """The environment variable that an action passes the option in."""
        return "SWIFTCI_" + self.name.upper()

    @cached_property
    def optional(self) -> bool:
        """Whether the annotated type allows None."""
        return type(None) in typing.get_args(self.type)

    @cached_property
    def types(self) -> tuple[Any, ...]:
        """The alternatives of the annotated type, None left out."""
        if isinstance(self.type, types.UnionType) or typing.get_origin(self.type) is typing.Union:
            return tuple(a for a in typing.get_args(self.type) if a is not type(None))
        return (self.type,)


def option(
    help: str,
    *,
    default: Any = MISSING,
    factory: Callable[[], Any] | None = None,
    choices: Sequence[str] = (),
    key: str | None = None,
) -> Any:
    """A dataclass field that documents itself.

    `key` is the name that users write where it cannot be a Python name (`from`).
    """
    metadata = {KEY: {"help": help, "choices": tuple(choices), "key": key}}
    if factory is not None:
        return dataclasses.field(default_factory=factory, metadata=metadata)
    if default is not MISSING:
        return dataclasses.field(default=default, metadata=metadata)
    return dataclasses.field(metadata=metadata)


def options(cls: type) -> tuple[Option, ...]:
    """The options that a dataclass declares, in order; its other fields are left out."""
    return _options(cls)


@cache
def _options(cls: type) -> tuple[Option, ...]:
    hints = typing.get_type_hints(cls)
    found = []
    for item in dataclasses.fields(cls):
        declared = item.metadata.get(KEY)
        if declared is None:
            continue
        default = item.default
        if item.default_factory is not MISSING:
            default = item.default_factory()
        found.append(
            Option(
                name=item.name,
                help=declared["help"],
                type=hints[item.name],
                default=default,
                choices=declared["choices"],
            )
        )
    return tuple(found)


def written(cls: type, name: str) -> str:
    """The key a user writes for a field."""
    declared = cls.__dataclass_fields__[name].metadata.get(KEY) or {}  # type: ignore[attr-defined] # any dataclass has it
    return declared.get("key") or name
