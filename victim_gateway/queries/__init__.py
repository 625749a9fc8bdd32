"""The read side: lists, pages, search. Always ordered, always scoped, always audited; answers are plain dataclasses."""
