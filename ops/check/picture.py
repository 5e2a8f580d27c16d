"""How bright a picture is: a PNG as browsers write it, read with the standard library. Pure.

brightness(png)         # -> 0.97, of 0 (black) to 1 (white)
"""

from __future__ import annotations

import struct
import zlib

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_CHANNELS = {2: 3, 6: 4}  # RGB and RGBA


def brightness(png: bytes) -> float:
    """Return the mean brightness of a PNG's pixels, 0 to 1. Raises ValueError for one that no browser writes.

    Read are 8 bits a channel, RGB or RGBA, not interlaced (https://www.w3.org/TR/png-3/); weighted as luma (ITU-R BT.709).
    """
    if not png.startswith(_SIGNATURE):
        raise ValueError("this is no PNG")
    data, place = b"", len(_SIGNATURE)
    width = height = channels = 0
    while place < len(png):
        (length,) = struct.unpack_from(">I", png, place)
        kind, content = png[place + 4 : place + 8], png[place + 8 : place + 8 + length]
        if kind == b"IHDR":
            width, height, bits, colour, _, _, interlaced = struct.unpack(">IIBBBBB", content)
            if bits != 8 or colour not in _CHANNELS or interlaced:
                raise ValueError("this is a PNG of another kind than browsers write")
            channels = _CHANNELS[colour]
        elif kind == b"IDAT":
            data += content
        place += 12 + length
    if not width or not height:
        raise ValueError("this PNG has no pixels")
    lines = _lines(zlib.decompress(data), width * channels, height, channels)
    red, green, blue = (sum(sum(line[part::channels]) for line in lines) for part in range(3))
    return (0.2126 * red + 0.7152 * green + 0.0722 * blue) / (255 * width * height)


def _lines(raw: bytes, length: int, height: int, step: int) -> list[bytearray]:
    """Return the picture's lines with their filters undone (PNG, 9.2)."""
    lines: list[bytearray] = []
    above = bytearray(length)
    for number in range(height):
        start = number * (length + 1)
        kind, line = raw[start], bytearray(raw[start + 1 : start + 1 + length])
        for at in range(length):
            left = line[at - step] if at >= step else 0
            corner = above[at - step] if at >= step else 0
            line[at] = (line[at] + _predicted(kind, left, above[at], corner)) & 255
        lines.append(line)
        above = line
    return lines


def _predicted(kind: int, left: int, above: int, corner: int) -> int:
    if kind == 0:
        return 0
    if kind == 1:
        return left
    if kind == 2:
        return above
    if kind == 3:
        return (left + above) // 2
    guess = left + above - corner
    by_left, by_above, by_corner = abs(guess - left), abs(guess - above), abs(guess - corner)
    if by_left <= by_above and by_left <= by_corner:
        return left
    return above if by_above <= by_corner else corner
