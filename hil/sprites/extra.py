"""The packages of the extra `train`, loaded only when something is rendered."""

import importlib
from types import ModuleType

VARIANT = "scalar_spectral"


class RendererMissingError(RuntimeError):
    """A package that renders sprites is not installed; the text says what to install."""


def needed(name: str) -> ModuleType:
    """Return a package of the extra; raises RendererMissingError."""
    try:
        return importlib.import_module(name)
    except ImportError as cause:
        package = name.partition(".")[0]
        raise RendererMissingError(
            f"{package} is not installed: install the extra `train` to render sprites."
        ) from cause


def mitsuba() -> ModuleType:
    """Return Mitsuba, quiet and set to scalar spectral rendering; raises RendererMissingError."""
    module = needed("mitsuba")
    if module.variant() != VARIANT:
        module.set_variant(VARIANT)
        module.set_log_level(module.LogLevel.Error)
    return module
