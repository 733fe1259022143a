"""What `make gate-real` shows, on a model that trains in seconds: the real ms-swift and EvalScope."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.e2e.conftest import CONFIG, PROJECT, ROOT, TOOLS, swiftci
from tests.gate import real
from tests.gate.model import Model

pytestmark = pytest.mark.real


@pytest.fixture
def model(tmp_path: Path) -> Model:
    """The tiny model before and after its training."""
    subprocess.run([TOOLS, ROOT / "tests/tiny/make_model.py", tmp_path / "model"], check=True)
    (tmp_path / "configs").mkdir()
    (tmp_path / "swiftci.yaml").write_text(PROJECT.format(tools=TOOLS))
    (tmp_path / "configs/tiny.yaml").write_text(CONFIG)
    done = swiftci(tmp_path, "run", "configs/tiny.yaml", "--until", "train", "--set", "evaluate.base=false")
    assert done.returncode == 0, done.stdout + done.stderr
    shutil.copytree(tmp_path / ".swiftci/runs/tiny/train/checkpoint-50", tmp_path / "tuned")
    generation = {"max_tokens": 6, "do_sample": True, "temperature": 1.0}
    sets = {"evaluate.args.generation_config": generation}
    return Model(root=tmp_path, config="configs/tiny.yaml", python=TOOLS, sets=sets)


def test_the_gate_tells_a_real_model_that_got_better_or_worse_from_chance(model: Model) -> None:
    model.evaluate("tuned-scored", "tuned")
    model.evaluate("seed-1", "tuned", evaluate__args__seed=1)
    same = list(real.seeds(model, 1))
    rows = [real.improved(model), *same, real.worse(model, 1.0), real.cut(model, at_line=True)]
    rows.append(model.judge("same-1", "20 items", "inconclusive", margin=0.02))

    assert [str(row) for row in rows if not row.good] == []
    assert same[0].discordant
    assert rows[-1].reason.needed is not None
    assert rows[-1].reason.items == 20
