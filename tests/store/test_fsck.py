"""What fsck says of a store, and that it says nothing of a sound one."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from swiftci.store import record as records
from swiftci.store.fsck import fsck, leftovers
from swiftci.store.local import Folder
from swiftci.store.record import Record

A = "a" * 64
RUN = f"{'f' * 16}-77"
ENTRY = f"results/{A}/entry.json"
RECORD = f"records/tiny/{RUN}/run.json"
LINE = json.dumps({"name": "tiny", "run": RUN}) + "\n"


@pytest.fixture
def store(tmp_path: Path) -> Folder:
    """A store with a result, a record, a line of history, and all else that lies beside them."""
    found = Folder(tmp_path / "store")
    run = found.root / "runs" / "tiny-77"
    (run / "train" / "checkpoint-1").mkdir(parents=True)
    (run / "train" / "checkpoint-1" / "weights").write_text("weights")
    (run / "train" / "checkpoint-1" / "latest").symlink_to("weights")
    records.write(run, Record(name="tiny", fingerprint="f" * 64, resolved={}, started=1.0, run="77"))
    found.keep(A, {"digest": A, "stage": "train"}, run, ["train"])
    found.put("tiny", RUN, run, [records.FILE])
    found.append({"name": "tiny", "run": RUN})
    (found.root / "ledger").mkdir()
    (found.root / ".gitignore").write_text("*\n")
    return found


Damage = Callable[[Path], object]


def write(path: str, text: str) -> Damage:
    def damage(root: Path) -> None:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, encoding="latin-1")

    return damage


def edit(path: str, **changes: object) -> Damage:
    def damage(root: Path) -> None:
        data = json.loads((root / path).read_text())
        for key, value in changes.items():
            (data["entry"] if key == "digest" else data)[key] = value
        (root / path).write_text(json.dumps(data))

    return damage


def away(path: str) -> Damage:
    return lambda root: (root / path).rename(root / "away")


def named(name: str) -> Damage:
    """An entry that names a file, which there is."""

    def damage(root: Path) -> None:
        (root / "results" / A / "x").write_text("weights")
        edit(ENTRY, files={name: [7, "0" * 64]})(root)

    return damage


def swapped(root: Path) -> None:
    (root / "results" / A / "files/train/checkpoint-1/weights").unlink()
    write(f"results/{A}/files/train/checkpoint-1/weights", "WEIGHTS")(root)


def linked(root: Path) -> None:
    (root / "results").rename(root / "elsewhere")
    (root / "results").symlink_to("elsewhere")


AGAIN = "; remove it, and the next run makes it again"
WEIGHTS = f"results/{A}/files/train/checkpoint-1/weights"
NAMED = f"results/{A}: train/checkpoint-1/weights"
UNREADABLE = f"results/{A}: its entry.json cannot be read "
LOST = "; what it said is lost: remove it"
NOT_OURS = " is not swiftci's: move it away"
GONE = "names a run whose record is gone"
FAULTS: dict[str, tuple[Damage, list[str]]] = {
    "file gone": (away(WEIGHTS), [f"{NAMED} cannot be read (No such file or directory){AGAIN}"]),
    "file cut off": (write(WEIGHTS, "wei"), [f"{NAMED} has 3 bytes, not 7{AGAIN}"]),
    "file changed": (swapped, [f"{NAMED} has another content than it was kept with{AGAIN}"]),
    "entry gone": (away(ENTRY), [f"{UNREADABLE}(No such file or directory){AGAIN}"]),
    "entry cut off": (write(ENTRY, "{"), [f"{UNREADABLE}(JSONDecodeError){AGAIN}"]),
    "entry not text": (write(ENTRY, "\xff"), [f"{UNREADABLE}(UnicodeDecodeError){AGAIN}"]),
    "entry deep": (write(ENTRY, "[" * 100_000), [f"{UNREADABLE}(RecursionError){AGAIN}"]),
    "entry of nothing": (write(ENTRY, "[]"), [f"{UNREADABLE}(TypeError){AGAIN}"]),
    "entry of odd files": (edit(ENTRY, files={"x": 1}), [f"{UNREADABLE}(TypeError){AGAIN}"]),
    "entry of another": (edit(ENTRY, digest="b\x1b[2J"), [
        f"results/{A}: its entry.json is of another result, b\\x1b[2J{AGAIN}"
    ]),
    "file above": (named("../x"), [f"results/{A}: it names ../x, which is outside of it{AGAIN}"]),
    "file of the machine": (named("/etc/passwd"), [
        f"results/{A}: it names /etc/passwd, which is outside of it{AGAIN}"
    ]),
    "file without a name": (named("a\0b"), [f"results/{A}: it names a\\x00b, which is outside of it{AGAIN}"]),
    "file of a long name": (named("x" * 5000), [
        f"results/{A}: {'x' * 119}… cannot be read (File name too long){AGAIN}"
    ]),
    "result of another name": (lambda root: (root / "results" / "mine").mkdir(), [f"results/mine{NOT_OURS}"]),
    "file among results": (write("results/mine\n", ""), [f"results/mine\\x0a{NOT_OURS}"]),
    "results elsewhere": (linked, [
        "results is a link, which gc does not follow: mount the store's place instead"
    ]),
    "record gone": (away(f"records/tiny/{RUN}"), [
        f"history.jsonl: line 1 {GONE} (tiny, {RUN}): remove that line"
    ]),
    "record without run.json": (away(RECORD), [f"records/tiny/{RUN}: it has no run.json{LOST}"]),
    "record cut off": (write(RECORD, '{"schema": 1'), [
        f"records/tiny/{RUN}: its run.json cannot be read (Expecting ',' delimiter: line 1 column 13 (char 12)){LOST}"
    ]),
    "record deep": (write(RECORD, "[" * 100_000), [
        f"records/tiny/{RUN}: its run.json cannot be read (it is nested too deeply){LOST}"
    ]),
    "record of another run": (edit(RECORD, fingerprint="e" * 64), [
        f"records/tiny/{RUN}: its run.json is of another run: tiny, run {'e' * 16}-77{LOST}"
    ]),
    "record of another name": (edit(RECORD, name="big"), [
        f"records/tiny/{RUN}: its run.json is of another run: big, run {'f' * 16}-77{LOST}"
    ]),
    "record of a wrong type": (edit(RECORD, name=["big"]), [
        f"records/tiny/{RUN}: its run.json cannot be read (name is of a wrong type){LOST}"
    ]),
    "file among records": (write("records/mine", ""), [f"records/mine{NOT_OURS}"]),
    "file in a record's place": (write("records/tiny/mine", ""), [f"records/tiny/mine{NOT_OURS}"]),
    "line cut off": (write("history.jsonl", LINE + '{"na\n' + LINE), [
        "history.jsonl: line 2 is damaged: remove that line"
    ]),
    "line of nothing": (write("history.jsonl", "[]\n"), ["history.jsonl: line 1 is damaged: remove that line"]),
    "line that is deep": (write("history.jsonl", "[" * 100_000 + "\n"), [
        "history.jsonl: line 1 is damaged: remove that line"
    ]),
    "line cut off at the end": (write("history.jsonl", LINE + '{"na'), []),
    "line that leads out": (write("history.jsonl", json.dumps({"name": "..", "run": "results"})), [
        f"history.jsonl: line 1 {GONE} (.., results): remove that line"
    ]),
    "line without names": (write("history.jsonl", "{}"), [
        f"history.jsonl: line 1 {GONE} (None, None): remove that line"
    ]),
}  # fmt: skip


def test_sound_store_has_no_faults(store: Folder) -> None:
    assert fsck(store, deep=True) == []
    assert Folder(store.root / "nowhere").fsck(deep=True) == []


@pytest.mark.parametrize(("damage", "faults"), FAULTS.values(), ids=FAULTS)
def test_fault_is_told_with_what_to_do(store: Folder, damage: Damage, faults: list[str]) -> None:
    damage(store.root)
    before = sorted(store.root.rglob("*"))

    assert store.fsck(deep=True) == faults
    assert sorted(store.root.rglob("*")) == before


def test_content_is_only_read_when_asked_for(store: Folder) -> None:
    swapped(store.root)

    assert fsck(store, deep=False) == []


def test_of_a_lost_folder_not_every_file_is_told(store: Folder) -> None:
    edit(ENTRY, files={str(n): [0, ""] for n in range(500)})(store.root)

    assert len(fsck(store, deep=False)) == 20


def test_leftovers_are_no_faults_and_fresh_ones_not_told(store: Folder) -> None:
    part = store.root / "results" / f".{A}.0123abcd.part"
    part.mkdir()
    (store.root / "records/tiny" / RUN).rename(store.root / f"records/tiny/.{RUN}.0123abcd.old.part")
    now = part.stat().st_mtime

    assert fsck(store, deep=True) == []
    assert leftovers(store, now + 60) == []
    assert leftovers(store, now + 7200) == [
        f"results/.{A}.0123abcd.part: a killed process left it; `swiftci store gc` removes it",
        f"records/tiny/.{RUN}.0123abcd.old.part: a kill took {RUN} away; `swiftci store gc` brings it back",
    ]


def test_result_that_is_replaced_meanwhile_is_no_fault(store: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between two renames it is away."""
    entry, read = store.root / ENTRY, Path.read_text
    text = entry.read_text()
    entry.unlink()

    def back(path: Path, encoding: str) -> str:
        try:
            return read(path, encoding=encoding)
        finally:
            if path == entry:
                entry.write_text(text)

    monkeypatch.setattr(Path, "read_text", back)

    assert fsck(store, deep=True) == []


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_result_that_may_not_be_read_is_told(store: Folder) -> None:
    (store.root / ENTRY).chmod(0)

    assert fsck(store, deep=False) == [f"{UNREADABLE}(Permission denied){AGAIN}"]
