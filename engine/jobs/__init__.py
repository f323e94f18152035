"""One door to work that outlives whoever asks for it: a verb of ours, run elsewhere.

    job_id = submit(workspace, ["prepare", "upload:5f1c/small.zip", "--name", "small"])
    look(workspace, job_id)             # -> Job(alive=True, result=None, error=None, ...)

What goes through the door is a workspace, a verb with its options, and ids: no path of this
machine, no open file. `local` runs the verb as a process here; whatever runs it elsewhere has to
offer the same functions. Looking (`look`, `find`, `log`) only reads.
"""

from engine.jobs.local import Job, find, log, look, process, stop, submit, sweep

__all__ = ["Job", "find", "log", "look", "process", "stop", "submit", "sweep"]
