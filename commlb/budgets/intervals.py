"""Logarithms of large integers as intervals that hold them: 60 digits, rounded outwards."""

from __future__ import annotations

import math
from collections.abc import Callable
from decimal import Context, Decimal

Interval = tuple[Decimal, Decimal]

DIGITS = Context(prec=60)
SLACK = Decimal("1e-50")
"""Relative; a few roundings at 60 digits are far below it."""

PI = Decimal("3.14159265358979323846264338327950288419716939937510582097494459230781640628620899863")
LN_2 = DIGITS.ln(Decimal(2))

FACTORIALS = 2000
"""n up to which n! is computed as an integer."""


def around(value: Decimal) -> Interval:
    """An interval that holds the true value of which ``value`` is a rounding.

    >>> low, high = around(Decimal(3)); low < 3 < high
    True
    """
    slack = DIGITS.multiply(abs(value), SLACK)
    return DIGITS.subtract(value, slack), DIGITS.add(value, slack)


def log2_times(n: int, k: int) -> Interval:
    """n·log₂ k; exact where k is a power of two.

    >>> log2_times(5, 8)
    (Decimal('15'), Decimal('15'))
    """
    power = k.bit_length() - 1
    if k == 1 << power:
        return Decimal(n * power), Decimal(n * power)
    return around(DIGITS.divide(DIGITS.multiply(Decimal(n), DIGITS.ln(Decimal(k))), LN_2))


def ln_factorial(n: int) -> Interval:
    """ln n!, from the integer up to n = 2000, beyond from Stirling's series.

    ln n! = n·ln n − n + ln(2πn)/2 + 1/(12n) − 1/(360n³) + 1/(1260n⁵) − …; the partial sums are limits from both
    sides (Whittaker, Watson, Sec. 12.33).

    >>> [round(float(limit), 6) for limit in ln_factorial(10)]
    [15.104413, 15.104413]
    """
    if n <= FACTORIALS:
        return around(DIGITS.ln(Decimal(math.factorial(n))))
    d, m = DIGITS, Decimal(n)
    main = d.subtract(d.multiply(m, d.ln(m)), m)
    main = d.add(main, d.divide(d.ln(d.multiply(2 * PI, m)), Decimal(2)))
    cube = d.power(m, 3)
    low = d.subtract(d.divide(Decimal(1), 12 * m), d.divide(Decimal(1), d.multiply(Decimal(360), cube)))
    high = d.add(low, d.divide(Decimal(1), d.multiply(Decimal(1260), d.multiply(cube, d.multiply(m, m)))))
    return around(d.add(main, low))[0], around(d.add(main, high))[1]


def log2_binomial(n: int, k: int) -> Interval:
    """log₂ C(n, k).

    >>> [round(float(limit), 9) for limit in log2_binomial(4, 2)] == [round(math.log2(6), 9)] * 2
    True
    """
    whole, one, other = ln_factorial(n), ln_factorial(k), ln_factorial(n - k)
    d = DIGITS
    low = d.subtract(d.subtract(whole[0], one[1]), other[1])
    high = d.subtract(d.subtract(whole[1], one[0]), other[0])
    return max(Decimal(0), around(d.divide(low, LN_2))[0]), around(d.divide(high, LN_2))[1]


def peak(value: Callable[[int], Interval], low: int, high: int) -> int:
    """The place from ``low`` to ``high`` of the largest value of a concave function.

    >>> peak(lambda k: (Decimal(-((k - 7) ** 2)),) * 2, 1, 100)
    7
    """
    while low < high:
        middle = (low + high) // 2
        if value(middle)[0] < value(middle + 1)[0]:
            low = middle + 1
        else:
            high = middle
    return low
