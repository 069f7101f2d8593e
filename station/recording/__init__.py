"""The black box: what the sorter was told and what it said, step by step, in files that any MCAP viewer opens.

``words``     what a recording is made of; read it first
``reader``    open a recording: ``open_recording(path)``
``eyes``      ``RecordedEye`` answers what a step's eye answered; ``ListeningEye`` writes the answers down
``codec``     the one canonical text of a value: two values are equal when their texts are, byte for byte
``layout``    topics, schemas and attachments of a file
``writer``    one file
``snapshot``  a sorter as bytes, so that a recording can begin in the middle of a run
"""
