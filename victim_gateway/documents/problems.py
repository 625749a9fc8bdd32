"""Why a file can't be kept, with what to do about it."""

from __future__ import annotations

from enum import StrEnum


class DocumentProblem(StrEnum):
    """What is wrong with a file."""

    EMPTY = "empty"
    TOO_LARGE = "too_large"
    OLD_WORD = "old_word"
    UNKNOWN_TYPE = "unknown_type"
    OTHER_THAN_NAMED = "other_than_named"
    BROKEN = "broken"
    PASSWORD = "password"  # noqa: S105  # pragma: allowlist secret
    MACROS = "macros"
    UNPACKS_TOO_LARGE = "unpacks_too_large"
    TOO_MANY_PARTS = "too_many_parts"
    TOO_MANY_PIXELS = "too_many_pixels"
    CANNOT_BE_CHECKED = "cannot_be_checked"
    VIRUS = "virus"
    TRACKED_CHANGES = "tracked_changes"
    HIDDEN_TEXT = "hidden_text"
    HIDDEN_LAYERS = "hidden_layers"
    EMBEDDED_FILES = "embedded_files"
    CROPPED = "cropped"
    COPY_TOO_LARGE = "copy_too_large"
    CANNOT_BE_CLEANED = "cannot_be_cleaned"
    NOT_CHECKED_YET = "not_checked_yet"


EXPLANATIONS = {
    DocumentProblem.EMPTY: "The file is empty. Choose another one",
    DocumentProblem.TOO_LARGE: "The file is too large. Scan it at a lower quality, or split it",
    DocumentProblem.OLD_WORD: "This is an old Word file (.doc). Open it in Word and save it as .docx or PDF",
    DocumentProblem.UNKNOWN_TYPE: "The file is neither a PDF, a picture (JPEG or PNG) nor a Word document (.docx)",
    DocumentProblem.OTHER_THAN_NAMED: "The file is not what its name says. Check that it is the right one",
    DocumentProblem.BROKEN: "The file is damaged, or is not what it begins like. Save it again as a PDF",
    DocumentProblem.PASSWORD: "The file is locked with a password. Save it without one",  # pragma: allowlist secret
    DocumentProblem.MACROS: "The Word file holds a program (macros). Save it as an ordinary .docx or as a PDF",
    DocumentProblem.UNPACKS_TOO_LARGE: "The Word file unpacks to far more than it should. Save it as a PDF",
    DocumentProblem.TOO_MANY_PARTS: "The Word file has far more parts than it should. Save it as a PDF",
    DocumentProblem.TOO_MANY_PIXELS: "The picture is too large to open. Make it smaller",
    DocumentProblem.CANNOT_BE_CHECKED: "The file could not be checked in time. Save it again as a PDF",
    DocumentProblem.TRACKED_CHANGES: (
        "The Word file keeps tracked changes, with who made them. Accept or reject all of them, and add it again"
    ),
    DocumentProblem.HIDDEN_TEXT: "The Word file has hidden text. Delete it or show it, and add the file again",
    DocumentProblem.HIDDEN_LAYERS: (
        "The PDF has layers that can be switched on and off. Print it to a new PDF, and add that"
    ),
    DocumentProblem.EMBEDDED_FILES: (
        "The Word file has other files or charts inside it. Save it as a PDF, and add that"
    ),
    DocumentProblem.CROPPED: (
        "A page or a picture in the file is cropped, and what was cut off is still stored in it."
        " Delete the cropped areas (in Word: Compress Pictures), or add a picture of the page"
    ),
    DocumentProblem.COPY_TOO_LARGE: "The copy would be too large. Make the pictures in the file smaller",
    DocumentProblem.CANNOT_BE_CLEANED: (
        "The file has parts that can't be looked into, so not all it tells could be taken out."
        " Print it to a new PDF, and add that"
    ),
    DocumentProblem.NOT_CHECKED_YET: (
        "The file has waited a day to be checked. Tell whoever looks after your computers"
    ),
    DocumentProblem.VIRUS: "The scanner found a virus in the file. Tell whoever looks after your computers",
}


class UnusableDocument(Exception):
    """A file that can't be kept."""

    def __init__(self, problem: DocumentProblem) -> None:
        super().__init__(problem.value)
        self.problem = problem
