"""golang: text, numbers and order as Go's standard library has them, for reports that must not differ by a byte."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from decimal import Decimal
from itertools import pairwise

import attrs

_ESCAPED = re.compile("[<>&\u2028\u2029]")
_NO_TEXT = re.compile("[\ud800-\udfff]")
_SHORT = 12  # elements that are sorted by insertion
_LONG = 50  # elements from which on the pivot is a median of medians
_MAX_MOVES = 5  # elements out of order that are put in their place before giving up
_ALL_SWAPPED = 12  # pairs in a sample of a long span
_WORD = (1 << 64) - 1


def go_quote(text: str) -> str:
    """A JSON string as encoding/json writes it; surrogate escapes stand for bytes that are not UTF-8."""
    quoted = json.dumps(text, ensure_ascii=False)
    if not quoted.isascii():
        quoted = _NO_TEXT.sub(r"\\ufffd", quoted)
    return _ESCAPED.sub(lambda match: f"\\u{ord(match[0]):04x}", quoted)


def go_float(value: float) -> str:
    """A JSON number as encoding/json writes a finite float64."""
    text = repr(value)
    if 1e-6 <= abs(value) < 1e21 or not value:
        return format(Decimal(text), "f").removesuffix(".0")
    return re.sub(r"e([+-])0", r"e\1", text.replace(".0e", "e"))


def sort_order(keys: Sequence[int]) -> list[int]:
    """The positions of ``keys`` in the order that Go's sort.Sort gives them, which is not stable but always the same.

    It is a pattern-defeating quicksort (https://arxiv.org/abs/2106.05123) as package sort has it since Go 1.19.
    """
    order = sorted(range(len(keys)), key=keys.__getitem__)
    if len(keys) > _SHORT and any(keys[left] == keys[right] for left, right in pairwise(order)):
        sorting = _Sorting(keys)
        sorting.sort()
        return sorting.order
    return order


@attrs.define
class _Span:
    """Keys from ``start`` to before ``end`` that are still to sort, and how well the last partitioning around them went."""

    start: int
    end: int
    bad_pivots_left: int
    balanced: bool = True
    partitioned: bool = True


class _Sorting:
    """Keys and their positions while they are sorted."""

    def __init__(self, keys: Sequence[int]) -> None:
        self.keys = list(keys)
        self.order = list(range(len(keys)))

    def sort(self) -> None:
        count = len(self.keys)
        spans = [_Span(0, count, count.bit_length())]
        while spans:
            spans += self._step(spans.pop())

    def _step(self, span: _Span) -> list[_Span]:
        """Partition a span; return those that are still to sort."""
        start, end = span.start, span.end
        length = end - start
        if length <= _SHORT:
            self._insert(start, end)
            return []
        if not span.bad_pivots_left:
            self._heap_sort(start, end)
            return []
        if not span.balanced:
            self._scatter(start, end)
            span.bad_pivots_left -= 1
        pivot, swaps = self._choose_pivot(start, end)
        if swaps == _ALL_SWAPPED:  # descending, it seems
            self.keys[start:end] = self.keys[start:end][::-1]
            self.order[start:end] = self.order[start:end][::-1]
            pivot, swaps = start + end - 1 - pivot, 0
        if span.balanced and span.partitioned and swaps == 0 and self._finish(start, end):
            return []
        keys = self.keys
        if start > 0 and keys[start - 1] >= keys[pivot]:  # nothing is smaller than the pivot
            span.start = self._partition_equal(start, end, pivot)
            return [span]
        middle, span.partitioned = self._partition(start, end, pivot)
        left, right = middle - start, end - middle
        span.balanced = min(left, right) >= length // 8
        if left < right:
            span.start = middle + 1
            return [span, _Span(start, middle, span.bad_pivots_left)]
        span.end = middle
        return [span, _Span(middle + 1, end, span.bad_pivots_left)]

    def _swap(self, one: int, other: int) -> None:
        keys, order = self.keys, self.order
        keys[one], keys[other] = keys[other], keys[one]
        order[one], order[other] = order[other], order[one]

    def _insert(self, start: int, end: int) -> None:
        span = sorted(zip(self.keys[start:end], self.order[start:end], strict=True), key=lambda pair: pair[0])
        self.keys[start:end] = [key for key, _ in span]
        self.order[start:end] = [position for _, position in span]

    def _heap_sort(self, start: int, end: int) -> None:
        count = end - start
        for root in range((count - 1) // 2, -1, -1):
            self._sift(start, root, count)
        for last in range(count - 1, -1, -1):
            self._swap(start, start + last)
            self._sift(start, 0, last)

    def _sift(self, start: int, root: int, count: int) -> None:
        keys = self.keys
        while (child := 2 * root + 1) < count:
            if child + 1 < count and keys[start + child] < keys[start + child + 1]:
                child += 1
            if keys[start + root] >= keys[start + child]:
                return
            self._swap(start + root, start + child)
            root = child

    def _scatter(self, start: int, end: int) -> None:
        """Move three elements to places that look random, after a bad pivot."""
        length = end - start
        random, mask = length, (1 << length.bit_length()) - 1
        for place in range(3):
            random ^= random << 13 & _WORD
            random ^= random >> 7
            random ^= random << 17 & _WORD
            other = random & mask
            self._swap(start + length // 4 * 2 - 1 + place, start + (other - length if other >= length else other))

    def _choose_pivot(self, start: int, end: int) -> tuple[int, int]:
        """Where the pivot is, and how many pairs of the sample were out of order."""
        quarter, swaps = (end - start) // 4, 0
        sample = [start + quarter, start + 2 * quarter, start + 3 * quarter]
        if end - start >= _LONG:
            for index, at in enumerate(sample):
                sample[index], more = self._median(at - 1, at, at + 1)
                swaps += more
        pivot, more = self._median(*sample)
        return pivot, swaps + more

    def _median(self, one: int, two: int, three: int) -> tuple[int, int]:
        keys, swaps = self.keys, 0
        if keys[two] < keys[one]:
            one, two, swaps = two, one, swaps + 1
        if keys[three] < keys[two]:
            two, swaps = three, swaps + 1
        if keys[two] < keys[one]:
            two, swaps = one, swaps + 1
        return two, swaps

    def _finish(self, start: int, end: int) -> bool:
        """Sort a span that is nearly sorted; False when it is not, which moves a few elements all the same."""
        keys, at = self.keys, start + 1
        for _ in range(_MAX_MOVES):
            while at < end and keys[at - 1] <= keys[at]:
                at += 1
            if at == end:
                return True
            if end - start < _LONG:
                return False
            self._swap(at, at - 1)
            if at - start >= 2:
                self._shift(range(at - 1, 0, -1))
            self._shift(range(at + 1, end))
        return False

    def _shift(self, places: range) -> None:
        """Swap neighbours at these places for as long as they are out of order."""
        for place in places:
            if self.keys[place] >= self.keys[place - 1]:
                return
            self._swap(place, place - 1)

    def _partition(self, start: int, end: int, pivot: int) -> tuple[int, bool]:
        """Put what is smaller than the pivot before it; return its new place and whether nothing had to move."""
        self._swap(start, pivot)
        keys = self.keys
        key, low, high, moved = keys[start], start + 1, end - 1, False
        while True:
            while low <= high and keys[low] < key:
                low += 1
            while low <= high and keys[high] >= key:
                high -= 1
            if low > high:
                break
            self._swap(low, high)
            low, high, moved = low + 1, high - 1, True
        self._swap(high, start)
        return high, not moved

    def _partition_equal(self, start: int, end: int, pivot: int) -> int:
        """Put what equals the pivot first; return where the rest begins."""
        self._swap(start, pivot)
        keys = self.keys
        key, low, high = keys[start], start + 1, end - 1
        while True:
            while low <= high and keys[low] <= key:
                low += 1
            while low <= high and keys[high] > key:
                high -= 1
            if low > high:
                return low
            self._swap(low, high)
            low, high = low + 1, high - 1
