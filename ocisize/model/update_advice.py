"""UpdateAdvice: changes of the build that would have made the updates of a history smaller, with what they would have saved.

Savings are those of hosts that use layers again by blob, over the updates of the history: each proposal is replayed on them.
They are not additive: two proposals may save the same bytes.
"""

from __future__ import annotations

from collections.abc import Sequence

from ocisize.values import frozen


@frozen(kw_only=True)
class StepMove:
    """A build step that a better order puts below others."""

    track: int  #: index in ``UpdateHistory.tracks`` of the step that moves
    below: int  #: index in ``UpdateHistory.tracks`` of the lowest step that it trades places with
    if_independent: Sequence[int] = ()  #: of the steps that it moves below, those that it may need


@frozen(kw_only=True)
class StepOrder:
    """A better order of the build steps above the base image."""

    tracks: Sequence[int]  #: the steps as indexes in ``UpdateHistory.tracks``, lowest first
    moves: Sequence[StepMove]  #: what differs from the order of the newest release
    is_certain: bool  #: False if steps trade places whose independence their text does not show
    replayed_updates: int  #: number of updates that were replayed: those in which layers follow from lower ones
    actual_size: int  #: bytes of the steps in these updates
    replayed_size: int  #: the same in this order
    expected_size: float  #: bytes of an update on average, by the probabilities of the steps
    expected_actual_size: float  #: the same in the order of the newest release
    #: number of layers that were taken for unchanged, as a lower layer changed and their files were not read
    assumed: int

    @property
    def saved_size(self) -> int:
        """Bytes that the order would have saved."""
        return self.actual_size - self.replayed_size


@frozen(kw_only=True)
class StepRate:
    """How often a build step changes by itself, and not because a lower one changed."""

    track: int  #: index in ``UpdateHistory.tracks``
    changes: int  #: number of updates that change the step itself
    updates: int  #: number of updates for which this is known
    rate: float  #: probability of a change in an update: ``(changes + 0.5) / (updates + 1)``
    size: float  #: bytes of the layer on average


@frozen(kw_only=True)
class SplitGroup:
    """A part of a layer that would be a layer of its own."""

    names: Sequence[str]  #: packages and directories, the largest first, five at most
    name_count: int  #: number of packages and directories
    size: int  #: bytes in the newest release
    changes: int  #: number of updates that change it


@frozen(kw_only=True)
class LayerSplit:
    """A layer divided into groups of packages and directories that change together."""

    track: int  #: index in ``UpdateHistory.tracks``
    groups: Sequence[SplitGroup]  #: rarely changed ones first
    updates: int  #: number of updates that download the layer, with known files on both sides
    actual_size: int  #: bytes of the layer in these updates
    replayed_size: int  #: the same for the groups, if a group whose content does not change is not built again
    bound_size: int  #: the same if each package and directory were a layer, below which no division is
    forward_size: int  #: the same if each update is divided by what earlier ones show; new divisions cost their download

    @property
    def saved_size(self) -> int:
        """Bytes that the groups would have saved."""
        return self.actual_size - self.replayed_size

    @property
    def forward_saved_size(self) -> int:
        """Bytes that divisions would have saved which know only earlier updates; negative if they had cost more."""
        return self.actual_size - self.forward_size


@frozen(kw_only=True)
class UpdateAdvice:
    """What would have saved download over a history. ``advise_updates`` makes it."""

    order: StepOrder | None = None  #: the better order that is certain to keep what steps need
    possible_order: StepOrder | None = None  #: a still better order, if its steps are independent
    splits: Sequence[LayerSplit] = ()  #: largest saving first; empty if the layers were not read
    rates: Sequence[StepRate] = ()  #: of the build steps above the base image, lowest first
    rebuilt_size: int = 0  #: bytes of layers that were built again without a change of content
    rebuilt_layers: int = 0  #: number of these layers
    recompressed_size: int = 0  #: bytes of layers that were compressed again: their tars are those of the older release
    recompressed_layers: int = 0  #: number of these layers
    bound_size: int | None = None  #: bytes of the steps that changed themselves: no order downloads less; None without steps
