"""Neural programmer-interpreters: a network learns to execute programs from their traces, until it is proved right.

Tell a task in Python (`Environment`, `feature`, `action`, `program`, `Task`), train it (`codling npi train`), run it
(`load_interpreter`). Reed & de Freitas 2016; recursion: Cai, Shin & Song 2017.
"""

from __future__ import annotations

from codling.npi.environment import ANY, Environment, action, feature
from codling.npi.model import Interpreter, load_interpreter
from codling.npi.program import program
from codling.npi.task import Problem, Task
from codling.npi.view import Row, View

__all__ = [
    "ANY",
    "Environment",
    "Interpreter",
    "Problem",
    "Row",
    "Task",
    "View",
    "action",
    "feature",
    "load_interpreter",
    "program",
]
