"""Excel workbooks (.xlsx): each sheet that has rows is a CSV file, as a member of an archive is a file.

Whatever reads tables reads sheets then. openpyxl, an extra, takes the file apart.
"""

from __future__ import annotations

import csv
import io
import re
import warnings
import zipfile
from collections.abc import Callable, Iterator
from datetime import date, datetime, time
from typing import IO, Any

from cloudner.corpus.files.compression import refuse_bomb
from cloudner.corpus.files.file import FileSource
from cloudner.errors import InputError

WORKBOOK_MEMBER = "xl/workbook.xml"  # no .docx, .ods or .xlsb has it
_ENDINGS = (".xlsx", ".xlsm")
_MAX_ROWS = 1_048_576  # of a sheet in Excel; a row's number in a damaged file may be anything
_FORMULA = re.compile(rb"<(?:\w+:)?f[\s>/]")
# How the file writes control characters, and an underscore that would begin one: `_x000D_`, `_x005F_`.
_ESCAPED = re.compile(r"_x(00[01][0-9A-F]|005F)_", re.IGNORECASE)
_AS_CSV = "save its sheets as CSV (UTF-8) in the spreadsheet program"


def workbook_sources(open_raw: Callable[[], IO[bytes]], name: str, tolerant: bool) -> Iterator[FileSource]:
    """The sheets with rows as `NAME/SHEET.csv`, in UTF-8; hidden sheets are in `left_out` of the first.

    open_raw: opens a stream that can seek. A workbook that cannot be read is one source, which raises InputError when
    it is opened: in a folder it is left out then, as other files are.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of what openpyxl does not keep: styles, validation, extensions
            tables, left_out = _tables(open_raw, name)
        if not tables:
            hidden = f" but in the hidden sheet {left_out[0]!r}" if left_out else ""
            raise InputError(f"a workbook without rows{hidden}", file=name, expected="a sheet with a table")
    except InputError as error:
        yield FileSource(name, _raising(error), tolerant=tolerant)
        return
    for number, (sheet, table) in enumerate(tables.items()):
        data = table.encode("utf-8")
        source = FileSource(
            _name(name, sheet),
            lambda data=data: io.BytesIO(data),  # type: ignore[misc]
            encoding="utf-8",
            size=len(data),
            tolerant=tolerant or len(tables) > 1,
        )
        source.line_is_row = True
        if number == 0:
            source.left_out = [(_name(name, each), "skipped: a hidden sheet") for each in left_out]
        yield source


def packed_workbook(source: FileSource) -> Iterator[FileSource]:
    """The sheets of a workbook in an archive; any other file as it is."""
    if source.base_name.endswith(_ENDINGS):
        with source.open_bytes() as stream:
            data = stream.read()
        if data.startswith(b"PK") and WORKBOOK_MEMBER.encode() in data:
            yield from workbook_sources(lambda: io.BytesIO(data), source.name, source.tolerant)
            return
    yield source


def _name(workbook: str, sheet: str) -> str:
    plain = sheet.replace("/", "_").replace("\\", "_")  # Excel allows neither
    return f"{workbook}/{plain}.csv"


def _raising(error: InputError) -> Callable[[], IO[bytes]]:
    def opener() -> IO[bytes]:
        raise error

    return opener


def _tables(open_raw: Callable[[], IO[bytes]], name: str) -> tuple[dict[str, str], list[str]]:
    """The CSV of every visible sheet with rows, by its name, and the names of the hidden ones that have rows."""
    try:
        from openpyxl import load_workbook
    except ImportError as error:
        raise InputError(
            "an Excel workbook, and the package openpyxl is not installed",
            file=name,
            fix=f'pip install "cloudner[xlsx]", or {_AS_CSV}',
        ) from error
    tables: dict[str, str] = {}
    hidden = []
    try:
        with open_raw() as raw, zipfile.ZipFile(raw) as archive:
            infos = archive.infolist()
            unpacked, packed = sum(i.file_size for i in infos), sum(i.compress_size for i in infos)
            refuse_bomb(name, unpacked, packed, f"{_AS_CSV} if you trust it")
            with_formulas = any(_has_formula(archive, i) for i in infos if "worksheets/" in i.filename)
        with open_raw() as raw, open_raw() as again:
            values = load_workbook(raw, read_only=True, data_only=True)
            formulas = load_workbook(again, read_only=True) if with_formulas else None
            for number, sheet in enumerate(values.worksheets):
                beside = formulas.worksheets[number] if formulas is not None else None
                if sheet.sheet_state != "visible":
                    if next(_rows(sheet, None, name), None) is not None:
                        hidden.append(sheet.title)
                elif table := _csv(list(_rows(sheet, beside, name))):
                    tables[sheet.title] = table
    except InputError:
        raise
    except Exception as error:  # openpyxl has none of its own for damaged files
        raise InputError(
            f"cannot be read as a workbook: {type(error).__name__}: {error}",
            file=name,
            expected="a complete .xlsx without a password",
            fix=f"open it in a spreadsheet program and save it again, or {_AS_CSV}",
        ) from error
    return tables, hidden


def _has_formula(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bool:
    tail = b""
    with archive.open(info) as stream:
        while block := stream.read(1 << 20):
            if _FORMULA.search(tail + block):
                return True
            tail = block[-40:]
    return False


def _rows(sheet: Any, formulas: Any, name: str) -> Iterator[list[str]]:
    """The rows up to the last with a cell in it, each up to its last such cell: row 1 is the sheet's.

    Raises InputError for a formula whose value the file does not hold: as an empty cell it would say "no entity".
    """
    sheet.reset_dimensions()  # what the file says of its size is not always true, and cells beyond would be lost
    if formulas is not None:
        formulas.reset_dimensions()
    blank = 0
    others = iter(()) if formulas is None else formulas.iter_rows()
    for number, row in enumerate(sheet.iter_rows(), start=1):
        if number > _MAX_ROWS:
            raise InputError("a row beyond the last that a sheet can have", file=_name(name, sheet.title))
        for cell, other in zip(row, next(others, ()), strict=False):
            # A computed text may be empty; its type is then "str".
            if other.data_type == "f" and cell.value is None and cell.data_type != "str":
                raise InputError(
                    f"the formula in {other.coordinate} has no value: the workbook was never computed",
                    file=_name(name, sheet.title),
                    line=number,
                    expected="values",
                    fix=f"open and save it in a spreadsheet program, or {_AS_CSV}",
                )
        cells = [_text(cell.value) for cell in row]
        while cells and not cells[-1]:
            cells.pop()
        if not cells:
            blank += 1
            continue
        yield from ([] for _ in range(blank))
        blank = 0
        yield cells


def _csv(rows: list[list[str]]) -> str:
    width = max(map(len, rows), default=0)
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\r\n")  # both are quoted in cells then
    for row in rows:
        writer.writerow(row + [""] * (width - len(row)) if row else [])
    return out.getvalue()


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, datetime) and value.time() == time():
        return value.date().isoformat()
    if isinstance(value, (date, time)):
        return value.isoformat()
    return _ESCAPED.sub(lambda match: chr(int(match[1], 16)), str(value))
