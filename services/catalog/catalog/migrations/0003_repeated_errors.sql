-- How often the same error stopped a photo, for each function: the third time makes the photo failed.
-- An older release runs on this schema: it leaves the new columns at their defaults.

-- This may build the full-text index anew, which must go on to have every word.
SET SESSION innodb_ft_enable_stopword = 0;

ALTER TABLE image
  ADD COLUMN thumbnail_error   VARCHAR(200) CHARACTER SET ascii NULL,
  ADD COLUMN thumbnail_errors  TINYINT UNSIGNED NOT NULL DEFAULT 0,
  ADD COLUMN annotation_error  VARCHAR(200) CHARACTER SET ascii NULL,
  ADD COLUMN annotation_errors TINYINT UNSIGNED NOT NULL DEFAULT 0;
