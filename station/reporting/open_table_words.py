"""What stands beside every column of the open-data tables: type, bounds, meaning."""

from __future__ import annotations

from station.reporting.open_tables import Column, Kind, Link, Table

_STATION = Column("station", Kind.string, "Short name of the station.", required=True)
_CLASS = Column("class_id", Kind.string, "Material class of the codebook.", required=True)
_DAY = Column("day", Kind.date, "Day in UTC.", required=True)
_SIMULATED = Column(
    "is_simulated",
    Kind.boolean,
    "true: nothing of this was measured on a real belt. The same in every row of a package.",
    required=True,
)
_DEGRADED = Column(
    "is_degraded", Kind.boolean, "true: a fault lowered the quality of sorting or counting meanwhile.", required=True
)
_PIECES = Column("pieces", Kind.integer, "Number of pieces.", required=True, least=0)
_TO_CODEBOOK = Link("class_id", "codebook")
_TO_STATION = Link("station", "stations")

CODEBOOK = Table(
    "codebook",
    "Material classes with the codes of other systems and the edition of each. A Basel code is a hint for the waste"
    " officer, never a legal classification.",
    (
        _CLASS,
        Column("name_en", Kind.string, "English name.", required=True),
        Column("name_zh", Kind.string, "Chinese name.", required=True),
        Column("family", Kind.string, "Group of materials.", required=True),
        Column("hazard_level", Kind.integer, "0 none to 4 stop and isolate.", required=True, least=0),
        Column("action", Kind.string, "What the line does with such a piece.", required=True),
        Column("isri_codes", Kind.string, "Trade words, several separated by |."),
        Column("isri_edition", Kind.string, "Edition of the trade words."),
        Column("basel_code", Kind.string, "Basel Convention annex entries that may apply, separated by |; a hint."),
        Column("basel_from", Kind.date, "The entries are those in force from this day."),
        Column("hs_code", Kind.string, "Harmonized System codes that may apply, separated by |."),
        Column("hs_edition", Kind.string, "Edition of the Harmonized System."),
        Column("gbt_standard", Kind.string, "Chinese national standard with its year where known."),
        Column("density_kg_m3", Kind.number, "Density of the solid material, kilograms per cubic metre.", least=0),
        Column("source", Kind.string, "Where each field comes from."),
        Column("is_verified", Kind.boolean, "true: every field was checked against its source.", required=True),
        _SIMULATED,
    ),
    ("class_id",),
)
STATIONS = Table(
    "stations",
    "Sorting stations that the figures come from.",
    (
        _STATION,
        Column("name", Kind.string, "Name in words."),
        Column("first_day", Kind.date, "First day with pieces, UTC."),
        Column("last_day", Kind.date, "Last day with pieces, UTC."),
        _PIECES,
        _SIMULATED,
    ),
    ("station",),
)
BATCHES = Table(
    "batches",
    "Lots of material, without supplier or origin. Masses of pieces are estimated from their area and class.",
    (
        _STATION,
        Column("batch", Kind.string, "Name of the batch at its station.", required=True),
        Column("opened_utc", Kind.datetime, "First moment, UTC.", required=True),
        Column("closed_utc", Kind.datetime, "Last moment, UTC; empty: still open."),
        Column("declared_material", Kind.string, "What it was declared to be at intake."),
        Column("unu_key", Kind.string, "Category of e-waste by UNU key."),
        Column("intake_kg", Kind.number, "Weight at intake, kilograms.", least=0),
        _PIECES,
        Column("estimated_kg", Kind.number, "Sum of the estimated masses of its pieces, kilograms.", least=0),
        Column("estimated_low_kg", Kind.number, "Lower end of the 95 % interval of that sum, kilograms.", least=0),
        Column("estimated_high_kg", Kind.number, "Upper end of the 95 % interval of that sum, kilograms.", least=0),
        Column("balance_closes", Kind.boolean, "Intake and sum agree within their errors; empty: cannot be said."),
        _DEGRADED,
        _SIMULATED,
    ),
    ("station", "batch"),
    (_TO_STATION,),
)
COUNTS_DAILY = Table(
    "counts_daily",
    "Pieces by day, class and outlet. Purity is of the whole outlet on that day, from pieces looked at by hand, as the"
    " bounds of a 95 % interval; empty where no sample was taken.",
    (
        _STATION,
        _DAY,
        _CLASS,
        Column("outlet", Kind.string, "Where the pieces went.", required=True),
        _PIECES,
        Column("kg", Kind.number, "Mass, kilograms; empty: not known.", least=0),
        Column("kg_method", Kind.string, "How the mass was found.", words=("estimated", "estimated-scale-corrected")),
        Column("purity_low", Kind.number, "Lower bound of the outlet's purity by pieces, 0 to 1.", least=0),
        Column("purity_high", Kind.number, "Upper bound of the outlet's purity by pieces, 0 to 1.", least=0),
        Column("n_sample", Kind.integer, "Pieces looked at by hand in this outlet on this day.", least=0),
        _DEGRADED,
        _SIMULATED,
    ),
    ("station", "day", "class_id", "outlet"),
    (_TO_STATION, _TO_CODEBOOK),
)
HAZARDS_DAILY = Table(
    "hazards_daily",
    "Hazardous pieces found, by day and class; a piece that was unsure is none.",
    (
        _STATION,
        _DAY,
        _CLASS,
        Column("findings", Kind.integer, "Pieces found.", required=True, least=0),
        Column(
            "still_open",
            Kind.integer,
            "Of these, not dealt with yet when this was written; empty in a package of the programme: only the stations"
            " know.",
            least=0,
        ),
        _SIMULATED,
    ),
    ("station", "day", "class_id"),
    (_TO_STATION, _TO_CODEBOOK),
)
DOWNTIME = Table(
    "downtime",
    "Times when the station did not sort. held: the cause lay in the station; suspended: it lay elsewhere.",
    (
        _STATION,
        Column("from_utc", Kind.datetime, "Begin of the time that was looked at, UTC.", required=True),
        Column("to_utc", Kind.datetime, "End of the time that was looked at, UTC.", required=True),
        Column("kind", Kind.string, "Whose cause it was.", required=True, words=("held", "suspended")),
        Column("reason", Kind.string, "Why: the code of the fault, or a word.", required=True),
        Column("seconds", Kind.number, "How long of that time, in seconds.", required=True, least=0),
        _SIMULATED,
    ),
    ("station", "from_utc", "kind", "reason"),
    (_TO_STATION,),
)
FACTORS_CO2E = Table(
    "factors_co2e",
    "Indicative avoided emissions of recycling one tonne of a class instead of making it from ore, always a range.",
    (
        Column("factor_set", Kind.string, "Version of the set of factors.", required=True),
        _CLASS,
        Column("co2e_saved_kg_per_t_low", Kind.number, "Lower end, kilograms CO2e per tonne.", required=True, least=0),
        Column("co2e_saved_kg_per_t_high", Kind.number, "Upper end, kilograms CO2e per tonne.", required=True, least=0),
        Column("source", Kind.string, "Where the factors come from."),
        Column("is_verified", Kind.boolean, "true: every field was checked against its source.", required=True),
        _SIMULATED,
    ),
    ("factor_set", "class_id"),
    (_TO_CODEBOOK,),
)
PIECES = Table(
    "pieces",
    "Every single piece; only in packages that were asked for it.",
    (
        _STATION,
        Column("piece", Kind.integer, "Number of the piece at its station.", required=True, least=0),
        Column("closed_utc", Kind.datetime, "When its way ended, UTC.", required=True),
        _CLASS,
        Column("outlet", Kind.string, "Where it went.", required=True),
        Column("outcome", Kind.string, "How it ended.", required=True),
        Column("kg", Kind.number, "Estimated mass, kilograms; empty: not known.", least=0),
        _DEGRADED,
        _SIMULATED,
    ),
    ("station", "piece"),
    (_TO_STATION, _TO_CODEBOOK),
)
