"""Sprites side by side on sheets, and sheets as lossy WebP with exact alpha."""

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]
Box = tuple[int, int, int, int]

QUALITY = 90
SHEET_WIDTH = 1024
SHEET_HEIGHT = 1024


def spread(image: Image, rounds: int = 6) -> Image:
    """Return the BGRA picture with its edge colours grown outward where alpha is 0, so that compression keeps them."""
    grown, known = image.copy(), (image[..., 3] > 0).astype(np.uint8)
    for _ in range(rounds):
        weight = cv2.blur(known.astype(np.float32), (3, 3))
        colour = cv2.blur(grown[..., :3].astype(np.float32) * known[..., None], (3, 3))
        fresh = (weight > 1e-6) & (known == 0)
        grown[fresh, :3] = np.round(colour[fresh] / weight[fresh, None])
        known[fresh] = 1
    return grown


def shelves(sizes: list[tuple[int, int]]) -> list[tuple[int, int, int]]:
    """Return sheet, x and y for each (width, height): rows of falling height, a new sheet when one is full."""
    places = [(0, 0, 0)] * len(sizes)
    sheet = x = y = row = 0
    for index in sorted(range(len(sizes)), key=lambda i: (-sizes[i][1], -sizes[i][0], i)):
        width, height = sizes[index]
        if x + width > SHEET_WIDTH:
            x, y, row = 0, y + row, 0
        if y + height > SHEET_HEIGHT:
            sheet, x, y, row = sheet + 1, 0, 0, 0
        places[index] = (sheet, x, y)
        x, row = x + width, max(row, height)
    return places


def packed(images: list[Image]) -> tuple[list[bytes], list[tuple[int, Box]]]:
    """Return the encoded sheets, and for each picture its sheet and its box (x, y, w, h)."""
    sizes = [(image.shape[1], image.shape[0]) for image in images]
    places = shelves(sizes)
    boxes = [(s, (x, y, *size)) for (s, x, y), size in zip(places, sizes, strict=True)]
    files = []
    for sheet in range(1 + max(s for s, _, _ in places)):
        mine = [(image, box) for image, (s, box) in zip(images, boxes, strict=True) if s == sheet]
        extent = max(x + w for _, (x, _, w, _) in mine), max(y + h for _, (_, y, _, h) in mine)
        canvas = np.zeros((extent[1], extent[0], 4), dtype=np.uint8)
        for image, (x, y, w, h) in mine:
            canvas[y : y + h, x : x + w] = spread(image)
        written, data = cv2.imencode(".webp", canvas, [cv2.IMWRITE_WEBP_QUALITY, QUALITY])
        if not written:
            raise OSError("OpenCV could not write WebP")
        files.append(data.tobytes())
    return files, boxes
