"""Files of every format, mode, depth, orientation and profile, and what browsers show for them.

The unusual ones come from public bug reports: python-pillow/Pillow #3379, #3419, #4943, #5557, #6666 and #9281,
libjpeg-turbo/libjpeg-turbo #92, SerenityOS/serenity #22492 and #22987, lovell/sharp #1649, libvips/libvips #1283 and
#2551, strukturag/libheif #283 and #1740, AOMediaCodec/libavif #635 and #2846, hMatoba/Piexif #145,
zjupure/GlideWebpDecoder #78, thumbor/thumbor #378.
"""
