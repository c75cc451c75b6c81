"""The classes of `shapenette`: ten clearly different kinds of object, with two or three plans."""

from __future__ import annotations

from bench.data.shapes import grown, household, outdoors
from bench.data.shapes.scene import Plan, Setting

OBJECTS: dict[str, tuple[Plan, ...]] = {
    "boat": (outdoors.sailing_boat, outdoors.steam_boat),
    "car": (outdoors.saloon_car, outdoors.lorry, outdoors.bus),
    "chair": (household.side_chair, household.front_chair, household.armchair),
    "cup": (household.mug, household.tea_cup, household.goblet),
    "fish": (grown.oval_fish, grown.long_fish, grown.disc_fish),
    "flower": (grown.daisy, grown.tulip, grown.bunch),
    "house": (outdoors.cottage, outdoors.town_house, outdoors.barn),
    "mushroom": (grown.dome_mushroom, grown.tall_mushroom, grown.two_mushrooms),
    "tree": (grown.round_tree, grown.conifer, grown.palm),
    "umbrella": (household.open_umbrella, household.sunshade, household.tilted_umbrella),
}
"""Body plans of every class; an image has any of them with equal probability."""

SETTING = Setting(scale=(0.75, 1.0), shift=0.2, tilt=0.3, stretch=0.2, clutter=0.35, occlusion=0.3)
