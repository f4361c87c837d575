"""The sound of recordings: a loop of about a second, encoded once per format into packets of constant size."""

from array import array
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from io import BytesIO
from math import pi, sin
from typing import TYPE_CHECKING, Literal

from mockchirp.core.recordings import RecordingFormat

if TYPE_CHECKING:
    from av.audio.stream import AudioStream
    from av.container import OutputContainer

RATE = 16_000
"""Samples per second, wideband telephony: at 8,000 an AAC packet would outlast the 0.1 s that a length may be off."""
_BIT_RATE = 24_000
_CHORDS = ((440, 480), (350, 440))  # Hz: the ringing tone and the dial tone of North America
_LOUDNESS = 0.25  # of full scale


@dataclass(frozen=True, slots=True)
class Encoding:
    """How the sound of a format is encoded; lengths in samples."""

    codec: Literal["aac", "vorbis", "libopus"]
    codec_options: Mapping[str, str]
    layout: str
    sample_format: str
    packet_length: int
    packet_size: int
    """Bytes to which every packet is filled up."""
    loop: int
    """Packets that make one loop."""
    lead: int
    """What a decoder gives before the first sample of the sound."""

    @property
    def lead_packets(self) -> int:
        """Packets that hold nothing but the lead."""
        return self.lead // self.packet_length


# `bitexact` keeps versions, dates and random numbers out of the files. Processors differ in how they round, which must not show
# in the size of a file: packets are filled up, as those of a constant rate are.
ENCODINGS: Mapping[RecordingFormat, Encoding] = {
    # The `fast` coder has no feedback in which a rounding error could grow, and serves a pure tone better.
    "mp4": Encoding(
        codec="aac",
        codec_options={"flags": "+bitexact", "aac_coder": "fast"},
        layout="mono",
        sample_format="fltp",
        packet_length=1024,
        packet_size=128,
        loop=16,
        lead=1024,
    ),
    # FFmpeg's own encoder, which every build has, calls itself experimental and knows stereo alone.
    "ogg": Encoding(
        codec="vorbis",
        codec_options={"flags": "+bitexact", "strict": "experimental"},
        layout="stereo",
        sample_format="fltp",
        packet_length=1024,
        packet_size=128,
        loop=16,
        lead=1024,
    ),
    # 100 ms are the longest packets that go into a second whole.
    "webm": Encoding(
        codec="libopus",
        codec_options={"flags": "+bitexact", "application": "lowdelay", "vbr": "off", "frame_duration": "100"},
        layout="mono",
        sample_format="flt",
        packet_length=1600,
        packet_size=300,
        loop=10,
        lead=40,
    ),
}


@cache
def packets(format: RecordingFormat) -> tuple[bytes, ...]:
    """Encoded sound: the first loop as a decoder must meet it, and a second one that may follow itself for ever.

    Three loops are encoded. The first begins in silence, as the file does. After it the encoder has settled: the second continues
    itself, since the third is the same sound again. What the encoder still holds back then is not needed.
    """
    import av

    encoding = ENCODINGS[format]
    waveform = _waveform(encoding.packet_length * encoding.loop)
    encoded = []
    with av.open(BytesIO(), "w", format=format) as container:
        stream = add_stream(container, encoding)
        container.start_encoding()
        for number in range(3 * encoding.loop):
            # A packet at a time, since the encoder lets nobody else have the interpreter.
            frame = av.AudioFrame(format=encoding.sample_format, layout=encoding.layout, samples=encoding.packet_length)
            frame.sample_rate = RATE
            frame.time_base = Fraction(1, RATE)
            frame.pts = number * encoding.packet_length
            start = number % encoding.loop * encoding.packet_length
            for plane in frame.planes:
                plane.update(waveform[start : start + encoding.packet_length].tobytes())
            encoded += stream.encode(frame)
    kept = encoded[: 2 * encoding.loop]
    # Wheels of PyAV before 18 had another Vorbis encoder under this name, whose packets vary.
    assert {packet.duration for packet in kept} == {encoding.packet_length}, f"PyAV has another encoder of {format}"
    assert kept[0].pts == -encoding.lead, f"PyAV has another encoder of {format}"
    assert max(packet.size for packet in kept) <= encoding.packet_size, f"PyAV has another encoder of {format}"
    fill = _filled_aac if encoding.codec == "aac" else _filled
    return tuple(fill(bytes(packet), encoding.packet_size) for packet in kept)


def _filled(packet: bytes, size: int) -> bytes:
    """A packet with zeros at its end, which decoders of Vorbis pass over."""
    return packet.ljust(size, b"\0")


def _filled_aac(packet: bytes, size: int) -> bytes:
    """A packet of AAC with fill elements before its end, which is 111 and zeros up to a whole byte (ISO/IEC 14496-3, 4.4.2)."""
    bits = int.from_bytes(packet)
    zeros = (bits & -bits).bit_length() - 1
    bits >>= zeros + 3
    room = 8 * (size - len(packet)) + zeros
    while room >= 7:
        count = min((room - 7) // 8, 14)  # bytes that follow the head of the element
        bits = (bits << 7 | 0b110_0000 | count) << 8 * count
        room -= 7 + 8 * count
    return ((bits << 3 | 0b111) << room).to_bytes(size)


def add_stream(container: "OutputContainer", encoding: Encoding) -> "AudioStream":
    """Give a container its one stream."""
    return container.add_stream(
        encoding.codec,
        rate=RATE,
        options=dict(encoding.codec_options),
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
            wave.append(swell * sum(sin(2 * pi * pitch * i / RATE) for pitch in chord) / len(chord))
    return wave
