"""Asks the cold store of the demo's day what docs/COLD.md asks, and holds its sums against the journal's. `.ci/cold` runs it."""

import json
import os
import re
import subprocess
import sys

import duckdb
import pyarrow.parquet

SUMS = """
SELECT program, count(*) FILTER (decision = 'approved'), count(*) FILTER (decision = 'declined'), sum(state_amount)
FROM authorizations GROUP BY ALL"""
GIVEN_BACK = "SELECT program, sum(state_amount) FROM returns WHERE program IS NOT NULL GROUP BY ALL"


def main(satang: str, folder: str) -> None:
    data_dir = ["--data-dir", os.path.join(folder, "data")]
    run(satang, "demo", *data_dir, "--exit")
    run(satang, "cold", "follow", "--once", *data_dir)
    verified = json.loads(run(satang, "verify", "--json", *data_dir))
    with open("docs/COLD.md", encoding="utf-8") as document:
        blocks = re.findall(r"```sql\n(.*?)```", document.read(), re.S)
    os.chdir(data_dir[1])
    database = duckdb.connect()
    database.execute(blocks[0])
    for block in blocks[1:]:
        if not database.execute(block).fetchall():
            sys.exit(f"cold: no row of:\n{block}")
    given_back = dict(database.execute(GIVEN_BACK).fetchall())
    found = {
        program: (approved, declined, int(state), int(given_back.get(program, 0)))
        for program, approved, declined, state in database.execute(SUMS).fetchall()
    }
    wanted = {
        of["program"]: (of["approved"], of["declined"], of["authorised_satang"], of["given_back_satang"])
        for of in verified["programs"]
        if of["approved"] + of["declined"] > 0
    }
    if found != wanted:
        sys.exit(f"cold: DuckDB finds {found}, and verify {wanted}")
    state = sum(of[2] for of in wanted.values())
    if pyarrow_sum("authorizations", "state_amount") != state:
        sys.exit(f"cold: pyarrow does not sum to {state}")
    print(f"cold: {len(blocks) - 1} queries run in DuckDB {duckdb.__version__}; sums are those of verify: {found}")


def run(*command: str) -> str:
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def pyarrow_sum(table: str, column: str) -> int:
    with open("cold/_manifest.json", encoding="utf-8") as manifest:
        dates = json.load(manifest)["dates"].values()
    files = [file["path"] for date in dates for file in date["tables"].get(table, {"files": []})["files"]]
    values = [pyarrow.parquet.ParquetFile(f"cold/{file}").read(columns=[column])[column] for file in files]
    return sum(value.as_py() for value in values for value in value)


if __name__ == "__main__":
    main(*sys.argv[1:])
