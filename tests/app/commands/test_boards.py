"""`laurel boards` and what `laurel program apply` does to boards, over servers that run."""

from pathlib import Path

from app.embedded import embedded_servers
from tests.system.installation import ROOT, SAMPLE, Ended, Installation

RECORD_SHOP = ROOT / "programs" / "record-shop.yaml"
LINES = 300


async def test_boards_can_be_built_and_compared_and_follow_a_changed_program(
    laurel: Installation, tmp_path: Path
) -> None:
    log, changed, without = tmp_path / "log.txt", tmp_path / "changed.yaml", tmp_path / "without.yaml"
    log.write_text("\n".join(SAMPLE.read_text(encoding="ascii").splitlines()[:LINES]), encoding="ascii")
    text = RECORD_SHOP.read_text(encoding="utf-8")
    changed.write_text(text.replace("name: {en: All time, da:", "name: {en: Ever, da:"), encoding="utf-8")
    start, end = text.index("  - code: all-time\n"), text.index("  - code: collectors\n")
    without.write_text(text[:start] + text[end:], encoding="utf-8")
    async with embedded_servers(laurel.data_dir):
        assert (await laurel.beside("replay", str(log), "--cdnow", "--json")).code == 0
        with laurel.database() as database:
            members = await database["members"].count_documents({})
            places = await database["members"].count_documents({"state.scores.board": "all-time"})
        assert await laurel.beside("boards", "verify") == Ended(
            1, "", "laurel: Redis holds no boards; they are built while Laurel serves, or by a rebuild\n"
        )
        assert await laurel.beside("boards", "rebuild") == Ended(
            0, f"the boards are rebuilt, with {places} places\n", ""
        )
        clean = Ended(0, f"the boards of {members} members compared, no differences\n", "")
        assert await laurel.beside("boards", "verify") == clean
        # As if a score had been changed behind Laurel's back.
        with laurel.database() as database:
            one = await database["members"].find_one({"state.scores.board": "all-time"})
            assert one is not None
            score = next(held for held in one["state"]["scores"] if held["board"] == "all-time")
            place = f"state.scores.{one['state']['scores'].index(score)}.value"
            await database["members"].update_one({"_id": one["_id"]}, {"$set": {place: score["value"] + 7}})
        verified = await laurel.beside("boards", "verify")
        since = f"since {score['reached_at'].isoformat(timespec='seconds')}"
        listed = "in the public order with"
        assert verified == Ended(
            1,
            f"all-time/all/: {one['loyalty_number']} (member id {one['_id']}): is {listed} {score['value']} {since}, "
            f"should be {listed} {score['value'] + 7} {since}\n"
            f"the boards of {members} members compared, 1 difference\n",
            "",
        )
        assert (await laurel.beside("boards", "rebuild")).code == 0
        assert await laurel.beside("boards", "verify") == clean
        assert (
            await laurel.beside("program", "apply", str(changed))
        ).stdout == "version 2 of record-shop is in force\n"
        assert await laurel.beside("boards", "verify") == clean
        assert (await laurel.beside("program", "apply", str(without))).stdout == (
            "version 3 of record-shop is in force\nthe boards have changed and are rebuilt\n"
        )
        assert await laurel.beside("boards", "verify") == clean
