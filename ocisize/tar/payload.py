"""Payload: the content of one file of a tar, read while the tar passes."""

from __future__ import annotations

from ocisize.tar.window import Window


class Payload:
    """The bytes of one file of a tar that is being scanned; what is not read is passed over afterwards.

    ``size`` is how many bytes the file has, ``offset`` where it begins in the tar. Reading raises TarError if the tar ends
    within the file.

    >>> import io
    >>> payload = Payload(Window(io.BytesIO(b"content, and the rest"), 8), 7, "a file")
    >>> payload.peek(4), payload.readinto(buffer := memoryview(bytearray(10))), bytes(buffer[:7])
    (b'cont', 7, b'content')
    """

    def __init__(self, window: Window, size: int, what: str) -> None:
        self.size, self.offset = size, window.offset
        self._window, self._what, self._left = window, what, size

    def peek(self, count: int) -> bytes:
        """The next ``count`` bytes, which stay unread, fewer at the end of the file; at most as many as the window has."""
        window, count = self._window, min(count, self._left)
        if window.end - window.position < count and window.fill(count) < count:
            window.position = window.end
            raise self._truncation_error()
        return bytes(window.view[window.position : window.position + count])

    def readinto(self, buffer: memoryview, /) -> int:
        """Fill the buffer; return how many bytes were written, fewer only at the end of the file."""
        filled, wanted = 0, min(len(buffer), self._left)
        while filled < wanted:
            count = self._window.take(buffer[filled:wanted])
            if not count:
                raise self._truncation_error()
            filled += count
            self._left -= count
        return filled

    def finish(self) -> None:
        """Pass over the rest of the file."""
        left, self._left = self._left, 0
        if self._window.discard(left) < left:
            raise self._truncation_error()

    def _truncation_error(self) -> Exception:
        return self._window.truncation_error(self._what, self.offset, self.size)
