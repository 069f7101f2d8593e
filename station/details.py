"""What is said of a fault beside its sentence, by rooms that know no languages: here so that catalogues know it."""

from __future__ import annotations

from station.marked import marked

DETAILS = (
    marked("no picture for {ms} ms"),
    marked("the belt moved but the picture did not (likeness {share})"),
    marked("nearly every pixel is below {level} of 255"),
    marked("brightness is {now}, usually {usual}"),
    marked("{share} of the picture is burnt out"),
    marked("{dropped} of {seen} pictures"),
    marked("{n} since the start"),
    marked("no reading for 0.3 s"),
    marked("count stays {count}"),
    marked("readings out of order"),
    marked("drive runs, encoder counted {count} in a second"),
    marked("drive stands, encoder counted {count} in a second"),
    marked("pieces move {share} % further than the encoder counts"),
    marked("{outlet} output {output} ({left}-{right} mm)"),
    marked("{outlet} output {output} ({left}-{right} mm) by {ms} ms"),
    marked("{outlet} output {output} ({left}-{right} mm) on for {ms} ms"),
    marked("of the last {n} answers: {words}"),
    marked("piece {id}: {label}, {confidence}"),
    marked("exit code {code}"),
    marked("{what}; not started again"),
    marked("findings {numbers}"),
    marked("less than {gb} GB free on the disk"),
    marked("no orders for a moment, nothing was ejected"),
    marked("run and ejectors stay off until a person starts again"),
    marked("estop"),
    marked("guard open"),
    marked("vision silent"),
    marked("machine lost"),
    marked("machine stopped by itself"),
)
