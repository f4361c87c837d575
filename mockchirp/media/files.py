"""Writes audio files: packets of sound, muxed for the wanted length."""

import errno
from collections.abc import Callable, Mapping
from fractions import Fraction
from io import BytesIO
from pathlib import Path

from mockchirp.core.recordings import RecordingFormat
from mockchirp.media.sizes import MOOV_SIZE, cues_size, packet_count, sample_count
from mockchirp.media.sound import ENCODINGS, RATE, add_stream, packets

_SLICE = 1000
"""Packets that are muxed between two pauses: about a millisecond."""


def write(
    file: Path | BytesIO, format: RecordingFormat, seconds: int, pause: Callable[[], None] = lambda: None
) -> None:
    """Mux ``seconds`` of sound; raise ``OSError`` where it fails, and leave whatever was written.

    ``pause`` is called every millisecond or so: PyAV would not let other threads have the interpreter for long otherwise.
    """
    import av

    encoding = ENCODINGS[format]
    sound = []
    for data in packets(format):
        packet = av.Packet(data)
        packet.is_keyframe = True
        sound.append(packet)
    length, count = sample_count(seconds), packet_count(format, seconds)
    step, loop, unit = encoding.packet_length, encoding.loop, Fraction(1, RATE)
    last = count - 1
    try:
        with av.open(file, "w", format=format, container_options=_options(format, count)) as container:
            stream = add_stream(container, encoding)
            for packet in sound:
                packet.stream = stream
            for number in range(count):
                packet = sound[number if number < loop else loop + number % loop]
                packet.time_base = unit  # muxing sets it to the container's own
                packet.pts = packet.dts = number * step - encoding.lead
                # Players stop where the last packet is said to end.
                packet.duration = step if number < last else length - (last - encoding.lead_packets) * step
                container.mux_one(packet)
                if number % _SLICE == 0:
                    pause()
    except av.FFmpegError as error:
        raise OSError(error.errno or errno.EIO, error.strerror or str(error)) from error


def _options(format: RecordingFormat, count: int) -> dict[str, str]:
    """What the muxer is told. The index comes first, so that a file plays while it is still being fetched, and into a place of a
    size that is known beforehand.
    """
    own: Mapping[RecordingFormat, dict[str, str]] = {
        "mp4": {"moov_size": str(MOOV_SIZE)},
        # Chromium takes the time of the page for that of a packet within it, and a file for longer than it is.
        "ogg": {"page_duration": "100000"},
        "webm": {"reserve_index_space": str(cues_size(count))},
    }
    return {"fflags": "+bitexact", **own[format]}
