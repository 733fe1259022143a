"""How to make ms-swift and EvalScope fail: one entry a recorded case."""

from tests.tools.failures.cases.hub import HUB
from tests.tools.failures.cases.machine import MACHINE
from tests.tools.failures.cases.rows import ROWS
from tests.tools.failures.cases.score import SCORES
from tests.tools.failures.cases.user import USER
from tests.tools.failures.cases.workers import WORKERS

CASES = (*USER, *ROWS, *MACHINE, *WORKERS, *HUB, *SCORES)
