"""How many bytes an audio file has, by arithmetic: nothing is encoded, muxed or written to know it.

All packets of a format are of one size, and :mod:`~mockchirp.media.files` has the muxers leave a fixed place for what else would
depend on the length. What remains are the constants and the few steps below. Whatever file is made is held against them.
"""

from bisect import bisect_left
from collections.abc import Callable, Mapping

from mockchirp.core.recordings import RecordingFormat
from mockchirp.media.sound import ENCODINGS, RATE

LONGEST = 24 * 60 * 60
"""Seconds of sound in a file at most: the recording of a call that a test let run for a year must not fill the disk (24 hours
take seconds to make, and 170 to 270 MB)."""
SHORTEST = 1280
"""Samples in the file of 0 s, 80 ms: it is still a file, and browsers play no shorter Ogg file."""

MOOV_SIZE = 2048
"""Bytes kept free for the index of an MP4, which has 4 bytes for each MiB and takes some 1,400 for a day."""
_MP4_HEAD = 44  # ftyp, and the heads of what is left free and of mdat

PAGE_PACKETS = 2
"""Packets in a page of Ogg."""
_OGG_HEAD = 3368  # the three packets before the sound, which are all that a decoder has to know
_PAGE_HEAD = 27

CLUSTER_PACKETS = 50
"""Packets in a cluster of WebM: 5 s."""
_WEBM_HEAD = 410  # what comes before the cues
_CUES_HEAD = 20
_CUE = 22  # at most
_CLUSTER_HEAD = 8
_BLOCK_HEAD = 7
_BLOCK_GROUP = 6  # more, for the last packet, if it ends early


def size_of(format: RecordingFormat, seconds: int) -> int:
    """Bytes of the file of ``seconds``, of which what is over :data:`LONGEST` is cut. Raise ``ValueError`` on another format or a
    negative length.
    """
    checked(format, seconds)
    count = packet_count(format, seconds)
    return _OVERHEAD[format](seconds, count) + count * ENCODINGS[format].packet_size


def checked(format: str, seconds: int) -> None:
    """Raise ``ValueError`` unless there is a file of this format and length."""
    if format not in ENCODINGS:
        raise ValueError(f"{format!r} is not a recording format: {', '.join(ENCODINGS)}")
    if seconds < 0:
        raise ValueError(f"{seconds} is not the length of a recording: it must be seconds from 0")


def sample_count(seconds: int) -> int:
    """Samples of sound in a file."""
    return min(seconds, LONGEST) * RATE or SHORTEST


def packet_count(format: RecordingFormat, seconds: int) -> int:
    """Packets in a file, those of the lead included."""
    encoding = ENCODINGS[format]
    return encoding.lead_packets - (-sample_count(seconds) // encoding.packet_length)


def cues_size(count: int) -> int:
    """Bytes kept free for the index of a WebM of ``count`` packets: one cue a cluster."""
    return _CUES_HEAD + _CUE * _clusters(count)


def _mp4(seconds: int, count: int) -> int:
    return _MP4_HEAD + MOOV_SIZE


def _ogg(seconds: int, count: int) -> int:
    pages = -(-count // PAGE_PACKETS)
    return _OGG_HEAD + pages * _PAGE_HEAD + count  # a byte a packet tells its length


def _webm(seconds: int, count: int) -> int:
    clusters = _clusters(count)
    # The time of a cluster takes as many bytes as it needs.
    times = sum(
        clusters - bisect_left(range(clusters), bound, key=_cluster_time) for bound in (0, 1 << 8, 1 << 16, 1 << 24)
    )
    last = 0 if sample_count(seconds) % ENCODINGS["webm"].packet_length == 0 else _BLOCK_GROUP
    return _WEBM_HEAD + cues_size(count) + clusters * _CLUSTER_HEAD + times + count * _BLOCK_HEAD + last


def _clusters(count: int) -> int:
    """Clusters of a WebM. The muxer looks at the time of the next packet, so that the first cluster is a packet shorter than the
    others, and the last packet of all never begins one.
    """
    return 1 + max(0, -(-(count - CLUSTER_PACKETS) // CLUSTER_PACKETS))


def _cluster_time(number: int) -> int:
    """When a cluster begins, in ms; what precedes the sound is counted in."""
    return number and number * 5000 - 99


_OVERHEAD: Mapping[RecordingFormat, Callable[[int, int], int]] = {"mp4": _mp4, "ogg": _ogg, "webm": _webm}
"""Bytes of a file beside its packets, by its seconds and the number of its packets."""
