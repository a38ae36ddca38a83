"""Make anima_prompt/interchange/workflow/nodes.json from a server's answer to GET /object_info.

    python scripts/comfyui_nodes.py object_info.json "ComfyUI 0.29.0, recorded 2026-11-25"

Facts alone are kept: names, types, allowed values and ranges of the nodes that the file already lists, or of all.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from anima_prompt.interchange.workflow.catalog import compact

TARGET = Path(__file__).parent.parent / "anima_prompt" / "interchange" / "workflow" / "nodes.json"


def main(recorded: str, source: str) -> None:
    """Write the facts, one node a line."""
    data = json.loads(Path(recorded).read_text(encoding="utf-8"))
    nodes = data.get("object_info", data)
    rows = [
        f"  {json.dumps(name)}: {json.dumps(compact(nodes[name], files=False), ensure_ascii=False)}"
        for name in sorted(nodes)
    ]
    body = ",\n".join(rows)
    text = f'{{\n "source": {json.dumps(source)},\n "nodes": {{\n{body}\n }}\n}}\n'
    TARGET.write_text(text, encoding="utf-8")
    print(f"{len(rows)} nodes in {TARGET}")


if __name__ == "__main__":
    main(*sys.argv[1:])
