"""A small open-data package to write in tests."""

from __future__ import annotations

from datetime import UTC, date, datetime

from station.reporting.open_tables import (
    BatchRow,
    CodebookRow,
    CountDailyRow,
    DowntimeRow,
    FactorRow,
    HazardDailyRow,
    PieceRow,
    StationRow,
    Tables,
)
from station.reporting.package import LICENCES, PackageFacts, Source

MADE = datetime(2027, 1, 16, 8, 0, tzinfo=UTC)
DAY = date(2027, 1, 15)


def facts(is_simulated: bool = False) -> PackageFacts:
    return PackageFacts(
        name="yard-7",
        title="Counts of yard 7",
        publisher="Yard 7",
        licence=LICENCES["CC-BY-4.0"],
        sources=(Source("Records of the station", None, "0.1.0"),),
        is_simulated=is_simulated,
        made_utc=MADE,
        first_day=DAY,
        last_day=DAY,
    )


def tables(is_simulated: bool = False, material: str | None = "铜线, mixed") -> Tables:
    sim = is_simulated
    return Tables(
        codebook=[
            CodebookRow(
                "CU-NO2", "Copper No. 2", "2号铜", "copper", 0, "sort", "Birch|Cliff", "2025", "B1010",
                date(2025, 1, 1), "7404.00", "HS 2022", "GB/T 38471-2023", 8940.0, "S1", True, sim,
            )
        ],
        stations=[StationRow("yard-7", "Yard 7", DAY, DAY, 12, sim)],
        batches=[
            BatchRow(
                "yard-7", "B-1", MADE, None, material, None, 120.5, 12, 118.0, 110.0, 126.0, True, False, sim
            )
        ],
        counts_daily=[
            CountDailyRow("yard-7", DAY, "CU-NO2", "copper", 12, 0.3842, "estimated", 0.71, 0.99, 20, False, sim)
        ],
        hazards_daily=[HazardDailyRow("yard-7", DAY, "CU-NO2", 1, 0, sim)],
        downtime=[DowntimeRow("yard-7", MADE, MADE, "held", "lane-dead", 12.5, sim)],
        factors_co2e=[FactorRow("set-1", "CU-NO2", 2460.0, 3895.0, "S8", True, sim)],
        pieces=[PieceRow("yard-7", 1, MADE, "CU-NO2", "copper", "ejected", 0.0321, False, sim)],
    )  # fmt: skip
