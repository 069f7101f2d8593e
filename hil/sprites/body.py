"""A piece of scrap before it is rendered: its parts, their substance and finish, its mass."""

from dataclasses import dataclass

import numpy as np

from hil.sprites.mesh import Mesh, volume_mm3


@dataclass(frozen=True, slots=True)
class Part:
    """One closed surface of one substance.

    `substance` names the optics (see materials), `finish` the look laid over it (see finish), `density` is in g/cm3
    of the enclosed volume, so that a hollow body drawn solid can be as light as it is.
    """

    mesh: Mesh
    substance: str
    finish: str
    density: float


@dataclass(frozen=True, slots=True)
class Body:
    """The parts of one piece, in one frame, in mm."""

    parts: tuple[Part, ...]

    def mass_g(self) -> float:
        """Return volume times density over all parts, in grams."""
        return sum(abs(volume_mm3(part.mesh)) * part.density for part in self.parts) / 1000

    def longest_mm(self) -> float:
        """Return the longest side of the box around the piece."""
        points = np.concatenate([part.mesh.vertices for part in self.parts])
        return float(np.ptp(points, axis=0).max())

    def scaled(self, factor: float) -> "Body":
        """Return the same piece, larger or smaller."""
        return Body(
            tuple(Part(p.mesh.moved(p.mesh.vertices * factor), p.substance, p.finish, p.density) for p in self.parts)
        )
