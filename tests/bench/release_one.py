"""One release of a folder into a bucket, as a process of its own: what tests/bench/release.py measures.

python -m tests.bench.release_one FOLDER MOTO_URL       # prints the number of API calls
"""

from __future__ import annotations

import itertools
import sys
from pathlib import Path

from botocore.session import Session

from ops.cloud.aws import Aws
from ops.cloud.bucket import Place, read_live
from ops.cloud.releases import fingerprint, make_live, new_release, upload
from ops.site.contents import Site

BUCKET = "bench"
REGION = "us-east-1"


def release_folder(folder: Path, url: str) -> int:
    """Do what a release does with the bucket; give the number of API calls."""
    calls = itertools.count()
    files = (path for path in folder.rglob("*") if path.is_file())
    site = Site({path.relative_to(folder).as_posix(): path.read_bytes() for path in files})
    aws = Aws(Session(), REGION, endpoint_url=url)

    def count(*_: object) -> None:
        next(calls)

    aws.before = count
    place = Place(BUCKET)
    live = read_live(aws, place)
    if live.fingerprint != fingerprint(site, ""):
        release = new_release(site, live)
        upload(aws, place, release, site)
        make_live(aws, place, release, live)
    return next(calls)


if __name__ == "__main__":
    print(release_folder(Path(sys.argv[1]), sys.argv[2]))
