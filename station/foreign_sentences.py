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
# What those say who talk to a controller, a board or a coupler, and to the camera, when they lose it.
LINE_SENTENCES = (
    marked("The name of the controller, {host}, is not known. Check the host in the configuration."),
    marked("Nothing listens on {where}. Check that the controller is switched on and the port is right."),
    marked("No way to the controller at {where} ({reason}). Check the network cable, the switch and the address."),
    marked("The controller at {where} sent {found} registers for {count} of {name}."),
    marked(
        "The controller at {where} answers but cannot serve {asked}: {why} (Modbus exception {code}). Look at "
        "the controller's own fault display and check the unit number."
    ),
    marked("There is no connection to the controller at {where}."),
    marked(
        "The controller at {where} closed the connection. Check that it is in RUN and that no other master has "
        "taken its only connection."
    ),
    marked("Connected to {where}, but {what}"),
    marked(
        "unit {unit} has been silent for {ms} ms. Check that the controller's program is running, the unit "
        "number, and the cable behind the gateway."
    ),
    marked("its answer broke off in the header. Check the network for a bad plug or a proxy."),
    marked("its answer broke off after {bytes}. Check the network for a bad plug or a proxy."),
    marked("what answers there does not speak Modbus TCP. Check the address and the port."),
    marked("unit {found} answers for unit {unit}. Check the unit number here and in the gateway."),
    marked("it answers something else than it was asked. Check that its firmware speaks Modbus TCP."),
    marked(
        "A gateway answers at {where} but does not reach unit {unit} (Modbus exception {code}). Check the unit "
        "number and the line behind the gateway."
    ),
    marked(
        "Something answers at {where} but is not our controller: {why}, asked for {asked} (Modbus exception "
        "{code}). Check the address, the unit number and the program in the controller."
    ),
    marked(
        "Something answers at {where} but is not our controller: expected {expected}; found {found}. Check the "
        "address, the configuration and the program in the controller."
    ),
    marked("it does not know the function"),
    marked("it has no such registers"),
    marked("it refuses the value or the number of registers"),
    marked("it reports a failure of its own"),
    marked("it is still working on a request"),
    marked("it says it is busy"),
    marked("The controller at {where} has started anew: its command block is empty. Check its supply."),
    marked("The controller at {where} does not come to rest when it is disarmed. Another master may be writing to it."),
    marked(
        "The controller at {where} answers, but its program has stopped: its heartbeat stands still. Put the "
        "controller into RUN."
    ),
    marked("The controller at {where} answers, but its program has stopped. Put it into RUN."),
    marked(
        "The controller at {where} answers too slowly: {took} ms, at most {most} ms are allowed. Check the line "
        "for other traffic."
    ),
    marked("The controller at {where} has started anew or another master writes to it: its job index went back."),
    marked(
        "The controller at {where} has {fresh} new shot reports and shows only {shown}: some are lost, or it restarted."
    ),
    marked("The controller at {where} sent a shot report with a result code that the map does not know."),
    marked("The controller on {device}, unit {unit}: {what}."),
    marked("the line is not open"),
    marked("asked for {name}, {what}"),
    marked("cannot serve {name}: {why} (Modbus exception {code})"),
    marked("a gateway does not reach it (Modbus exception {code}). Check the line behind the gateway"),
    marked(
        "nothing came back. Check that the controller is on, the two wires (swap A and B), the baud rate and the "
        "unit number"
    ),
    marked(
        "only the station's own words came back, nobody else spoke. Check that the controller is on, the wires "
        "behind the adapter and the unit number"
    ),
    marked("its answers break off. Check the plugs, and that nothing else uses this line"),
    marked(
        "what comes back is damaged (checksum). Check baud rate and parity, then the cable's shield, earth and "
        "terminating resistors"
    ),
    marked("another unit answers. Check the unit number here and at the controller"),
    marked(
        "answers come that nobody asked for. Check that no other master is on this line and that the time-outs "
        "are not shorter than the controller needs"
    ),
    marked(
        "Something answers on {device} as unit {unit} but is not our controller: {what}. Check the unit number "
        "and the program in the controller."
    ),
    marked("{what}, asked for {name} (Modbus exception {code})"),
    marked("There is no serial adapter at {device}. Plug it in, or correct the port; {present}."),
    marked("present are {devices}"),
    marked("no serial adapter is plugged in"),
    marked("The serial adapter {device} may not be opened. Add the station's user to the group 'dialout'."),
    marked("The serial adapter {device} is in use by another program. Stop that program first."),
    marked("The serial adapter {device} cannot be opened ({reason}). Check it and the baud rate."),
    marked(
        "The serial adapter {device} is gone ({reason}): it was unplugged or has lost its power. Plug it in "
        "again; the station finds it by itself."
    ),
    marked("The serial port {device} is not open."),
    marked(
        "The serial adapter {where} is there, but the board has been silent for {ms} ms. Check the board's "
        "supply, its firmware (installed as main.py), and that RX and TX are not swapped."
    ),
    marked(
        "The board at {where} answered before and has been silent for {ms} ms. Check its supply and its cable, "
        "and whether this computer is overloaded."
    ),
    marked(
        "The board at {where} answered before, but nothing whole for {ms} ms; {damaged} damaged frames so far. "
        "Check the cable, its shield and the common earth."
    ),
    marked(
        "The board at {where} shows MicroPython's prompt: its firmware is not running. Copy the firmware to it "
        "as main.py and start it anew."
    ),
    marked(
        "Bytes come from {where}, but not one whole frame: it speaks at another speed than {baud} baud, or "
        "another firmware runs on it, or the line is very noisy."
    ),
    marked("The board at {where} sent a status that this station does not understand."),
    marked("The board at {where} counts jobs or reports otherwise than the station."),
    marked("The board at {where} has started anew: its supply or its watchdog failed."),
    marked(
        "A board answers at {where} but it is not the one this station is set up for: expected {expected}; found "
        "{found}. Check the settings at the top of its firmware."
    ),
    marked(
        "The coupler at {where} shows outputs {seen} where {written} was written: its watchdog has closed them, "
        "or another master writes to it. Check the network and this computer's load."
    ),
    marked("The coupler at {where} answers too slowly: {ms} ms. Check the network for other traffic."),
    marked(
        "The coupler at {where} had its watchdog fall: it heard nothing for too long. Check the network and this "
        "computer's load."
    ),
    marked(
        "The coupler at {where} does not take its watchdog: {wanted} ms were written, {seen} ms are set. Without "
        "it outputs could stay on when this computer fails, so it is not used."
    ),
    marked("There is no camera at {device}; plug it in, or choose one that 'ls /dev/v4l/by-id' shows."),
    marked("The camera {device} does not open; check its cable, and that no other program uses it."),
    marked("The camera {device} sends {found} pixels, not {wanted}; correct the settings."),
    marked("The camera {device} stopped sending; check its cable and power."),
    marked("The camera is not open."),
)
