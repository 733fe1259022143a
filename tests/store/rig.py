"""What the tests of the store in a bucket share: a bucket behind a proxy, and what was taken from it."""

import json
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from swiftci.store.bucket import Bucket
from tests.standin import s3

DIGEST, OTHER = "a" * 64, "b" * 64
CHUNK = 200_000
SIZE = 8 * CHUNK + 1


@dataclass
class Rig:
    """A bucket behind a proxy, and a run directory."""

    url: str
    server: s3.S3
    proxy: s3.Proxy
    run: Path
    told: list[str] = field(default_factory=list)

    def store(self) -> Bucket:
        return Bucket(self.url, self.server.environ(self.proxy.port), self.told.append)

    def process(self, code: str) -> subprocess.Popen[bytes]:
        """Python that has this `store`, `run` and DIGEST."""
        setup = "import json, sys; from pathlib import Path; from swiftci.store import chunks, bucket\n"
        setup += f"chunks.CHUNK = {CHUNK}; DIGEST = {DIGEST!r}; run = Path(sys.argv[1])\n"
        setup += "store = bucket.Bucket(sys.argv[2], json.loads(sys.argv[3]))\n"
        environ = json.dumps(self.server.environ(self.proxy.port))
        return subprocess.Popen([sys.executable, "-c", setup + code, str(self.run), self.url, environ])


def contents(folder: Path) -> dict[str, tuple[int, bytes]]:
    return {
        path.relative_to(folder).as_posix(): (path.lstat().st_mode, path.read_bytes() if path.is_file() else b"")
        for path in folder.rglob("*")
        if path.is_symlink() or not path.is_dir()
    }


def whole(rig: Rig, digest: str = DIGEST) -> bool:
    """Whether a result is there, and gives back what was kept."""
    target = rig.run.parent / f"taken-{time.time_ns()}"
    if rig.store().take(digest, target) is None:
        return False
    name = "train/checkpoint-3/model.safetensors"
    assert (target / name).read_bytes() == (rig.run / name).read_bytes()
    return True
