"""Reads EvalScope's reviews (1.14.1): one row for each answer, with what was asked, expected, said and scored."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from textwrap import shorten
from typing import Any

from swiftci.evidence.fault import DAMAGED, Fault, count, number, short, text
from swiftci.evidence.metric import Item
from swiftci.evidence.metric_name import canonical
from swiftci.store.files import read_rows

_COLLECTION = "collection_info"
"""In the metadata of an item that came with others of other data sets: which one it is of."""
_LABEL_MAX = 80


def read(folder: Path, dataset: str, asked: Mapping[str, int], key: str = "") -> list[Item]:
    """A data set's items; `asked` has the number of answers of each subset, whose file is DATASET_SUBSET.jsonl.

    `key` names what in the items' metadata says which of them belong together. Raises Fault where an answer is missing,
    doubled, damaged, or was not scored.
    """
    items: list[Item] = []
    for subset, expected in asked.items():
        path = folder / f"{dataset}_{subset}.jsonl"
        try:
            found = list(_items(path, dataset, subset, key)) if path.exists() else []
        except DAMAGED as error:
            raise Fault(f"{path.name} is damaged: {error}") from None
        if len(found) != expected:
            where = f" of {subset}" if len(asked) > 1 else ""
            raise Fault(f"{expected} items{where} were asked, {len(found)} were scored")
        items += found
    return items


def _items(path: Path, dataset: str, subset: str, key: str) -> Iterator[Item]:
    rows = sorted(read_rows(path), key=_place)  # they come in the order in which they were answered
    repeated = any(row["sample_score"].get("generation_index") for row in rows)
    seen: set[str] = set()
    for row in rows:
        index = _index(row, repeated=repeated)
        if index in seen:
            raise Fault(f"{path.name} has item {index} twice")
        seen.add(index)
        yield _item(row, dataset, subset, index, key)


def _index(row: Mapping[str, Any], *, repeated: bool) -> str:
    """`12`; or `12/0`, `12/1` where questions were asked several times: then EvalScope counts on over all answers."""
    if not repeated:
        return str(_place(row))
    sample = row["sample_score"]
    return f"{count(sample['group_id'], 'group_id')}/{count(sample['generation_index'], 'generation_index')}"


def _place(row: Mapping[str, Any]) -> int:
    return count(row["index"], "an item's index")


def _item(row: Mapping[str, Any], dataset: str, subset: str, index: str, key: str) -> Item:
    sample = row["sample_score"]
    score, metadata = sample["score"], sample.get("sample_metadata") or {}
    _scored(score, index)
    asked = _asked(row["messages"])
    questions = [content for role, content in asked if role == "user"]
    origin = metadata.get(_COLLECTION)
    return Item(
        dataset=dataset,
        subset=f"{origin['dataset_name']}/{origin['subset_name']}" if origin else subset,
        index=index,
        prompt=digest(asked),
        scores=_values(score, index),
        prediction=text(score.get("extracted_prediction") or score.get("prediction") or ""),
        target=text(row.get("target")),
        question=text(_shown(questions[-1])) if questions else "",
        cluster=label(metadata, key, f"item {index}") if key else "",
    )


def _scored(score: Mapping[str, Any], index: str) -> None:
    """Raises Fault where a score stands for none."""
    errors = (score.get("metadata") or {}).get("metric_errors")
    if errors:
        name, why = next(iter(errors.items()))
        shown = shorten(str(why).replace("*", ""), 160, placeholder=" …")
        raise Fault(f"{name} could not be computed and was scored 0: {shown}")
    status = score.get("status", "success")
    if status != "success":
        why = shorten(str(score.get("explanation") or ""), 160, placeholder=" …")
        raise Fault(f"item {index} could not be scored ({status}){f': {why}' if why else ''}")


def _values(score: Mapping[str, Any], index: str) -> dict[str, float]:
    """An item's scores by metric, and as `METRIC/weight` what it counts for in a weighted mean."""
    values = {
        canonical(name): number(value, f"{name} of item {index}", flags=True)  # humaneval and others write true
        for name, value in score["value"].items()
    }
    weights = (score.get("metadata") or {}).get("metric_weights") or {}
    return values | {
        f"{canonical(name)}/weight": number(value, f"the weight of {name} of item {index}")
        for name, value in weights.items()
    }


def _asked(messages: list[dict[str, Any]]) -> list[tuple[str, Any]]:
    """What the model was given before it said anything: what a tool answers it depends on what it said."""
    said = [number for number, message in enumerate(messages) if message["role"] == "assistant"]
    generated = [number for number in said if messages[number].get("source") == "generate"]
    end = generated[0] if generated else said[-1] if said else len(messages)
    return [(message["role"], message["content"]) for message in messages[:end]]


def _shown(content: Any) -> Any:
    """A message's words; of an image or the like only that there is one."""
    if not isinstance(content, list):
        return content
    parts = [one if isinstance(one, dict) else {"text": str(one)} for one in content]
    return "\n".join(str(one["text"]) if "text" in one else f"[{one.get('type', 'file')}]" for one in parts)


def digest(asked: Any) -> str:
    """Of what was asked: of the same question the same, wherever it was asked."""
    return hashlib.sha256(json.dumps(asked, ensure_ascii=False).encode("utf-8", "replace")).hexdigest()[:16]


def label(metadata: Mapping[str, Any], key: str, where: str) -> str:
    """The cluster that an item says it belongs to, of a long text its digest; raises Fault where it says none."""
    if key not in metadata:
        have = ", ".join(sorted(metadata)) or "nothing"
        raise Fault(f"{where} has no {key!r}, by which evaluate.clusters groups this data set; it has: {have}")
    value = metadata[key]
    if isinstance(value, (str, int)) and not isinstance(value, bool) and str(value).strip():
        shown = text(str(value))
        return shown if len(shown) <= _LABEL_MAX else digest(shown)
    raise Fault(f"{where} has {short(value)} as {key!r}; evaluate.clusters needs one text or whole number there")
