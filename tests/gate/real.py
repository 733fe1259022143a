"""What the gate says of a real model that got better, worse, or stayed the same; `make gate-real`, after `make demo`.

    python -m tests.gate.real [--seeds 20]

Works on copies in a temporary folder. Every command is shown above the figures that it makes. Ends with 1 where the
gate did not say what it should.
"""

import argparse
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.e2e.conftest import ROOT, TOOLS
from tests.gate.model import HEAD, Model, Row, discordant

DEMO = ROOT / "examples/smollm2"
CHECKPOINT = DEMO / ".swiftci/runs/smollm2/train/checkpoint-50"
TEMPERATURES = (1.2, 1.5, 2.0)
DISCORDANT = 0.08
"""Of the first two seeds, so that those of the others are 5 % and more."""
MARGIN = 0.15
"""Twice what 120 items can show, where 12 % differ by chance: so that no seed is refused by chance alone."""


def demo(folder: Path) -> Model:
    """The demo's model and its finished training, in another place."""
    for name in ("configs", "data"):
        shutil.copytree(DEMO / name, folder / name)
    shutil.copytree(CHECKPOINT, folder / "tuned", ignore=shutil.ignore_patterns("optimizer.pt"))
    (folder / "model").symlink_to(DEMO / "model")
    project = (DEMO / "swiftci.yaml").read_text(encoding="utf-8")
    (folder / "swiftci.yaml").write_text(f"{project}python: {TOOLS}\n", encoding="utf-8")
    return Model(root=folder, config="configs/smollm2.yaml", python=TOOLS)


def sample(model: Model, tokens: int) -> float:
    """Lets the model sample at the first temperature at which two seeds differ enough; scores `tuned` and `seed-1`."""
    share = 0.0
    for temperature in TEMPERATURES:
        for folder in ("tuned-scored", "seed-1"):
            shutil.rmtree(model.root / folder, ignore_errors=True)
        generation = {"max_tokens": tokens, "do_sample": True, "temperature": temperature}
        model.sets = {"evaluate.args.generation_config": generation}
        model.evaluate("tuned-scored", "tuned")
        model.evaluate("seed-1", "tuned", evaluate__args__seed=1)
        share = discordant(*(model.scores(folder, "candidate") for folder in ("tuned-scored", "seed-1"))) or 0.0
        print(f"at temperature {temperature} two seeds differ on {100 * share:.1f} % of the items\n", flush=True)
        if share >= DISCORDANT:
            break
    model.spent = 0.0
    return share


def seeds(model: Model, count: int) -> Iterator[Row]:
    """The tuned model against itself, by other seeds."""
    for seed in range(1, count + 1):
        if seed > 1:
            model.evaluate(f"seed-{seed}", "tuned", evaluate__args__seed=seed)
        folder = f"same-{seed}"
        model.call("evaluate", folder, "--results", f"seed-{seed}/eval/candidate")
        model.call("baseline", folder, "--baseline", "tuned-scored")
        yield model.judge(folder, f"tuned against itself, seed {seed}", "not fail", margin=MARGIN)


def few(model: Model, items: int) -> Row:
    model.evaluate("few-scored", "tuned", evaluate__args__seed=1, evaluate__args__limit=items)
    model.call("evaluate", "few", "--results", "few-scored/eval/candidate")
    model.call("baseline", "few", "--baseline", "tuned-scored")
    return model.judge("few", f"{items} items", "inconclusive", margin=0.02)


def improved(model: Model) -> Row:
    model.call("evaluate", "tuned-scored", "--subject", "base")
    return model.judge("tuned-scored", "base against tuned", "pass", improves=True, against="base")


def worse(model: Model, amount: float) -> Row:
    model.evaluate("damaged", model.damaged("tuned", amount))
    model.call("baseline", "damaged", "--baseline", "tuned-scored")
    return model.judge("damaged", "tuned against a damaged copy", "fail", margin=MARGIN)


def cut(model: Model, *, at_line: bool) -> Row:
    results = model.truncated("tuned-scored", at_line=at_line)
    model.call("evaluate", f"{results}-scored", "--results", results, codes=(4,))
    name = "a review file that lost half its lines" if at_line else "a review file cut off in a line"
    return model.judge(f"{results}-scored", name, "invalid", margin=MARGIN)


def told(rows: Sequence[Row]) -> bool:
    """Prints the table; whether the gate said what it should, and the seeds differed enough."""
    same = [row for row in rows if row.wanted == "not fail"]
    shares = [row.discordant or 0.0 for row in same]
    words = [row.reason.verdict for row in same]
    print(HEAD, *rows, sep="\n")
    print(f"\n{len(same)} seeds: {words.count('fail')} failed, {words.count('pass')} passed; ", end="")
    print(f"they differ from the first on {100 * min(shares):.1f} to {100 * max(shares):.1f} % of the items")
    return all(row.good for row in rows) and min(shares) >= 0.05


def main(argv: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=20)
    count = parser.parse_args(argv).seeds
    if not CHECKPOINT.is_dir():
        sys.exit(f"{CHECKPOINT} is missing: run `make demo` first")
    with tempfile.TemporaryDirectory() as folder:
        model = demo(Path(folder))
        sample(model, tokens=6)
        rows = [improved(model), *seeds(model, count), worse(model, 6), few(model, 20)]
        rows += [cut(model, at_line=at_line) for at_line in (False, True)]
    return 0 if told(rows) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
