"""Labels as polygons in the form of COCO (cocodataset.org/#format-data), to be drawn and corrected with other tools.

One image per searched picture; every labelled piece that the eye found whole in it is an annotation with the outline
that the finder draws now, or with the box it had where the finder sees no outline. ``captured_ns`` and ``tick`` of an
image and ``at_tick`` of an annotation are ours; other tools leave them alone. Read back, polygons become places on the
belt, and the polygons of one piece in several pictures become one label.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from control.types import MachineSample
from station.recording.codec import decode
from station.recording.layout import EYE, EyeSettings
from station.recording.pictures import decoded
from station.recording.reader import Recording
from station.recording.words import EyeAnswers, KeptFrame, RecordingUnreadable, Step
from station.whatif.rerun import Origin, origin_of
from vision.finder import Finder
from vision.labels import NOTHING, Label
from vision.types import Blob, Box, FootageError, Sighting

_GATE_MM = 40.0
_SAME_MM = 35.0
_FIRST_LESSONS = 48
_SEARCHES_PER_LESSON = 8
Plain = dict[str, object]


class _Seen(NamedTuple):
    """A kept picture that was searched: the sorter's tick at capture and what was found in it."""

    frame: KeptFrame
    tick: float
    found: tuple[Sighting, ...]


def export_coco(recording: Recording, labels: Sequence[Label], out: Path, pictures: Path | None) -> int:
    """Write the JSON file, and the pictures into a folder when one is given; the number of annotations.

    Raises RecordingUnreadable when the recording kept no pictures.
    """
    eye, origin = _eye(recording), origin_of(recording)
    per_mm = recording.settings().ticks_per_mm
    finder = Finder(eye.finder)
    images: list[Plain] = []
    annotations: list[Plain] = []
    names = {name: n for n, name in enumerate(sorted({label.label for label in labels}), start=1)}
    for number, seen in enumerate(_searched(recording), start=1):
        image = decoded(seen.frame)
        if image is None:
            continue
        if number <= _FIRST_LESSONS or number % _SEARCHES_PER_LESSON == 0:
            finder.learn(image)
        contours = [blob.contour for blob in finder.find(image)]
        file = f"{number:06d}.{'jpg' if seen.frame.format == 'jpeg' else seen.frame.format}"
        images.append(_image(number, file, image.shape, seen, origin))
        for sighting, label in _named(seen, labels, origin, per_mm):
            row = _annotation(len(annotations) + 1, number, names[label.label], sighting, contours)
            annotations.append(row | {"at_tick": label.at_tick})
        if pictures is not None:
            pictures.mkdir(parents=True, exist_ok=True)
            (pictures / file).write_bytes(seen.frame.encoded)
    categories = [{"id": n, "name": name} for name, n in names.items()]
    tree = {"info": {"description": recording.path.name}, "images": images, "annotations": annotations}
    out.write_text(json.dumps(tree | {"categories": categories}, indent=1) + "\n", encoding="utf-8")
    return len(annotations)


def import_coco(recording: Recording, file: Path, who: str, when_utc: str) -> tuple[Label, ...]:
    """The labels of a COCO file drawn on this recording's pictures; raises FootageError with one sentence."""
    eye, per_mm = _eye(recording), recording.settings().ticks_per_mm
    try:
        tree = json.loads(file.read_text(encoding="utf-8"))
        names = {row["id"]: str(row["name"]) for row in tree["categories"]}
        ticks = {row["id"]: float(row["tick"]) for row in tree["images"]}
        drawn = [
            _placed(eye, row, names[row["category_id"]], ticks[row["image_id"]], per_mm) for row in tree["annotations"]
        ]
    except (OSError, ValueError, KeyError, TypeError, IndexError) as error:
        raise FootageError(
            f"{file}: cannot be read as COCO ({error!r}); every image needs the key tick that our export gives it."
        ) from error
    return tuple(label._replace(who=who, when_utc=when_utc) for label in _merged(drawn, per_mm))


def _eye(recording: Recording) -> EyeSettings:
    attachment = recording.attachments.get(EYE)
    if attachment is None:
        raise RecordingUnreadable(f"{recording.path} does not hold the eye's settings: polygons have no place in it.")
    return decode(EyeSettings, attachment.content)


def _searched(recording: Recording) -> Iterator[_Seen]:
    """Kept pictures that were searched, with the tick of each: between the readings around it."""
    stamps: list[int] = []
    ticks: list[int] = []
    answers: dict[tuple[int, int], EyeAnswers] = {}
    for step in recording.steps():
        _note(step, stamps, ticks, answers)
    kept = 0
    for frame in recording.frames():
        known = answers.get((frame.stamp.seq, frame.stamp.captured_ns))
        if known is not None and known.found is not None:
            kept += 1
            yield _Seen(frame, float(np.interp(frame.stamp.captured_ns, stamps, ticks)), known.found)
    if not kept:
        raise RecordingUnreadable(f"{recording.path} kept no searched pictures: polygons need some.")


def _note(step: Step, stamps: list[int], ticks: list[int], answers: dict[tuple[int, int], EyeAnswers]) -> None:
    taken = [item.taken_ns for item in step.inputs.machine if isinstance(item, MachineSample)]
    if taken:
        stamps.append(taken[-1])
        ticks.append(step.outputs.status.tick)
    if step.inputs.frame is not None and step.answers.found is not None:
        answers[step.inputs.frame.seq, step.inputs.frame.captured_ns] = step.answers


def _named(seen: _Seen, labels: Sequence[Label], origin: Origin, per_mm: float) -> Iterator[tuple[Sighting, Label]]:
    """Each whole sighting with the nearest label, each label once."""
    pairs = []
    for s, sighting in enumerate(seen.found):
        at = seen.tick - sighting.downstream_mm * per_mm - origin.tick + origin.raw
        for n, label in enumerate(labels):
            apart = float(np.hypot((label.at_tick - at) / per_mm, label.across_mm - sighting.across_mm))
            if apart <= _GATE_MM and sighting.whole and label.label != NOTHING:
                pairs.append((apart, s, n))
    taken: set[int] = set()
    used: set[int] = set()
    for _, s, n in sorted(pairs):
        if s not in taken and n not in used:
            taken.add(s)
            used.add(n)
            yield seen.found[s], labels[n]


def _image(number: int, file: str, shape: tuple[int, ...], seen: _Seen, origin: Origin) -> Plain:
    tick = seen.tick - origin.tick + origin.raw
    row: Plain = {"id": number, "file_name": file, "width": shape[1], "height": shape[0]}
    return row | {"captured_ns": seen.frame.stamp.captured_ns, "tick": round(tick, 2)}


def _annotation(
    number: int, image: int, category: int, sighting: Sighting, contours: Sequence[NDArray[np.int32]]
) -> Plain:
    """One piece in one picture."""
    box = sighting.box
    outline = _outline(box, contours)
    return {
        "id": number,
        "image_id": image,
        "category_id": category,
        "segmentation": [[float(value) for value in outline.reshape(-1)]],
        "bbox": [box.x, box.y, box.w, box.h],
        "area": float(cv2.contourArea(outline)),
        "iscrowd": 0,
    }


def _outline(box: Box, contours: Sequence[NDArray[np.int32]]) -> NDArray[np.int32]:
    """The outline that fills this box, else the box."""
    for contour in contours:
        x, y, w, h = cv2.boundingRect(contour)
        if len(contour) > 2 and max(abs(x - box.x), abs(y - box.y), abs(w - box.w), abs(h - box.h)) <= 4:
            return contour
    right, bottom = box.x + box.w - 1, box.y + box.h - 1
    return np.array([[box.x, box.y], [right, box.y], [right, bottom], [box.x, bottom]], np.int32)


def _placed(eye: EyeSettings, row: Mapping[str, object], name: str, tick: float, per_mm: float) -> Label:
    """One annotation on the belt; several polygons of one annotation are one piece."""
    polygons = row["segmentation"]
    if not isinstance(polygons, list) or not polygons:
        raise ValueError("an annotation without polygons")
    points = np.concatenate([np.array(polygon, np.float64).reshape(-1, 2) for polygon in polygons])
    contour = np.round(points).astype(np.int32).reshape(-1, 1, 2)
    blob = Blob(Box(*cv2.boundingRect(contour)), float(cv2.contourArea(contour)), contour, touching=False)
    place = eye.geometry.place(blob)
    at_tick = round(tick - place.downstream_mm * per_mm)
    return Label(at_tick, place.across_mm, place.length_mm, place.right_mm - place.left_mm, name, "", "")


def _merged(drawn: Sequence[Label], per_mm: float) -> list[Label]:
    """Polygons of one name in one place are one piece, in the mean of their places."""
    groups: list[list[Label]] = []
    for label in sorted(drawn):
        group = next((some for some in reversed(groups) if _is_same(some[0], label, per_mm)), None)
        if group is None:
            groups.append([label])
        else:
            group.append(label)
    return [_mean(group) for group in groups]


def _is_same(one: Label, other: Label, per_mm: float) -> bool:
    near = abs(one.at_tick - other.at_tick) <= _SAME_MM * per_mm and abs(one.across_mm - other.across_mm) <= _SAME_MM
    return near and one.label == other.label


def _mean(group: Sequence[Label]) -> Label:
    numbers = zip(*(label[:4] for label in group), strict=True)
    at, across, length, width = (float(np.median(values)) for values in numbers)
    return Label(round(at), across, length, width, group[0].label, "", "")
