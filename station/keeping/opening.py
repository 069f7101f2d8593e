"""Opens what a run keeps beside its records: the link that looks come over, the books, the candidate."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from station.codebook import plain_name
from station.dataset.book import Book
from station.keeping.album import FILE, Album
from station.keeping.keeper import Keeper, KeeperCounts, KeeperSettings
from station.keeping.places import CROPS, SHADOW, data_folder
from station.keeping.shadow import Shadow
from station.keeping.shadow_book import ShadowBook
from station.keeping.worth import WorthSettings
from station.link import Link, open_link
from station.plan import Plan
from station.reporting.factors import read_full_codebook
from station.reporting.hazard_pictures import HazardPictures
from station.reporting.hazards import PICTURES, hazards_of
from station.types import PieceRecord
from station.web.review import ReviewDesk
from station.web.view import LabelFacts
from vision.classifier import Classifier

_BYTES_PER_MB = 1_000_000


class Keeping:
    """What the station knows of its keeper; ``looks`` is the end for the vision process."""

    def __init__(self, keeper: Keeper, looks: Link) -> None:
        self._keeper = keeper
        self.looks = looks

    def take(self, message: object) -> None:
        """A message of the vision process; only closed pieces are of interest. Never waits."""
        if isinstance(message, PieceRecord):
            self._keeper.take(message)

    @property
    def counts(self) -> KeeperCounts:
        return self._keeper.counts


@contextmanager
def keeping(plan: Plan) -> Iterator[Keeping]:
    """The keeper of a run, ended when left. Raises DatasetRefused when the crops of this station cannot be opened."""
    crops = plan.config.file.crops
    data = data_folder(plan.config)
    looks, here = open_link()
    book = Book.open(data / CROPS, create=True) if crops.keep else None
    album = Album(data / FILE, round(crops.album_mb * _BYTES_PER_MB)) if crops.album_mb else None
    pictures = HazardPictures(data / PICTURES, hazards_of(read_full_codebook()))
    keeper = Keeper(keeper_settings(plan), here, book, _shadow(plan, data), album, pictures)
    keeper.start()
    try:
        yield Keeping(keeper, looks)
    finally:
        keeper.close()
        looks.close()
        here.close()


def review_desk(plan: Plan, labels: Sequence[LabelFacts]) -> ReviewDesk | None:
    """Where people label what was kept, with the model's labels and every hazard; None when nothing is kept."""
    if not plan.config.file.crops.keep:
        return None
    known = {label.label for label in labels}
    hazards = [each for each in plan.materials.values() if each.stops and each.id not in known]
    more = [LabelFacts(hazard.id, plain_name(hazard.name)) for hazard in hazards]
    return ReviewDesk(data_folder(plan.config) / CROPS, (*labels, *more))


def keeper_settings(plan: Plan) -> KeeperSettings:
    """What is worth keeping at this station."""
    crops, labels = plan.config.file.crops, plan.card.labels
    worth = WorthSettings(
        labels=labels,
        hazards=frozenset(label for label in labels if plan.materials[label].stops),
        unsure_below=crops.unsure_below,
        random_share=crops.random_share,
        most_per_min=crops.most_per_min,
    )
    own_crops = plan.shadow is not None and plan.shadow.crop != plan.card.crop
    most_bytes = round(crops.most_mb * _BYTES_PER_MB)
    return KeeperSettings(worth, plan.run.utc_offset_ns, most_bytes, crops.looks, own_crops)


def _shadow(plan: Plan, data: Path) -> tuple[Shadow, ShadowBook] | None:
    if plan.shadow is None:
        return None
    share = plan.config.file.shadow_share
    wall_s, spent_s = time.monotonic, time.thread_time  # noqa: TID251 - what the candidate may use is time
    return Shadow(Classifier(plan.shadow), share, wall_s, spent_s), ShadowBook(data / SHADOW)
