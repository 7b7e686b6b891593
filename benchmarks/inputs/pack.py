"""Pack folders as the layers of an image by Python's tarfile, whose PAX headers hold fractional times.

    python3 benchmarks/inputs/pack.py CASE_FOLDER FOLDER=INSTRUCTION...

Writes CASE_FOLDER/gzip and CASE_FOLDER/docker.tar.
"""

from __future__ import annotations

import sys
import tarfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from imagefile import ImageWriter


def main() -> None:
    case, *layers = sys.argv[1:]
    image = ImageWriter(Path(case), docker=True)
    for argument in layers:
        folder, _, instruction = argument.partition("=")
        with (
            image.layer(instruction) as layer,
            tarfile.open(fileobj=layer, mode="w|", format=tarfile.PAX_FORMAT) as tar,
        ):
            for child in sorted(Path(folder).iterdir()):
                tar.add(child, child.name)
    image.finish()


if __name__ == "__main__":
    main()
