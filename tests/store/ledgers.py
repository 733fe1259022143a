"""What the ledger's tests share: a budget, an ask, files in memory, a clock that is set at will."""

from collections.abc import Callable, Iterable

from swiftci.config.budget import Budget
from swiftci.spec.error import ToolError
from swiftci.store.ledger import Ask, Ledger, Reservation

NOON = 1_794_744_000.0  # 2026-11-15 12:00 UTC
DECEMBER = 1_796_083_200.0
BUDGET = Budget(gpu_hour=10, month=100)
ASK = Ask(run="1", name="tiny", branch="main", person="alice", pools=("gpu",), gpus=1, hours=6)


class Memory:
    """Files as a bucket keeps them; `before_create` is what others do between a look and the write after it."""

    def __init__(self) -> None:
        self.files: dict[tuple[str, str], bytes] = {}
        self.before_create: list[Callable[[], object]] = []

    def now(self) -> float:
        return NOON

    def months(self) -> list[str]:
        return sorted({month for month, _ in self.files})

    def names(self, month: str) -> list[str]:
        return sorted({name.split("/")[0] for one, name in self.files if one == month})

    def read(self, month: str, names: Iterable[str]) -> dict[str, bytes]:
        return {name: self.files[month, name] for name in names if (month, name) in self.files}

    def create(self, month: str, name: str, data: bytes) -> bool:
        while self.before_create:
            self.before_create.pop()()
        return self.files.setdefault((month, name), data) is data

    def replace(self, month: str, name: str, data: bytes) -> None:
        self.files[month, name] = data


class Clock:
    def __init__(self, now: float = NOON) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


def try_to(ledger: Ledger, ask: Ask) -> Reservation | None:
    try:
        return ledger.reserve(ask)
    except ToolError as error:
        assert error.kind == "capacity"
        return None


def counted(ledger: Ledger, month: str = "2026-11") -> float:
    return sum(one.total for one in ledger.spent(month, "name").values())
