"""What can go wrong, by name. Each message is one sentence: the thing, the reason, the way out."""


class CamsightError(Exception):
    """An error that a person caused or can mend; shown as it is, without a traceback."""


class SourceError(CamsightError):
    """A folder or zip that holds no usable pictures of two or more classes."""


class DatasetError(CamsightError):
    """A dataset that does not exist, or whose name is taken by other content."""


class RunError(CamsightError):
    """A run that does not exist, or is not in a state to do what was asked."""


class ConfigError(CamsightError):
    """A hyperparameter out of bounds, or one that does not fit the dataset."""


class LayerError(CamsightError):
    """A layer that does not exist, has no spatial map, or a model that cannot be explained."""


class ScoresError(CamsightError):
    """Labels and scores from which no AUC can be computed."""


class PictureError(CamsightError):
    """A file that is not a picture we read."""


class RecordError(CamsightError):
    """A file of ours that is damaged, or that a newer version wrote."""


class JobError(CamsightError):
    """A process of ours that did not start or did not answer."""


class WeightsError(CamsightError):
    """Weights of a backbone that are missing, damaged, or of another network."""


class AccessError(CamsightError):
    """Something that the person who asks may not do."""


class SpaceError(CamsightError):
    """A file that was sent and has no room, or is no longer there."""


class WorkspaceError(CamsightError):
    """A workspace of another version, or a backup that cannot be made or put back."""
