"""An application with credentials in its context."""

from pathlib import Path

import files


def write(context: Path) -> None:
    files.environment(context / ".env")
    files.write(context / "start.sh", "#!/bin/sh\ncat src/all.js\n", 0o755)
    files.scripts(context / "src", 20)
