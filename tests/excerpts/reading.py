"""Reads a file with a reader of excerpts as streams do, piece by piece, and as files are read in place."""

from __future__ import annotations

import random

from ocisize.excerpts.collect import PayloadReader
from ocisize.excerpts.parts import Part


def read_whole(reader: PayloadReader, data: bytes) -> list[Part]:
    """The parts of a file that comes in one piece."""
    reader.feed(data)
    return list(reader.finish())


def read_in_pieces(reader: PayloadReader, data: bytes, seed: int) -> list[Part]:
    """The parts of a file that comes in pieces of random sizes."""
    generator, position, largest = random.Random(seed), 0, max(len(data) // 100, 1000)
    while position < len(data):
        size = generator.choice((1, 2, 15, 500, largest, 5 * largest))
        reader.feed(memoryview(data)[position : position + size])
        position += size
    return list(reader.finish())


def read_needed(reader: PayloadReader, data: bytes) -> tuple[list[Part], int]:
    """The parts of a file of which only the needed bytes are read, and how many these are."""
    count = 0
    while (position := reader.needed) < len(data):
        reader.skip(position - reader.position)
        piece = data[position : position + reader.read_size]
        reader.feed(piece)
        count += len(piece)
    return list(reader.finish()), count
