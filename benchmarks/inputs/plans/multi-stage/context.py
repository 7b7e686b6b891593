"""A tool that is built in a stage, beside samples that the image does not need."""

from pathlib import Path

import files


def write(context: Path) -> None:
    files.write(context / "tool.sh", "#!/bin/sh\nzcat /opt/tool/data.gz\n")
    files.write(context / "data.txt", files.text("data", 1_500_000))
    for number in range(8):
        files.write(context / f"samples/sample{number}.bin", files.data(("sample", number), 200_000))
    files.write(context / "docs/guide.md", files.text("guide", 20_000))
