"""The coach of an enrolment: frames in; an instruction, kept and refused frames out."""

from facegate.guide.advice import Advice, Direction, Instruction, Verdict, View
from facegate.guide.coach import Coach
from facegate.guide.selection import Kept

__all__ = ["Advice", "Coach", "Direction", "Instruction", "Kept", "Verdict", "View"]
