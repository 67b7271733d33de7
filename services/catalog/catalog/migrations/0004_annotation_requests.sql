-- What annotations cost, why they are paused, which photos wait for one, and which text a person wrote.
-- An older release runs on this schema: it leaves the new columns at their defaults. It marks an edit only by `edited`,
-- which then stands for all three fields.

-- MySQL may rebuild the full-text index here. It must still contain every word.
SET SESSION innodb_ft_enable_stopword = 0;

ALTER TABLE image
  ADD COLUMN recognized         BOOLEAN NOT NULL DEFAULT TRUE, -- false if the caption names no subject
  ADD COLUMN caption_edited     BOOLEAN NOT NULL DEFAULT FALSE,
  ADD COLUMN alt_text_edited    BOOLEAN NOT NULL DEFAULT FALSE,
  ADD COLUMN tags_edited        BOOLEAN NOT NULL DEFAULT FALSE,
  ADD COLUMN generated_caption  VARCHAR(2000) NULL, -- the generated text that a person's text replaces
  ADD COLUMN generated_alt_text VARCHAR(2000) NULL,
  ADD COLUMN generated_tags     JSON NULL,
  ADD COLUMN unusable_answers   TINYINT UNSIGNED NOT NULL DEFAULT 0, -- paid for; one more while a request is open
  ADD COLUMN reannotation       VARCHAR(9) CHARACTER SET ascii NULL, -- keep or overwrite a person's text
  ADD COLUMN reannotated_at     DATETIME NULL,
  ADD COLUMN annotate_at        DATETIME(3) NULL, -- when the queue announces the photo
  ADD KEY image_annotate_at (annotate_at),
  -- what statistics count, so that they need not read the rows
  ADD KEY image_statistics (deleted_at, thumbnail_status, annotation_status, model, prompt_version);

-- One row for each request to a model that may have been billed.
CREATE TABLE annotation_request (
  id              CHAR(36) CHARACTER SET ascii NOT NULL PRIMARY KEY,
  image_id        CHAR(36) CHARACTER SET ascii NOT NULL,
  etag            VARCHAR(64) CHARACTER SET ascii NOT NULL,
  requested_at    DATETIME(3) NOT NULL,
  model           VARCHAR(100) NOT NULL, -- as requested
  model_version   VARCHAR(100) NULL,     -- as answered
  response_id     VARCHAR(100) NULL,
  prompt_version  VARCHAR(20) NOT NULL,
  outcome         VARCHAR(10) CHARACTER SET ascii NOT NULL, -- open, used, unusable, refused or unanswered
  finish_reason   VARCHAR(40) NULL,
  input_tokens    INT UNSIGNED NULL,
  output_tokens   INT UNSIGNED NULL,
  thinking_tokens INT UNSIGNED NULL,
  usd             DECIMAL(14,9) NULL, -- NULL: unknown
  reserved_usd    DECIMAL(14,9) NULL, -- the most that the request can cost; counts until `usd` is known
  KEY annotation_request_cost (requested_at, usd, reserved_usd),
  KEY annotation_request_image (image_id)
);

-- One row: why annotation is paused; `cause` is NULL while it is not.
CREATE TABLE annotation_pause (
  id           TINYINT UNSIGNED NOT NULL PRIMARY KEY,
  cause        VARCHAR(20) CHARACTER SET ascii NULL,
  detail       VARCHAR(200) NULL,
  since        DATETIME(3) NULL,
  next_attempt DATETIME(3) NULL,
  attempts     INT UNSIGNED NOT NULL DEFAULT 0,
  probe_until  DATETIME(3) NULL -- the end of the lease of the one delivery that tries again
);
INSERT INTO annotation_pause (id) VALUES (1) ON DUPLICATE KEY UPDATE id = id;

-- A field that has no text was not written by a person. Photos without a caption, whose tags somebody edited before the
-- caption was there, get one now.
UPDATE image SET caption_edited = caption IS NOT NULL, alt_text_edited = alt_text IS NOT NULL,
    tags_edited = tags IS NOT NULL
  WHERE edited AND NOT (caption_edited OR alt_text_edited OR tags_edited);
UPDATE image SET annotation_status = 'pending', pending_since = NOW(), annotate_at = NOW(3)
  WHERE edited AND caption IS NULL AND deleted_at IS NULL AND annotation_status = 'ready';
