"""Records the tools' own arguments into known_arguments.json; runs under the interpreter that holds them.

Of each argument: its type (`int`, `float`, `bool`) or its choices, or an empty text where any text may do.
"""

import argparse
import ast
import dataclasses
import importlib.metadata
import importlib.util
import json
import sys
import types
import typing
from pathlib import Path
from typing import Any

Kind = str | list[str]

_TRAINERS = {"pt": "PretrainArguments", "sft": "SftArguments", "rlhf": "RLHFArguments"}
_SERVERS = {"deploy": "DeployArguments", "rollout": "RolloutArguments", "export": "ExportArguments"}
_MEGATRON = {
    "megatron-pt": "MegatronPretrainArguments",
    "megatron-sft": "MegatronSftArguments",
    "megatron-rlhf": "MegatronRLHFArguments",
}


def recorded() -> dict[str, dict[str, object]]:
    """Trainer or command to its tool's version and arguments."""
    import swift.arguments as swift  # type: ignore[import-not-found] # in the tools' interpreter
    from evalscope.arguments import add_argument  # type: ignore[import-not-found] # likewise

    parser = argparse.ArgumentParser()
    add_argument(parser)
    found: dict[str, dict[str, object]] = {}
    version = importlib.metadata.version("ms_swift")
    for key, name in (_TRAINERS | _SERVERS).items():
        hints = typing.get_type_hints(getattr(swift, name))
        names = {f.name: _kind(hints[f.name]) for f in dataclasses.fields(getattr(swift, name)) if f.init}
        names["tuner_type"] = sorted(swift.get_supported_tuners())
        found[key] = {"version": version, "names": dict(sorted(names.items()))}
    hints = typing.get_type_hints(swift.BaseArguments)
    base = {f.name: _kind(hints[f.name]) for f in dataclasses.fields(swift.BaseArguments)}
    for key, name in _MEGATRON.items():
        found[key] = {"version": version, "names": dict(sorted((base | _by_source(name)).items()))}
    evaluate = {action.dest: "" for action in parser._actions if action.dest != "help"}
    found["eval"] = {"version": importlib.metadata.version("evalscope"), "names": dict(sorted(evaluate.items()))}
    return found


def _kind(hint: Any) -> Kind:
    """The one type or the choices of an annotation; empty where it admits texts."""
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        parts = [part for part in typing.get_args(hint) if part is not type(None)]
        return _kind(parts[0]) if len(parts) == 1 else ""
    if typing.get_origin(hint) is typing.Literal:
        return [str(choice) for choice in typing.get_args(hint)]
    return {int: "int", float: "float", bool: "bool"}.get(hint, "")


def _by_source(name: str) -> dict[str, Kind]:
    """The fields of a class of swift.megatron and its bases, read from the source: importing it needs Megatron."""
    spec = importlib.util.find_spec("swift")
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError("swift")
    folder = Path(spec.submodule_search_locations[0])
    files = [*(folder / "megatron/arguments").glob("*.py"), folder / "rlhf_trainers/args_mixin.py"]
    classes = {
        node.name: node
        for file in files
        for node in ast.parse(file.read_text(encoding="utf-8")).body
        if isinstance(node, ast.ClassDef)
    }

    def fields(one: str) -> dict[str, Kind]:
        if one not in classes:
            return {}  # BaseArguments, recorded from itself
        node = classes[one]
        found: dict[str, Kind] = {}
        for base in reversed(node.bases):
            found |= fields(ast.unparse(base).rpartition(".")[2])
        for item in node.body:
            if isinstance(item, ast.AnnAssign) and isinstance(item.target, ast.Name):
                found[item.target.id] = _kind_by_source(item.annotation)
        return found

    return fields(name)


def _kind_by_source(annotation: ast.expr) -> Kind:
    text = ast.unparse(annotation)
    if text.startswith("Optional["):
        text = text.removeprefix("Optional[").removesuffix("]")
    if text.startswith("Literal["):
        return [
            str(choice) for choice in ast.literal_eval("(" + text.removeprefix("Literal[").removesuffix("]") + ",)")
        ]
    return text if text in ("int", "float", "bool") else ""


if __name__ == "__main__":
    text = json.dumps(recorded(), indent=0, ensure_ascii=False) + "\n"
    target = Path(__file__).with_name("known_arguments.json")
    if "--check" in sys.argv:
        sys.exit(0 if target.read_text() == text else "known_arguments.json is stale: run this without --check")
    target.write_text(text)
