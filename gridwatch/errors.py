"""The errors of Gridwatch.

GridwatchError
├── SettingsError         a setting or argument is wrong; the text says which and what to do
├── WrongLines            a file can't be imported; it names every wrong line (gridwatch/lines.py)
├── WrongFields           what was filled in can't be used; it names every wrong field (gridwatch/fields.py)
├── UnreadableMessage     a device's message is not what its topic promises; it goes to quarantine
├── UnreadableMedia       a picture or video can't be decoded, lies about its size, or is too large
├── EvidenceError         evidence can't be kept: no space, no permission, or no kind that is kept
├── BackupError           a backup can't be written or read, or does not fit where it is to be restored
├── CalibrationError      landmarks don't tell how a camera sees its façade (gridwatch/facade/calibrating.py)
├── NotAllowed            what was asked for does not fit the state of the thing asked
├── NotPermitted          who asks may not do it, or not there
├── NotFound              no such device, alert, event or evidence
├── StoreError            the database refused or is away
│   └── StoreUnavailable  the database can't be reached; trying again later is right
├── BrokerError           the MQTT broker refused or is away
└── DetectorError         a detector can't be built or failed on a picture
"""


class GridwatchError(Exception):
    """Root of every error that Gridwatch raises on purpose."""


class SettingsError(GridwatchError):
    """A setting or argument is wrong."""


class UnreadableMessage(GridwatchError):
    """A device's message is not what its topic promises."""


class UnreadableMedia(GridwatchError):
    """A picture or video can't be decoded, lies about its size, or is too large."""


class EvidenceError(GridwatchError):
    """Evidence can't be kept: no space, no permission, or no kind that is kept."""


class BackupError(GridwatchError):
    """A backup can't be written or read, or does not fit where it is to be restored."""


class NotPermitted(GridwatchError):
    """Who asks may not do what was asked for, or not in that place."""


class NotAllowed(GridwatchError):
    """What was asked for does not fit the state of the thing asked."""


class NotFound(GridwatchError):
    """No such device, alert, event or evidence."""


class StoreError(GridwatchError):
    """The database refused."""


class StoreUnavailable(StoreError):
    """The database can't be reached; trying again later is right."""


class BrokerError(GridwatchError):
    """The MQTT broker refused or is away."""


class DetectorError(GridwatchError):
    """A detector can't be built or failed on a picture."""
