"""What the machine and the software are, without the name of either host or folder."""

import os
import platform
from importlib.metadata import distributions, version
from pathlib import Path
from typing import Any

LIBRARIES = (
    *("uvicorn", "uvloop", "httptools", "starlette", "strawberry-graphql", "graphql-core"),
    *("motor", "pymongo", "redis", "hiredis", "orjson", "pydantic"),
)
_SERVERS = Path(__file__).parents[1] / ".venv" / "servers"


def describe_machine() -> dict[str, Any]:
    """Processor, cores, memory, versions, and how busy the machine was before anything began."""
    return {
        "processor": _field("/proc/cpuinfo", "model name"),
        "cores": os.cpu_count(),
        "memory_gb": round(int(_field("/proc/meminfo", "MemTotal").split()[0]) / 1e6, 1),
        "system": f"{platform.system()} {platform.release().split('-')[0]}",
        "python": platform.python_version(),
        "libraries": {name: version(name) for name in LIBRARIES},
        "stores": {each.name: each.version for each in distributions(path=[str(_SERVERS)])},
        "load_before": round(os.getloadavg()[0], 2),
    }


def _field(file: str, name: str) -> str:
    for line in Path(file).read_text(encoding="ascii", errors="replace").splitlines():
        found, _, value = line.partition(":")
        if found.strip() == name:
            return value.strip()
    return "unknown"
