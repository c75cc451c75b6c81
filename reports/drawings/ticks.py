"""Where an axis has its marks, and how far it reaches."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator

from reports.drawings.chart import Axis

ROOM = 0.04
"""Of an axis, beyond the outermost values."""
MOST_DECIMALS = 12
SMALLEST = 1e-300
"""Length of an axis that has marks in steps."""


def ticks(axis: Axis, most: int = 6) -> tuple[tuple[float, str], ...]:
    """Return positions within the axis, ascending, with what is written at them.

    Categories have one each. Numbers have steps of 1, 2 or 5 times a power of ten, about `most`;
    a logarithmic axis has powers of ten, and 2 and 5 times these where fewer than three fit.
    """
    if axis.names:
        return tuple((float(place), name) for place, name in enumerate(axis.names))
    if axis.ticks:
        places = [place for place in axis.ticks if axis.low <= place <= axis.high]
    elif axis.log:
        places = _decades(axis.low, axis.high, most)
    else:
        places = list(_steps(axis.low, axis.high, most))
    places = list(dict.fromkeys(places))
    digits = [_digits([place] if axis.log else places, axis) for place in places]
    return tuple((place, written(place, n)) for place, n in zip(places, digits, strict=True))


def padded(values: Iterable[float], log: bool = False, least: float = 0.0) -> tuple[float, float]:
    """Return the ends of an axis that holds all values with room; (0, 1) for none.

    A single value gets one unit on either side, or a factor of two on a logarithmic axis, whose
    values are above 0. A shorter axis than `least` grows to that length on both sides.
    """
    found = [value for value in values if math.isfinite(value) and (value > 0 or not log)]
    if not found:
        return (1.0, 10.0) if log else (0.0, 1.0)
    low, high = min(found), max(found)
    if log:
        factor = (high / low) ** ROOM if high > low else 2.0
        return low / factor, high * factor
    room = (high - low) * ROOM if high > low else 1.0
    room = max(room, (least - (high - low)) / 2)
    return low - room, high + room


def written(value: float, digits: int) -> str:
    """Return a number with so many decimals and separators of thousands; never "-0"."""
    if value and not 1e-6 <= abs(value) < 1e9:
        return f"{value:g}"
    text = f"{value:,.{digits}f}"
    return text.removeprefix("-") if not text.strip("-0.,") else text


def _steps(low: float, high: float, most: int) -> Iterator[float]:
    """Yield the multiples of a step that fit, of which there are `most` or a few less."""
    span = high - low
    if not SMALLEST < span < math.inf:
        yield low
        return
    power = 10.0 ** math.floor(math.log10(span / most))
    step = next(power * factor for factor in (1, 2, 5, 10) if span / (power * factor) <= most)
    for number in range(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1):
        # Divided where the step is below 1, since 3 * 0.1 is not 0.3.
        place = number * step if step >= 1 else number / round(1 / step, 9)
        if low <= place <= high:
            yield place


def _decades(low: float, high: float, most: int) -> list[float]:
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    every = max(1, math.ceil((last - first) / most))
    for factors in ((1,), (1, 2, 5), tuple(range(1, 10))):
        places = [
            _power(factor, exponent)
            for exponent in range(first, last + 1, every)
            for factor in factors
            if low <= _power(factor, exponent) <= high
        ]
        if len(places) >= 3:
            return places
    return max(places, list(_steps(low, high, most)), key=len)


def _power(factor: int, exponent: int) -> float:
    # Through text, because 10.0 ** -4 is not 0.0001.
    return float(f"{factor}e{exponent}")


def _digits(places: list[float], axis: Axis) -> int:
    """Return the decimals that tell the marks of an axis apart, and no more."""
    for digits in range(MOST_DECIMALS):
        if all(abs(round(place, digits) - place) <= 1e-9 * abs(place) for place in places):
            return digits
    return axis.decimals
