"""Holds the memory estimate against published figures, and writes docs/estimates.md.

`python -m tests.evidence.memory_table` writes the page, with the words of memory_page.md; `--fit` shows the
coefficients that the fitted figures ask for.
"""

import json
import statistics
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from swiftci.config.arguments import Arguments
from swiftci.config.train import Train
from swiftci.evidence import activations, memory, shape
from swiftci.evidence.memory import GIB, Memory
from swiftci.evidence.recipe import Rows
from swiftci.evidence.shape import Shape

PAGE = Path(__file__).parents[2] / "docs/estimates.md"
PROSE = Path(__file__).with_name("memory_page.md")
FILE = Path(__file__).with_name("memory_figures.json")
EVERY = 7
"""Every seventh figure by path is fitted on, from the first."""

Figure = Mapping[str, Any]


@cache
def data() -> dict[str, Any]:
    return dict(json.loads(FILE.read_text(encoding="utf-8")))


@cache
def model(name: str) -> Shape:
    """A published model's shape, read from its config.json."""
    with TemporaryDirectory() as folder:
        Path(folder, "config.json").write_text(json.dumps(data()["models"][name]["config"]))
        found = shape.read(Path(folder))
    assert found, name
    return found


def figures(*, fitted: bool) -> list[Figure]:
    return [one for one in data()["figures"] if one["fit"] is fitted]


def estimated(figure: Figure) -> Memory:
    train = Train(**{**figure["train"], "args": Arguments(figure["train"]["args"])})
    rows = {**data()["rows"], "older": data()["older"]["rows"]}.get(figure.get("rows"))
    return memory.estimate(
        train,
        model(figure["model"]),
        rows=rows and Rows(longest=rows["longest"], mean=rows["mean"]),
        others={argument: model(name) for argument, name in figure.get("others", {}).items()},
    )


def error(figure: Figure) -> float:
    """How much more is estimated than published, as a share of it."""
    return estimated(figure).total / GIB / float(figure["gib"]) - 1


def held_out() -> tuple[float, Figure]:
    """The median error of the figures that nothing was fitted on, and the figure with the largest."""
    found = sorted(figures(fitted=False), key=lambda one: abs(error(one)))
    return statistics.median(abs(error(one)) for one in found), found[-1]


def older() -> list[tuple[Figure, ...]]:
    """ms-swift 2's own benchmark, one model and tuner a row, a length a figure; nothing was fitted on it."""
    one = data()["older"]
    return [
        tuple(
            {
                "model": name,
                "gib": gib,
                "rows": "older",
                "train": {"gpus": 1, "args": {**one["args"], "tuner_type": tuner, "max_length": str(length)}},
            }
            for length, gib in zip(one["lengths"], found, strict=False)  # the longest ran out of memory
        )
        for tuner, by_model in one["gib"].items()
        for name, found in by_model.items()
    ]


def fit() -> tuple[float, float, int]:
    """Overhead in GiB, layer factor and bytes per logit with the least squares of relative errors, on a grid.

    The overhead's limit is left out of it: it is for models smaller than any here.
    """
    slopes = [_slopes(one) for one in figures(fitted=True)]

    def loss(overhead: float, layer: float, logit: int) -> float:
        return sum(
            ((rest + overhead + layer * by_layer + logit * by_logit) / published - 1) ** 2
            for published, rest, by_layer, by_logit in slopes
        )

    grid = [(over / 10, half / 2, bytes_) for over in range(81) for half in range(13) for bytes_ in range(4, 17)]
    return min(grid, key=lambda point: loss(*point))


def _slopes(figure: Figure) -> tuple[float, float, float, float]:
    """The published figure, the estimate's parts without coefficients, and what each adds; in GiB."""
    kept = activations.LAYER, activations.LOGIT_BYTES
    found = []
    try:
        # a loss taken in slices has 4 bytes at least, so the slope of the logits begins there
        for activations.LAYER, activations.LOGIT_BYTES in ((0.0, 4.0), (1.0, 4.0), (0.0, 5.0)):
            one = estimated(figure)
            found.append((one.total - one.overhead) / GIB)
    finally:
        activations.LAYER, activations.LOGIT_BYTES = kept
    by_logit = found[2] - found[0]
    return float(figure["gib"]), found[0] - 4 * by_logit, found[1] - found[0], by_logit


def table(chosen: list[Figure]) -> str:
    lines = [
        "| Where | Model | GPUs | Training | Published | Estimate | Error |",
        "| --- " * 3 + "| --- | ---: | ---: | ---: |",
    ]
    for one in chosen:
        gpus = one["train"]["gpus"] * one["train"].get("nodes", 1)
        where = f"[{one['path'].removeprefix('examples/')}]({data()['source']}{one['path']})"
        sizes = f"{one['gib']:g} | {estimated(one).total / GIB:.1f} | {error(one):+.0%}"
        lines.append(f"| {where} | {one['model']} | {gpus} | {_words(one['train'])} | {sizes} |")
    return "\n".join(lines)


def older_table() -> str:
    """Each cell: published, and the error."""
    lengths = data()["older"]["lengths"]
    lines = ["| Model | Tuner | " + " | ".join(map(str, lengths)) + " |", "| --- | --- |" + " ---: |" * len(lengths)]
    for row in older():
        cells = [f"{one['gib']:.1f} ({error(one):+.0%})" for one in row] + ["–"] * (len(lengths) - len(row))
        lines.append(f"| {row[0]['model']} | {row[0]['train']['args']['tuner_type']} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


_SAID = ("deepspeed", "fsdp", "quant_method", "recompute_granularity")
_MARKS = {
    "packing": "packing", "padding_free": "padding-free", "use_liger_kernel": "liger", "use_dora": "dora",
    "use_galore": "galore", "optimizer_cpu_offload": "offload",
}  # fmt: skip
_SPLITS = {
    "tensor_model_parallel_size": "TP", "pipeline_model_parallel_size": "PP", "expert_model_parallel_size": "EP",
    "sequence_parallel_size": "SP",
}  # fmt: skip


def _words(train: Mapping[str, Any]) -> str:
    args = train["args"]
    megatron = train["method"].startswith("megatron")
    words = ["Megatron"] if megatron else []
    words += [args.get("rlhf_type", train["method"].removeprefix("megatron-"))]
    words += [args.get("tuner_type", "full")]
    words += [args[name] for name in _SAID if name in args and args[name] != "full"]
    words += [word for name, word in _MARKS.items() if args.get(name) == "true"]
    words += [f"{short}{args[name]}" for name, short in _SPLITS.items() if name in args]
    batch = args.get("per_device_train_batch_size", args.get("micro_batch_size", "1"))
    words += [f"{batch} × {args['max_length']}" if "max_length" in args else batch]
    return ", ".join(words)


def page() -> str:
    median, worst = held_out()
    fitted, rest = figures(fitted=True), figures(fitted=False)
    old = [abs(error(one)) for row in older() for one in row]
    above = sum(error(one) > 0 for one in rest)
    within = sum(abs(error(one)) <= 0.15 for one in rest)
    return PROSE.read_text(encoding="utf-8").format(
        overhead=f"{memory.OVERHEAD / GIB:.1f}",
        share=f"{memory.OVERHEAD_SHARE * 100:.0f} %",
        layer=f"{activations.LAYER:g}",
        logit=f"{activations.LOGIT_BYTES:g}",
        fitted=len(fitted),
        rest=len(rest),
        median=f"{median * 100:.1f}",
        worst=f"`{worst['path']}` ({error(worst) * 100:+.0f} %)",
        within=within,
        above=above,
        below=len(rest) - above,
        late=", ".join(f"`{one['path']}`" for one in rest if one.get("late")),
        fitted_table=table(fitted),
        rest_table=table(rest),
        old=len(old),
        old_median=f"{statistics.median(old) * 100:.1f}",
        old_source=data()["older"]["source"],
        older_table=older_table(),
        left_out="\n".join(f"- {why}: {len(which)}" for why, which in left_out().items()),
        source=data()["source"],
    )


def left_out() -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for why, which in data()["left_out"].items():
        found.setdefault("the same arguments as another figure" if why.startswith("the same") else why, []).extend(
            which
        )
    return dict(sorted(found.items(), key=lambda one: -len(one[1])))


if __name__ == "__main__":
    if "--fit" in sys.argv:
        print("overhead {:.1f} GiB, layer × {:.1f}, {} bytes per logit".format(*fit()))
    else:
        PAGE.parent.mkdir(exist_ok=True)
        PAGE.write_text(page(), encoding="utf-8")
