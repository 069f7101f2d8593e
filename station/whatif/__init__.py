"""What if: a recording played again with changed settings, and what would have become of its pieces.

``changes``   what may be changed, checked by the same sections as a station file
``rerun``     the recorded inputs through a changed sorter; ``paper_controller`` answers its shots
``eyes``      recorded answers, or finder and classifier again on the recorded pictures
``score``     where pieces belong and where they went: purity, recovery, cost, with intervals
``report``    in words and as JSON; ``sheet`` shows the pieces that changed, ``sweep`` the curve over one key
"""
