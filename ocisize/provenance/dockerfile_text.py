"""redact_dockerfile: the Dockerfile in a statement without the secrets in it, with the same number of lines."""

from __future__ import annotations

from ocisize.dockerfile.parse import parse_dockerfile
from ocisize.history.redact import redact
from ocisize.text import printable_lines


def redact_dockerfile(text: str) -> str | None:
    r"""Return the text with ``<redacted>`` in place of secrets; None for a text with characters that control terminals.

    Lines keep their numbers, also behind a secret of several lines.

    >>> print(redact_dockerfile("FROM x\nENV DB_PASSWORD=hunter2\nRUN make"))
    FROM x
    ENV DB_PASSWORD=<redacted>
    RUN make
    """
    if printable_lines(text) != text.replace("\r\n", "\n"):
        return None
    lines, start, blocks = text.split("\n"), 0, list[str]()
    for instruction in parse_dockerfile(text).instructions:
        blocks += map(_redact_block, lines[start : instruction.first - 1])
        blocks.append(_redact_block("\n".join(lines[instruction.first - 1 : instruction.last])))
        start = instruction.last
    blocks += map(_redact_block, lines[start:])
    return "\n".join(blocks)


def _redact_block(block: str) -> str:
    """An instruction, or a line of none, with as many lines as it had."""
    if not block.strip():
        return block
    lines = [redact(line).text for line in redact(block).text.split("\n")]
    count = block.count("\n") + 1
    return "\n".join([*lines, *[""] * (count - len(lines))][:count])
