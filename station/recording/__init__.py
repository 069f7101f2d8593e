"""The black box: what the sorter was told and what it said, step by step, in files that any MCAP viewer opens.

    recording = open_recording(path)                    # reader
    sorter = Sorter(recording.settings())
    for step in recording.steps():                      # words.Step: number, inputs, answers, said, outputs
        outputs = sorter.step(step.inputs, RecordedEye(step.answers))
    recording.frames(), recording.pieces(), recording.attachments["recipe.yaml"].text

A recording may hold several sorters (a process was restarted) and may begin in the middle of a run: ``entries()``
gives ``Begin``, ``Step``, ``Gap``, ``Finish`` and ``KeptFrame`` in order, ``follow(recording)`` runs a new sorter along
them. To write or cut: ``RecordingWriter(path, about, attachments).write(entry)`` with what ``raw_entries()`` gives.

``words``     what a recording is made of; read it first
``reader``    open a recording: ``open_recording(path)``
``eyes``      ``RecordedEye`` answers what a step's eye answered; ``ListeningEye`` writes the answers down
``texts``     a step as it lies in the file
``codec``     the one canonical text of a value: two values are equal when their texts are, byte for byte
``layout``    topics, schemas and attachments of a file
``writer``    one file
``snapshot``  a sorter as bytes, so that a recording can begin in the middle of a run
"""
