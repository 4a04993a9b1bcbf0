"""Programs from descriptions, at run time: a writer's bundle, beam search over trees, examples, the sandbox."""

from codling.write.model import WriterModel, load_writer
from codling.write.writer import Candidate, Seen, Writer, Written

__all__ = ["Candidate", "Seen", "Writer", "WriterModel", "Written", "load_writer"]
