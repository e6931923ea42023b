"""What the classes of a user's detector mean."""

from collections.abc import Mapping, Sequence

from gridwatch.errors import DetectorError
from gridwatch.model import check_label

_COCO_NAMES = (
    "person bicycle car motorcycle airplane bus train truck boat traffic_light fire_hydrant "
    "stop_sign parking_meter bench bird cat dog horse sheep cow elephant bear zebra giraffe backpack "
    "umbrella handbag tie suitcase frisbee skis snowboard sports_ball kite baseball_bat "
    "baseball_glove skateboard surfboard tennis_racket bottle wine_glass cup fork knife spoon bowl "
    "banana apple sandwich orange broccoli carrot hot_dog pizza donut cake chair couch potted_plant "
    "bed dining_table toilet tv laptop mouse remote keyboard cell_phone microwave oven toaster sink "
    "refrigerator book clock vase scissors teddy_bear hair_drier toothbrush"
)

COCO_CLASSES: Sequence[str] = tuple(_COCO_NAMES.split())
"""The 80 classes of COCO in the order that every stock detector uses; blanks are written `_`."""

MOST_NAMED = 12
"""So many of a model's classes are told where one is asked for that it hasn't."""


def labels_by_number(
    class_count: int,
    classes: Mapping[str, str] | None,
    usual: Sequence[Mapping[str, str]],
    names: Sequence[str] | None = None,
) -> dict[int, str]:
    """Return the label of each class number that matters; all other classes are ignored.

    Keys of `classes` are names that the model's file tells (`names`), COCO names for a model of 80 classes,
    or class numbers; without it the first of `usual` counts whose names the model all has. DetectorError for
    a class the model doesn't have, a label that can't be one, or a model whose classes nobody explained.
    """
    if names is None or len(names) != class_count:
        names = COCO_CLASSES if class_count == len(COCO_CLASSES) else ()
    known = [_plain(name) for name in names]
    if classes is None:
        classes = next((meaning for meaning in usual if all(name in known for name in meaning)), None)
    if classes is None:
        some = next(iter(usual[0].values()))
        raise DetectorError(
            f"the ONNX model has {class_count} classes, not COCO's 80: "
            f"say which class is which label, for example {known[0] if known else 0}={some}"
        )
    if not classes:
        raise DetectorError("the class mapping of the ONNX model is empty: it would find nothing")
    return {_class_number(key, known, class_count): _label(label) for key, label in classes.items()}


def _class_number(key: str, names: Sequence[str], class_count: int) -> int:
    name = _plain(key)
    if name in names:
        return names.index(name)
    if name.isascii() and name.isdigit() and int(name) < class_count:
        return int(name)
    numbers = f"class numbers 0 to {class_count - 1}"
    some = ", ".join(names[:MOST_NAMED])
    known = f"one of {some}{', …' if len(names) > MOST_NAMED else ''} or {numbers}" if names else numbers
    raise DetectorError(f"the ONNX model has no class {key[:80]!r}: use {known}")


def _plain(name: str) -> str:
    return name.strip().lower().replace(" ", "_").replace("-", "_")


def _label(label: str) -> str:
    try:
        return check_label(label)
    except ValueError as error:
        raise DetectorError(f"the label of an ONNX class can't be used: {error}") from error
