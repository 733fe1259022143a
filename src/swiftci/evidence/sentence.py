"""A reason of the gate as one sentence, in each language of the project."""

from swiftci.evidence.verdict import Reason

_WORDS = {
    "en": {
        "and": " and ",
        "at_least": "at least {}",
        "at_most": "at most {}",
        "bound": "{metric} is {value} over {items} items; it should be {bound}",
        "training": "{metric} is {value}; it should be {bound}",
        "uncertain": " (95 % interval {floor} … {ceiling}: other items might decide otherwise)",
        "change": "{metric}: {before} → {value} ({difference}) against the {against}, over {items:,} items",
        "baseline": "baseline",
        "base": "model before training",
        "anchor": "anchor",
        "margin": "; at worst {worst}, within the margin of {margin}",
        "better": "; at least {worst} better",
        "small_loss": "; a loss is certain, at most {worst}, within the margin of {margin}",
        "lost": "; a loss of {best} or more is shown, and one beyond the margin of {margin} is possible",
        "beyond": "; a loss of {best} or more is shown, beyond the margin of {margin}",
        "worse": "; it should improve, and is shown to be worse by {best} or more",
        "open": "; anything from {floor} to {ceiling} is possible{needed}",
        "needed": ": about {} items would decide",
        "guard": "{metric}: none of its {items} subsets is shown to lose against the {against}",
        "undecided": "{text}; for {needed} of them the items do not suffice to rule out a loss beyond the margin",
        "every": "{metric}: each of {items} subsets is {bound}; the closest is {subset} with {value}",
        "no_baseline": "{metric}: there is no {against} to compare with yet",
        "no_rules": "the config has no rules",
        "point": "{} points",
    },
    "zh": {
        "and": "且",
        "at_least": "不低于 {}",
        "at_most": "不高于 {}",
        "bound": "{metric} 为 {value}（{items} 题），要求{bound}",
        "training": "{metric} 为 {value}，要求{bound}",
        "uncertain": "（95% 区间 {floor} 至 {ceiling}：换一批题目结论可能不同）",
        "change": "{metric}：{before} → {value}（{difference}），与{against}逐题比较，共 {items:,} 题",
        "baseline": "基线",
        "base": "训练前的模型",
        "anchor": "锚定版本",
        "margin": "；最差 {worst}，在允许的 {margin}以内",
        "better": "；至少提升 {worst}",
        "small_loss": "；确有下降，但最多 {worst}，在允许的 {margin}以内",
        "lost": "；已证实下降 {best}或更多，且不能排除超出允许的 {margin}",
        "beyond": "；已证实下降 {best}或更多，超出允许的 {margin}",
        "worse": "；要求有提升，却已证实下降 {best}或更多",
        "open": "；{floor}至 {ceiling}之间都有可能{needed}",
        "needed": "：约需 {} 题才能判定",
        "guard": "{metric}：{items} 个子集中没有一个被证实不如{against}",
        "undecided": "{text}；其中 {needed} 个子集题目太少，不能排除超出允许范围的下降",
        "every": "{metric}：{items} 个子集都{bound}；最接近界限的是 {subset}，为 {value}",
        "no_baseline": "{metric}：还没有可以比较的{against}",
        "no_rules": "配置里没有门禁规则",
        "point": "{} 个百分点",
    },
}
LANGUAGES = tuple(_WORDS)


def sentence(reason: Reason, language: str) -> str:
    """The reason for people; what has no facts to tell, such as a tool's failure, stays as it was said."""
    words = _WORDS[language]
    if reason.note in ("no_rules", "no_baseline"):
        return words[reason.note].format(metric=_metric(reason), against=words.get(reason.against, ""))
    if reason.note == "guard":
        text = words["guard"].format(metric=reason.metric, items=reason.items, against=words[reason.against])
        return words["undecided"].format(text=text, needed=reason.needed) if reason.needed else text
    if reason.value is None:
        return reason.text
    return _change(reason, words) if reason.against else _bound(reason, words)


def _bound(reason: Reason, words: dict[str, str]) -> str:
    limits = (("at_least", reason.at_least), ("at_most", reason.at_most))
    bound = words["and"].join(words[key].format(f"{limit:g}") for key, limit in limits if limit is not None)
    form = words["every" if reason.note == "every" else "bound" if reason.items else "training"]
    metric = reason.metric if reason.note == "every" else _metric(reason)
    said = form.format(metric=metric, value=_value(reason.value), items=reason.items, bound=bound, subset=reason.subset)
    if reason.note == "uncertain" and reason.floor is not None and reason.ceiling is not None:
        return said + words["uncertain"].format(floor=_value(reason.floor), ceiling=_value(reason.ceiling))
    return said


def _change(reason: Reason, words: dict[str, str]) -> str:
    """A comparison; amounts are in percent points where both values lie within 0 and 1."""
    ratio = all(value is not None and 0 <= value <= 1 for value in (reason.before, reason.value))

    def value(number: float | None) -> str:
        return "–" if number is None else f"{100 * number:.1f} %" if ratio else f"{number:.4g}"

    def amount(number: float | None, *, signed: bool = True) -> str:
        if number is None:
            return "–"
        sign = "+" if signed else ""
        return words["point"].format(f"{100 * number:{sign}.1f}") if ratio else f"{number:{sign}.4g}"

    said = words["change"].format(
        metric=_metric(reason),
        before=value(reason.before),
        value=value(reason.value),
        difference=amount(reason.difference),
        against=words[reason.against],
        items=reason.items,
    )
    if reason.note not in words:
        return said
    size = reason.note in ("better", "worse", "lost", "small_loss")  # the word says the direction
    worst, best = (reason.ceiling, reason.floor) if reason.lower else (reason.floor, reason.ceiling)
    beyond = reason.note == "lost" and best is not None and abs(best) > (reason.margin or 0.0)
    return said + words["beyond" if beyond else reason.note].format(
        worst=amount(abs(worst) if size and worst is not None else worst, signed=not size),
        best=amount(abs(best) if size and best is not None else best, signed=not size),
        floor=amount(reason.floor),
        ceiling=amount(reason.ceiling),
        margin=amount(reason.margin, signed=False),
        needed=words["needed"].format(f"{reason.needed:,}") if reason.needed else "",
    )


def _metric(reason: Reason) -> str:
    return f"{reason.metric} [{reason.subset}]" if reason.subset else reason.metric


def _value(number: float | None) -> str:
    return f"{number:.4g}" if number is not None else "–"
