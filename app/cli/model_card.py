"""A model's card in words, for ``facegate models``."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from facegate.models.card import Card


def terms(card: "Card") -> list[str]:
    """Return what somebody should know before they use a model, line by line."""
    lines = [
        f"{card.name}: {card.title}",
        f"  licence        {card.licence}",
        f"  training data  {card.training_data}",
        f"  source         {card.source}",
    ]
    if card.teacher:
        lines.append(f"  teacher        {card.teacher}")
    return lines


def describe(card: "Card", summary: dict[str, Any], folder: str | None) -> str:
    """Return all that a card says.

    Args:
        card: the model's card.
        summary: with the model id of this machine, or None.
        folder: where its weights lie, or None.
    """
    alignment = (
        f"face box, margin {card.margin} px" if card.alignment == "box" else "five landmarks"
    )
    lines = [
        *terms(card),
        f"  model id       {summary['model_id'] or '-'}",
        f"  folder         {folder or '-'}",
        f"  architecture   {card.architecture}, dim {card.dim}",
        f"  input          {card.input_size} px {card.colour}, {alignment}",
        f"  scaling        (x - {_values(card.mean)}) / {_values(card.std)}",
    ]
    for part in card.parts:
        lines.append(f"  file           {part.file}, {megabytes(part.size_bytes)}")
        lines.append(f"    sha256       {part.sha256 or 'not known; recorded at first install'}")
        if part.url:
            lines.append(f"    url          {part.url}")
    lines += [*_thresholds(card), *_measured(card.measured, indent=2)]
    return "\n".join(lines)


def megabytes(size_bytes: int | None) -> str:
    """Return a size in megabytes."""
    return "unknown" if size_bytes is None else f"{size_bytes / 1e6:.1f} MB"


def _thresholds(card: "Card") -> list[str]:
    if not card.thresholds:
        return ["  thresholds     none measured"]
    lines, protocol = [], ""
    for rate in card.thresholds:
        if rate.protocol != protocol:
            protocol = rate.protocol
            lines.append(f"  thresholds     {protocol}")
        fnmr = "not measured" if rate.fnmr is None else f"{rate.fnmr:.4f} of {rate.genuine}"
        lines.append(
            f"    FMR {rate.fmr:<8g} score {rate.score:+.4f}  of {rate.impostors} impostors, "
            f"FNMR {fnmr}"
        )
    return lines


def _measured(table: dict[str, Any], *, indent: int) -> list[str]:
    lines = []
    for key, value in table.items():
        if isinstance(value, dict):
            lines += [f"{' ' * indent}{key}", *_measured(value, indent=indent + 2)]
        else:
            lines.append(f"{' ' * indent}{key:<14} {value}")
    return lines


def _values(values: tuple[float, ...]) -> str:
    return (
        f"{values[0]:g}"
        if len(set(values)) == 1
        else "[" + " ".join(f"{v:g}" for v in values) + "]"
    )
