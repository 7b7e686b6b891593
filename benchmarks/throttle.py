"""A TCP proxy on loopback that behaves like a slow link: a rate for all connections together, and a latency.

    python benchmarks/throttle.py HOST:PORT [--rate BYTES_PER_SECOND] [--latency SECONDS]

Prints the port that it listens on. Opening a connection takes one round trip, and so does every request; the rate limits
the answers.
"""

from __future__ import annotations

import argparse
import asyncio
from typing import TypeAlias

_PIECE = 16 << 10
_BURST = 0.02  # seconds of transfer that can catch up after oversleeping

_Queue: TypeAlias = "asyncio.Queue[tuple[float, bytes]]"


class Link:
    """The bottleneck that all connections share."""

    def __init__(self, rate: float, delay: float) -> None:
        self._rate, self.delay = rate, delay
        self._free = 0.0

    async def pass_through(self, size: int) -> None:
        """Wait until ``size`` bytes went over the link."""
        now = asyncio.get_running_loop().time()
        self._free = max(self._free, now - _BURST) + size / self._rate
        await asyncio.sleep(max(self._free - now, 0))


async def _carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, link: Link) -> None:
    """Carry one direction of a connection over the link."""
    queue: _Queue = asyncio.Queue()
    delivery = asyncio.create_task(_deliver(queue, writer))
    loop = asyncio.get_running_loop()
    try:
        while data := await reader.read(_PIECE):
            await link.pass_through(len(data))
            queue.put_nowait((loop.time() + link.delay, data))
    finally:
        queue.put_nowait((loop.time() + link.delay, b""))
        await delivery


async def _deliver(queue: _Queue, writer: asyncio.StreamWriter) -> None:
    while True:
        due, data = await queue.get()
        await asyncio.sleep(max(due - asyncio.get_running_loop().time(), 0))
        if not data:
            writer.close()
            return
        writer.write(data)
        await writer.drain()


async def _serve(host: str, port: int, rate: float, latency: float) -> None:
    up, down = Link(1e9, latency / 2), Link(rate, latency / 2)

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(latency)
        far_reader, far_writer = await asyncio.open_connection(host, port, limit=_PIECE)
        directions = (_carry(reader, far_writer, up), _carry(far_reader, writer, down))
        await asyncio.gather(*directions, return_exceptions=True)  # a client may hang up at any time

    server = await asyncio.start_server(connected, "127.0.0.1", 0, limit=_PIECE)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("address", metavar="HOST:PORT")
    parser.add_argument("--rate", type=float, default=12.5e6, help="bytes per second (default: 100 Mbit/s)")
    parser.add_argument("--latency", type=float, default=0.05, help="seconds for a round trip (default: %(default)s)")
    options = parser.parse_args()
    host, _, port = options.address.rpartition(":")
    asyncio.run(_serve(host, int(port), options.rate, options.latency))


if __name__ == "__main__":
    main()
