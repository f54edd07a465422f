"""Times the demo in a fresh clone: `make demo ONCE=1` without a setup, then again."""

import json
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def main() -> None:
    clone = Path(tempfile.mkdtemp()) / "clone"
    try:
        subprocess.run(["git", "clone", "--quiet", ROOT, clone], check=True)
        seconds = []
        for _ in range(2):
            start = time.perf_counter()
            subprocess.run(["make", "demo", "ONCE=1"], cwd=clone, check=True, capture_output=True)
            seconds.append(round(time.perf_counter() - start, 1))
        cold, warm = seconds
        print(json.dumps({"cold_s": cold, "warm_s": warm, "ratio": round(warm / cold, 2)}))
    finally:
        shutil.rmtree(clone.parent)


if __name__ == "__main__":
    main()
