
import time
from typing import Any
def test_a(client: Any, catalogue: Any, thumbnail: Any, annotation: Any) -> None:
    for n in range(60): catalogue.add(f"{n}.jpg", thumbnail=thumbnail, annotation=annotation)
    for path in ("/healthz", "/", "/api/images", "/api/images?limit=10"):
        r = client.get(path,headers={"Accept-Encoding":"gzip"}); h = {"If-None-Match": r.headers.get("ETag","x"),"Accept-Encoding":"gzip"}
        t = time.process_time(); w=time.perf_counter()
        for _ in range(200): client.get(path,headers=h)
        print(path, "cpu ms", (time.process_time()-t)/200*1000, "wall", (time.perf_counter()-w)/200*1000, len(r.data))
