"""Evaluations with planted differences, for tests of the gate."""

from swiftci.evidence.metric import Item, Metric


def items(values: list[float], *, dataset: str = "ceval", metric: str = "accuracy", subset: str = "law") -> list[Item]:
    """One item a value, asked in this order."""
    return [
        Item(
            dataset=dataset,
            subset=subset,
            index=str(number),
            prompt=f"{number:016x}",
            scores={metric: value},
            prediction=str(value),
            target="1.0",
            question=f"question {number}",
        )
        for number, value in enumerate(values)
    ]


def flipped(total: int, lost: int, gained: int, right: float = 0.7) -> tuple[list[float], list[float]]:
    """Right and wrong answers before and after: so many of them flip each way."""
    both = round(total * right) - lost
    before = [1.0] * (both + lost) + [0.0] * (total - both - lost)
    after = [1.0] * both + [0.0] * lost + [1.0] * gained + [0.0] * (total - both - lost - gained)
    return before, after


def metrics(found: list[Item], subject: str, *, direction: str = "higher_is_better") -> list[Metric]:
    """The mean over all items and over each subset's."""
    rows = []
    for subset in (None, *dict.fromkeys(item.subset for item in found)):
        chosen = [item for item in found if subset in (None, item.subset)]
        name = next(iter(chosen[0].scores))
        rows.append(
            Metric(
                subject=subject,
                dataset=chosen[0].dataset,
                subset=subset,
                metric=name,
                value=sum(item.scores[name] for item in chosen) / len(chosen),
                items=len(chosen),
                direction=direction,
                primary=True,
            )
        )
    return rows
