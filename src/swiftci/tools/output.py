"""A program's output: cut into lines, secrets masked, kept in a log and shown."""

from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import BinaryIO

TAIL_LINES = 60
LINE_MAX_BYTES = 1_000_000
"""A longer line is cut, so that output without line ends needs no memory."""
MASK = "***"


def mask(text: str, secrets: Sequence[str]) -> str:
    """Text without the secrets' values; values under 4 characters are too common to be replaced.

    Output comes line by line, so of a secret with several lines, each is one.
    """
    for secret in _parts(secrets):
        text = text.replace(secret, MASK)
    return text


def _parts(secrets: Sequence[str]) -> list[str]:
    """The secrets as they can stand in a line, longest first."""
    found = {part.strip() for secret in secrets for part in secret.splitlines()}
    return sorted((part for part in found if len(part) >= 4), key=len, reverse=True)


class Lines:
    """Cuts output into masked lines; of a progress bar's overwritten lines only the last one lives."""

    def __init__(self, secrets: Sequence[str], log: BinaryIO, echo: Callable[[str], None] | None) -> None:
        self.secrets, self.log, self.echo = secrets, log, echo
        self.rest = b""
        self.tail: deque[str] = deque(maxlen=TAIL_LINES)

    def feed(self, data: bytes) -> None:
        *lines, self.rest = (self.rest + data).split(b"\n")
        for line in lines:
            self.write(line)
        if len(self.rest) > LINE_MAX_BYTES:
            self.cut()

    def cut(self) -> None:
        """Writes a line that does not end, but for its last bytes, which may be the first of a secret."""
        masked = self.mask(self.rest)
        kept = max((len(part.encode("utf-8", "surrogateescape")) for part in _parts(self.secrets)), default=0)
        self.rest = masked[len(masked) - kept :]
        self.write(masked[: len(masked) - kept])

    def mask(self, data: bytes) -> bytes:
        return mask(data.decode("utf-8", "surrogateescape"), self.secrets).encode("utf-8", "surrogateescape")

    def close(self) -> None:
        if self.rest:
            self.write(self.rest)
        self.rest = b""

    def write(self, line: bytes) -> None:
        shown = line.rstrip(b"\r").rsplit(b"\r", 1)[-1]
        text = self.mask(shown).decode("utf-8", "replace")
        with suppress(OSError):  # where the disk is full, the tool will say so itself
            self.log.write(text.encode() + b"\n")
            self.log.flush()
        if text.strip():
            self.tail.append(text)
        if self.echo:
            self.echo(text)
