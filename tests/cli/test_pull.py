"""`swiftci pull`: which run is meant, what is taken of it, and what is refused."""

import fcntl
import json
from collections import namedtuple
from collections.abc import Callable
from pathlib import Path
from unittest.mock import patch

import pytest

from swiftci.store import record
from swiftci.store.digest import listing
from tests.conftest import Repo
from tests.fake import trained

RUNS = ".swiftci/runs"


@pytest.fixture
def home(repo: Repo) -> Repo:
    """A repository with a run `tiny` that left an adapter."""
    trained.project(repo.root)
    trained.run(repo.root / RUNS / "tiny")
    return repo


def names(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


def leftovers(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir() if path.name.endswith(".part")]


def test_an_adapter_comes_without_what_a_training_needs_to_go_on(home: Repo) -> None:
    done = home.swiftci("pull", "tiny")

    assert (done.code, done.err) == (0, "")
    folder = home.root / "tiny-adapter"
    assert names(folder) == ["adapter_config.json", "adapter_model.safetensors", "args.json", "swiftci.json"]
    assert (folder / "adapter_model.safetensors").read_bytes() == trained.ADAPTER["adapter_model.safetensors"]
    assert leftovers(home.root) == []


def test_lineage_says_where_the_weights_are_from(home: Repo) -> None:
    metric = {"subject": "candidate", "dataset": "qa", "subset": None, "metric": "acc", "items": 4}
    rows = [{**metric, "value": 0.5}, {**metric, "metric": "loss", "value": float("nan")}]
    home.write({f"{RUNS}/tiny/metrics.json": json.dumps({"schema": 1, "metrics": rows})})

    home.swiftci("pull", "tiny", "--to", "deep/er")

    found = json.loads(home.read("deep/er/swiftci.json"))
    assert found | {"versions": {}, "swiftci": ""} == {
        "schema": 1,
        "name": "tiny",
        "kind": "adapter",
        "fingerprint": "f" * 64,
        "commit": "c" * 40,
        "run": None,
        "base": "team/base",
        "metrics": {"qa.acc": 0.5, "qa.loss": None},
        "verdict": "pass",
        "swiftci": "",
        "versions": {},
    }


def test_a_full_model_is_merged_already(home: Repo) -> None:
    trained.run(home.root / RUNS / "full", "full", trained.MODEL)

    assert home.swiftci("pull", "full", "--merged").code == 0

    assert names(home.root / "full") == ["args.json", "config.json", "model.safetensors", "swiftci.json"]
    assert json.loads(home.read("full/swiftci.json"))["kind"] == "model"


@pytest.mark.parametrize("text", [f"{RUNS}/tiny", f"./{RUNS}/tiny/", "{root}/" + f"{RUNS}/tiny"])
def test_a_run_is_named_by_its_directory_too(text: str, home: Repo) -> None:
    assert home.swiftci("pull", text.format(root=home.root), "--to", "out").code == 0


def test_a_directory_in_a_repository_needs_no_current_project(
    home: Repo, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))

    assert home.swiftci("pull", str(home.root / RUNS / "tiny")).code == 0
    assert home.swiftci("pull", "tiny").code == 2


def test_the_store_is_asked_where_there_is_no_local_run(home: Repo) -> None:
    store = home.root / "store"
    trained.project(home.root, store=str(store))
    for number, state in ((1, "succeeded"), (2, "succeeded"), (3, "failed")):
        files = {**trained.ADAPTER, "args.json": b'{"run": %d}' % number}
        trained.run(store / f"team/models/runs/zh-{number}", "zh", files, state=state, started=number)
    trained.run(store / "team/models/runs/zh-more-9", "zh-more", started=9)

    assert home.swiftci("pull", "zh").code == 0

    assert json.loads(home.read("zh-adapter/args.json")) == {"run": 2}


def test_two_repositories_in_one_store_are_not_mixed_up(home: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    trained.project(home.root, store=str(home.root / "store"))
    for owner in ("a/models", "b/models"):
        trained.run(home.root / f"store/{owner}/runs/zh-1", "zh")

    done = home.swiftci("pull", "zh")

    assert done.code == 2
    assert "2 repositories keep runs of zh" in done.err
    monkeypatch.setenv("GITHUB_REPOSITORY", "b/models")
    assert home.swiftci("pull", "zh").code == 0


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("tinny", 'there is no run of "tinny" here\n  hint: did you mean tiny? there are runs of tiny'),
        ("configs/tiny.yaml", "a run goes by its config's name, not its file; there are runs of tiny"),
        ("../..", "holds no run: it has no run.json"),
        (f"{RUNS}/tiny/run.json", "holds no run: it has no run.json"),
        ("~nobody-of-that-name/x", "holds no run: it has no run.json"),
        ("", '"" is neither a run\'s name nor a directory'),
        ("0\x1b[31m", "holds no run: it has no run.json"),
        ("x" * 300, "run.json cannot be read: File name too long"),
    ],
)
def test_unknown_run_is_an_error_that_shows_what_there_is(text: str, message: str, home: Repo) -> None:
    done = home.swiftci("pull", text)

    assert done.code == 2
    assert message in done.err
    assert "\x1b" not in done.err


def test_training_that_failed_gives_nothing(home: Repo) -> None:
    trained.run(home.root / RUNS / "bad", "bad", state="failed")

    done = home.swiftci("pull", "bad")

    assert done.code == 2
    assert "did not succeed: it is failed: memory ran out" in done.err
    assert not (home.root / "bad-adapter").exists()


@pytest.mark.parametrize("make", [Path.mkdir, Path.touch, lambda path: path.symlink_to("nowhere")])
def test_nothing_is_overwritten(make: Callable[[Path], None], home: Repo) -> None:
    make(home.root / "tiny-adapter")

    done = home.swiftci("pull", "tiny")

    assert done.code == 2
    assert "tiny-adapter exists, and nothing is overwritten" in done.err


def test_the_run_directory_itself_is_no_place_to_copy_to(home: Repo) -> None:
    done = home.swiftci("pull", "tiny", "--to", f"{RUNS}/tiny/train/out")

    assert done.code == 2
    assert "lies in the run directory itself" in done.err


@pytest.mark.parametrize("change", ["missing", "cut", "new"])
def test_checkpoint_that_is_not_the_recorded_one_is_refused(change: str, home: Repo) -> None:
    checkpoint = home.root / RUNS / "tiny/train/checkpoint-4"
    if change == "missing":
        (checkpoint / "args.json").unlink()
    elif change == "cut":
        (checkpoint / "adapter_model.safetensors").write_bytes(b"short")
    else:
        (checkpoint / "more.bin").touch()

    done = home.swiftci("pull", "tiny")

    assert done.code == 4
    assert "is not what the training left" in done.err
    assert sorted(path.name for path in home.root.iterdir()) == [".swiftci", "swiftci.yaml"]


def test_record_that_vouches_for_nothing_is_refused(home: Repo) -> None:
    folder = home.root / RUNS / "tiny"
    found = record.read(folder)
    assert found
    found.stages["train"].inventory = {}
    record.write(folder, found)

    done = home.swiftci("pull", "tiny")

    assert done.code == 4
    assert "does not say what its checkpoint holds" in done.err


def test_damage_that_keeps_the_size_is_found_in_the_header(home: Repo) -> None:
    path = home.root / RUNS / "tiny/train/checkpoint-4/adapter_model.safetensors"
    path.write_bytes(bytes(path.stat().st_size))

    done = home.swiftci("pull", "tiny")

    assert done.code == 4
    assert "adapter_model.safetensors is not whole" in done.err


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("/etc/passwd", "is a link that leaves the checkpoint, to /etc/passwd"),
        ("../../run.json", "is a link that leaves the checkpoint"),
        ("nowhere", "is a link to nothing"),
        ("link.json", "is a link to nothing"),
        (".", "is neither a file nor a folder"),
    ],
)
def test_links_are_not_followed_out_of_a_checkpoint(target: str, message: str, home: Repo) -> None:
    checkpoint = trained.run(home.root / RUNS / "linked", "linked")
    (checkpoint / "link.json").symlink_to(target)
    found = record.read(checkpoint.parents[1])
    assert found
    found.stages["train"].inventory["checkpoint"] = listing(checkpoint)
    record.write(checkpoint.parents[1], found)

    done = home.swiftci("pull", "linked")

    assert done.code == 4
    assert message in done.err
    assert not (home.root / "linked-adapter").exists()


@pytest.mark.parametrize("named", ["../../../../etc", "/etc", "", "a\0b", "train/none"])
def test_record_that_names_a_checkpoint_elsewhere_is_not_believed(named: str, home: Repo) -> None:
    folder = home.root / RUNS / "tiny"
    found = record.read(folder)
    assert found
    found.stages["train"].outputs["checkpoint"] = named
    record.write(folder, found)

    done = home.swiftci("pull", "tiny")

    assert done.code == 4
    assert "no checkpoint of its own" in done.err or "is not there" in done.err


@pytest.mark.parametrize("name", ["../../out", "/tmp/out", "a\x1b[2J", ""])
def test_record_cannot_choose_where_its_copy_goes(name: str, home: Repo) -> None:
    path = f"{RUNS}/tiny/run.json"
    home.write({path: json.dumps(json.loads(home.read(path)) | {"name": name})})

    done = home.swiftci("pull", f"{RUNS}/tiny")

    assert done.code == 2
    assert "which no config can be called" in done.err
    assert "\x1b" not in done.err


@pytest.mark.parametrize("resolved", [{}, {"config": {"train": 1}}, {"config": {"train": {"args": {"model": [1]}}}}])
def test_record_without_its_config_is_told(resolved: object, home: Repo) -> None:
    path = f"{RUNS}/tiny/run.json"
    home.write({path: json.dumps(json.loads(home.read(path)) | {"resolved": resolved})})

    done = home.swiftci("pull", "tiny")

    assert done.code == 2
    assert "holds a train section that this version cannot read" in done.err
    assert not (home.root / "tiny-adapter").exists()


@pytest.mark.parametrize("file", ["metrics.json", "verdict.json"])
@pytest.mark.parametrize("text", ["{", "[]", "[" * 100_000])
def test_damaged_results_are_told(file: str, text: str, home: Repo) -> None:
    home.write({f"{RUNS}/tiny/{file}": text})

    done = home.swiftci("pull", "tiny")

    assert done.code == 4
    assert "are damaged" in done.err
    assert not (home.root / "tiny-adapter").exists()


def test_full_disk_is_told_before_a_byte_is_copied(home: Repo) -> None:
    usage = namedtuple("usage", "total used free")
    with patch("shutil.disk_usage", return_value=usage(10**9, 10**9, 1000)):
        done = home.swiftci("pull", "tiny")

    assert done.code == 4
    assert "error[disk]" in done.err
    assert "are needed" in done.err


def test_run_in_work_is_left_alone(home: Repo) -> None:
    lock = home.root / RUNS / "tiny/.lock"
    with lock.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert home.swiftci("pull", "tiny").code == 6
    assert home.swiftci("pull", "tiny").code == 0


def test_stopped_copy_leaves_nothing(home: Repo) -> None:
    with patch("swiftci.store.weights.os.fsync", side_effect=KeyboardInterrupt):
        done = home.swiftci("pull", "tiny")

    assert done.code == 130
    assert sorted(path.name for path in home.root.iterdir()) == [".swiftci", "swiftci.yaml"]
