"""What the classes of a user's detector mean in a lift."""

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

COCO_MEANING: Mapping[str, str] = {
    # COCO has no e-bike: pictures of e-bikes and mopeds come out as either of its two-wheelers, so both
    # count. Who must let bicycles pass maps bicycle to bicycle and misses the e-bikes that look like one.
    "motorcycle": "ebike",
    "bicycle": "ebike",
}


def labels_by_number(class_count: int, classes: Mapping[str, str] | None) -> dict[int, str]:
    """Return the label of each class number that matters; all other classes are ignored.

    Keys of `classes` are COCO names (for a model of 80 classes) or class numbers. DetectorError for a
    class the model doesn't have, a label that can't be one, or a model whose classes nobody explained.
    """
    is_coco = class_count == len(COCO_CLASSES)
    if classes is None:
        if not is_coco:
            raise DetectorError(
                f"the ONNX model has {class_count} classes, not COCO's 80: "
                "say which class number is which label, for example 0=ebike"
            )
        classes = COCO_MEANING
    if not classes:
        raise DetectorError("the class mapping of the ONNX model is empty: it would find nothing")
    return {
        _class_number(key, class_count=class_count, is_coco=is_coco): _label(label)
        for key, label in classes.items()
    }


def _class_number(key: str, *, class_count: int, is_coco: bool) -> int:
    name = key.strip().replace(" ", "_")
    if is_coco and name in COCO_CLASSES:
        return COCO_CLASSES.index(name)
    if name.isascii() and name.isdigit() and int(name) < class_count:
        return int(name)
    known = "COCO names or 0 to 79" if is_coco else f"class numbers 0 to {class_count - 1}"
    raise DetectorError(f"the ONNX model has no class {key[:80]!r}: use {known}")


def _label(label: str) -> str:
    try:
        return check_label(label)
    except ValueError as error:
        raise DetectorError(f"the label of an ONNX class can't be used: {error}") from error
