"""Seeded mutations of seeds, for runs that must come out the same each time."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

from tests.fuzz.oracle import Harness

_ODD = (0, 1, 0x20, 0x2F, 0x30, 0x37, 0x7F, 0x80, 0xC3, 0xFF)


def mutations(harness: Harness, seed: int, count: int) -> Iterator[bytes]:
    """So many inputs made of the harness's seeds; the same ones for the same seed."""
    dice, seeds = random.Random(seed), list(harness.seeds())
    for _ in range(count):
        data = bytearray(dice.choice(seeds))
        for _ in range(dice.choice((1, 1, 2, 3, 5, 8))):
            mutate(data, seeds, harness.tokens, dice)
        yield bytes(data)


def mutate(data: bytearray, seeds: Sequence[bytes], tokens: Sequence[bytes], dice: random.Random) -> None:
    """One change of the bytes, in place."""
    at = dice.randrange(len(data) + 1)
    length = min(dice.choice((1, 1, 2, 4, 8, 12, 64, 512)), len(data) - at)
    kind = dice.randrange(8)
    if kind == 0 and length:
        data[at] ^= 1 << dice.randrange(8)
    elif kind == 1 and length:
        data[at] = dice.choice(_ODD)
    elif kind == 2:
        data[at : at + length] = dice.randbytes(length)
    elif kind == 3:
        del data[at : at + length]
    elif kind == 4:
        data[at:at] = data[at : at + length]
    elif kind == 5 and tokens:
        token = dice.choice(tokens)
        data[at : at + (len(token) if dice.random() < 0.5 else 0)] = token
    elif kind == 6:
        other = dice.choice(seeds)
        start = dice.randrange(len(other) + 1)
        data[at : at + length] = other[start : start + dice.choice((4, 100, 512, 1024))]
    elif length and data[at] in b"0123456789":
        data[at] = dice.choice(b"0123456789")
