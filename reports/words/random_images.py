"""How methods do beside real images drawn at random, the control that costs nothing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence

from reports.words.contest import Contest, Entrant
from reports.words.counting import counted, share, verb
from reports.words.naming import Naming
from reports.words.sentences import Sentence, begun, joined_sentences, listed

RANDOM = "real images drawn at random"
GROUPS = 3
"""Counts by which methods are told."""

Relation = Callable[[Entrant, Entrant], bool]


def beside_random(found: Sequence[Contest], naming: Naming) -> Iterator[Sentence]:
    """Yield a sentence for every protocol under which the control was tested."""
    groups: dict[str, list[Contest]] = defaultdict(list)
    for one in found:
        if one.control is not None:
            groups[one.column.protocol].append(one)
    for protocol, members in groups.items():
        if len(members) == 1:
            yield _single(members[0], naming)
            continue
        under: Sentence = ()
        if len(naming.protocols) > 1:
            under = ("Under ", naming.protocol(protocol), ": ")
        yield begun((*under, *_several(members)))


def _single(one: Contest, naming: Naming) -> Sentence:
    control = one.control
    assert control is not None
    others = [entrant for entrant in one.entrants if entrant is not control]
    ahead = [entrant.method for entrant in others if entrant.ahead(control)]
    level = [entrant.method for entrant in others if not entrant.apart(control)]
    behind = [entrant.method for entrant in others if control.ahead(entrant)]
    cell, decimals = control.cell, one.column.score.decimals
    number = f"{cell.mean:.{decimals}f} %{control.ends(decimals)}"
    start = ("On ", *naming.where(one.board, one.column), f", {RANDOM} ")
    parts = (("Ahead of them: ", ahead), ("Not separated: ", level), ("Behind: ", behind))
    told = (part for what, names in parts if names for part in (f" {what}", *listed(names), "."))
    nobody = "" if ahead else " No method is shown to be better."
    return (*start, f"give {number}.", nobody, *told)


def _several(members: Sequence[Contest]) -> Sentence:
    """Return in how many comparisons each method is ahead of the control, and behind it."""
    total = len(members)
    ahead = _counts(members, lambda one, control: one.ahead(control))
    behind = _counts(members, lambda one, control: control.ahead(one))
    if ahead:
        names, (times, of) = ahead[0]
        are = verb(len(names), "is", "are")
        start = (*listed(names), f" {are} ahead of {RANDOM} in {share(times, of)}")
        said: Sentence = (*start, *_others(ahead[1:]))
        if alone := sum(not _is_beaten(one) for one in members):
            said = (*said, f"; in {alone} no method is shown to be better")
    else:
        said = (f"no method is shown to be better than {RANDOM}, in {share(total, total)}",)
    if not behind:
        return (*said, ".")
    names, (times, of) = behind[0]
    after = (*listed(names), f" in {share(times, of)}", *_others(behind[1:]))
    return (*said, ". Behind them: ", *after, ".")


def _counts(members: Sequence[Contest], holds: Relation) -> list[tuple[list[str], tuple[int, int]]]:
    """Return methods by (times that it holds, comparisons they are in), most first."""
    times: dict[str, int] = defaultdict(int)
    there: dict[str, int] = defaultdict(int)
    for one in members:
        for entrant in one.entrants:
            if one.control is not None and entrant is not one.control:
                there[entrant.method] += 1
                times[entrant.method] += holds(entrant, one.control)
    groups: dict[tuple[int, int], list[str]] = defaultdict(list)
    for method, count in times.items():
        if count:
            groups[count, there[method]].append(method)
    return [(groups[key], key) for key in sorted(groups, reverse=True)]


def _others(groups: Sequence[tuple[list[str], tuple[int, int]]]) -> Sentence:
    told = groups[: GROUPS - 1]
    parts = [(*listed(names), f" in {times} of {of}") for names, (times, of) in told]
    rest = sum(len(names) for names, _ in groups[GROUPS - 1 :])
    if rest:
        parts.append((f"{counted(rest, 'more method')} in fewer",))
    return ("; ", *joined_sentences(parts, "; ", "; ")) if parts else ()


def _is_beaten(one: Contest) -> bool:
    """Return whether any method is ahead of the control."""
    control = one.control
    return control is not None and any(entrant.ahead(control) for entrant in one.entrants)
