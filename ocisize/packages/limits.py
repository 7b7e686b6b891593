"""Bounds of what the package databases of a hostile image can list."""

MAX_PACKAGES = 50_000  #: of one database; a distribution has 60,000, and few systems have more than 5,000 of them
MAX_RELATIONS = 500_000  #: names of other packages in one database; 5,000 packages have 50,000
MAX_FILES = 2_000_000  #: in one database; 5,000 packages have 400,000
MAX_PATH = 4096  #: bytes; no filesystem has longer paths
