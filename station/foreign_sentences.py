"""Sentences of those that know no languages, as they say them: here so that catalogues know them."""

from __future__ import annotations

from station.marked import marked

# Beside the sentence of a fault.
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
# What pydantic finds wrong with settings.
LIBRARY_SENTENCES = (
    marked("Input should be a valid string, found {found}"),
    marked("Input should be a valid integer, found {found}"),
    marked("Input should be a valid number, found {found}"),
    marked("Input should be a valid boolean, found {found}"),
    marked("Input should be a valid list, found {found}"),
    marked("Input should be a valid dictionary, found {found}"),
    marked("Input should be a valid dictionary or instance of {section}, found {found}"),
    marked("Input should be a finite number, found {found}"),
    marked("Input should be greater than {bound}, found {found}"),
    marked("Input should be greater than or equal to {bound}, found {found}"),
    marked("Input should be less than {bound}, found {found}"),
    marked("Input should be less than or equal to {bound}, found {found}"),
    marked("Input should be {allowed}, found {found}"),
    marked("Input tag {tag} found using {key} does not match any of the expected tags: {tags}, found {found}"),
    marked("Unable to extract tag using discriminator {key}, found {found}"),
    marked("List should have at least {least} item after validation, not {number}, found {found}"),
    marked("String should have at least {least} character, found {found}"),
    marked("String should have at most {most} characters, found {found}"),
    marked("String should match pattern {pattern}, found {found}"),
)
# What the vision room finds wrong with a model.
MODEL_SENTENCES = (
    marked("Model file check: expected {path}, found none ({reason}); copy the whole model folder again."),
    marked("Model file check: expected {path}, found none ({reason}); copy the whole model folder there."),
    marked(
        "Model hash check: {path} should have sha256 {expected}, found {found}; the file was damaged or exchanged, "
        "copy the whole model folder again."
    ),
    marked("Model load check: the network cannot be loaded ({reason}); copy it again."),
    marked("Model card check: {path} is not readable YAML ({reason}); restore the card."),
    marked("Model card check: {path} should be a table of keys, found {found}."),
    marked(
        "Model card check: {path} should have {expected} at {key}, found {found}; restore the card that came with the "
        "model."
    ),
    marked(
        "Model {check} check of {folder}: expected {expected}, found {found}; card and network do not belong together, "
        "copy the whole model folder again."
    ),
    marked(
        "Model {check} check of {folder}: expected {expected}, found {found}; correct the card or export the model "
        "again."
    ),
    marked("Model labels check: {labels} are not in the codebook; use another model."),
)
