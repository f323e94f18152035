"""Options of methods' own that make no map are refused, before anything is computed."""

import numpy as np
import pytest

from engine.cam import explain
from engine.errors import ConfigError
from tests.cam.plain import built, pictures

OUT_OF_BOUNDS = [
    ("smooth-grad-cam++", {"samples": 0}, "The number of samples cannot be 0; give at least 1"),
    ("smooth-grad-cam++", {"sigma": -1.0}, "The sigma of the noise cannot be -1"),
    ("finer-cam", {"references": 0}, "The number of references cannot be 0; give at least 1"),
    ("finer-cam", {"strength": -1.0}, "The strength cannot be -1; give at least 0"),
    ("shapley-cam", {"utility": "logit"}, "no utility 'logit'; choose one of rest, score"),
    ("winsor-cam", {"percentile": 101.0}, "The percentile cannot be 101; give from 0 to 100"),
    ("faster-score-cam", {"channels": 0}, "The number of channels cannot be 0; give at least 1"),
    ("ss-cam", {"samples": 0}, "The number of samples cannot be 0"),
    ("ss-cam", {"sigma": -1}, "The width of the noise cannot be -1"),
    ("is-cam", {"steps": 1}, "The number of steps cannot be 1; give at least 2"),
    ("anytime-score-cam", {"tolerance": -1}, "The tolerance cannot be -1; give at least 0"),
    ("anytime-score-cam", {"channels": 1}, "no error after 1 channels; give 0"),
    ("group-cam", {"groups": 0}, "The number of groups cannot be 0"),
    ("group-cam", {"blur": 4}, "cannot be 4; give an odd one"),
    ("group-cam", {"below": 100}, "The percentile cannot be 100"),
    ("sess", {"method": "sess"}, "SESS cannot be made of 'sess'"),
    ("sess", {"method": "winsor-cam"}, "give a method of one layer, or of the whole network"),
    ("sess", {"method": "lime"}, "The method 'lime' does not exist"),
    ("sess", {"keep": 0}, "The share of windows that are kept cannot be 0"),
    ("sess", {"scales": 0}, "The number of scales cannot be 0"),
    ("kpca-cam", {"kernel": "laplacian"}, "There is no kernel 'laplacian'; choose one of sigmoid"),
    ("kpca-cam", {"gamma": -1.0}, "The gamma cannot be -1; give at least 0"),
    ("opti-cam", {"steps": 0}, "The number of steps cannot be 0; give at least 1"),
    ("opti-cam", {"rate": 0}, "The rate cannot be 0; give at least 1e-06"),
    ("center", {"sigma": 0}, "The width of the Gaussian cannot be 0; give at least"),
    ("occlusion", {"size": 2}, "The size of the square cannot be 2; give from 0.01 to 1"),
    ("occlusion", {"stride": 0}, "The stride of the square cannot be 0; give from 0.01"),
    ("rise", {"masks": 0}, "The number of masks cannot be 0; give at least 1"),
    ("rise", {"keep": 1.0}, "The share of cells that are kept cannot be 1; give from 0.01"),
    ("rise", {"cells": 1}, "The number of cells cannot be 1; give from 2 to 64"),
    ("hsic", {"masks": 1}, "The number of masks cannot be 1; give at least 2"),
    ("hsic", {"cells": 0}, "The number of cells cannot be 0; give from 2 to 64"),
    ("hsic", {"cells": 1}, "The number of cells cannot be 1; give from 2 to 64"),
    ("sobol", {"designs": 12}, "The number of designs cannot be 12; give a power of two"),
    ("sobol", {"cells": 1}, "The number of cells cannot be 1; give from 2 to 64"),
    ("sobol", {"cells": 100}, "The number of cells cannot be 100; give from 2 to 64"),
]
NO_NUMBERS = [  # NaN is neither below a bound nor above it, and 2.7 channels were 2
    ("faster-score-cam", {"channels": 2.7}, "'channels' of Faster-Score-CAM cannot be '2.7'"),
    ("faster-score-cam", {"channels": np.inf}, "'channels' of Faster-Score-CAM cannot be 'inf'"),
    ("faster-score-cam", {"channels": np.nan}, "'channels' of Faster-Score-CAM cannot be 'nan'"),
    ("ss-cam", {"sigma": np.nan}, "The width of the noise cannot be nan; give at least 0"),
    ("smooth-grad-cam++", {"sigma": np.inf}, "The sigma of the noise cannot be inf"),
    ("finer-cam", {"strength": np.nan}, "The strength cannot be nan"),
    ("winsor-cam", {"percentile": np.nan}, "The percentile cannot be nan"),
    ("kpca-cam", {"gamma": np.inf}, "The gamma cannot be inf"),
    ("fem", {"sigmas": np.nan}, "The number of sigmas cannot be nan"),
    ("opti-cam", {"rate": np.nan}, "The rate cannot be nan"),
    ("group-cam", {"sigma": np.inf}, "The sigma of the blur cannot be inf"),
    ("sess", {"blur": np.nan}, "The width of the blur cannot be nan"),
    ("anytime-score-cam", {"tolerance": np.nan}, "The tolerance cannot be nan"),
    ("anytime-score-cam", {"tolerance": np.inf}, "The tolerance cannot be inf"),
    ("center", {"sigma": np.nan}, "The width of the Gaussian cannot be nan"),
    ("occlusion", {"size": np.nan}, "The size of the square cannot be nan"),
]


@pytest.mark.parametrize(("method", "options", "sentence"), [*OUT_OF_BOUNDS, *NO_NUMBERS])
def test_an_option_that_makes_no_map_is_refused(method, options, sentence):
    _, model = built(1)
    with pytest.raises(ConfigError, match=sentence):
        explain(model, pictures(), method, options=options)
