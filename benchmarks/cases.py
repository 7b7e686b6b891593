"""The inputs that build.sh made: their files and their contents."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import attrs

from imagefile import read_layers
from results import Facts
from revisions import variables

DESCRIPTIONS = {
    "python-service": "Debian, apt not cleaned up, pip with a cache, `COPY . .`, a late `chown -R`, a late `rm -rf`",
    "node-service": "Debian, nodejs from apt, a copied `node_modules` with the packages for development",
    "packages": "Debian with compilers, Ruby, PHP and npm from apt, two environments of Python, an application of npm",
    "pax-trees": "trees of apt, pip and npm packed by Python's tarfile, a PAX header with the time before every entry",
    "debian-python": "debootstrap, apt not cleaned up, pip, an application, a late `rm -rf`, an upgrade, a late `chown -R`",
    "node": "two applications from npm, then an `rm -rf` of one package",
    "ml": "shared libraries of 1 MB and more from seven nvidia wheels, one of them stored twice",
    "pax": "the largest layer of `node`, with a PAX header before every entry",
    "members": "the largest layer of `debian-python`, one gzip member per MiB",
    "scale-N": "N entries, a directory for every eight small files, paths of 60 to 80 bytes, one layer",
    "flat-N": "N small files in one directory",
    "whiteouts": "50,000 files, then 1,000 whiteouts (`no-whiteouts`: 1,000 small files)",
    "deep": "100 chains of 200 nested directories, 200 files at the bottom of each",
    "layers-127": "100,000 entries in 127 layers",
    "big-10gb": "20 files of 500 MB in four layers, one eighth random bytes and the rest zeros",
}


@attrs.frozen
class Case:
    """One input in the folder that build.sh filled."""

    out: Path
    name: str

    @property
    def folder(self) -> Path:
        return self.out / self.name

    @property
    def archive(self) -> Path:
        return self.folder / "docker.tar"

    @property
    def gzip_archive(self) -> Path:
        return self.folder / "docker-gzip.tar"

    def layout(self, form: str) -> Path:
        return self.folder / form

    def layers(self, form: str) -> list[str]:
        """The stored layers of a layout, base first."""
        return [str(path) for path in read_layers(self.layout(form))[0]]

    def facts(self) -> Facts:
        """The counts of ocisize for the image, kept in its folder."""
        kept = self.folder / "facts.json"
        if not kept.exists():
            command = [sys.executable, "-m", "ocisize", "-q", "-f", "json", str(self.layout("gzip"))]
            analysis = json.loads(subprocess.run(command, stdout=subprocess.PIPE, env=variables(), check=True).stdout)
            figures = (analysis["entry_count"], analysis["tar_size"], analysis["compressed_size"], len(analysis["layers"]))
            kept.write_text(json.dumps(figures))
        return Facts(*json.loads(kept.read_text()))


def find(out: Path, *names: str) -> list[Case]:
    """The named cases that are built."""
    missing = [name for name in names if not (out / name / "gzip" / "index.json").exists()]
    if missing:
        print(f"not built, left out: {', '.join(missing)}", file=sys.stderr)
    return [Case(out, name) for name in names if name not in missing]
