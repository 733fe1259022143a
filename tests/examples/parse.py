"""Holds command lines against the parsers of ms-swift and EvalScope; runs under the tools' interpreter.

Reads from stdin a list of `{"tool": …, "argv": […]}`, where the tool is a class of swift.arguments or `evalscope`, and
names of models and data sets. Prints for each command what its parser has against it, and the names not registered.
"""

import argparse
import contextlib
import io
import json
import sys
from typing import Any


def parser(tool: str) -> argparse.ArgumentParser:
    if tool == "evalscope":
        from evalscope.arguments import add_argument  # type: ignore[import-not-found] # in the tools' interpreter

        found = argparse.ArgumentParser()
        add_argument(found)
        return found
    import swift.arguments  # type: ignore[import-not-found] # likewise
    from swift.utils.utils import _patch_get_type_hints  # type: ignore[import-not-found] # likewise
    from transformers import HfArgumentParser  # type: ignore[import-not-found] # likewise

    with _patch_get_type_hints():
        return HfArgumentParser([getattr(swift.arguments, tool)])  # type: ignore[no-any-return] # no types there


def complaint(tool: str, argv: list[str]) -> str:
    """What the parser says against a command; no __post_init__ runs, which would look for models and GPUs."""
    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said):
            parsed, rest = parser(tool).parse_known_args(argv)
    except SystemExit:
        return said.getvalue().strip().splitlines()[-1]
    if rest:
        return f"unknown: {rest}"
    if tool == "evalscope":
        from evalscope.api.model import GenerateConfig  # type: ignore[import-not-found] # likewise

        unknown = set(parsed.generation_config) - set(GenerateConfig.model_fields)
        return f"generation_config has no {sorted(unknown)}" if unknown else ""
    return ""


def unregistered(models: list[str], datasets: list[str]) -> list[str]:
    from swift.dataset import DATASET_MAPPING  # type: ignore[import-not-found] # likewise
    from swift.model import MODEL_MAPPING  # type: ignore[import-not-found] # likewise

    known = {
        name
        for meta in MODEL_MAPPING.values()
        for group in meta.model_groups
        for model in group.models
        for name in (model.ms_model_id, model.hf_model_id)
    }
    subsets: dict[str, set[str]] = {}
    for meta in DATASET_MAPPING.values():
        for name in (meta.ms_dataset_id, meta.hf_dataset_id):
            if name:
                subsets.setdefault(name, {""}).update(getattr(one, "name", one) for one in meta.subsets)
    wrong = [name for name in models if name not in known]
    for text in datasets:
        name, _, subset = text.partition("#")[0].partition(":")
        if subset not in subsets.get(name, set()):
            wrong.append(text)
    return wrong


def main() -> None:
    asked: dict[str, Any] = json.load(sys.stdin)
    complaints = [complaint(one["tool"], one["argv"]) for one in asked["commands"]]
    print(json.dumps({"complaints": complaints, "unregistered": unregistered(asked["models"], asked["datasets"])}))


if __name__ == "__main__":
    main()
