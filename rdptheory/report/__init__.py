"""One page that tells the whole story: certified curves, the papers, theorems, studies, and an explorer."""

from rdptheory.report.page import Block, Section, picture, write_page

__all__ = ["Block", "Section", "picture", "write_page"]
