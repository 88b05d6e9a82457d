"""One page that tells the whole story: certified curves, the papers, theorems, studies, and an explorer."""

from rdptheory.report.codecs import trained_codecs
from rdptheory.report.page import Block, Least, Most, Section, picture, write_page
from rdptheory.report.questions import other_questions

__all__ = ["Block", "Least", "Most", "Section", "other_questions", "picture", "trained_codecs", "write_page"]
