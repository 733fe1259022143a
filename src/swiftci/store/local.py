"""A folder that keeps finished runs: their records, metrics and reports, not their weights."""

import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path

from swiftci.store import record
from swiftci.store.record import SMALL, TRAINING_SMALL, Record


class Store:
    """Runs under `root/records/NAME/FINGERPRINT-RUN`, RUN a workflow run or `local`; each whole, or not there."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def put(self, folder: Path) -> Path:
        """Copies the small files of a run directory in; the same run again replaces itself."""
        found = record.read(folder)
        if found is None:
            raise FileNotFoundError(folder / record.FILE)
        run = found.attempt.partition("/")[0] or "local"
        target = self.root / "records" / found.name / f"{found.fingerprint[:16]}-{run}"
        part = target.with_name(f".{target.name}.{secrets.token_hex(4)}.part")
        part.mkdir(parents=True)
        try:
            for name in (*SMALL, *TRAINING_SMALL):
                _copy(folder / name, part / name)
            if target.exists():
                old = target.with_name(f".{target.name}.{secrets.token_hex(4)}.part")
                target.replace(old)
                part.replace(target)
                shutil.rmtree(old)
            else:
                part.replace(target)
        finally:
            shutil.rmtree(part, ignore_errors=True)
        return target

    def get(self, fingerprint: str) -> Path | None:
        """The newest kept run with a fingerprint."""
        return self._newest(one for one in self._all() if one[1].fingerprint == fingerprint)

    def newest(self, name: str, ref: str | None = None) -> Path | None:
        """The newest kept run of a config, of one git ref where it is given."""
        return self._newest(one for one in self._all(name) if ref is None or one[1].ref == ref)

    def _all(self, name: str = "*") -> Iterator[tuple[Path, Record]]:
        for path in (self.root / "records").glob(f"{name}/[!.]*/{record.FILE}"):
            try:
                found = record.read(path.parent)
            except (OSError, ValueError):
                continue  # somebody else's file, or a disk's fault: this run is not there
            if found:
                yield path.parent, found

    @staticmethod
    def _newest(found: Iterator[tuple[Path, Record]]) -> Path | None:
        best = max(found, key=lambda one: one[1].started, default=None)
        return best[0] if best else None


def _copy(source: Path, target: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, target)
    elif source.is_file():
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source, target)
