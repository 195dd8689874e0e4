"""The results as a picture: rates with their spread, times, and memory."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.figures import Rounds
from benchmarks.goals import MEGABYTES
from benchmarks.report import Results

_COLOURS = ("#0b6e4f", "#e08e45", "#3d5a80", "#9aa0a6", "#8a4f7d", "#c44536", "#2f9e8f")
_LINE = "#222222"
_BAR_WIDTH = 0.8
_FAR_APART = 12
"""How many times the least the most may be for a linear scale."""
_LEGEND: dict[str, Any] = {"frameon": False, "fontsize": 10}
_LABELS = {"home": "Home queries", "purchases": "Purchases"}


def draw(results: Results, file: Path) -> None:
    """Draw the results into a PNG file."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(2, len(results.rounds), figsize=(7.2 * len(results.rounds), 9.6), squeeze=False)
    for column, rounds in enumerate(results.rounds):
        colours = {server: _COLOURS[results.rounds[0].servers.index(server)] for server in rounds.servers}
        _rates(axes[0][column], rounds, colours)
        _times(axes[1][column], rounds, colours)
    figure.suptitle(_title(results), fontsize=13)
    figure.legend(
        *axes[0][0].get_legend_handles_labels(),
        ncols=len(_COLOURS),
        loc="upper center",
        bbox_to_anchor=(0.5, 0.965),
        **_LEGEND,
    )
    figure.text(0.5, 0.012, _memory(results), ha="center", fontsize=9.5, color="#444444")
    figure.tight_layout(rect=(0, 0.03, 1, 0.94), h_pad=2.5, w_pad=3)
    figure.savefig(file, dpi=130)
    plt.close(figure)


def _rates(axes: Any, rounds: Rounds, colours: Mapping[str, str]) -> None:
    """Bars by number of connections: medians, with lines from the least to the most."""
    width = _BAR_WIDTH / len(rounds.servers)
    highest = 0.0
    for place, server in enumerate(rounds.servers):
        spreads = [rounds.spread(server, connections, "rate") for connections in rounds.connections]
        medians = [spread.median for spread in spreads]
        reach = [
            [spread.median - spread.least for spread in spreads],
            [spread.most - spread.median for spread in spreads],
        ]
        at = _places(rounds, place, width)
        axes.bar(at, medians, width * 0.94, label=server, color=colours[server])
        axes.errorbar(at, medians, yerr=reach, fmt="none", capsize=3, ecolor=_LINE)
        for x, spread in zip(at, spreads, strict=True):
            axes.annotate(
                f"{spread.median:,.0f}", (x, spread.most), (0, 4), textcoords="offset points", ha="center", fontsize=8
            )
            highest = max(highest, spread.most)
    _dress(axes, rounds, f"{_LABELS[rounds.kind]} a second", "answers a second")
    axes.set_ylim(top=highest * (1.8 if axes.get_yscale() == "log" else 1.1))


def _times(axes: Any, rounds: Rounds, colours: Mapping[str, str]) -> None:
    """From the median to the 99th percentile, by number of connections."""
    width = _BAR_WIDTH / len(rounds.servers)
    for place, server in enumerate(rounds.servers):
        at, colour = _places(rounds, place, width), colours[server]
        p50 = [rounds.spread(server, connections, "p50_ms") for connections in rounds.connections]
        p99 = [rounds.spread(server, connections, "p99_ms") for connections in rounds.connections]
        for x, low, high in zip(at, p50, p99, strict=True):
            axes.plot([x, x], [low.median, high.median], color=colour, linewidth=5, alpha=0.35)
        axes.plot(at, [each.median for each in p50], "o", color=colour)
        axes.plot(at, [each.median for each in p99], "^", color=colour)
        for x, spread in [*zip(at, p50, strict=True), *zip(at, p99, strict=True)]:
            axes.vlines(x, spread.least, spread.most, color=_LINE, linewidth=1)
    _dress(axes, rounds, "Time: circles p50, triangles p99", "milliseconds")


def _places(rounds: Rounds, place: int, width: float) -> list[float]:
    middle = (len(rounds.servers) - 1) / 2
    return [group + (place - middle) * width for group in range(len(rounds.connections))]


def _dress(axes: Any, rounds: Rounds, title: str, unit: str) -> None:
    low, high = axes.dataLim.intervaly
    least = min(patch.get_height() for patch in axes.patches) if axes.patches else low
    scale = "linear"
    if high / least > _FAR_APART:
        scale = "log"
        axes.set_yscale(scale)
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:,g}")
    axes.set_title(f"{title} ({scale} scale; lines: least to most)", fontsize=11)
    axes.set_ylabel(unit)
    axes.set_xticks(range(len(rounds.connections)))
    axes.set_xticklabels([f"{many} connection{'s' if many > 1 else ''}" for many in rounds.connections])
    axes.grid(axis="y", which="major", color="#dddddd")
    axes.set_axisbelow(True)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)


def _title(results: Results) -> str:
    options, machine = results.options, results.machine
    return (
        f"{options.members:,} members, {options.rounds} alternating rounds of {options.seconds} s; "
        f"{machine['processor']}, {machine['cores']} cores, Python {machine['python']}"
    )


def _memory(results: Results) -> str:
    shown = [f"{server} {_most(results.loaded[server]):.0f} MB" for server in results.loaded]
    return f"Memory of the largest process under load: {', '.join(shown)} (goal for Laurel: {MEGABYTES:.0f} MB)"


def _most(sizes: Sequence[float]) -> float:
    return max(sizes, default=0.0)
