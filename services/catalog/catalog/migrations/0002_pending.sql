-- What the sweep needs to find photos that stay pending, and to send each again a bounded number of times.
-- An older release runs on this schema: it leaves the new columns at their defaults.

-- This may build the full-text index anew, which must go on to have every word.
SET SESSION innodb_ft_enable_stopword = 0;

ALTER TABLE image
  ADD COLUMN pending_since DATETIME NULL, -- of a retry; of the upload when there was none
  ADD COLUMN resent        TINYINT UNSIGNED NOT NULL DEFAULT 0,
  ADD COLUMN resent_at     DATETIME NULL,
  ADD KEY image_thumbnail_status (thumbnail_status),
  ADD KEY image_annotation_status (annotation_status);
