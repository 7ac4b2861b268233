"""Waits until a server is ready; then registers the merchants and wallets that the examples of openapi.json name."""

import json
import os
import sys
import time
import urllib.request

PROGRAM = "thai-chuai-thai-plus-6040"


def send(method, path, body):
    headers = {"Authorization": "Bearer " + os.environ["SATANG_ADMIN_KEY"]}
    request = urllib.request.Request(sys.argv[1] + path, body.encode(), headers, method=method)
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)


def wait():
    for _ in range(600):
        try:
            urllib.request.urlopen(sys.argv[1] + "/readyz", timeout=10).close()
            return
        except OSError:
            time.sleep(0.1)
    sys.exit("the server is not ready")


wait()
merchant = {
    "name": "ร้านทดสอบ",
    "category": "food_drink",
    "status": "active",
    "programs": [PROGRAM],
    "channels": ["store", "delivery"],
}
send("PUT", "/v1/merchants/010555012345678", json.dumps(merchant))
wallets = [("004999912345678", "1101700203450"), ("004999987654321", "3100600445635")]
lines = [json.dumps({"program": PROGRAM, "wallet_id": w, "citizen_id": c}) for w, c in wallets]
report = send("POST", "/v1/enrollments/import", "\n".join(lines))
assert report["accepted"] == len(wallets), report
