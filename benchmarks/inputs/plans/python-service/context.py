"""A service with a repository, credentials, tests and a model beside its code."""

from pathlib import Path

import files


def write(context: Path) -> None:
    files.write(context / "requirements.txt", "fastapi==0.110.0\nuvicorn==0.29.0\nnumpy==1.26.4\npyyaml==6.0.1\n")
    files.modules(context / "shop", 60)
    files.write(context / "shop/main.py", "import fastapi\n\napp = fastapi.FastAPI()\n")
    files.write(context / "models/prices.bin", files.data("prices", 6_000_000))
    for number in range(20):
        files.write(context / f"tests/data/case{number}.json", files.text(number, 60_000))
    files.modules(context / "tests", 20)
    files.write(context / "README.md", files.text("readme", 4_000))
    files.repository(context, packs=2_000_000)
    files.environment(context / ".env")
