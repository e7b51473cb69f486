"""Files of annotation tools, services and data sets, each with the format it is in: (format, file name, content)."""

import json


def _lines(*rows):
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


TOOL_SAMPLES = {
    "elements in a cell": (
        "tagged-cells",
        "a.csv",
        "id,tagged\n7, <PER>Ann Lee</PER> left <LOC>Oslo</LOC>.\n8, Bye.\n",
    ),
    "elements in a JSON value": (
        "tagged-cells",
        "a.jsonl",
        _lines({"sentence": "Ann left Oslo.", "marked": "<PER>Ann</PER> left <LOC>Oslo</LOC>."}),
    ),
}
