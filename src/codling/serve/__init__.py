"""Serves completions to editors and to the page; owns no logic of its own.

``messages`` is the one definition of what goes over the wire, ``desk`` decides who is computed for and who is told to
go away, ``models`` holds the loaded bundles, ``guard`` keeps strangers out, ``http`` is the application and ``server``
runs it.
"""
