"""Whether a .safetensors file is whole, and what a copy is compared with."""

import json
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from swiftci.spec.error import ToolError
from swiftci.store import weights
from swiftci.store.safetensors import fault
from tests.fake.trained import tensors


def written(path: Path, header: Any, data: bytes, length: int | None = None) -> Path:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes((len(text) if length is None else length).to_bytes(8, "little") + text + data)
    return path


def tensor(begin: int, end: int, dtype: str = "U8", shape: list[int] | None = None) -> dict[str, Any]:
    return {"dtype": dtype, "shape": [end - begin] if shape is None else shape, "data_offsets": [begin, end]}


@pytest.mark.parametrize(
    ("header", "data"),
    [
        ({}, b""),
        ({"a": tensor(0, 4)}, b"1234"),
        ({"b": tensor(4, 8), "a": tensor(0, 4), "__metadata__": {"x": "y"}}, b"12345678"),
        ({"a": tensor(0, 8, "F32", [2, 1])}, bytes(8)),
        ({"a": tensor(0, 3, "F4", [6])}, bytes(3)),
        ({"a": tensor(0, 5, "OF_TOMORROW", [6])}, bytes(5)),
        ({"a": tensor(0, 0, "F32", [0, 4])}, b""),
    ],
)
def test_whole_file_is_whole(header: Any, data: bytes, tmp_path: Path) -> None:
    assert fault(written(tmp_path / "a.safetensors", header, data)) == ""


@pytest.mark.parametrize(
    ("header", "data", "length", "why"),
    [
        ({"a": tensor(0, 4)}, b"123", None, "its tensors have 4 bytes, and the file has 3 for them"),
        ({"a": tensor(0, 4)}, b"12345", None, "its tensors have 4 bytes, and the file has 5 for them"),
        ({"a": tensor(1, 4)}, b"1234", None, "do not follow each other at byte 0"),
        ({"a": tensor(0, 4), "b": tensor(2, 6)}, b"123456", None, "do not follow each other at byte 4"),
        ({"a": tensor(0, 8, "F32", [3])}, bytes(8), None, "does not describe tensors"),
        ({"a": tensor(4, 0, shape=[4])}, b"", None, "does not describe tensors"),
        ({"a": tensor(0, 4, shape=[-4])}, b"1234", None, "does not describe tensors"),
        ({"a": {}}, b"", None, "does not describe tensors"),
        ([], b"", None, "does not describe tensors"),
        (b"\0" * 50, b"", None, "does not describe tensors"),
        (b"[" * 100_000, b"", None, "does not describe tensors"),
        ({}, b"", 1 << 62, "its header should have"),
        ({"a": 1}, b"", 3, "does not describe tensors"),
    ],
)
def test_file_that_is_not_whole_says_why(
    header: Any, data: bytes, length: int | None, why: str, tmp_path: Path
) -> None:
    assert why in fault(written(tmp_path / "a.safetensors", header, data, length))


def test_empty_file_is_not_whole(tmp_path: Path) -> None:
    (tmp_path / "a").touch()

    assert "and the file has 0" in fault(tmp_path / "a")


def test_copy_that_differs_is_found(tmp_path: Path) -> None:
    (tmp_path / "from").mkdir()
    (tmp_path / "from/a.safetensors").write_bytes(tensors(10))
    found = weights.files(tmp_path / "from")

    def spoil(_: int) -> None:
        (tmp_path / "to/a.safetensors").write_bytes(b"x")

    with patch("os.fsync", spoil), pytest.raises(ToolError, match="came out of its copy changed"):
        weights.copy(found, tmp_path / "to", lambda _: None)


def test_checkpoint_without_weights_is_none(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "optimizer.bin").touch()

    with pytest.raises(ToolError, match="holds no weights"):
        weights.files(tmp_path)
