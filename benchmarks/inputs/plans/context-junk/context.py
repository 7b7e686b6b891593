"""An application in a working copy: a repository, packages, logs and drafts."""

from pathlib import Path

import files


def write(context: Path) -> None:
    files.scripts(context / "src", 15)
    files.write(context / "docs/keep.md", files.text("keep", 5_000))
    files.repository(context)
    files.write(context / "docs/draft.md", files.text("draft", 300_000))
    files.write(context / "docs/old/notes.md", files.text("notes", 200_000))
    files.write(context / "debug.log", files.text("debug", 700_000))
    files.write(context / "worker.log", files.text("worker", 200_000))
    files.write(context / "src/sample.log", files.text("sample", 2_000))
    files.scripts(context / "node_modules/left", 60)
    files.environment(context / ".env")
    files.write(context / ".env.example", "SECRET_KEY=\n")
