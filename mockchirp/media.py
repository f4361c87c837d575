"""The audio files of recordings: real MP4/AAC, Ogg/Vorbis and WebM/Opus of any length (chirp-api.md section 3).

About a second of sound is encoded once per format; a file is its packets, muxed again and again for the wanted length: some 50 ms
for an hour. One format and length is always the same file, byte for byte, so that ``fileSize`` repeats when a history does.
"""

import errno
import shutil
import tempfile
import threading
import weakref
from array import array
from collections import OrderedDict
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from io import BytesIO
from math import pi, sin
from pathlib import Path
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from av.audio.stream import AudioStream
    from av.container import OutputContainer

GIB = 1 << 30
LONGEST = 24 * 60 * 60
"""Seconds of sound in a file at most: the recording of a call that a test let run for a year must not fill the disk (24 hours
take a second to make, and 100 to 300 MB)."""

_RATE = 16_000  # samples per second, wideband telephony: at 8,000 an AAC packet would outlast the 0.1 s that a length may be off
_BIT_RATE = 24_000
_SHORTEST = 1280  # samples, 80 ms: a recording of 0 s is still a file, and browsers play no shorter Ogg file
_CHORDS = ((440, 480), (350, 440))  # Hz: the ringing tone and the dial tone of North America
_LOUDNESS = 0.25  # of full scale
_MUXING = {"fflags": "+bitexact", "movflags": "+faststart"}  # an MP4 plays while it is still being fetched
_REMEMBERED_SIZES = 10_000


@dataclass(frozen=True, slots=True)
class _Encoding:
    codec: Literal["aac", "vorbis", "libopus"]
    codec_options: dict[str, str]
    layout: str
    sample_format: str
    packet_length: int
    """Samples in a packet."""
    loop_length: int
    """Packets that make one loop."""
    padded_size: int = 0
    """Bytes to which packets are filled up with zeros."""


# `bitexact` keeps versions, dates and random numbers out of the files. Processors differ in how they round, which must not show
# in the size of a file either.
_ENCODINGS = {
    # The `fast` coder has no feedback in which a rounding error could grow, and serves a pure tone better.
    "mp4": _Encoding(
        "aac",
        {"flags": "+bitexact", "aac_coder": "fast"},
        "mono",
        "fltp",
        packet_length=1024,
        loop_length=16,
    ),
    # FFmpeg's own encoder, which every build has, calls itself experimental and knows stereo alone. A Vorbis decoder passes over
    # what follows the end of a packet: that is how encoders of a constant rate fill theirs, too.
    "ogg": _Encoding(
        "vorbis",
        {"flags": "+bitexact", "strict": "experimental"},
        "stereo",
        "fltp",
        packet_length=1024,
        loop_length=16,
        padded_size=128,
    ),
    # 100 ms are the longest packets that go into a second whole.
    "webm": _Encoding(
        "libopus",
        {"flags": "+bitexact", "application": "lowdelay", "vbr": "off", "frame_duration": "100"},
        "mono",
        "flt",
        packet_length=1600,
        loop_length=10,
    ),
}


@dataclass(frozen=True, slots=True)
class _Sound:
    """Encoded sound: the first loop as a decoder must meet it, and a second that may follow itself for ever."""

    lead: int
    """Samples that a decoder gives before the first one of the sound."""
    packets: tuple[bytes, ...]


class AudioLibrary:
    """Audio files on disk, made when first asked for; the least recently used go first when they outgrow ``max_bytes``.

    The files lie in a directory of the library's own, ``mockchirp-audio-*`` in ``directory`` (by default the system's place for
    temporary files), which goes with :meth:`close`, with the library or at the end of the process. May be used from any thread.
    """

    def __init__(self, directory: Path | None = None, max_bytes: int = GIB) -> None:
        self._parent = directory
        self._max_bytes = max_bytes
        self._lock = threading.Lock()
        self._home: Path | None = None
        self._remove_home: weakref.finalize[..., AudioLibrary] | None = None
        self._files: OrderedDict[tuple[str, int], int] = (
            OrderedDict()
        )  # bytes of each file on disk, the latest used last
        self._sizes: OrderedDict[tuple[str, int], int] = OrderedDict()

    def size(self, format: str, seconds: int) -> int:
        """Bytes of the file of ``seconds`` (from 0; what is over :data:`LONGEST` is cut) in ``format``.

        Makes the file if it never was made; raise ``OSError``, saying why, where that cannot be.
        """
        key = _key(format, seconds)
        with self._lock:
            if key not in self._sizes:
                self._make(key)
            self._sizes.move_to_end(key)
            return self._sizes[key]

    def path(self, format: str, seconds: int) -> Path:
        """The file itself, complete; whoever is slow to open it may have to ask again. Errors as in :meth:`size`."""
        key = _key(format, seconds)
        with self._lock:
            # What cleans temporary directories may have been quicker than we.
            if key not in self._files or not self._file(key).exists():
                self._make(key)
            self._files.move_to_end(key)
            return self._file(key)

    def close(self) -> None:
        """Remove all files. May be called again; a later use starts a new directory."""
        with self._lock:
            if self._remove_home is not None:
                self._remove_home()
            self._home = None
            self._files.clear()

    def _file(self, key: tuple[str, int]) -> Path:
        assert self._home is not None
        format, seconds = key
        return self._home / f"{seconds}.{format}"

    def _make(self, key: tuple[str, int]) -> None:
        try:
            self._open_home()
            file = self._file(key)
            partial = file.with_suffix(".partial")
            try:
                _write(partial, *key)
                size = partial.stat().st_size
                partial.replace(file)
            finally:
                partial.unlink(missing_ok=True)
        except OSError as error:
            reason = error.strerror or str(error)
            raise OSError(
                error.errno, f"The audio file of a recording cannot be written: {reason}", error.filename
            ) from error
        self._files[key] = self._sizes[key] = size
        while len(self._sizes) > _REMEMBERED_SIZES:
            self._sizes.popitem(last=False)
        self._evict()

    def _open_home(self) -> None:
        if self._home is not None and self._home.exists():
            return
        if self._parent is not None:
            self._parent.mkdir(parents=True, exist_ok=True)
        self._home = Path(tempfile.mkdtemp(prefix="mockchirp-audio-", dir=self._parent)).resolve()
        self._remove_home = weakref.finalize(self, shutil.rmtree, self._home, ignore_errors=True)
        self._files.clear()

    def _evict(self) -> None:
        """Remove the least recently used files, but never the last one, which has just been made."""
        used = sum(self._files.values())
        while used > self._max_bytes and len(self._files) > 1:
            key, size = self._files.popitem(last=False)
            self._file(key).unlink(missing_ok=True)
            used -= size


def _key(format: str, seconds: int) -> tuple[str, int]:
    if format not in _ENCODINGS:
        raise ValueError(f"{format!r} is not a recording format: {', '.join(_ENCODINGS)}")
    if seconds < 0:
        raise ValueError(f"{seconds} is not the length of a recording: it must be seconds from 0")
    return format, min(seconds, LONGEST)


def _write(file: Path, format: str, seconds: int) -> None:
    """Mux ``seconds`` of sound straight to disk; raise ``OSError`` where it fails, and leave whatever was written."""
    import av

    encoding = _ENCODINGS[format]
    sound = _encode(format)
    packets = []
    for data in sound.packets:
        packet = av.Packet(data)
        packet.is_keyframe = True
        packets.append(packet)
    length = seconds * _RATE or _SHORTEST
    step, loop, unit = encoding.packet_length, encoding.loop_length, Fraction(1, _RATE)
    lead_packets = sound.lead // step
    count = lead_packets + -(-length // step)
    last = count - 1
    try:
        with av.open(file, "w", format=format, container_options=_MUXING) as container:
            stream = _add_stream(container, encoding)
            for packet in packets:
                packet.stream = stream
            for number in range(count):
                packet = packets[number if number < loop else loop + number % loop]
                packet.time_base = unit  # muxing sets it to the container's own
                packet.pts = packet.dts = number * step - sound.lead
                # Players stop where the last packet is said to end.
                packet.duration = step if number < last else length - (last - lead_packets) * step
                container.mux_one(packet)
    except av.FFmpegError as error:
        raise OSError(error.errno or errno.EIO, error.strerror or str(error), str(file)) from error


@cache
def _encode(format: str) -> _Sound:
    """Encode three loops and keep two.

    The first begins in silence, as the file does. After it the encoder has settled: the second continues itself, since the
    third is the same sound again. What the encoder still holds back then is not needed.
    """
    import av

    encoding = _ENCODINGS[format]
    samples = encoding.packet_length * encoding.loop_length
    waveform = _waveform(samples).tobytes()
    packets = []
    with av.open(BytesIO(), "w", format=format) as container:
        stream = _add_stream(container, encoding)
        container.start_encoding()
        for number in range(3):
            frame = av.AudioFrame(format=encoding.sample_format, layout=encoding.layout, samples=samples)
            frame.sample_rate = _RATE
            frame.time_base = Fraction(1, _RATE)
            frame.pts = number * samples
            for plane in frame.planes:
                plane.update(waveform)
            packets += stream.encode(frame)
    # Wheels of PyAV before 18 had another Vorbis encoder under this name, whose packets vary.
    assert {packet.duration for packet in packets} == {encoding.packet_length}, f"PyAV has another encoder of {format}"
    lead = -(packets[0].pts or 0)
    kept = packets[: 2 * encoding.loop_length]
    return _Sound(lead, tuple(bytes(packet).ljust(encoding.padded_size, b"\0") for packet in kept))


def _add_stream(container: "OutputContainer", encoding: _Encoding) -> "AudioStream":
    return container.add_stream(
        encoding.codec,
        rate=_RATE,
        options=encoding.codec_options,
        bit_rate=_BIT_RATE,
        layout=encoding.layout,
        format=encoding.sample_format,
    )


def _waveform(samples: int) -> "array[float]":
    """One loop: a chord each half, which swells from silence and back, so that loops meet without a click."""
    wave = array("f")
    half = samples // 2
    for chord in _CHORDS:
        for i in range(half):
            swell = _LOUDNESS * sin(pi * i / half) ** 2
            wave.append(swell * sum(sin(2 * pi * pitch * i / _RATE) for pitch in chord) / len(chord))
    return wave
