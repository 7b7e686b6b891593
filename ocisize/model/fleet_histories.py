"""RepositoryHistory: the updates of one repository of a fleet."""

from __future__ import annotations

from ocisize.model.updates import UpdateHistory
from ocisize.values import frozen


@frozen(kw_only=True)
class RepositoryHistory:
    """What hosts download that follow the tags of a repository; ``measure_histories`` makes it."""

    name: str  #: of the references without their tags: ``registry.io/team/app``
    platform: str  #: the one that most of its images have
    history: UpdateHistory  #: by version, without advice
    older: int = 0  #: releases that were left out, because there are newer ones
