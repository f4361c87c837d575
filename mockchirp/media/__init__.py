"""The audio files of recordings: real MP4/AAC, Ogg/Vorbis and WebM/Opus of any length (chirp-api.md section 3).

About a second of sound is encoded once per format (:mod:`~mockchirp.media.sound`); a file is its packets, muxed again and again for
the wanted length (:mod:`~mockchirp.media.files`). All packets of a format are of one size, so the size of a file is arithmetic
(:mod:`~mockchirp.media.sizes`): files are made only when somebody downloads them (:mod:`~mockchirp.media.library`).
"""
