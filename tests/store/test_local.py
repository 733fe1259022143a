"""The store: finished runs by name and fingerprint."""

import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from swiftci.store import record
from swiftci.store.local import Store
from swiftci.store.record import Record
from tests.evidence.corpus import CORPUS, edit


def run(
    folder: Path, *, name: str = "tiny", fingerprint: str = "a" * 64, started: float = 1000.0, ref: str = ""
) -> Path:
    """A run directory with small files, weights, and things that nobody should keep."""
    shutil.copytree(CORPUS / "swift" / "ok-lora" / "out", folder / "train", symlinks=True)
    for path in ("logs/train.log", "items/candidate.jsonl", "metrics.json", "report.html", "digests.json", ".lock"):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(f"{path} of {started}")
    one = Record(name=name, fingerprint="a" * 64, resolved={}, started=started, ref=ref or None)
    one.attempt = f"{started:.0f}/1/train"
    record.write(folder, one)
    return folder


def contents(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_small_files_are_kept_and_weights_are_not(tmp_path: Path) -> None:
    kept = Store(tmp_path / "store").put(run(tmp_path / "run"))

    assert contents(kept) == {
        "run.json",
        "metrics.json",
        "report.html",
        "items/candidate.jsonl",
        "logs/train.log",
        "train/logging.jsonl",
        "train/args.json",
    }


def test_kept_run_is_found_by_its_fingerprint(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    kept = store.put(run(tmp_path / "run"))

    assert store.get("a" * 64) == kept
    assert store.get("b" * 64) is None


def test_of_two_runs_the_later_is_found(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    later = store.put(run(tmp_path / "2", started=2000.0))
    store.put(run(tmp_path / "1", started=1000.0))

    assert store.get("a" * 64) == later
    assert store.newest("tiny") == later


def test_newest_is_of_one_name_and_one_ref(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    main = store.put(run(tmp_path / "1", started=1000.0, ref="refs/heads/main"))
    pull = store.put(run(tmp_path / "2", started=2000.0, ref="refs/pull/7/merge"))
    store.put(run(tmp_path / "3", name="other", started=3000.0, ref="refs/heads/main"))

    assert store.newest("tiny") == pull
    assert store.newest("tiny", "refs/heads/main") == main
    assert store.newest("tiny", "refs/heads/x") is None
    assert store.newest("nobody") is None


def test_name_that_begins_like_another_is_another(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    store.put(run(tmp_path / "1", name="tiny-2"))

    assert store.newest("tiny") is None


def test_put_twice_replaces_itself(tmp_path: Path) -> None:
    store, folder = Store(tmp_path / "store"), run(tmp_path / "run")
    first = store.put(folder)
    (folder / "metrics.json").write_text("new")
    (folder / "report.html").unlink()
    second = store.put(folder)

    assert second == first
    assert (second / "metrics.json").read_text() == "new"
    assert not (second / "report.html").exists()
    assert [path.name for path in second.parent.iterdir()] == [second.name]


def test_local_run_replaces_the_local_one_before(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    for started in (1000.0, 2000.0):
        folder = run(tmp_path / str(started), started=started)
        edit(folder / "run.json", lambda one: one.update(attempt="//"))
        kept = store.put(folder)

    assert [path.name for path in kept.parent.iterdir()] == [f"{'a' * 16}-local"]
    assert (kept / "metrics.json").read_text() == "metrics.json of 2000.0"


def test_folder_that_is_no_run_is_refused(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    with pytest.raises(FileNotFoundError):
        Store(tmp_path / "store").put(tmp_path / "run")

    assert not (tmp_path / "store").exists()


def test_empty_store_holds_nothing(tmp_path: Path) -> None:
    assert Store(tmp_path / "nowhere").get("a") is None
    assert Store(tmp_path / "nowhere").newest("tiny") is None


@pytest.mark.parametrize("text", ["", "{", "[]", '{"schema": 9}', "\xff"])
def test_damaged_record_does_not_hide_a_good_one(tmp_path: Path, text: str) -> None:
    store = Store(tmp_path / "store")
    bad = store.put(run(tmp_path / "2", started=2000.0))
    good = store.put(run(tmp_path / "1", started=1000.0))
    (bad / "run.json").write_text(text, encoding="latin-1")

    assert store.newest("tiny") == good


def test_put_that_fails_leaves_the_earlier_one(tmp_path: Path) -> None:
    store, folder = Store(tmp_path / "store"), run(tmp_path / "run")
    kept = store.put(folder)
    (folder / "logs" / "loop").symlink_to("loop")
    with pytest.raises(shutil.Error):
        store.put(folder)

    assert store.newest("tiny") == kept
    assert [path.name for path in kept.parent.iterdir()] == [kept.name]


def test_put_that_was_killed_shows_nothing(tmp_path: Path) -> None:
    folder = run(tmp_path / "run")
    for number in range(400):
        (folder / "items" / f"{number}.jsonl").write_text("x" * 10_000)
    code = "import sys; from pathlib import Path; from swiftci.store.local import Store\n"
    code += "while True: Store(Path(sys.argv[1])).put(Path(sys.argv[2]))"
    for moment in (0.0, 0.01, 0.03, 0.05):
        store = tmp_path / f"store-{moment}"
        process = subprocess.Popen([sys.executable, "-c", code, str(store), str(folder)])
        while not store.exists():
            time.sleep(0.001)
        time.sleep(moment)
        process.send_signal(signal.SIGKILL)
        process.wait()
        found = Store(store).newest("tiny")

        assert found is None or len(list((found / "items").iterdir())) == 401
        assert json.loads((Store(store).put(folder) / "run.json").read_text())["name"] == "tiny"
