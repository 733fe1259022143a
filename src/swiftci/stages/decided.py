"""What decides a call's result, as one digest: the same on every machine that knows the same."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from swiftci.config.model import Config
from swiftci.stages import BY_NAME
from swiftci.stages.stage import Stage
from swiftci.store import fingerprint
from swiftci.store.digest import of_data
from swiftci.store.fingerprint import Part


def of_parts(
    stage: Stage, inputs: Any, parts: Sequence[Part], config: Config, content: Mapping[str, str] | None = None
) -> str:
    """The digest; a stage that is needed counts by its own, `content` is of the files that inputs name."""
    needs = {name: of_parts(BY_NAME[name], BY_NAME[name].inputs(), parts, config) for name in stage.needs(inputs)}
    data = {"stage": stage.name, "inputs": asdict(inputs), "content": dict(content or {}), "needs": needs}
    chosen = {f"{part.section}:{part.key}": part.value for part in _chosen(stage, parts, config)}
    return of_data({**data, "parts": chosen})


def deferred(stage: Stage, inputs: Any, parts: Sequence[Part], config: Config) -> list[Part]:
    """The parts that decide a call's result, or one that it needs, and are not known on this machine."""
    found = [part for part in _chosen(stage, parts, config) if part.deferred]
    for name in stage.needs(inputs):
        found += deferred(BY_NAME[name], BY_NAME[name].inputs(), parts, config)
    return found


def _chosen(stage: Stage, parts: Sequence[Part], config: Config) -> tuple[Part, ...]:
    return fingerprint.chosen(parts, (*stage.reads, *stage.also(config)), stage.packages)
