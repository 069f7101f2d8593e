"""Following the belt in its pictures, against the truth."""

from __future__ import annotations

from itertools import pairwise

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from tests.station.footage.belt_video import MM_PER_PX, Filmed, film, steady
from vision.belt_motion import BeltPath, BlindBelt, follow_belt, shift_between, still_part


def followed(filmed: Filmed) -> BeltPath:
    return follow_belt(filmed.images, filmed.captured_ns, still_part(filmed.images[::2]))


def error_mm(filmed: Filmed, path: BeltPath) -> NDArray[np.float64]:
    true = np.array(filmed.pos_mm) - filmed.pos_mm[0]
    return np.asarray(np.array(path.travelled_px) * MM_PER_PX - true, np.float64)


def test_an_even_belt_is_followed_to_a_five_hundredth() -> None:
    filmed = steady(60)
    path = followed(filmed)
    assert abs(error_mm(filmed, path)[-1]) / (filmed.pos_mm[-1] - filmed.pos_mm[0]) < 0.002
    assert path.quality > 0.4
    assert path.blind == 0


def test_a_belt_that_stops_and_starts_is_followed_through_the_stop() -> None:
    stamps = [n * 40_000_000 for n in range(60)]
    speeds = [1000.0 if n < 20 or n >= 40 else 0.0 for n in range(59)]
    filmed = film(stamps, np.concatenate([[0.0], np.cumsum(np.array(speeds) * 0.04)]).tolist())
    path = followed(filmed)
    standing = np.diff(path.travelled_px)[22:38]
    assert np.abs(standing).max() < 0.2
    assert np.abs(error_mm(filmed, path)).max() < 4.0


def test_pieces_that_pass_do_not_carry_the_belt_along() -> None:
    """Bright pieces move with the belt and come and go; a rail at the side stands still and must not hold it."""
    filmed = steady(40)
    for image, pos in zip(filmed.images, filmed.pos_mm, strict=True):
        image[:, :24] = (200, 200, 200)
        image[::16, :24] = (20, 20, 20)
        for number in range(8):
            row = int((pos - number * 260.0) / MM_PER_PX)
            if 0 <= row < image.shape[0] - 30:
                cv2.circle(image, (60 + 30 * number, row + 15), 14, (90, 140, 220), -1)
    path = followed(filmed)
    assert abs(error_mm(filmed, path)[-1]) / filmed.pos_mm[-1] < 0.005


def test_a_belt_without_texture_is_refused_with_what_to_do() -> None:
    noise = np.random.default_rng(1)
    images = tuple(noise.integers(80, 90, (256, 320, 3), np.uint8) for _ in range(20))
    with pytest.raises(BlindBelt, match=r"cannot be followed.*quality 0.0.*Give its speed or a tick table"):
        followed(Filmed(images, tuple(n * 40_000_000 for n in range(20)), (0.0,) * 20))


def test_a_video_that_sticks_and_leaps_is_refused_rather_than_believed() -> None:
    filmed = steady(60)
    stuck = [filmed.images[n - n % 10 if n % 10 < 5 else n] for n in range(60)]
    with pytest.raises(BlindBelt, match="stop or start"):
        followed(filmed._replace(images=tuple(stuck)))


def test_a_dark_moment_is_bridged_and_a_long_one_is_refused() -> None:
    def darkened(frames: int) -> Filmed:
        filmed = steady(60)
        noise = np.random.default_rng(2)
        for image in filmed.images[30 : 30 + frames]:
            image[:] = noise.integers(0, 6, image.shape, np.uint8)
        return filmed

    short = darkened(4)
    path = followed(short)
    assert 0 < path.blind < 0.15
    assert abs(error_mm(short, path)[-1]) / short.pos_mm[-1] < 0.01
    with pytest.raises(BlindBelt, match=r"cannot be followed 1\.2 s to"):
        followed(darkened(15))


@pytest.mark.parametrize(
    ("turned", "advice"),
    [(cv2.ROTATE_180, 180), (cv2.ROTATE_90_CLOCKWISE, 270), (cv2.ROTATE_90_COUNTERCLOCKWISE, 90)],
)
def test_a_belt_that_runs_another_way_is_refused_with_the_turn_that_helps(turned: int, advice: int) -> None:
    filmed = steady(20)
    images = tuple(np.asarray(cv2.rotate(image, turned), np.uint8) for image in filmed.images)
    with pytest.raises(BlindBelt, match=f"--rotate {advice}"):
        followed(filmed._replace(images=images))


def test_a_shift_is_found_to_a_tenth_of_a_pixel_at_any_size() -> None:
    """OpenCV's own phase correlation is half a pixel off at sizes that it pads to an odd length."""
    texture = cv2.GaussianBlur(np.random.default_rng(4).normal(0, 40, (1200, 400)).astype(np.float32), (0, 0), 2.0)
    for height in (372, 375, 386, 500):
        before, after = texture[300 : 300 + height], texture[260 : 260 + height]
        found = shift_between(np.asarray(before), np.asarray(after), None)
        assert abs(found.down - 40) < 0.1, height
        assert abs(found.right) < 0.1
        assert found.quality > 0.95


def test_travel_never_jumps_between_neighbours() -> None:
    filmed = steady(50)
    path = followed(filmed)
    steps = [after - before for before, after in pairwise(path.travelled_px)]
    assert max(steps) - min(steps) < 0.5
