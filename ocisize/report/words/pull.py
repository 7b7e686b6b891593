"""How long a pull takes, in words: a range from a fast host to a slow one."""

from __future__ import annotations

from collections.abc import Sequence

from ocisize.model.analysis import Analysis
from ocisize.model.outline import Outline
from ocisize.model.pull_time import PullTime
from ocisize.report.words.download import ABOUT
from ocisize.report.words.units import human_bandwidth, human_seconds
from ocisize.sizes.cost import CostAssumptions, default_assumptions
from ocisize.sizes.pull_time import default_rates, pull_times, step_pull_times

HOSTS = "from a fast host to a slow one"
_MIN_SAVING = 0.05  #: seconds; a step that saves less of a pull is not said to


def human_range(least: float, most: float) -> str:
    """A range of times; one time if both are written alike.

    >>> human_range(0.27, 1.8), human_range(8.43, 8.44), human_range(50, 70)
    ('0.27 to 1.8 s', '8.4 s', '50.0 s to 1 min 10 s')
    """
    low, high = human_seconds(least), human_seconds(most)
    if low == high:
        return high
    return f"{low.removesuffix(' s') if high.endswith(' s') and 'min' not in high else low} to {high}"


def list_pull_times(image: Analysis | Outline, assumptions: CostAssumptions | None = None) -> list[PullTime]:
    """The times of a pull at the assumed bandwidths, the lowest bandwidth first; [] if the download is unknown."""
    bandwidths = sorted((assumptions or default_assumptions()).bandwidths)
    return list(pull_times(image, bandwidths)) if image.compressed_size is not None or _is_estimated(image) else []


def _is_estimated(image: Analysis | Outline) -> bool:
    return isinstance(image, Analysis) and image.estimated_compressed_size is not None


def describe_pull(image: Analysis | Outline, assumptions: CostAssumptions | None = None) -> str:
    """The range of a pull at the assumed bandwidths; "" if the download is unknown.

    >>> import ocisize
    >>> describe_pull(ocisize.Analyzer().outline("testdata/example.tar"))
    '0.26 to 2.1 s at 100 Mbps, 0.14 to 1.9 s at 1 Gbps'
    """
    times = list_pull_times(image, assumptions)
    about = ABOUT if _is_estimated(image) else ""
    shown = [f"{human_range(time.least_seconds, time.most_seconds)} at {human_bandwidth(time.bandwidth)}" for time in times]
    return f"{about}{', '.join(shown)}" if shown else ""


def describe_transfer(times: Sequence[PullTime]) -> str:
    """The time of the transfer alone at each bandwidth: ``the transfer alone takes 0.13 s and 0.01 s``."""
    return f"the transfer alone takes {' and '.join(human_seconds(time.transfer_seconds) for time in times)}"


def describe_assumed() -> str:
    """What is assumed of the unpacking of layers that were not read."""
    rates = default_rates()
    expansion = f"{rates.least_expansion:g} to {rates.most_expansion:g} times as large"
    least, most = rates.least_entry_size / 1000, rates.most_entry_size / 1000
    return f"The pull assumes tars {expansion}, {least:g} to {most:g} kB a file"


def list_step_savings(analysis: Analysis, assumptions: CostAssumptions | None = None) -> list[str]:
    """By step of the plan, what the step saves of a pull at the lowest assumed bandwidth; "" for next to nothing."""
    bandwidth = min((assumptions or default_assumptions()).bandwidths)
    texts = []
    for times in step_pull_times(analysis, [bandwidth]):
        text = ""
        for time in times:
            if time.most_seconds >= _MIN_SAVING:
                text = f"{human_range(time.least_seconds, time.most_seconds)} of a pull at {human_bandwidth(bandwidth)}"
        texts.append(text)
    return texts
