"""Serves editors over the Language Server Protocol; owns no logic of its own.

``documents`` keeps the open texts, ``settings`` is what a client may choose, ``workbench`` holds models and indexes for
the workspace's folders, ``ghosts`` remembers what was suggested, ``items`` writes answers as the protocol wants them,
``protocol`` makes every message from outside safe, and ``server`` puts it together.
"""
