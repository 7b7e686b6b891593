"""UncountedScan: a scan by another process or of an earlier run, which has to count against the limits."""

from __future__ import annotations

from ocisize.blob.compression import COMPRESSIONS
from ocisize.errors import LayerError, OcisizeError
from ocisize.layer.scan import LayerScan
from ocisize.layer.usage import Usage
from ocisize.limits import Meter
from ocisize.oci.image import Layer
from ocisize.values import frozen


@frozen
class UncountedScan:
    """A scan, and what it asked of the limits."""

    scan: LayerScan
    usage: Usage

    def count(self, layer: Layer, meter: Meter) -> LayerScan:
        """Return the scan; raises LayerError with LimitExceeded if a scan of the layer would exceed a limit."""
        try:
            floor = COMPRESSIONS[self.scan.compression].ratio_floor
            self.usage.count_again(meter, self.scan.table, ratio_floor=floor)
        except OcisizeError as error:
            raise LayerError(layer.index, layer.descriptor.digest, error) from error
        return self.scan
