"""Cats and dogs drawn by the program, with the masks of the animal and of what decides the class.

A picture is sampled first (scene, coat, pose, light: one distribution for both classes) and painted
after. The class enters in one place only, `_lean`: the same draw makes a cat's ears and muzzle or,
mirrored, a dog's. So `draw_one(s, i, 0, n)` and `draw_one(s, i, 1, n)` are the same picture but
for ears and muzzle, and a heatmap that looks elsewhere looks at nothing.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from engine.data.drawn.animal import ANIMAL, PARTS, Animal, Coat, Face
from engine.data.drawn.body import BODIES, draw_collar, draw_shadow, draw_tail
from engine.data.drawn.canvas import Canvas, new_canvas, shrink
from engine.data.drawn.face import draw_ears, draw_eyes, draw_head, draw_muzzle, draw_whiskers
from engine.data.drawn.scene import draw_background, draw_occluder
from engine.data.drawn.things import ACCENTS, pick, tinted

CLASS_NAMES = ("cat", "dog")

# Difficulty
IN_BETWEEN = 0.55  # how far towards the other class ears or muzzle may go; 0.5 is the middle
TYPICAL = 3.4  # the higher, the more of them stay near their own class
ODD_EARS = 0.018  # share with the other class's ears (a shepherd dog, a fold cat), muzzle their own
ODD_MUZZLE = 0.015  # share with the other class's muzzle (a pug, a long-nosed cat), ears their own
HIDDEN = 0.35  # share with something in front of an ear or of the muzzle
SMALLEST, LARGEST = 0.18, 0.31  # radius of the head, as a fraction of the picture
DARK = 0.08  # share taken in poor light
DARK_EXPOSURE, EXPOSURE = (0.38, 0.55), (0.84, 1.12)
NOISE = 6.0  # largest standard deviation of the noise, in grey levels
SOFT = 0.010  # largest blur of the whole picture, as a fraction of it

COATS = [
    ((228, 152, 86), (182, 104, 54), (250, 228, 198)),
    ((238, 212, 172), (204, 166, 120), (252, 244, 228)),
    ((156, 158, 168), (106, 108, 122), (224, 224, 228)),
    ((80, 76, 84), (50, 46, 54), (178, 170, 170)),
    ((144, 100, 70), (98, 64, 44), (228, 204, 176)),
    ((244, 238, 230), (208, 196, 186), (255, 253, 249)),
    ((206, 162, 110), (150, 106, 68), (248, 230, 202)),
    ((126, 140, 160), (86, 98, 120), (216, 222, 230)),
    ((178, 94, 60), (124, 60, 40), (242, 212, 184)),
    ((104, 74, 62), (66, 46, 42), (206, 182, 164)),
]
PATTERNS = ("plain", "plain", "tabby", "tabby", "patches", "spots", "socks", "socks", "points")
IRISES = [(146, 186, 96), (224, 176, 72), (120, 178, 210), (168, 112, 62), (112, 168, 148)]
EYES = ("round", "round", "slit", "bead", "bead", "sleepy", "happy")
NOSES = [(60, 46, 48), (228, 132, 136), (116, 74, 66)]
WHISKERS = [(252, 250, 244), (96, 84, 82)]


@dataclass(frozen=True)
class Drawn:
    """Images (n, size, size, 3) RGB, labels (n,), masks (n, size, size); all uint8."""

    images: np.ndarray
    labels: np.ndarray
    masks: np.ndarray


def draw(n: int, size: int, seed: int) -> Drawn:
    """`n` pictures, half of each class in random order.

    Picture i is `draw_one(seed, i, labels(n, seed)[i], size)`, so that the work can be split.
    """
    truth = labels(n, seed)
    images = np.empty((n, size, size, 3), np.uint8)
    masks = np.empty((n, size, size), np.uint8)
    for i, label in enumerate(truth):
        images[i], masks[i] = draw_one(seed, i, int(label), size)
    return Drawn(images, truth, masks)


def labels(n: int, seed: int) -> np.ndarray:
    """(n,) uint8, 0 cat and 1 dog: as many of each (one cat more where n is odd), shuffled."""
    truth = (np.arange(n) % 2).astype(np.uint8)
    np.random.default_rng([seed, n, 1]).shuffle(truth)  # [seed, i] belongs to picture i
    return truth


def draw_one(
    seed: int, i: int, label: int, size: int, light: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Picture `i` of `seed`, the same on every machine and in any order.

    Args:
        light: from 1 on, the same animal in the same place under other light.

    Returns:
        The image (size, size, 3) uint8 RGB and its mask (size, size) uint8: bit ANIMAL where the
        animal shows, bit PARTS where its ears or muzzle show (nothing in front of them).
    """
    rng = np.random.default_rng([seed, i])
    animal = sample_animal(rng, label)
    floor = float(np.clip(animal.foot - rng.uniform(0.04, 0.16), 0.36, 0.78))
    canvas = new_canvas(size)
    draw_background(canvas, rng, floor, softness=pick(rng, (0.0, 0.004, 0.014)))
    draw_animal(canvas, animal)
    hide(canvas, rng, animal)
    image, mask = shrink(canvas)
    return develop(image, np.random.default_rng([seed, i, light]) if light else rng), mask


def draw_animal(canvas: Canvas, animal: Animal) -> None:
    """Paint the animal from back to front, marking ANIMAL, and its deciding parts PARTS too."""
    draw_shadow(canvas, animal)
    whole, parts = canvas.marking(ANIMAL), canvas.marking(ANIMAL | PARTS)
    draw_tail(whole, animal)
    BODIES[animal.pose](whole, animal)
    draw_collar(whole, animal)
    hanging = animal.ear_lean > 0.5
    if not hanging:
        draw_ears(parts, animal)
    draw_head(whole, animal)
    draw_eyes(whole, animal)
    if hanging:
        draw_ears(parts, animal)
    draw_muzzle(parts, animal)
    draw_whiskers(canvas, animal)


# What is in the picture


def sample_animal(rng: np.random.Generator, label: int) -> Animal:
    """Everything about one animal. Both classes use up the same draws in the same order."""
    ear_lean, muzzle_lean = _lean(rng, label)
    radius = float(np.exp(rng.uniform(np.log(SMALLEST), np.log(LARGEST))))
    margin = min(0.42, radius * 1.3)
    return Animal(
        x=0.5 + rng.uniform(-1, 1) * (0.5 - margin),
        y=rng.uniform(max(radius * 1.5, 0.54 - 1.8 * radius), 0.66 - 0.5 * radius),
        radius=radius,
        tilt=rng.normal(0, 0.16),
        turn=rng.uniform(-1, 1),
        pose=pick(rng, ("sitting", "sitting", "standing", "lying")),
        tail=pick(rng, (-1, 1)) * rng.uniform(0.1, 1),
        coat=sample_coat(rng),
        face=sample_face(rng),
        collar=tinted(rng, pick(rng, ACCENTS)) if rng.random() < 0.4 else None,
        ear_lean=ear_lean,
        ear_droop=tuple(rng.normal(0, 0.14, 2)),
        ear_length=rng.uniform(0.8, 1.12),
        ear_width=rng.uniform(0.8, 1.15),
        muzzle_lean=muzzle_lean,
        muzzle_size=rng.uniform(0.85, 1.1),
    )


def _lean(rng: np.random.Generator, label: int) -> tuple[float, float]:
    """How much like a dog's ears and muzzle are, 0 to 1: the only place that knows the class."""
    ears, muzzle = IN_BETWEEN * rng.beta(1, TYPICAL, 2)
    odd = rng.random()
    if odd < ODD_EARS:
        ears = 1 - ears
    elif odd < ODD_EARS + ODD_MUZZLE:
        muzzle = 1 - muzzle
    return (float(ears), float(muzzle)) if label == 0 else (1 - float(ears), 1 - float(muzzle))


def sample_coat(rng: np.random.Generator) -> Coat:
    base, dark, light = (tinted(rng, tone, 7) for tone in pick(rng, COATS))
    return Coat(
        base=base,
        dark=dark,
        light=light,
        pattern=pick(rng, PATTERNS),
        bib=rng.random() < 0.4,
        ear_tone=pick(rng, (0.0, 0.15, 0.5, 1.0)),
        muzzle_tone=pick(rng, (0.0, 0.4, 0.8, 1.0)),
        seed=int(rng.integers(1 << 31)),
    )


def sample_face(rng: np.random.Generator) -> Face:
    return Face(
        width=rng.uniform(0.92, 1.1),
        height=rng.uniform(0.88, 1.02),
        cheek=rng.uniform(-0.1, 0.1),
        eyes=pick(rng, EYES),
        iris=tinted(rng, pick(rng, IRISES), 10),
        eye_size=rng.uniform(0.13, 0.2),
        eye_gap=rng.uniform(0.36, 0.46),
        nose=pick(rng, NOSES),
        whiskers=pick(rng, (0, 2, 3, 3)),
        whisker_color=pick(rng, WHISKERS),
        tongue=rng.random() < 0.25,
        blush=rng.random() < 0.35,
    )


def hide(canvas: Canvas, rng: np.random.Generator, animal: Animal) -> None:
    """Now and then put something before an ear or the muzzle; where ears of either class are."""
    if rng.random() >= HIDDEN:
        return
    spots = ((0.0, 0.5), (0.85, -0.9), (-0.85, -0.9), (1.0, -0.3), (-1.0, -0.3))
    spot = np.array(pick(rng, spots)) + rng.normal(0, 0.15, 2)
    x, y = animal.head(spot)
    draw_occluder(canvas, rng, x, y, animal.radius * rng.uniform(0.7, 1.2))


# Light


def develop(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Light from one side, its warmth, a vignette, exposure, haze, blur and noise; uint8."""
    side = image.shape[0]
    exposure = rng.uniform(*DARK_EXPOSURE) if rng.random() < DARK else rng.uniform(*EXPOSURE)
    light = light_map(side, rng) * np.float32(exposure)
    warmth, green = rng.normal(0, (0.07, 0.02))
    haze = np.float32(max(0.0, rng.normal(-0.1, 0.2)))
    reach = 2 * round(SOFT * rng.random() ** 2 * side) + 1
    grain = np.float32(NOISE * rng.random() ** 1.5 / 74)  # 74: standard deviation of a byte
    noise = grain * (rng.integers(0, 256, (side, side), np.uint8) - np.float32(127.5))
    planes = []
    for plane, gain, fog in zip(
        cv2.split(cv2.GaussianBlur(image, (reach, reach), 0)),
        np.float32((1 + warmth, 1 + green, 1 - warmth)),
        np.float32((214, 210, 206)),
        strict=True,
    ):
        lit = plane * (light * gain * (1 - haze)) + (noise + haze * fog)
        planes.append(np.clip(np.rint(lit), 0, 255).astype(np.uint8))
    return cv2.merge(planes)


def light_map(side: int, rng: np.random.Generator) -> np.ndarray:
    """How bright each pixel is lit, about 1: (side, side) float32."""
    x = np.linspace(-1, 1, side, dtype=np.float32)
    angle, slope, corner = rng.uniform((0, 0, 0), (2 * np.pi, 0.3, 0.22)).astype(np.float32)
    across = np.cos(angle) * slope * x - corner * x**2
    down = np.sin(angle) * slope * x - corner * x**2
    return 1 + across[None, :] + down[:, None]
