"""Questions in words: `read` makes a typed `Question` of one, or declines, and `compute` answers it."""

from hearthside.memory.questions.computing import Figure, compute
from hearthside.memory.questions.names import Names
from hearthside.memory.questions.names_kept import NamesKept, names_of
from hearthside.memory.questions.question import Question, Take
from hearthside.memory.questions.reading import read

__all__ = ["Figure", "Names", "NamesKept", "Question", "Take", "compute", "names_of", "read"]
