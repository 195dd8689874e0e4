"""`laurel program diff` over a running Laurel: what a changed program would do to its members."""

from pathlib import Path

from tests.system.installation import ROOT, SECRET, Ended, Installation, serving, staff_token

TEXT = (ROOT / "programs" / "record-shop.yaml").read_text(encoding="utf-8")
LOG = """\
 00001 0001 19970110  1  120.00
 00002 0002 19970401  2   40.00
 00002 0002 19970428  1   30.50
"""
"""In the end they have 120 and 70 points, and are bronze for long."""


def program(folder: Path, *changes: tuple[str, str]) -> str:
    """A file with the record shop's program, changed."""
    text = TEXT
    for before, after in changes:
        assert before in text
        text = text.replace(before, after)
    path = folder / "changed.yaml"
    path.write_text(text, encoding="utf-8")
    return str(path)


def rows(ended: Ended) -> list[list[str]]:
    """The cells of all tables."""
    return [
        [cell.strip() for cell in line.strip("│┃").replace("┃", "│").split("│")]
        for line in ended.stdout.splitlines()
        if line.startswith(("│", "┃"))
    ]


async def test_who_would_gain_or_lose_what(laurel: Installation, tmp_path: Path) -> None:
    log = tmp_path / "log.txt"
    log.write_text(LOG, encoding="ascii")
    twice = ("earn: {points: 1, per_amount: 1,", "earn: {points: 2, per_amount: 1,")
    async with serving(laurel):
        empty = await laurel.beside("program", "diff", program(tmp_path, twice))
        assert (empty.code, empty.stderr, rows(empty)) == (0, "", [])
        assert empty.stdout.endswith(
            "\nIf what happened since the beginning is judged again:\nthere are no members to judge\n"
        )
        imported = await laurel.beside("replay", str(log))
        assert (imported.code, imported.stderr) == (0, "")
        with laurel.database() as database:
            first, second = [
                one["loyalty_number"] async for one in database["members"].find().sort("state.balance", -1)
            ]
            journal = [record async for record in database["journal"].find().sort("_id")]

        told = await laurel.beside("program", "diff", program(tmp_path, twice))
        assert (told.code, told.stderr) == (0, "")
        assert "If what happened since the beginning is judged again:\n2 of 2 members gain or lose" in told.stdout
        assert [line for line in told.stdout.splitlines() if line[:1] in ("+", "-")][2:] == [
            f"-    {twice[0]} rounding: floor}}",
            f"+    {twice[1]} rounding: floor}}",
        ]
        assert rows(told) == [
            ["", "Gained", "Lost"],
            ["points available", "190", "0"],
            ["points pending", "0", "0"],
            ["members who owe points", "0", "0"],
            ["Member", "Points", "Tier", "Badges"],
            [first, "120 to 240", "bronze", ""],
            [second, "70 to 140", "bronze", ""],
        ]

        since = await laurel.beside("program", "diff", program(tmp_path, twice), "--from", "1997-04-10")
        assert "If what happened since 1997-04-10T00:00:00-04:00 is judged again:\n1 of 2 members" in since.stdout
        assert rows(since)[-1] == [second, "70 to 100", "bronze", ""]

        ahead = await laurel.beside("program", "diff", program(tmp_path, twice), "--future-only")
        assert "0 of 2 members gain or lose something\n" in ahead.stdout
        assert (ahead.code, rows(ahead)) == (0, [])

        lower = (
            "code: silver\n      name: {en: Silver, da: Sølv}\n      threshold: 100",
            "code: tin\n      name: Tin\n      threshold: 80",
        )
        rolling = ("window: rolling 365 days\n  levels", "window: lifetime\n  levels")
        spender = ("levels: [100, 500, 1000]", "levels: [50, 500, 1000]")
        moved = await laurel.beside("program", "diff", program(tmp_path, lower, rolling, spender))
        assert (moved.code, moved.stderr) == (0, "")
        assert rows(moved)[4:] == [
            ["badge big-spender, members", "1", "0"],
            ["Members by tier", "to bronze", "to tin"],
            ["from bronze", "1", "1"],
            ["Member", "Points", "Tier", "Badges"],
            [first, "120 to 120", "bronze to tin", ""],
            [second, "70 to 70", "bronze", "+ big-spender"],
        ]
        with laurel.database() as database:
            assert [record async for record in database["journal"].find().sort("_id")] == journal
            assert await database["programs"].count_documents({}) == 1


async def test_merged_accounts_count_once(laurel: Installation, tmp_path: Path) -> None:
    log = tmp_path / "log.txt"
    log.write_text(LOG, encoding="ascii")
    changed = program(tmp_path, ("earn: {points: 1, per_amount: 1,", "earn: {points: 2, per_amount: 1,"))
    async with serving(laurel, LAUREL_JWT_SECRET=SECRET) as served:
        assert (await laurel.beside("replay", str(log))).code == 0
        with laurel.database() as database:
            first, second = [
                one["loyalty_number"] async for one in database["members"].find().sort("state.balance", -1)
            ]
        accounts = {"from": {"loyaltyNumber": second}, "into": {"loyaltyNumber": first}}
        for change, told, members in (
            ("mergeMembers", "1 of 1 members", [[first, "190 to 380", "bronze", ""]]),
            (
                "unmergeMembers",
                "2 of 2 members",
                [[first, "120 to 240", "bronze", ""], [second, "70 to 140", "bronze", ""]],
            ),
        ):
            name = change[0].upper() + change[1:]
            mutation = f"mutation M($input: {name}Input!) {{ {change}(input: $input) {{ __typename }} }}"
            made = await served.ask(mutation, staff_token(), input=accounts)
            assert made == {change: {"__typename": f"{name}Success"}}
            shown = await laurel.beside("program", "diff", changed)
            assert (shown.code, shown.stderr) == (0, "")
            assert f"{told} gain or lose something\n" in shown.stdout
            assert rows(shown)[5:] == members
            verified = await laurel.beside("verify")
            assert (verified.code, verified.stderr) == (0, "")


async def test_what_cannot_be_told(laurel: Installation, tmp_path: Path) -> None:
    async with serving(laurel):
        faulty = await laurel.beside("program", "diff", program(tmp_path, ("rounding: floor", "rounding: flor")))
        assert faulty.code == 1
        assert "+    earn: {points: 1, per_amount: 1, rounding: flor}\n" in faulty.stdout
        summary, fault = faulty.stderr.splitlines()
        assert summary == "laurel: the program has faults; what it would do cannot be told"
        assert fault.startswith(f"{tmp_path / 'changed.yaml'}:")
        same = program(tmp_path)
        for arguments, message in (
            (
                ("--from", "1997-01-01", "--future-only"),
                "--from: 1997-01-01 is past; leave it out, or leave out --future-only",
            ),
            (("--from", "9000-01-01"), "--from: 9000-01-01 lies more than 3660 days ahead"),
            (
                ("--from", "soon"),
                "--from: 'soon' is no instant; give one such as 2026-12-01T00:00:00Z, 2026-12-01T00:00 or 2026-12-01",
            ),
        ):
            refused = await laurel.beside("program", "diff", same, *arguments)
            assert (refused.code, refused.stderr) == (1, f"laurel: {message}\n")
        plain = await laurel.beside("program", "diff", same)
        assert plain.code == 0
        assert plain.stdout.startswith(f"{same} does not differ from version 1\n─")
        assert plain.stdout.endswith(
            "\nIf what happened since the beginning is judged again:\nthere are no members to judge\n"
        )
        again = await laurel.beside("program", "diff", same, "--future-only")
        assert again.stdout.startswith(f"{same} does not differ from version 1\n─")
        assert "─\nIf only what happens from " in again.stdout
        assert again.stdout.endswith(" is judged by it, then at that moment:\nthere are no members to judge\n")


async def test_what_members_are_told_changes_nothing_about_them(laurel: Installation, tmp_path: Path) -> None:
    declared = "\nnotices:\n  tier_reached: {title: '{ $tier }', body: Well done.}\n"
    log = tmp_path / "log.txt"
    log.write_text(LOG, encoding="ascii")
    async with serving(laurel):
        assert (await laurel.beside("replay", str(log))).code == 0
        told = await laurel.beside("program", "diff", program(tmp_path, ("\nnotices:\n", declared)))
        assert (told.code, told.stderr) == (0, "")
        assert "+  tier_reached: {title: '{ $tier }', body: Well done.}\n" in told.stdout
        assert "0 of 2 members gain or lose" in told.stdout
        misspelt = declared.replace("$tier ", "$teir ")
        refused = await laurel.beside("program", "diff", program(tmp_path, ("\nnotices:\n", misspelt)))
        assert refused.code == 1
        assert "notices.tier_reached.title: there is no $teir here; did you mean 'tier'?" in refused.stderr
