"""The register of heatmap methods: plain data, so that no page waits for Keras."""

import inspect
import math
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from engine.errors import ConfigError

FAMILIES = (
    "gradient", "perturbation", "factorisation", "optimisation", "whole network", "control",
)  # fmt: skip


@dataclass(frozen=True)
class Cost:
    """Passes through the network for one picture, with the method's own options.

    forward: of the picture, masked or not. per_channel: more of them for each channel of the layer.
    backward: passes back; one takes about as long as two forward.
    """

    forward: int = 1
    per_channel: float = 0
    backward: int = 0

    def passes(self, channels: int) -> int:
        """In forward passes, at a layer of so many channels."""
        return round(self.forward + self.per_channel * channels + 2 * self.backward)

    def at(self, channels: int) -> "Cost":
        """The cost at a layer of so many channels, none of it for each channel any more."""
        return Cost(self.forward + round(self.per_channel * channels), 0, self.backward)

    def __str__(self) -> str:
        """ "1 pass forward, 1 back"; "1 pass forward and 1 for each channel"; "no pass"."""
        each = f" and {self.per_channel:g} for each channel" if self.per_channel else ""
        back = f", {self.backward:,} back" if self.backward else ""
        if not (self.forward or each or back):
            return "no pass"
        return f"{self.forward:,} {'pass' if self.forward == 1 else 'passes'} forward{each}{back}"


@dataclass(frozen=True)
class Method:
    """A method's facts and where its function stands; to add a method is to add an entry.

    name: in code, files and URLs. title: as the paper writes it. link: where the paper is.
    function: "module:function", imported when it is first run. It takes an `engine.cam.asked.Asked`
        and its own options as keywords with defaults, and returns a `Found`.
    score: what it differentiates or compares unless it is asked otherwise, "logit" or
        "probability"; "" where the class plays no part, or where the method that is wrapped says.
    wraps: whether another method's maps are put together, whose `score` is then the usual one.
    adds: whether it adds up a layer's weighted maps, which eigen smoothing changes.
    layers: "one"; "several" where it takes more by itself; "none" where it is of the whole network.
    exact: whether it computes what its paper defines; else `distance` says how far it is from what.
    """

    name: str
    title: str
    family: str
    paper: str
    link: str
    idea: str
    function: str
    cost: Cost
    score: str = "logit"
    layers: str = "one"
    exact: bool = True
    distance: str = ""
    wraps: bool = False
    adds: bool = True

    def load(self) -> Callable:
        return pkgutil.resolve_name(self.function)

    @property
    def of_class(self) -> bool:
        """Whether its map is of a class, and not the same for all."""
        return bool(self.score) or self.wraps

    @property
    def smooths(self) -> bool:
        """Whether eigen smoothing changes its map."""
        return self.adds and self.layers != "none"

    @property
    def rounds(self) -> bool:
        """Whether it makes forward passes that may be in bfloat16: those that no gradient needs,
        beside that of the picture itself."""
        return bool(self.cost.per_channel) or self.cost.forward - self.cost.backward > 1

    @property
    def needs(self) -> str:
        """ "gradients", "passes" (more than one forward), both, or "one pass"."""
        many = self.cost.per_channel or self.cost.forward > 1
        needed = ["gradients"] * bool(self.cost.backward) + ["passes"] * bool(many)
        return " and ".join(needed) or "one pass"


GRADIENT = (
    Method(
        "grad-cam", "Grad-CAM", "gradient", "Selvaraju et al. 2017", "arXiv:1610.02391",
        "Each map of the layer counts by the mean gradient of the class's logit.",
        "engine.cam.gradients:grad_cam", Cost(backward=1),
    ),
    Method(
        "grad-cam++", "Grad-CAM++", "gradient", "Chattopadhay et al. 2018", "arXiv:1710.11063",
        "Each map counts by its positive gradients, which weigh more where few of them are.",
        "engine.cam.gradients:grad_cam_pp", Cost(backward=1),
    ),
    Method(
        "smooth-grad-cam++", "Smooth Grad-CAM++", "gradient", "Omeiza et al. 2019",
        "arXiv:1908.01224", "Grad-CAM++ with the gradients averaged over noisy copies.",
        "engine.cam.gradients:smooth_grad_cam_pp", Cost(forward=11, backward=10), exact=False,
        distance="rank correlation 0.999 with 60 noisy copies (of which it takes 10) on ten "
        "photographs, at a middle layer of transfer",
    ),
    Method(
        "xgrad-cam", "XGrad-CAM", "gradient", "Fu et al. 2020", "arXiv:2008.02312",
        "Each map counts by its gradient where it is active.",
        "engine.cam.gradients:xgrad_cam", Cost(backward=1),
    ),
    Method(
        "hires-cam", "HiResCAM", "gradient", "Draelos & Carin 2020", "arXiv:2011.08891",
        "Each place of each map counts by its own gradient.",
        "engine.cam.gradients:hires_cam", Cost(backward=1),
    ),
    Method(
        "layer-cam", "Layer-CAM", "gradient", "Jiang et al. 2021", "doi:10.1109/TIP.2021.3089943",
        "Each place of each map counts by its own gradient where that is positive; it suits early "
        "layers, too.",
        "engine.cam.gradients:layer_cam", Cost(backward=1),
    ),
    Method(
        "finer-cam", "Finer-CAM", "gradient", "Zhang et al. 2025", "arXiv:2501.11309",
        "Grad-CAM of what tells the class from the three that are most like it.",
        "engine.cam.gradients:finer_cam", Cost(forward=2, backward=1),
    ),
    Method(
        "shapley-cam", "ShapleyCAM", "gradient", "Cai 2025", "arXiv:2501.06261",
        "Each map counts by the Shapley value of its activations, from gradient and curvature.",
        "engine.cam.gradients:shapley_cam", Cost(backward=3),
    ),
    Method(
        "refine-cam", "RefineCAM", "gradient", "Domeniconi et al. 2026", "arXiv:2605.14641",
        "What Grad-CAM++ shows at an early layer and at all later ones: the product of their maps.",
        "engine.cam.layers:refine_cam", Cost(backward=1), layers="several",
    ),
    Method(
        "winsor-cam", "Winsor-CAM", "gradient", "Wall et al. 2025", "arXiv:2507.10846",
        "Grad-CAM of all layers, each by how much it counts, without those that outweigh the rest.",
        "engine.cam.layers:winsor_cam", Cost(backward=1), layers="several",
    ),
)  # fmt: skip

PERTURBATION = (
    Method(
        "score-cam", "Score-CAM", "perturbation", "Wang et al. 2020", "arXiv:1910.01279v1",
        "Each map counts by the probability that the class keeps when only what the map shows is "
        "left of the picture.",
        "engine.cam.score:score_cam", Cost(per_channel=1), score="probability",
    ),
    Method(
        "score-cam-v2", "Score-CAM (v2)", "perturbation", "Wang et al. 2020", "arXiv:1910.01279v2",
        "Each map counts by a softmax, over the maps, of the class's logit when only what the map "
        "shows is left of the picture.",
        "engine.cam.score:score_cam_v2", Cost(per_channel=1),
    ),
    Method(
        "score-cam-unshifted", "Score-CAM (unshifted)", "perturbation", "the blog post", "",
        "As Score-CAM, but the masks keep their minimum, so that little is hidden by a map that is "
        "nowhere near 0.",
        "engine.cam.score:score_cam_unshifted", Cost(per_channel=1), score="probability",
    ),
    Method(
        "ss-cam", "SS-CAM", "perturbation", "Wang et al. 2020", "arXiv:2006.14255",
        "As Score-CAM (v2), but the logit is the mean over masks with noise.",
        "engine.cam.score:ss_cam", Cost(per_channel=35), exact=False,
        distance="rank correlation 0.997 (least 0.985) with another seed's map on twenty drawn "
        "pictures",
    ),
    Method(
        "is-cam", "IS-CAM", "perturbation", "Naidu et al. 2020", "arXiv:2010.03023",
        "As Score-CAM (v2), but the logit is the mean over masks that grow brighter step by step.",
        "engine.cam.score:is_cam", Cost(per_channel=9),
    ),
    Method(
        "faster-score-cam", "Faster-Score-CAM", "perturbation", "Tabayashi 2020",
        "https://github.com/tabayashi0117/Score-CAM",
        "Score-CAM of the ten maps that vary most over the picture.",
        "engine.cam.score:faster_score_cam", Cost(forward=11), score="probability", exact=False,
        distance="rank correlation 0.86 (least 0.45) with Score-CAM on ten photographs; 0.77 "
        "(least 0.41) on twenty drawn pictures",
    ),
    Method(
        "anytime-score-cam", "Anytime Score-CAM", "perturbation", "ours", "",
        "Score-CAM of some of its passes: similar masks get similar scores, so the weights of the "
        "maps that were not asked follow from the others, with a stated error.",
        "engine.cam.anytime:anytime_score_cam", Cost(per_channel=0.1), score="probability",
        exact=False, distance="rank correlation 0.99 with Score-CAM on drawn pictures (quick, four "
        "layers) at the default tolerance; each map states its error",
    ),
    Method(
        "ablation-cam", "Ablation-CAM", "perturbation", "Desai & Ramaswamy 2020",
        "https://doi.org/10.1109/WACV45572.2020.9093360",
        "Each map counts by the share of the class's logit that is lost without it.",
        "engine.cam.ablation:ablation_cam", Cost(per_channel=1),
    ),
    Method(
        "lift-cam", "LIFT-CAM", "perturbation", "Jung & Oh 2021", "arXiv:2102.05228",
        "Each map counts by its share in the class's logit, as DeepLIFT estimates the map's SHAP "
        "value.",
        "engine.cam.ablation:lift_cam", Cost(forward=2, backward=1), exact=False,
        distance="rank correlation 0.994 (least 0.978) with maps by SHAP values on five drawn "
        "pictures; 1 where what follows the layer is linear",
    ),
    Method(
        "group-cam", "Group-CAM", "perturbation", "Zhang et al. 2021", "arXiv:2103.13859",
        "Groups of maps, added up as by Grad-CAM, count by how much likelier the class is where "
        "only what they show is sharp in a blurred picture.",
        "engine.cam.groups:group_cam", Cost(forward=34, backward=1), score="probability",
        exact=False,
        distance="rank correlation 0.81 (least 0.54) with Score-CAM on ten photographs; 0.15 "
        "(least −0.74) on twenty drawn pictures",
    ),
    Method(
        "sess", "SESS", "perturbation", "Tursun et al. 2022", "arXiv:2207.01769",
        "Another method's maps of many parts of the picture, enlarged, put together by how likely "
        "the class is in each.",
        "engine.cam.groups:sess", Cost(forward=244, backward=122), score="",
        wraps=True,
    ),
)  # fmt: skip

FACTORISATION = (
    Method(
        "eigen-cam", "Eigen-CAM", "factorisation", "Bany Muhammad & Yeasin 2020",
        "arXiv:2008.00299", "What most maps have in common: their first principal component.",
        "engine.cam.factors:eigen_cam", Cost(), score="", adds=False,
    ),
    Method(
        "eigengrad-cam", "Eigen-Grad-CAM", "factorisation", "Gildenblat 2021 (pytorch-grad-cam)",
        "https://github.com/jacobgil/pytorch-grad-cam",
        "What most maps have in common after each place was weighed by its gradient.",
        "engine.cam.factors:eigengrad_cam", Cost(backward=1), adds=False,
    ),
    Method(
        "kpca-cam", "KPCA-CAM", "factorisation", "Karmani et al. 2024", "arXiv:2410.00267",
        "What most maps have in common, by kernel PCA, which follows curved relations.",
        "engine.cam.factors:kpca_cam", Cost(), score="", adds=False,
    ),
    Method(
        "fem", "FEM", "factorisation", "Fuad et al. 2020", "doi:10.1109/IPTA50016.2020.9286629",
        "Where maps are rare: far above their own mean.",
        "engine.cam.factors:fem", Cost(), score="",
    ),
)  # fmt: skip

OPTIMISATION = (
    Method(
        "opti-cam", "Opti-CAM", "optimisation", "Zhang et al. 2024", "arXiv:2301.07002",
        "The mix of the maps is searched for that, as a mask over the picture, keeps the class's "
        "logit highest.",
        "engine.cam.opti:opti_cam", Cost(forward=51, backward=50),
    ),
)  # fmt: skip

WHOLE_NETWORK = (
    Method(
        "fullgrad", "FullGrad", "whole network", "Srinivas & Fleuret 2019", "arXiv:1905.00780",
        "What the pixels and the biases of all layers add to the score, in absolute values.",
        "engine.cam.fullgrad:fullgrad", Cost(forward=2, backward=1), layers="none",
    ),
)  # fmt: skip

CONTROL = (
    Method(
        "random", "Random", "control", "", "",
        "Noise that looks at nothing.",
        "engine.cam.controls:random", Cost(), score="", layers="none",
    ),
    Method(
        "center", "Center", "control", "", "",
        "A Gaussian in the middle, where most photographers aim.",
        "engine.cam.controls:center", Cost(), score="", layers="none",
    ),
    Method(
        "edges", "Edges", "control", "Sobel & Feldman 1968", "",
        "Where brightness changes, whatever the network makes of it.",
        "engine.cam.controls:edges", Cost(), score="", layers="none",
    ),
    Method(
        "input-gradient", "Input gradient", "control", "Simonyan et al. 2013", "arXiv:1312.6034",
        "Pixels of which a small change would change the score most, up or down.",
        "engine.cam.controls:input_gradient", Cost(backward=1), layers="none",
    ),
    Method(
        "occlusion", "Occlusion", "control", "Zeiler & Fergus 2014", "arXiv:1311.2901",
        "How much the score falls when a grey square hides the place.",
        "engine.cam.blackbox:occlusion", Cost(forward=170), score="probability", layers="none",
    ),
    Method(
        "rise", "RISE", "control", "Petsiuk et al. 2018", "arXiv:1806.07421",
        "What keeping a pixel adds to the score, on average over random masks.",
        "engine.cam.blackbox:rise", Cost(forward=501), score="probability", layers="none",
        exact=False,
        distance="rank correlation 0.62 (least 0.47) with 2,000 masks on five photographs of which "
        "the network was sure, transfer at 150 px",
    ),
    Method(
        "hsic", "HSIC", "control", "Novello et al. 2022", "arXiv:2206.06219",
        "How much the score depends on whether the place is seen, up or down.",
        "engine.cam.blackbox:hsic", Cost(forward=513), layers="none",
        exact=False,
        distance="rank correlation 0.59 (least 0.44) with 1,500 masks on five photographs of which "
        "the network was sure, transfer at 150 px",
    ),
    Method(
        "sobol", "Sobol", "control", "Fel et al. 2021", "arXiv:2111.04138",
        "The part of the score's variance, under random dimming, that the place has a hand in.",
        "engine.cam.blackbox:sobol", Cost(forward=401), layers="none",
        exact=False,
        distance="rank correlation 0.68 (least 0.54) with 32 designs on five photographs of which "
        "the network was sure, transfer at 150 px",
    ),
)  # fmt: skip

METHODS = {
    method.name: method
    for family in (GRADIENT, PERTURBATION, FACTORISATION, OPTIMISATION, WHOLE_NETWORK, CONTROL)
    for method in family
}
USUAL = ("grad-cam", "score-cam")  # what is made where nobody chose


def check_method(*names: str) -> None:
    """Raise a ConfigError at the first name that is no method."""
    for name in names:
        if name not in METHODS:
            raise ConfigError(
                f"The method '{name}' does not exist; choose one of {', '.join(METHODS)}."
            )


def own_options(method: Method) -> dict[str, Any]:
    """The options that a method has of its own, with their defaults. It imports the method."""
    parameters = inspect.signature(method.load()).parameters.values()
    return {one.name: one.default for one in parameters if one.kind is one.KEYWORD_ONLY}


def check_choice(what: str, chosen: str, known) -> None:
    """Raise a ConfigError if what was chosen is not known."""
    if chosen not in known:
        raise ConfigError(f"There is no {what} '{chosen}'; choose one of {', '.join(known)}.")


def check_number(what: str, number: float, low: float, high: float = math.inf) -> None:
    """Raise a ConfigError unless a number is finite and lies between two others; what: "number of
    masks"."""
    if not (low <= number <= high and math.isfinite(number)):
        bounds = f"at least {low:g}" if high == math.inf else f"from {low:g} to {high:g}"
        raise ConfigError(f"The {what} cannot be {number:g}; give {bounds}.")


def check_options(method: Method, options: Mapping[str, Any]) -> dict[str, Any]:
    """The options as numbers of the kind that the method's defaults are.

    Raises:
        ConfigError: if the method has no such option, or its value is of another kind; a number
            with a fraction is no whole one.
    """
    own = own_options(method)
    found = {}
    for name, value in options.items():
        if name not in own:
            known = f"it has {', '.join(own)}" if own else "it has none"
            raise ConfigError(f"{method.title} has no option '{name}'; {known}.")
        kind = type(own[name])
        try:
            found[name] = kind(value)
            if kind is int and not isinstance(value, str) and found[name] != value:
                raise ValueError
        except (TypeError, ValueError, OverflowError):
            raise ConfigError(
                f"The option '{name}' of {method.title} cannot be '{value}'; give it like "
                f"{own[name]}, its default."
            ) from None
    return found
