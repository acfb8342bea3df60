"""The table of goals: what was measured, what it should be, and whether it is."""

from dataclasses import dataclass, field


@dataclass
class Table:
    """Rows, printed as they come."""

    rows: list[tuple[str, str, str, str]] = field(default_factory=list)

    def add(self, what: str, seen: str, goal: str, *, met: bool) -> None:
        """Print a row."""
        row = (what, seen, goal, "yes" if met else "NO")
        self.rows.append(row)
        print(f"{row[0]:34} {row[1]:52} {row[2]:28} {row[3]}", flush=True)

    def title(self) -> None:
        """Print what the columns are."""
        print(f"{'what':34} {'seen: median (lowest-highest)':52} {'goal':28} met", flush=True)
