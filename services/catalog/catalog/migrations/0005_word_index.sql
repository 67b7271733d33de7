-- An index of the words of each photo, see `catalog.entries`. It replaces the full-text index, which an older release
-- still uses.

ALTER TABLE image
  -- The checksum of the texts that the index has; see `catalog.word_index`.
  ADD COLUMN indexed_texts INT UNSIGNED NULL,
  -- True for a photo that was not indexed yet, or whose texts an older release changed afterwards.
  ADD COLUMN is_outdated BOOLEAN AS (NOT (indexed_texts <=> CRC32(
    CONCAT_WS('\n', filename, caption, alt_text, tags, language, deleted_at IS NULL)))) VIRTUAL;

ALTER TABLE image
  ADD KEY image_outdated (is_outdated),
  ADD KEY image_edited (edited),
  ADD KEY image_model (model);

-- The ids are those of `image` as 16 bytes, and sort alike.
CREATE TABLE image_word (
  word     VARCHAR(65) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  image_id BINARY(16) NOT NULL,
  PRIMARY KEY (word, image_id),
  KEY image_word_image (image_id, word)
);

-- How many photos have each word. The counts follow the index within a minute, so that photos with common words need
-- not wait for each other.
CREATE TABLE word (
  word   VARCHAR(65) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL PRIMARY KEY,
  images INT NOT NULL,
  KEY word_images (images, word)
);

-- Changes of the index that the counts do not have yet; words are separated by line feeds.
CREATE TABLE word_change (
  id      BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  added   MEDIUMTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  removed MEDIUMTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL
);
