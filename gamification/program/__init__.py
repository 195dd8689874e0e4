"""A program as data: what earns points, the tiers, the challenges and the badges, checked before it is applied."""

from gamification.program.badges import Badge, BadgeLevel
from gamification.program.boards import Board
from gamification.program.challenges import Challenge, Step
from gamification.program.definition import Program
from gamification.program.rules import Rule
from gamification.program.texts import Text
from gamification.program.tiers import Tier, Tiers

__all__ = ["Badge", "BadgeLevel", "Board", "Challenge", "Program", "Rule", "Step", "Text", "Tier", "Tiers"]
